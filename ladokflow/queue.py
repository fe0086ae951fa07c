"""The one place that knows the queue.

django-q2 promises neither "once" nor "not lost" (docs/reliability.md). Everything that must happen is a row of ours with a
state, a lease and a fencing token; a queue entry only wakes a worker up, and an extra one is harmless.
"""

import functools
import importlib
import io
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from types import FunctionType, SimpleNamespace
from typing import Any

import django_q.worker
import picklefield.fields
from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django_q.conf import Conf
from django_q.models import Task
from django_q.signals import call_hook
from django_q.tasks import async_task

from ladokflow import logs, tracing


class Queue(StrEnum):
    """Each is served by clusters of its own; the names are django-q2's. Exports have one, so that nothing stands before them."""

    COMMON = "ladokflow"
    EXPORTS = "exports"


COMMON_ONLY = (Queue.COMMON,)


def here() -> Queue:
    """The queue that this process serves, if it is a worker."""
    return Queue(Conf.CLUSTER_NAME)


_TASK = re.compile(r"(sources|exports)\.tasks\.([a-z]\w*)", re.ASCII)


def task_named(name: Any) -> Callable[..., None] | None:
    """What a queue entry or a schedule may have a worker call: the functions of our two modules of tasks, and nothing they import."""
    match = _TASK.fullmatch(name) if isinstance(name, str) else None
    module = importlib.import_module(f"{match[1]}.tasks") if match else None
    found = getattr(module, match[2], None) if match else None
    return found if isinstance(found, FunctionType) and found.__module__ == f"{match[1]}.tasks" else None  # type: ignore[index]


def watched_task(name: Any) -> Callable[..., None] | None:
    """As `task_named`, with its name on each log line that is written meanwhile, and a span of its own where that is wanted."""
    task = task_named(name)
    if task is None:
        return None

    @functools.wraps(task)
    def watched(*args: Any, **options: Any) -> None:
        with logs.about(task=name), tracing.span("task", task=name):
            task(*args, **options)

    return watched


class _Plain(pickle.Unpickler):
    """Numbers, texts and what holds them: nothing that anything could be made of."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is nothing that a task of ours is given or gives.")


def plain_loads(data: bytes) -> Any:
    return _Plain(io.BytesIO(data)).load()


def keep_to_our_tasks() -> None:
    """django-q2 calls whatever a row in its tables names, in the process that holds the keys: `os.system`, too, and a hook besides.
    Its worker finds our tasks only from here on; what it does not find fails as a function that is not defined. What it keeps of tasks
    that have failed is pickled and, unlike an entry of the queue, not signed: whoever reads it is given plain values or none."""
    django_q.worker.pydoc = SimpleNamespace(locate=watched_task)
    picklefield.fields.loads = plain_loads
    post_save.disconnect(call_hook, sender=Task)


@contextmanager
def at_work(**ids: Any) -> Iterator[None]:
    """What a task is about, on each log line while it goes on, and on its span. `attempt=pk`, `flow=pk`."""
    with logs.about(**ids):
        tracing.say(tracing.current(), **ids)
        yield


def enqueue(task: str, key: Any, *, timeout: int | None = None, queues: Sequence[Queue] = COMMON_ONLY) -> None:
    """Have a worker call `task` (a dotted path) with one key. Call it inside the transaction that writes the row.

    With the database as broker the entry commits with the row. With Redis it is sent after the commit, for a worker
    could otherwise look before the row is there; `manage.py sweep` repeats what a crash loses in between.
    """
    for queue in queues:
        # Named in any case: what a worker enqueues would else go to the queue that it serves itself.
        options: dict[str, Any] = {"cluster": queue.value} | ({} if timeout is None else {"timeout": timeout})
        if settings.Q_CLUSTER.get("orm"):
            async_task(task, str(key), **options)
        else:
            transaction.on_commit(lambda options=options: async_task(task, str(key), **options), robust=True)  # type: ignore[misc]
