"""The exams to come are read from Ladok by a worker, in the way that each university's service can tell them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from sources.flows.coming import DAYS, ask_for_due, read_coming_exams
from sources.models import ComingExam, ExamReading, Source
from tests.factories import FlowFactory, FlowSourceFactory, in_hours

pytestmark = pytest.mark.django_db


def had_flow_of(source: Source, course: str) -> None:
    flow = FlowFactory(source=source, codes=[], participation_start_at=in_hours(-24 * 200))
    FlowSourceFactory(flow=flow, title=f"{course} Ett namn")


def codes_of(source: Source) -> set[str]:
    return set(ComingExam.objects.filter(source=source).values_list("code", flat=True))


@pytest.mark.parametrize(
    ("slug", "course", "known"),
    [
        ("liu", "TDDE01", {"TDDE01-TEN1-1002", "TDDE01-TEN1-1003"}),
        ("oru", "DT116G", {"DT116G-0101-1002"}),
        ("boras", "21SD1A", {"21SD1A-1510-1002"}),
    ],
)
def test_where_ladok_lists_by_course_those_that_have_had_flows_are_asked_for(
    load_source: Callable[[str], Source], slug: str, course: str, known: set[str]
) -> None:
    source = load_source(slug)
    read_coming_exams(source.pk)
    assert codes_of(source) == set()  # nothing has been made yet, so no course is known
    had_flow_of(source, course)
    had_flow_of(source, "FINNS-INTE")  # a course that is given no more is no failure
    read_coming_exams(source.pk)
    assert codes_of(source) == known
    reading = source.exam_reading
    assert (reading.reason, reading.read_at is not None) == (None, True)


def test_where_ladok_can_be_asked_for_dates_every_course_is_there(liu: Source) -> None:
    liu.ladok_paths = {"list_by_dates": "/exams?from={from}&to={to}"}
    liu.save()
    read_coming_exams(liu.pk)
    assert {code.split("-")[0] for code in codes_of(liu)} == {"TDDE01", "TATA24", "TDDD17", "TSRT12", "8LAG10"}
    first = timezone.localdate()
    days = {exam.start_at.astimezone(liu.tz).date() for exam in ComingExam.objects.all()}
    assert first <= min(days)
    assert max(days) < first + dt.timedelta(days=DAYS)


def test_what_ladok_does_not_tell_any_more_goes_and_what_it_could_not_tell_stays(sandbox: Any, liu: Source) -> None:
    had_flow_of(liu, "TDDE01")
    read_coming_exams(liu.pk)
    before, read_at = codes_of(liu), ExamReading.objects.get().read_at
    sandbox.control.fault("liu", "/exams", "status", times=-1, status=503)
    read_coming_exams(liu.pk)
    reading = ExamReading.objects.get()
    assert (codes_of(liu), reading.read_at) == (before, read_at)
    assert reading.reason is not None
    sandbox.control.clear_faults()
    sandbox.control.remove_exam("liu", "TDDE01-TEN1-1002")
    read_coming_exams(liu.pk)
    reading = ExamReading.objects.get()
    assert codes_of(liu) == before - {"TDDE01-TEN1-1002"}
    assert reading.reason is None
    assert reading.read_at > read_at


def test_each_university_is_asked_every_six_hours_and_once(liu: Source, oru: Source) -> None:
    now = timezone.now()
    assert ask_for_due(now) == 2
    assert ask_for_due(now) == 0
    ExamReading.objects.filter(source=oru).update(asked_at=now - dt.timedelta(hours=7))
    assert ask_for_due(now) == 1
    assert ask_for_due(now + dt.timedelta(hours=5)) == 0
