"""Lists by page, each found by the row that the one before it ended with (`ladokflow/paging.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from django.db.models import QuerySet
from ninja import Schema
from pydantic import Field

from ladokflow.api.problems import Problem
from ladokflow.messages import message
from ladokflow.paging import after

MOST = 500


class Paging(Schema):
    after: Annotated[
        str | None, Field(default=None, min_length=1, max_length=64, description="`next` of the page before.")
    ]
    limit: Annotated[int, Field(default=100, ge=1, le=MOST, description="Rows on a page, at most.")]


def page_of(rows: QuerySet[Any], paging: Paging, shown: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """The rows have to be ordered, by their key at last. 422 where the key that is asked for is of no row among them."""
    later = after(rows, paging.after) if paging.after is not None else rows
    if later is None:
        raise Problem(422, message("api.unknown_after"))
    found = list(later[: paging.limit + 1])
    page = found[: paging.limit]
    return {"items": [shown(row) for row in page], "next": str(page[-1].pk) if len(found) > len(page) else None}
