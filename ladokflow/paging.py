"""Long lists, a page at a time, each found by the row it begins or ends with: what an offset skips is read all the same.

A page's address has its number, for the reader, and `after` or `before`, the key of the row next to it. Without these, as in an
address that was typed, or where that row is in the list no more, the number alone finds the page, by an offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Case, F, Model, Q, QuerySet, Value
from django.db.models.expressions import OrderBy

NOTHING = Q(pk__in=())
PLACE = ("page", "after", "before")  # what an address has of where in a list it is


@dataclass(frozen=True)
class Column:
    """One of those that a list is sorted by. `nulls_last` is None where the column cannot be empty."""

    name: str
    is_descending: bool
    nulls_last: bool | None

    def reversed(self) -> Column:
        nulls_last = None if self.nulls_last is None else not self.nulls_last
        return replace(self, is_descending=not self.is_descending, nulls_last=nulls_last)

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def beyond(self, value: Any) -> Q:
        if value is None:
            return NOTHING if self.nulls_last else Q(**{f"{self.name}__isnull": False})
        later = Q(**{f"{self.name}__{'lt' if self.is_descending else 'gt'}": value})
        return later | Q(**{f"{self.name}__isnull": True}) if self.nulls_last else later

    def not_before(self, value: Any) -> Q:
        """What `beyond` and `same` are both in: with it an index is read from the right place on."""
        if self.nulls_last is not None:
            return Q()
        return Q(**{f"{self.name}__{'lte' if self.is_descending else 'gte'}": value})


def columns_of(rows: QuerySet[Any]) -> list[Column] | None:
    """None for an order in which a row has no place of its own: its last column is no key, or an empty one may stand anywhere."""
    columns = []
    for entry in rows.query.order_by or rows.model._meta.ordering:
        column = _column(rows, entry)
        if column is None:
            return None
        columns.append(column)
    is_total = columns and columns[-1].name in ("pk", rows.model._meta.pk.name)
    return columns if is_total else None


def _column(rows: QuerySet[Any], entry: Any) -> Column | None:
    if isinstance(entry, str):
        name, is_descending, nulls_last = entry.removeprefix("-"), entry.startswith("-"), None
    elif isinstance(entry, OrderBy) and isinstance(entry.expression, F):
        name, is_descending = entry.expression.name, entry.descending
        nulls_last = True if entry.nulls_last else False if entry.nulls_first else None
    else:
        return None
    if (worked_out := rows.query.annotations.get(name)) is not None:
        is_clear = isinstance(worked_out, Case) and worked_out.default != Value(None)
    else:
        is_clear = _is_own(rows.model, name) and (nulls_last is not None or not _may_be_empty(rows.model, name))
    return Column(name, is_descending, nulls_last) if is_clear else None


def _is_own(model: type[Model], name: str) -> bool:
    """Whether the rows are in the order of a column of their own: by a foreign key they are in that of the other table."""
    try:
        return name == "pk" or not model._meta.get_field(name).is_relation
    except FieldDoesNotExist:  # of another table
        return False


def _may_be_empty(model: type[Model], name: str) -> bool:
    return name != "pk" and bool(getattr(model._meta.get_field(name), "null", True))


def beyond(columns: Sequence[Column], values: Sequence[Any]) -> Q:
    """The rows that come after the one with these values."""
    found, same = Q(), Q()
    for number, (column, value) in enumerate(zip(columns, values, strict=True)):
        further = same & column.beyond(value)
        found = found | further if number else further
        same &= column.same(value)
    return columns[0].not_before(values[0]) & found


def after(rows: QuerySet[Any], key: str) -> QuerySet[Any] | None:
    """The rows after the one with this key; None where there is no such row among them."""
    columns = columns_of(rows)
    values = columns and _values(rows, columns, key)
    return rows.filter(beyond(columns, values)) if columns and values else None


def before(rows: QuerySet[Any], key: str) -> QuerySet[Any] | None:
    """The rows before it, the nearest first."""
    columns = columns_of(rows)
    values = columns and _values(rows, columns, key)
    if not columns or not values:
        return None
    return rows.filter(beyond([column.reversed() for column in columns], values)).reverse()


def _values(rows: QuerySet[Any], columns: Sequence[Column], key: str) -> tuple[Any, ...] | None:
    try:
        return rows.order_by().filter(pk=key).values_list(*(column.name for column in columns)).first()
    except (ValidationError, ValueError):  # no key of such a row
        return None


# --- Pages with numbers --------------------------------------------------------------------------------------------


class KeyedPage(Page[Any]):
    """As Django's, and what the addresses of its neighbours have besides their numbers."""

    @property
    def first_key(self) -> Any:
        return self.object_list[0].pk if self.object_list else None

    @property
    def last_key(self) -> Any:
        return self.object_list[-1].pk if self.object_list else None


def page_of(
    rows: QuerySet[Any],
    asked: Mapping[str, str],
    size: int,
    *,
    count: int | None = None,
    full: Callable[[Any], QuerySet[Any]] | None = None,
) -> KeyedPage:
    """The page that is `asked` for. `count`: of the rows, where it is known; `full` adds what only the shown ones need."""
    paginator = Paginator(rows, size)
    if count is not None:
        paginator.count = count
    number = paginator.get_page(asked.get("page")).number
    keys = list(_keys(rows, asked, number, paginator))
    shown = rows.model._default_manager.filter(pk__in=keys)
    by_pk = {row.pk: row for row in (full(shown) if full else shown).order_by()}
    # One that has gone in between is not shown.
    return KeyedPage([by_pk[key] for key in keys if key in by_pk], number, paginator)


def _keys(rows: QuerySet[Any], asked: Mapping[str, str], number: int, paginator: Paginator[Any]) -> Sequence[Any]:
    size = paginator.per_page
    first = size * (number - 1)
    if number > 1 and number == paginator.num_pages:
        return _keys_of(rows.reverse()[: paginator.count - first])[::-1]
    if "after" in asked and number > 1 and (later := after(rows, asked["after"])) is not None:
        return _keys_of(later[:size])
    if "before" in asked and number > 1 and (earlier := before(rows, asked["before"])) is not None:
        return _keys_of(earlier[:size])[::-1]
    return _keys_of(rows[first : first + size])


def _keys_of(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.values_list("pk", flat=True))
