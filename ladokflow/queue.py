"""The one place that knows the queue.

django-q2 promises neither "once" nor "not lost" (docs/reliability.md). Everything that must happen is a row of ours with a
state, a lease and a fencing token; a queue entry only wakes a worker up, and an extra one is harmless.
"""

import importlib
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import FunctionType, SimpleNamespace
from typing import Any

import django_q.worker
from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_save
from django_q.conf import Conf
from django_q.models import Task
from django_q.signals import call_hook
from django_q.tasks import async_task


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


def keep_to_our_tasks() -> None:
    """django-q2 calls whatever a row in its tables names, in the process that holds the keys: `os.system`, too, and a hook besides.
    Its worker finds our tasks only from here on; what it does not find fails as a function that is not defined."""
    django_q.worker.pydoc = SimpleNamespace(locate=task_named)
    post_save.disconnect(call_hook, sender=Task)


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
