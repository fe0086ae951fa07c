"""The values of a flow that follow Ladok, as people read them."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from ladokflow.templatetags.ladokflow import when

FIELDS = {
    "title": _("Title"),
    "subtitle": _("Subtitle"),
    "code": _("Flow code"),
    "participation_start_at": _("Participation starts"),
    "participation_end_at": _("Participation ends"),
    "marking_start_at": _("Marking starts"),
    "marking_end_at": _("Marking ends"),
    "grading_scale": _("Grading scale"),
}


def value_rows(unfollowed: Mapping[str, Any], tz: zoneinfo.ZoneInfo) -> list[dict[str, Any]]:
    """The values that are left as they are in WISEflow, beside Ladok's."""
    return [
        {
            "field": name,
            "name": FIELDS.get(name, name),
            "ladok": shown(both.get("ladok"), tz),
            "wiseflow": shown(both.get("wiseflow"), tz),
        }
        for name, both in unfollowed.items()
    ]


def shown(value: Any, tz: zoneinfo.ZoneInfo) -> Any:
    """A stored value as people read it: a moment is stored in ISO form."""
    moment = parse_datetime(value) if isinstance(value, str) and "T" in value else None
    return when(moment, tz) if moment else value
