"""The timeline of a student on an exam: WISEflow's log beside our own rows, in order, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports.models import Finding
from exports.timeline import Step, timeline_of
from ladokflow.messages import message
from sources.models import LogEntry, LogGap, LogReading, Participant
from tests.factories import (
    AssessmentFactory,
    AuditEntryFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    ParticipantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
Kind = LogEntry.Kind
START = dt.datetime(2026, 11, 20, 8, tzinfo=dt.UTC)


def minutes(count: float) -> dt.datetime:
    return START + dt.timedelta(minutes=count)


def log(person: Participant, kind: str, at: float, action: str = "", **fields: Any) -> None:
    facts = {"wiseflow_participant_id": person.wiseflow_id, "context": "participant"} | fields
    number = LogEntry.objects.count()
    LogEntry.objects.create(
        source=person.flow.source,
        flow=person.flow,
        key=str(number),
        sort=number,
        at=minutes(at),
        kind=kind,
        action=action or kind,
        **facts,
    )


@pytest.fixture
def person() -> Participant:
    person: Participant = ParticipantFactory(
        flow=FlowFactory(participation_start_at=START), first_name="Åsa", last_name="Ek"
    )
    return person


def told(person: Participant) -> list[tuple[str, int]]:
    return [(str(moment.label), moment.count) for moment in timeline_of(person).moments]


def test_everything_stands_in_its_order(person: Participant) -> None:
    registration = person.registrations.get()
    registration.first_seen_at = minutes(-600)
    registration.save()
    for kind, at in (
        ("opened", 0),
        ("wrote", 1),
        ("wrote", 2),
        ("wrote", 3),
        ("disconnected", 4),
        ("wrote", 6),
        ("handed_in", 60),
    ):
        log(person, kind, at)
    log(person, "marked", 100, context="assessor")
    AssessmentFactory(
        participant=person, grade="U", grade_at=minutes(100.5), alternative_grade="3", alternative_grade_at=minutes(300)
    )
    attempt = ExportAttemptFactory(
        flow=person.flow, state="exported", finished_at=minutes(203), sending_at=minutes(202)
    )
    type(attempt).objects.filter(pk=attempt.pk).update(created_at=minutes(201))
    item = ExportItemFactory(attempt=attempt, participant=person, state="exported", grade="U")
    finding = Finding.objects.create(
        flow=person.flow, item=item, kind="late", message=message("audit.late_seen", person="Åsa").to_json()
    )
    Finding.objects.filter(pk=finding.pk).update(found_at=minutes(400))
    labels = [label for label, _count in told(person)]
    steps = [
        Step.LISTED, Kind.OPENED, Kind.WROTE, Kind.DISCONNECTED, Kind.WROTE, Kind.HANDED_IN, Kind.MARKED, Step.GRADED,
        Step.ASKED, Step.SENT, Step.ANSWERED, Step.CORRECTED, Step.FOUND,
    ]  # fmt: skip
    assert labels == [str(step.label) for step in steps]
    assert (str(Kind.WROTE.label), 3) in told(person)
    moments = timeline_of(person).moments
    assert [moment.at for moment in moments] == sorted(moment.at for moment in moments)


def test_nothing_of_another_student_or_another_flow_is_in_it(person: Participant) -> None:
    other = ParticipantFactory(flow=person.flow, first_name="Bo", last_name="Ek")
    elsewhere = ParticipantFactory(user_id=person.user_id, wiseflow_id=person.wiseflow_id)
    for each in (other, elsewhere):
        log(each, "handed_in", 5)
    log(person, "opened", 1, wiseflow_participant_id=None, wiseflow_user_id=person.user_id)
    log(person, "marked", 2, wiseflow_participant_id=other.wiseflow_id, wiseflow_user_id=person.user_id)
    attempt = ExportAttemptFactory(flow=person.flow, state="failed")
    ExportItemFactory(attempt=attempt, participant=person, state="failed")
    for name in ("Åsa Ek", "Bo Ek"):
        said = message("audit.marked_as_exported", person=name, reason=f"Sett: {name}")
        AuditEntryFactory(source=person.flow.source, attempt_id=attempt.pk, actor=UserFactory(), message=said.to_json())
    texts = [moment.text for moment in timeline_of(person).moments if moment.label == Step.DONE.label]
    assert [text for text in texts if "Bo" in text] == []
    assert len(texts) == 1
    logged = [str(moment.label) for moment in timeline_of(person).moments if moment.system == "WISEflow"]
    assert logged == [str(Kind.OPENED.label)]


def test_a_gap_and_how_far_the_log_is_read_are_told(person: Participant) -> None:
    assert timeline_of(person).read_to is None
    now = timezone.now()
    reading = LogReading.objects.create(source=person.flow.source, flow=person.flow, read_to=now)
    told = message("log.not_kept", weeks=16).to_json()
    gap = LogGap.objects.create(reading=reading, first_at=START, last_at=minutes(60), message=told)
    timeline = timeline_of(person)
    assert (timeline.read_to, timeline.gaps) == (now, (gap,))


def test_it_takes_as_many_queries_for_much_as_for_little(person: Participant) -> None:
    def fill(count: int) -> None:
        for n in range(count):
            log(person, "wrote" if n % 2 else "opened", n)
            attempt = ExportAttemptFactory(flow=person.flow, state="failed", requested_by=UserFactory())
            ExportItemFactory(
                attempt=attempt, participant=person, state="failed", settled_by=UserFactory(), settled_at=START
            )

    fill(1)
    with CaptureQueriesContext(connection) as few:
        timeline_of(person)
    fill(6)
    with CaptureQueriesContext(connection) as many:
        timeline_of(person)
    assert len(many) == len(few) <= 12
