"""Writes down, now and then, what each process has counted: the sums of all of them are in the database, whoever is asked."""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.core.signals import request_finished
from django.db import connection
from django.db.models import F
from django.dispatch import receiver
from django_q.signals import post_execute_in_worker

from exports.models import Tally
from ladokflow import tallies

logger = logging.getLogger(__name__)

EVERY_SECONDS = 15.0

_written_at = 0.0


def write_down() -> None:
    """Call it outside a transaction. What cannot be written now is kept, and written later."""
    taken = tallies.take()
    try:
        for (name, label), row in list(taken.items()):
            at = dt.datetime.fromtimestamp(row.at, dt.UTC)
            rows = Tally.objects.filter(name=name, label=label)
            changes: dict[str, Any] = {"value": F("value") + row.value, "at": at}
            if not rows.update(**changes):
                Tally.objects.get_or_create(name=name, label=label, defaults={"at": at})
                rows.update(**changes)
            del taken[name, label]
    except Exception:  # whatever it is: what is counted beside the work never stops the work
        logger.warning("tallies.not_written", exc_info=True)
        tallies.put_back(taken)


@receiver((request_finished, post_execute_in_worker), dispatch_uid="exports.tallies")
def write_down_now_and_then(sender: Any, **kwargs: Any) -> None:
    global _written_at
    if time.monotonic() - _written_at < EVERY_SECONDS or connection.in_atomic_block:
        return
    _written_at = time.monotonic()
    write_down()
