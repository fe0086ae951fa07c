"""One way of writing days and moments: Django's own formats, the tags of pages and what sentences are filled with."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.utils import translation

from ladokflow.dates import in_words, moment_in_words
from ladokflow.messages import message

AT = dt.datetime(2026, 2, 5, 11, 4, tzinfo=dt.UTC)
STOCKHOLM = ZoneInfo("Europe/Stockholm")
WRITTEN = {"sv": ("5 feb 2026", "5 feb 2026 12:04"), "en": ("5 Feb 2026", "5 Feb 2026, 12:04")}


@pytest.mark.parametrize("language", WRITTEN)
def test_pages_sentences_and_djangos_own_filter_write_alike(language: str) -> None:
    day, moment = WRITTEN[language]
    template = Template(
        "{% load ladokflow %}{% when at %}|{% day at %}|{{ at|date:'DATETIME_FORMAT' }}|{{ at }}|{{ at.date }}"
    )
    with translation.override(language):
        shown = template.render(Context({"at": AT.astimezone(STOCKHOLM)}))
        assert shown == (
            f'<time datetime="2026-02-05T12:04+01:00">{moment}</time>|<time datetime="2026-02-05">{day}</time>'
            f"|{moment}|{moment}|{day}"
        )
        assert moment_in_words(AT, STOCKHOLM) == moment
        told = message("export.marking_ends_at", at="2026-02-05 12:04")
        assert moment in told.what
        assert message("ladok.no_start_time", date="2026-02-05").what.count(day) == 1
    assert told.to_json()["params"] == {"at": "2026-02-05 12:04"}


@pytest.mark.parametrize("value", ["2026-02-30", "2026-02-05 25:00", "20260205", "5", "2026-02-05-01", 5, None])
def test_what_is_no_day_stays_as_it_is(value: object) -> None:
    assert in_words(value) is value
