from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from exports.attempts.send import send_attempt
from exports.attempts.start import retry_export, start_export
from exports.command import outcome
from exports.grades.word import say_how
from exports.models import ExportItem
from exports.rules.rules import has_marking_ended
from exports.rules.states import refresh_states
from ladokflow.messages import message
from ladokflow.wiseflow.scales import Form
from sources.models import Flow, Participant
from sources.signals import flow_synced
from tests.exports import facts
from tests.exports.world import World
from tests.factories import (
    AssessmentFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowSourceFactory,
    ParticipantFactory,
    in_hours,
    scale_of,
)

MakeFlow = Callable[..., Flow]


def shown(flow: Flow) -> tuple[str, str]:
    refresh_states(flow)
    flow.refresh_from_db()
    return flow.export_state, flow.export_message.get("code", "")


def sent(flow: Flow, state: str, count: int | None = None, attempt: Any = None, **fields: Any) -> None:
    attempt = attempt or ExportAttemptFactory(
        flow=flow, state="failed" if state in ("failed", "unknown") else "exported"
    )
    for person in list(flow.participants.order_by("pk"))[:count]:
        ExportItemFactory(attempt=attempt, participant=person, state=state, **fields)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"setup_state": "creating"}, "export.not_created"),
        ({"synced_at": None}, "export.not_synced"),
        ({"state": 3}, "export.marking_ends_at"),
        ({"state": 3, "marking_end_at": in_hours(-1)}, "export.marking_should_have_ended"),
        ({"people": 0}, "export.no_participants"),
        ({}, "export.ready"),
        ({"grade": ""}, "export.some_not_graded"),
        ({"codes": []}, "export.ended"),
    ],
)
def test_pending_carries_its_reason(make_flow: MakeFlow, fields: dict[str, Any], code: str) -> None:
    flow = make_flow(**fields)
    assert shown(flow) == ("pending", code)


def test_pending_tells_how_many_are_not_graded_beside_those_that_are_ready(make_flow: MakeFlow) -> None:
    flow = make_flow(people=37)
    for _ in range(3):
        ParticipantFactory(flow=flow)
    assert shown(flow) == ("pending", "export.ready_but")
    assert flow.export_reason
    with translation.override("en"):
        assert flow.export_reason.what.startswith("3 of 40 not graded")
    assert (flow.participant_count, flow.graded_count) == (40, 37)


def test_an_open_attempt_is_pending_and_tells_how_far_it_has_come(make_flow: MakeFlow) -> None:
    flow = make_flow()
    attempt = ExportAttemptFactory(flow=flow, state="queued")
    assert shown(flow) == ("pending", "export.waiting")
    type(attempt).objects.filter(pk=attempt.pk).delete()
    ExportAttemptFactory(flow=flow, state="sending")
    assert shown(flow) == ("pending", "export.sending")
    with translation.override("en"):
        assert str(flow.export_reason) == "Sending 50 %."


def test_exported_when_all_that_can_be_sent_is_in_ladok(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2)
    sent(flow, "exported")
    assert shown(flow) == ("exported", "export.done")
    gone = ParticipantFactory(flow=flow, grade="4")
    assert shown(flow) == ("pending", "export.ready")
    gone.registrations.update(is_listed=False, gone_at=in_hours(-1))
    assert shown(flow) == ("exported", "export.done_but")


def test_a_flow_is_not_exported_while_somebody_on_the_list_has_no_grade_and_goes_on_when_there_is_one(
    make_flow: MakeFlow,
) -> None:
    flow = make_flow(people=3)
    sent(flow, "exported")
    late = [ParticipantFactory(flow=flow) for _ in range(3)]
    assert shown(flow) == ("pending", "export.some_not_graded_yet")
    with translation.override("en"):
        assert str(flow.export_reason).startswith("3 of 6 exported, 3 not graded yet.")
    for person in late:
        AssessmentFactory(participant=person)
    assert shown(flow) == ("pending", "export.ready")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert attempt.sent_count == 3


def test_whose_grade_is_none_for_ladok_is_not_waited_for(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1)
    sent(flow, "exported")
    ParticipantFactory(flow=flow, is_from_source=False)
    assert shown(flow) == ("exported", "export.done_but")


def test_a_flow_is_not_exported_while_somebody_graded_and_on_the_list_has_not_been_sent(make_flow: MakeFlow) -> None:
    """Deactivated by us when the list had the person no more; it has again. Or whose it is is in doubt."""
    flow = make_flow(people=2)
    sent(flow, "exported", 1)
    back = flow.participants.order_by("pk").last()
    assert back
    flow.participants.filter(pk=back.pk).update(is_active=False)
    back.registrations.update(is_listed=False, gone_at=in_hours(-1))
    assert shown(flow) == ("exported", "export.done_but")
    back.registrations.update(is_listed=True, gone_at=None)
    assert shown(flow) == ("pending", "export.ready")
    back.registrations.update(doubt=message("settle.not_open").to_json())
    assert shown(flow) == ("pending", "export.held_back")
    back.registrations.update(is_listed=False, gone_at=in_hours(-1), claim="somebody by the same name")
    assert shown(flow) == ("pending", "export.held_back")


