"""Lists of what grows for ever: gone through by key, from either end, and counted no further than a person would."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from ladokflow.paging import PLACE, after, before, columns_of
from sources.admin.scope import ReadOnlyAdmin

MOST_COUNTED = 1000


def counts(row: Model, *names: str) -> str:
    """The columns that are not nought, in one: a list has no room for a column of each."""
    named = [(row._meta.get_field(name).verbose_name, getattr(row, name)) for name in names]  # type: ignore[union-attr]
    return capfirst(", ".join(f"{label} {count}" for label, count in named if count)) or "–"


class LongChangeList(ChangeList):
    """`after` or `before` in the address is the key of the row next to the page; an empty `before` is the end of the list.

    Sorted by a column in which rows have no place of their own, it is Django's list, with its numbers.
    """

    is_keyed = False
    first_url = previous_url = next_url = last_url = ""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        # No filters; and not kept by the links of filters and of columns to sort by, which begin at the top.
        for name in PLACE:
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        self.is_keyed = columns_of(self.queryset) is not None
        if not self.is_keyed:
            super().get_results(request)
            return
        rows, has_before, has_after = self._page(request.GET.get("after"), request.GET.get("before"))
        self._link(rows, has_before, has_after)
        counted = self.queryset.order_by()[: MOST_COUNTED + 1].count()
        is_counted = counted <= MOST_COUNTED
        self.result_list = cast(LongListAdmin, self.model_admin).prepared(rows)
        # Without a count, "choose all there are" is not offered; the number of what is found is told where it is known.
        self.result_count = counted if is_counted else len(rows)
        self.full_result_count = None if is_counted else len(rows)
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all, self.multi_page = False, has_before or has_after
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)

    def _page(self, after_key: str | None, before_key: str | None) -> tuple[list[Any], bool, bool]:
        """The rows, and whether there are others before and after them. From the top where the key's row is gone."""
        size = self.list_per_page
        if before_key is not None:
            earlier = before(self.queryset, before_key) if before_key else self.queryset.reverse()
            if earlier is not None:
                found = list(earlier[: size + 1])
                return found[size - 1 :: -1] if len(found) > size else found[::-1], len(found) > size, bool(before_key)
        later = after(self.queryset, after_key) if after_key else None
        found = list((self.queryset if later is None else later)[: size + 1])
        return found[:size], later is not None, len(found) > size

    def _link(self, rows: list[Any], has_before: bool, has_after: bool) -> None:
        if has_before:
            self.first_url = self.get_query_string()
            self.previous_url = self.get_query_string({"before": rows[0].pk}) if rows else self.first_url
        if has_after:
            self.next_url = self.get_query_string({"after": rows[-1].pk}) if rows else self.get_query_string()
            self.last_url = self.get_query_string({"before": ""})


class LongListAdmin(ReadOnlyAdmin):
    """`left_out` are columns that are large and that no list shows."""

    change_list_template = "admin/long_list.html"
    left_out: tuple[str, ...] = ()

    def prepared(self, rows: list[Any]) -> list[Any]:
        """The rows of a page, before they are shown."""
        return rows

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LongChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        is_list = request.resolver_match is not None and str(request.resolver_match.url_name).endswith("changelist")
        return rows.defer(*self.left_out) if is_list else rows
