"""The one place that knows the queue.

django-q2 promises neither "once" nor "not lost" (docs/reliability.md). Everything that must happen is a row of ours with a
state, a lease and a fencing token; a queue entry only wakes a worker up, and an extra one is harmless.
"""

from typing import Any

from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task


def enqueue(task: str, key: Any, *, timeout: int | None = None) -> None:
    """Have a worker call `task` (a dotted path) with one key. Call it inside the transaction that writes the row.

    With the database as broker the entry commits with the row. With Redis it is sent after the commit, for a worker
    could otherwise look before the row is there; `manage.py sweep` repeats what a crash loses in between.
    """
    options = {} if timeout is None else {"timeout": timeout}
    if settings.Q_CLUSTER.get("orm"):
        async_task(task, str(key), **options)
    else:
        transaction.on_commit(lambda: async_task(task, str(key), **options), robust=True)
