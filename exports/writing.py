"""Writing many rows in few statements, and what the database does not let be written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.db.models import F, QuerySet

from ladokflow.messages import Message, Refused
from ladokflow.rows import OneOf

BATCH = 500
FEW, FEW_BATCH = 5, 100  # rows with a sentence of their own go into one statement with others
INSIST_SECONDS = 20.0
PAUSE_SECONDS = 0.5

Result = TypeVar("Result")

_spelt = json.JSONEncoder(sort_keys=True, default=str).encode


@contextmanager
def refused_where_taken(reason: Message) -> Iterator[None]:
    """Around a transaction: what a unique constraint does not let be written is Refused for this reason. Other errors go on."""
    try:
        yield
    except IntegrityError as error:
        if "unique" not in str(error).lower():
            raise
        raise Refused(reason) from error


def update_in_groups(rows: QuerySet[Any], changes: Mapping[int, Mapping[str, Any]]) -> int:
    """Update `rows` by key, those that get the same values together; how many were changed.

    `rows` may carry a condition: what no longer fulfils it is left alone. All changes are of the same columns.
    """
    groups: dict[str, tuple[Mapping[str, Any], list[int]]] = {}
    spelt: dict[int, str] = {}  # by the object: of thousands, most have the very same
    for pk, values in changes.items():
        spelling = spelt.get(id(values)) or spelt.setdefault(id(values), _spelt(values))
        groups.setdefault(spelling, (values, []))[1].append(pk)
    changed, single = 0, []
    for values, keys in groups.values():
        if len(keys) < FEW:
            single += [rows.model(pk=pk, **values) for pk in keys]
            continue
        changed += rows.filter(OneOf(F("pk"), keys)).update(**values)
    if single:
        columns = list(next(iter(changes.values())))
        # Django keeps the condition of the rows in each of its statements.
        changed += rows.bulk_update(single, columns, batch_size=FEW_BATCH)
    return changed


def insist(write: Callable[[], Result], seconds: float = INSIST_SECONDS) -> Result:
    """Call `write` until the database takes it: a restart of it must not lose what Ladok has answered."""
    ends = time.monotonic() + seconds
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() > ends:
                raise
            connection.close()
            time.sleep(PAUSE_SECONDS)