def test_an_ended_export_is_exported_only_if_no_grade_was_left_behind(make_flow: MakeFlow) -> None:
    flow = make_flow(people=3, export_ended_at=in_hours(-1))
    ParticipantFactory(flow=flow)  # without a grade: nothing is left behind
    attempt = ExportAttemptFactory(flow=flow, state="exported")
    sent(flow, "exported", 1, attempt)
    assert shown(flow) == ("pending", "export.ended_partly")
    with translation.override("en"):
        assert str(flow.export_reason).startswith("1 of 3 grades were exported before the Ladok code was removed")
    for person in flow.participants.order_by("pk")[1:3]:
        ExportItemFactory(attempt=attempt, participant=person, state="exported")
    assert shown(flow) == ("exported", "export.ended")


@pytest.mark.parametrize(
    ("change", "code", "of_flow"),
    [
        ("off the list", "export.not_listed", "exported"),
        ("grade gone", "export.not_graded", "pending"),
        ("code removed", "export.code_removed", "exported"),
        ("export ended", "export.ended", "pending"),
    ],
)
def test_a_failure_that_no_retry_can_mend_shows_its_reason_and_is_no_failure_of_the_flow(
    make_flow: MakeFlow, change: str, code: str, of_flow: str
) -> None:
    flow = make_flow(people=2)
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    sent(flow, "exported", 1, attempt)
    person = flow.participants.order_by("pk").last()
    assert person
    ExportItemFactory(attempt=attempt, participant=person, state="failed")
    assert shown(flow)[0] == "failed"
    if change == "off the list":
        person.registrations.update(is_listed=False, gone_at=in_hours(-1))
    elif change == "grade gone":
        AssessmentFactory._meta.model.objects.filter(participant=person).delete()
    elif change == "code removed":
        gone = FlowSourceFactory(flow=flow, position=9, removed_at=in_hours(-1))
        person.registrations.update(code=gone)
        ExportItem.objects.filter(participant=person).update(
            attempt=ExportAttemptFactory(flow=flow, code=gone, state="failed")
        )
    else:
        Flow.objects.filter(pk=flow.pk).update(export_ended_at=in_hours(-1))
    assert shown(flow)[0] == of_flow
    assert flow.failed_count == 0
    person.refresh_from_db()
    assert (person.export_state, person.export_message["code"]) == ("pending", code)


def test_the_reason_does_not_count_those_who_have_been_exported_since(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=4)
    rejected = list(flow.participants.order_by("pk"))[:2]
    errors = [{"userId": each.unique_exam_id, "errorInfo": "Nej"} for each in rejected]
    body = {"numberOfSuccess": 2, "numberOfErrors": 2, "errors": errors}
    world.answer = lambda call: (200, json.dumps(body).encode())
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    assert shown(flow) == ("failed", "answer.some_rejected")
    world.answer = lambda call: (200, b"")
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, only=[rejected[0].pk], enqueue=False)
    send_attempt(retry.pk)
    assert shown(flow) == ("failed", "export.some_failed")
    assert flow.export_message["params"] == {"count": 1, "total": 4}


def test_an_unknown_outcome_of_somebody_who_cannot_be_retried_is_still_a_failure(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1)
    sent(flow, "unknown")
    flow.participants.update(is_active=False)
    assert shown(flow)[0] == "failed"


def test_never_exported_while_a_grade_is_held_back_by_something_that_can_be_mended(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, grades=["U", "G", "5"])
    sent(flow, "exported")
    ParticipantFactory(flow=flow, grade="VG")
    assert shown(flow) == ("pending", "export.grades_not_on_the_scale")
    say_how(flow=flow, form=Form.SHOWN, by=flow.created_by)
    assert shown(flow) == ("pending", "export.held_back")


def test_one_failed_person_makes_the_flow_failed(make_flow: MakeFlow) -> None:
    flow = make_flow(people=3)
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    sent(flow, "exported", 2, attempt)
    ExportItemFactory(attempt=attempt, participant=flow.participants.order_by("pk").last(), state="failed")
    assert shown(flow) == ("failed", "export.some_failed")
    assert (flow.exported_count, flow.failed_count) == (2, 1)


def test_an_unknown_outcome_shows_as_failed(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2)
    sent(flow, "unknown")
    assert shown(flow) == ("failed", "export.some_unknown")
    assert set(flow.participants.values_list("export_state", "export_message__code")) == {
        ("failed", "export.person_unknown")
    }


