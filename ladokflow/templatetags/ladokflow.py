"""The parts that every page is built of. Each is shown in all its states on the style guide page."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from functools import cache
from typing import Any

from django import template
from django.core.paginator import Page
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from ladokflow.dates import day_in_words, moment_in_words
from ladokflow.looks import KINDS, Look, Shown
from ladokflow.manual import topic_of
from ladokflow.messages import Message
from ladokflow.privacy import mask
from ladokflow.undo import undo_of

register = template.Library()


@register.simple_tag
@cache  # there are few, and a list shows each of them in every row
def icon(name: str, css: str = "") -> SafeString:
    """An icon of static/icons.svg. It is for the eye only: the word beside it is what is read aloud."""
    return format_html(
        '<svg class="icon{}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        f" {css}" if css else "",
        static("icons.svg"),
        name,
    )


@register.simple_tag
def state(shown: Shown) -> SafeString:
    """A state as its word and its icon: `{% state flow.export %}`."""
    return _badge(shown.look, shown.label)


@register.simple_tag
def badge(kind: str, text: Any) -> SafeString:
    """A word of one of the kinds of `KINDS`, which is no state: `{% badge "warn" word %}`."""
    return _badge(KINDS[kind], text)


def _badge(look: Look, text: Any) -> SafeString:
    return format_html(
        '<span class="badge badge--{}">{}<span>{}</span></span>',
        look.kind,
        icon(look.icon, "spin" if look.kind == "busy" else ""),
        text,
    )


register.simple_tag(undo_of)


@register.inclusion_tag("components/message.html")
def message_box(message: Message | None, kind: str = "bad", heading: int = 0, reference: Any = "") -> dict[str, Any]:
    """A message with all its parts: what happened, what it means, what to do, who can do it, and a reference for support.

    `heading` 2-4 makes the first sentence a heading of that level; 0 leaves it a paragraph.
    """
    return {"message": message, "kind": kind, "icon_name": KINDS[kind].icon, "heading": heading, "reference": reference}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: template.Context, page: Page[Any]) -> dict[str, Any]:
    return {
        "request": context.get("request"),
        "page": page,
        "before": getattr(page, "first_key", None),
        "after": getattr(page, "last_key", None),
        "numbers": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
        "gap": page.paginator.ELLIPSIS,
    }


@register.simple_tag(takes_context=True)
def help_address(context: template.Context) -> str:
    """Where the manual tells of the page that is shown, or its first page."""
    here = getattr(context.get("request"), "resolver_match", None)
    topic = topic_of(here.view_name) if here else None
    return reverse("manual_page", args=[topic.slug]) if topic else reverse("manual")


@register.simple_tag
def when(moment: dt.datetime | None, tz: zoneinfo.ZoneInfo | None = None) -> SafeString | str:
    """A moment in the reader's language and the source's time zone, and exact for machines."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment, tz)
    return format_html(
        '<time datetime="{}">{}</time>',
        local.isoformat(timespec="minutes"),
        moment_in_words(moment, tz),
    )


@register.simple_tag
def day(moment: dt.datetime | None, tz: zoneinfo.ZoneInfo | None = None) -> SafeString | str:
    if moment is None:
        return "–"
    local = timezone.localtime(moment, tz)
    return format_html(
        '<time datetime="{}">{}</time>',
        local.date().isoformat(),
        day_in_words(local),
    )


@register.simple_tag
def short_day(moment: dt.datetime, tz: zoneinfo.ZoneInfo | None = None) -> SafeString:
    """A day of these weeks, with its weekday and without its year."""
    local = timezone.localtime(moment, tz)
    weekday, text = formats.date_format(local, "D"), formats.date_format(local, pgettext("date of these weeks", "j M"))
    # If it has to be on two lines, the weekday is on the first.
    return format_html('<time datetime="{}">{} {}</time>', local.date().isoformat(), weekday, text.replace(" ", "\xa0"))


@register.filter
def masked(national_id: str | None) -> str:
    return mask(national_id or "")


@register.filter
def percent(part: int, whole: int) -> int:
    return int(100 * part / whole) if whole else 0
