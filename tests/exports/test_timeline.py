"""The timeline of a student on an exam: WISEflow's log beside our own rows, in order, and nothing of anybody else."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from exports.models import Finding
from exports.timeline import Step, timeline_of
from ladokflow.messages import by_row, message
from sources.logs.words import kind_of
from sources.models import LogEntry, LogGap, LogReading, Paper, Participant
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


def say(of: Participant, told: str, /, *, attempt: Any = None, **params: Any) -> None:
    AuditEntryFactory(
        source=of.flow.source,
        flow=of.flow,
        attempt_id=attempt.pk if attempt else None,
        actor=User.objects.filter(username="anna").first() or UserFactory(username="anna"),
        message=message(told, **params).to_json(),
    )


def test_a_grade_that_was_accepted_without_a_paper_is_told_with_who_and_why(person: Participant) -> None:
    other = ParticipantFactory(flow=person.flow)
    for each, why in ((person, "Muntlig tentamen"), (other, "Någon annan")):
        say(each, "audit.paper_accepted", person=by_row(each.pk), grade="5", reason=why)
    say(person, "audit.paper_accepted_back", person=by_row(person.pk), grade="5")
    done = [moment for moment in timeline_of(person).moments if moment.kind == Step.DONE]
    assert ["Muntlig tentamen" in moment.text for moment in done] == [True, False]
    assert all(moment.by == "anna" and person.organisation_id in moment.text for moment in done)


@pytest.mark.parametrize(
    ("facts", "at", "words"),
    [
        ({"state": "nothing"}, 90, "Nothing handed in"),
        ({"state": "blank", "handed_in_at": minutes(50)}, 50, "Handed in blank"),
        (
            {"state": "handed_in", "handed_in_at": minutes(70), "is_late": True, "similarity": "12.5"},
            70,
            "Handed in, after the end, similarity 12.5 %",
        ),
    ],
)
def test_what_was_read_of_the_paper_is_a_step(
    person: Participant, facts: dict[str, Any], at: float, words: str
) -> None:
    person.flow.papers_read_at = minutes(90)
    person.flow.save(update_fields=["papers_read_at"])
    Paper.objects.create(participant=person, **facts)
    with translation.override("en"):
        (moment,) = [moment for moment in timeline_of(person).moments if moment.kind == Step.PAPER]
        assert (moment.at, moment.text) == (minutes(at), words)
        assert moment.detail.startswith("Last read")


def test_an_export_is_told_in_three_steps_with_what_the_audit_log_says_below_them(person: Participant) -> None:
    attempt = ExportAttemptFactory(flow=person.flow, state="exported", finished_at=minutes(3), sending_at=minutes(2))
    type(attempt).objects.filter(pk=attempt.pk).update(created_at=minutes(1))
    ExportItemFactory(attempt=attempt, participant=person, state="exported", grade="5")
    say(person, "audit.export_started", attempt=attempt, count=1, code="A")
    say(person, "audit.export_claimed", attempt=attempt)
    say(person, "audit.export_sending", attempt=attempt)
    say(person, "audit.export_recorded", attempt=attempt, exported=1, failed=0, unknown=0, status=200)
    moments = [moment for moment in timeline_of(person).moments if moment.attempt]
    assert [moment.kind for moment in moments] == [Step.ASKED, Step.SENT, Step.ANSWERED]
    assert all(moment.detail for moment in moments)
    assert "200" in moments[2].detail


def test_what_was_marked_and_taken_back_stays_where_it_was_said(person: Participant) -> None:
    attempt = ExportAttemptFactory(flow=person.flow, state="failed")
    row = by_row(person.pk)
    say(person, "audit.marked_as_exported", attempt=attempt, person=row, reason="fel person")
    say(person, "audit.mark_taken_back", attempt=attempt, person=row)
    ExportItemFactory(
        attempt=attempt, participant=person, state="exported", settled_at=timezone.now(), settled_by=UserFactory()
    )
    say(person, "audit.marked_as_exported", attempt=attempt, person=row, reason="sett i Ladok")
    told = [moment for moment in timeline_of(person).moments if moment.kind in (Step.DONE, Step.SETTLED)]
    assert [moment.kind for moment in told] == [Step.DONE, Step.DONE, Step.SETTLED]
    assert "fel person" in told[0].text
    assert "sett i Ladok" in told[2].detail


def test_what_is_of_the_same_second_stands_in_the_order_of_things(person: Participant) -> None:
    """WISEflow tells of grades in whole seconds, and logs in milliseconds."""
    registration = person.registrations.get()
    registration.first_seen_at = minutes(0) + dt.timedelta(milliseconds=700)
    registration.save()
    log(person, "reconnected", 0.2 / 60)
    log(person, "disconnected", 0.4 / 60)
    log(person, "marked", 0.9 / 60, "assessor.audit.log.finalized.grade", context="assessor")
    AssessmentFactory(participant=person, grade="5", grade_at=minutes(0))
    kinds = [moment.kind for moment in timeline_of(person).moments]
    assert kinds == [Step.LISTED, Kind.RECONNECTED, Kind.DISCONNECTED, Kind.MARKED, Step.GRADED]


@pytest.mark.parametrize(
    ("action", "context", "label", "by"),
    [
        ("PAPER_SAVED", "participant", "Wrote", "The student"),
        ("assessor.audit.log.finalized.grade", "assessor", "Grade decided", "Assessor"),
        ("reviewer.audit.log.submit.grade", "assessor", "Grade given", "Reviewer"),
        ("WHATEVER", "proctor", "Something else", "proctor"),
    ],
)
def test_wiseflows_names_stand_in_words_with_the_name_beside(
    person: Participant, action: str, context: str, label: str, by: str
) -> None:
    log(person, kind_of(action), 0, action, context=context)
    with translation.override("en"):
        (moment,) = [moment for moment in timeline_of(person).moments if moment.system == "WISEflow"]
        assert (str(moment.label), moment.raw, str(moment.by)) == (label, action, by)


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