def test_a_grade_changed_after_export_is_told_and_stays_exported(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1)
    sent(flow, "exported", grade="3")
    assert shown(flow) == ("exported", "export.some_changed")
    assert flow.participants.get().export_message["code"] == "export.changed_since"
    ExportItem.objects.update(is_alternative=True)
    shown(flow)
    assert flow.participants.get().export_message["code"] == "export.alternative_locked"


def test_instant_export_tells_how_far_it_has_come_before_marking_ends(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2, state=3, instant_export=True)
    sent(flow, "exported", 1)
    assert shown(flow) == ("pending", "export.partly")
    with translation.override("en"):
        assert str(flow.export_reason).startswith("1 of 2 exported so far. Marking ends ")


def test_a_refresh_without_news_writes_nothing(make_flow: MakeFlow, django_assert_max_num_queries: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    flow = make_flow(people=20)
    shown(flow)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        refresh_states(flow)
    assert not [query for query in caught.captured_queries if query["sql"].startswith("UPDATE")]
    assert len(caught) < 15


def test_the_number_of_queries_does_not_grow_with_the_people(make_flow: MakeFlow) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for people in (5, 100):
        flow = make_flow(people=people)
        with CaptureQueriesContext(connection) as caught:
            refresh_states(flow)
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_a_synchronisation_brings_the_states_up_to_date(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2)
    flow_synced.send(sender=None, flow=flow, run=None)
    flow.refresh_from_db()
    assert flow.participant_count == 2
    assert set(Participant.objects.values_list("export_message__code", flat=True)) == {"export.ready_person"}


def test_the_end_of_marking_is_told_in_the_sources_own_time(make_flow: MakeFlow) -> None:
    import datetime as dt

    told = has_marking_ended(facts.flow(state=3, marking_end_at=dt.datetime(2027, 2, 5, 12, 0, tzinfo=dt.UTC)))
    assert told
    with translation.override("en"):
        assert told.what == "Marking ends 5 Feb 2027, 12:00."


def test_with_several_codes_the_reason_says_which_one_it_is_about(make_flow: MakeFlow) -> None:
    flow = make_flow(codes=["C1", "C2"])
    told = message("answer.not_found", said="saknas").to_json()
    first, second = flow.codes.all()
    exported = ExportAttemptFactory(flow=flow, code=first, state="exported")
    refused = ExportAttemptFactory(flow=flow, code=second, state="failed", message=told)
    one, other = flow.participants.order_by("pk")
    ExportItemFactory(attempt=exported, participant=one, state="exported")
    ExportItemFactory(attempt=refused, participant=other, state="failed")
    assert shown(flow) == ("failed", "export.of_code")
    assert flow.export_reason
    with translation.override("en"):
        assert flow.export_reason.what == "C2: Ladok has no such exam to export to (HTTP 404). saknas."
        assert (flow.export_reason.effect, flow.export_reason.who) == ("No grade was registered.", "You, as manager")
        found = outcome([exported, refused])["message"]
    assert found.startswith("C2: ")


def test_with_one_code_the_reason_is_the_attempts_own(make_flow: MakeFlow) -> None:
    flow = make_flow()
    told = message("answer.not_found", said="").to_json()
    refused = ExportAttemptFactory(flow=flow, state="failed", message=told)
    sent(flow, "failed", attempt=refused)
    assert shown(flow) == ("failed", "answer.not_found")


@pytest.mark.parametrize(
    ("grade", "scale", "sent_as"),
    [
        ("vg", ["U", "G", "VG"], "VG"),
        ("VG", ["U", "G", "vg", "VG"], "VG"),
    ],
)
def test_a_grade_goes_out_as_the_scale_spells_it(
    make_flow: MakeFlow, world: World, grade: str, scale: list[str], sent_as: str
) -> None:
    flow = make_flow(people=1, grade=grade, grades=scale)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert attempt.items.get().grade == sent_as
    assert send_attempt(attempt.pk) == "exported"
    (call,) = world.exported
    assert call.body["gradeExports"][0]["grade"]["grade"] == sent_as
    assert shown(flow) == ("exported", "export.done")


def test_a_grade_that_was_sent_before_the_scale_was_known_is_not_taken_for_changed(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=1, grade="vg", scale_definition={})
    say_how(flow=flow, form=Form.SHOWN, by=flow.created_by)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert send_attempt(attempt.pk) == "exported"
    assert attempt.items.get().grade == world.exported[0].body["gradeExports"][0]["grade"]["grade"] == "vg"
    Flow.objects.filter(pk=flow.pk).update(scale_definition=scale_of(["U", "G", "VG"]))
    assert shown(flow) == ("exported", "export.done")


def test_another_grade_is_a_changed_one_in_whatever_case(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, grade="g", grades=["U", "G", "VG"])
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    world.grades = dict.fromkeys(world.grades, "vg")
    assert send_attempt(attempt.pk) == "failed"
    assert not world.exported
    assert attempt.items.get().message["code"] == "attempt.grade_changed"
