"""The parts that every page is built of. Each is shown in all its states on the style guide page."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

from django import template
from django.core.paginator import Page
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from ladokflow.messages import Message

register = template.Library()

# A state's look: kind (colour) and icon. The word comes from the state's own label, so nothing is told by colour alone.
LOOKS: dict[str, tuple[str, str]] = {
    "ok": ("ok", "check"),
    "bad": ("bad", "alert"),
    "warn": ("warn", "warning"),
    "info": ("info", "info"),
    "busy": ("busy", "sync"),
    "neutral": ("neutral", "info"),
    "phase": ("info", "flag"),
    # Flows, participants, attempts and their items
    "pending": ("neutral", "clock"),
    "queued": ("neutral", "clock"),
    "claimed": ("busy", "sync"),
    "sending": ("busy", "sync"),
    "live": ("busy", "sync"),
    "exported": ("ok", "check"),
    "failed": ("bad", "alert"),
    "unknown": ("warn", "question"),
    "superseded": ("neutral", "sync"),
    # Creation and synchronisation
    "creating": ("busy", "sync"),
    "running": ("busy", "sync"),
    "ready": ("ok", "check"),
    "success": ("ok", "check"),
    "stopped": ("bad", "alert"),
}
BOX_ICONS = {"ok": "check", "bad": "alert", "warn": "warning", "info": "info", "busy": "sync"}


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon of static/icons.svg. It is for the eye only: the word beside it is what is read aloud."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def badge(state: str, text: Any) -> SafeString:
    """A state as a word and an icon: `{% badge flow.export_state flow.get_export_state_display %}`."""
    kind, name = LOOKS.get(str(state), LOOKS["neutral"])
    return format_html(
        '<span class="badge badge--{}">{}<span>{}</span></span>',
        kind,
        icon(name, "spin" if kind == "busy" else ""),
        text,
    )


@register.inclusion_tag("components/message.html")
def message_box(message: Message | None, kind: str = "bad", heading: int = 0, reference: Any = "") -> dict[str, Any]:
    """A message with all its parts: what happened, what it means, what to do, who can do it, and a reference for support.

    `heading` 2-4 makes the first sentence a heading of that level; 0 leaves it a paragraph.
    """
    return {"message": message, "kind": kind, "icon_name": BOX_ICONS[kind], "heading": heading, "reference": reference}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Page[Any]) -> dict[str, Any]:
    return {
        "request": context.get("request"),
        "page": page,
        "numbers": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "gap": page.paginator.ELLIPSIS,
    }


@register.simple_tag
def when(moment: dt.datetime | None, tz: zoneinfo.ZoneInfo | None = None) -> SafeString | str:
    """A moment in the reader's language and the source's time zone, and exact for machines."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment, tz)
    return format_html(
        '<time datetime="{}">{}</time>',
        local.isoformat(timespec="minutes"),
        formats.date_format(local, pgettext("date and time format", "j M Y, H:i")),
    )


@register.simple_tag
def day(moment: dt.datetime | None, tz: zoneinfo.ZoneInfo | None = None) -> SafeString | str:
    if moment is None:
        return "–"
    local = timezone.localtime(moment, tz)
    return format_html(
        '<time datetime="{}">{}</time>',
        local.date().isoformat(),
        formats.date_format(local, pgettext("date format", "j M Y")),
    )


@register.filter
def masked(national_id: str) -> str:
    """A national id as people may see it: `199001011234` is shown as `19900101-****`."""
    kept = "".join(sign for sign in national_id or "" if sign.isalnum())
    return f"{kept[:-4]}-****" if len(kept) > 4 else "****" if kept else ""


@register.filter
def percent(part: int, whole: int) -> int:
    return int(100 * part / whole) if whole else 0
