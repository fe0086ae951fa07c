"""What the administration's lists and forms show otherwise than Django does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django import template
from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from sources.admin.scope import ScopedAdmin, audit_log_of_source

register = template.Library()
CELL = "<td"


@register.filter
def under(cells: Iterable[SafeString], headers: list[dict[str, Any]]) -> Iterator[SafeString]:
    """Each cell with the heading of its column: where a row is a card, the headings are not to be seen."""
    for cell, header in zip(cells, headers, strict=False):
        is_labelled = cell.startswith(CELL) and "action-checkbox" not in str(header["class_attrib"])
        yield _labelled(cell, header["text"]) if is_labelled else cell


def _labelled(cell: SafeString, heading: Any) -> SafeString:
    label = format_html(' data-label="{}"', capfirst(str(heading)))
    return mark_safe(f"{CELL}{label}{cell[len(CELL) :]}")  # noqa: S308 - Django has made the cell, and the label is escaped


@register.filter
def or_dash(contents: Any) -> Any:
    """Django writes what a method of the admin gives as it is, and nothing as "None"."""
    return admin.site.empty_value_display if str(contents) in ("", "None") else contents


@register.simple_tag
def audit_log_of(row: Any) -> str:
    """Its address, of the row's source; empty for what belongs to none, and for what nobody changes."""
    made = admin.site.get_model_admin(type(row)) if row is not None else None
    return audit_log_of_source(made.source_pk_of(row)) if isinstance(made, ScopedAdmin) and made.is_changed else ""
