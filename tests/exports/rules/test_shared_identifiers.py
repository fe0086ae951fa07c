"""Two people on a flow whom Ladok knows by one identifier: neither gets the other's grade, and none is registered twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone, translation

from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.rules.states import refresh_states
from ladokflow.messages import Refused
from sources.models import AuditEntry, Flow, FlowSource, Participant
from tests.exports.world import World
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowSourceFactory,
    ParticipantFactory,
    register,
)
from tests.filling import press
from tests.pages.exporting import manager_of, page, signed_in

pytestmark = pytest.mark.django_db
MakeFlow = Callable[..., Flow]

SECOND = {  # the second account of a student: the identifiers that Ladok would know it by
    "liu": lambda first: {"unique_exam_id": first.unique_exam_id.lower()},
    "oru": lambda first: {"unique_exam_id": "", "organisation_id": first.unique_exam_id},
}


def exported(flow: Flow) -> None:
    for attempt in start_export(flow=flow, requested_by=flow.created_by, enqueue=False):
        assert send_attempt(attempt.pk) == "exported"


def add(world: World, flow: Flow, **fields: Any) -> Participant:
    person: Participant = ParticipantFactory(flow=flow, grade="5", **fields)
    world.grades[person.wiseflow_id or 0] = "5"
    return person


def told(person: Participant) -> tuple[str, str]:
    person.refresh_from_db()
    return person.export_state, person.export_message.get("code", "")


@pytest.mark.parametrize("university", ["liu", "oru"])
@pytest.mark.parametrize("is_from_source", [True, False])
def test_what_was_sent_under_an_identifier_is_not_sent_under_it_again(
    make_flow: MakeFlow, world: World, university: str, is_from_source: bool
) -> None:
    flow = make_flow(university=university, source={"accepts_manual_participants": True})
    exported(flow)
    first = flow.participants.order_by("pk")[0]
    second = add(world, flow, is_from_source=is_from_source, **SECOND[university](first))
    with pytest.raises(Refused) as refused:
        start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert refused.value.message.code == "export.nothing_to_send"
    assert len(world.exported) == 1
    refresh_states(flow)
    assert told(second) == ("pending", "export.identifier_shared")
    assert told(first)[0] == "exported"
    assert (flow.export_state, flow.export_message["code"]) == ("pending", "export.held_back")


def test_a_code_that_was_taken_off_and_put_back_is_the_same_exam(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    exported(flow)
    first = flow.participants.order_by("pk")[0]
    code = flow.codes.get()
    FlowSource.objects.filter(pk=code.pk).update(removed_at=timezone.now())
    again = FlowSourceFactory(flow=flow, code=code.code, position=1)
    register(first, again)
    second = add(world, flow, codes=[again], **SECOND["liu"](first))
    with pytest.raises(Refused):
        start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    refresh_states(flow)
    assert told(second) == ("pending", "export.identifier_shared")
    assert len(world.exported) == 1


@pytest.mark.parametrize("university", ["liu", "oru"])
def test_two_who_share_an_identifier_wait_and_the_others_go(make_flow: MakeFlow, world: World, university: str) -> None:
    # The second on no list: an exam id that two have there is of none of them.
    flow = make_flow(university=university, people=3, source={"accepts_manual_participants": True})
    first = flow.participants.order_by("pk")[0]
    second = add(world, flow, is_from_source=False, **SECOND[university](first))
    exported(flow)
    assert len(world.exported[0].body["gradeExports"]) == 2
    refresh_states(flow)
    assert told(first) == told(second) == ("pending", "export.identifier_shared")
    # When the wrong one has gone, the other can be sent.
    second.delete()
    exported(flow)
    assert len(world.exported) == 2


def test_a_rejected_person_is_not_retried_onto_somebody_who_has_been_registered_since(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow()
    first, _ = flow.participants.order_by("pk")
    exported(flow)
    ExportItem.objects.filter(participant=first).update(state=ExportItem.State.FAILED)
    second = add(world, flow, **SECOND["liu"](first))
    with pytest.raises(Refused):
        start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    with pytest.raises(Refused) as refused:
        retry_export(flow=flow, requested_by=flow.created_by, only=[first.pk], enqueue=False)
    assert refused.value.message.code == "export.identifier_shared"
    assert told(second)[0] != "exported"


def test_an_identifier_whose_outcome_is_unknown_counts_as_sent(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    world.answer = lambda call: None
    for attempt in start_export(flow=flow, requested_by=flow.created_by, enqueue=False):
        assert send_attempt(attempt.pk) == "failed"
    world.answer = lambda call: (200, b"")
    first = flow.participants.order_by("pk")[0]
    Participant.objects.filter(pk=first.pk).update(unique_exam_id="AID-CORRECTED")
    second = add(world, flow, unique_exam_id=first.unique_exam_id)
    with pytest.raises(Refused):
        start_export(flow=flow, requested_by=flow.created_by, only=[second.pk], enqueue=False)
    assert len(world.exported) == 1


# --- Two accounts that WISEflow has made one: what was sent for the former one

MERGED: dict[str, tuple[dict[str, Any], str]] = {
    "exported": ({"state": "exported"}, "export.as_another"),
    "exported with another grade": ({"state": "exported", "grade": "3"}, "export.as_another_other_grade"),
    "unknown": ({"state": "unknown"}, "export.as_another_unknown"),
    "live": ({"state": "live"}, "export.as_another_under_way"),
    "failed, and may be in Ladok": ({"state": "failed", "may_be_in_ladok": True}, "export.as_another_unknown"),
    "failed": ({"state": "failed"}, "export.ready_person"),
}


def merged(flow: Flow, world: World, former: Participant) -> Participant:
    """Its participant is gone from WISEflow, with its grade; the row stays, for what has been sent. The other account has both."""
    Participant.objects.filter(pk=former.pk).update(wiseflow_id=None, is_active=False)
    world.grades.pop(former.wiseflow_id or 0, None)
    former.assessment.delete()
    return add(world, flow, **SECOND["liu"](former))


@pytest.mark.parametrize("state", MERGED)
def test_what_was_sent_for_an_account_that_is_gone_is_told_and_sent_again_by_a_managers_word_alone(
    make_flow: MakeFlow, world: World, state: str
) -> None:
    fields, code = MERGED[state]
    flow = make_flow(people=1)
    former = flow.participants.get()
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    ExportItemFactory(attempt=attempt, participant=former, **fields)
    account = merged(flow, world, former)
    refresh_states(flow)
    assert told(account) == ("pending", code)
    by_itself = preview_export(flow=flow, user=flow.created_by).to_send
    assert bool(by_itself) is (state == "failed")
    again = {"flow": flow, "requested_by": flow.created_by, "send_again": True, "enqueue": False}
    if state == "live":
        with pytest.raises(Refused):
            start_export(**again)
        return
    for trigger in ("marking_end", "instant"):
        if state != "failed":
            with pytest.raises(Refused):
                start_export(**again, trigger=trigger)
    (sent,) = start_export(**again)
    item = sent.items.get()
    assert (item.participant, item.may_be_in_ladok) == (account, code == "export.as_another_unknown")
    assert send_attempt(sent.pk) == "exported"
    assert sent.sends_again is (state != "failed")
    assert AuditEntry.objects.filter(message__code="audit.sent_again").exists() is (state != "failed")


def test_the_sentence_names_the_account_and_the_preview_asks(make_flow: MakeFlow, world: World, client: Client) -> None:
    flow = make_flow(people=1)
    exported(flow)
    former = flow.participants.get()
    account = merged(flow, world, former)
    refresh_states(flow)
    account.refresh_from_db()
    assert account.export_reason
    for language in ("sv", "en"):
        with translation.override(language):
            assert former.organisation_id in account.export_reason.what
    signed_in(client, manager_of(flow))
    address = f"/exports/flows/{flow.pk}/preview/"
    assert "Send again 1 grade that has been sent elsewhere, or may have been" in page(client, address)
    press(client, f"{address}?again=on", f"/exports/flows/{flow.pk}/send/")
    assert ExportAttempt.objects.latest("created_at").items.get().participant == account


def test_while_both_accounts_have_a_grade_nobodys_word_sends_either(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1)
    exported(flow)
    add(world, flow, **SECOND["liu"](flow.participants.get()))
    with pytest.raises(Refused):
        start_export(flow=flow, requested_by=flow.created_by, send_again=True, enqueue=False)
    assert len(world.exported) == 1


def test_somebody_who_is_never_sent_stands_in_nobodys_way(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(source={"accepts_manual_participants": False})
    first = flow.participants.order_by("pk")[0]
    add(world, flow, is_from_source=False, **SECOND["liu"](first))
    exported(flow)
    assert len(world.exported[0].body["gradeExports"]) == 2


def test_deactivated_by_hand_is_said_to_be_so_and_keeps_the_flow_from_being_done(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow()
    first, second = flow.participants.order_by("pk")
    Participant.objects.filter(pk=first.pk).update(is_active=False, is_activation_manual=True)
    exported(flow)
    refresh_states(flow)
    assert told(first) == ("pending", "export.deactivated_by_hand")
    assert told(second)[0] == "exported"
    assert flow.export_state == "pending"


def test_the_command_says_whose_grade_was_left_behind(
    make_flow: MakeFlow, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = make_flow(people=3, source={"accepts_manual_participants": True})
    add(world, flow, is_from_source=False, **SECOND["liu"](flow.participants.order_by("pk")[0]))
    call_command("export", "--flow", str(flow.pk), "--by", flow.created_by.email, "--wait", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert (printed["state"], printed["sent"], printed["exported"]) == ("exported", 2, 2)
    assert "2 grades cannot be sent." in printed["message"]


def test_grades_changed_since_export_are_not_called_in_ladok(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    exported(flow)
    first = flow.participants.order_by("pk")[0]
    world.grades[first.wiseflow_id or 0] = "3"
    collect_grades(flow)
    with pytest.raises(Refused) as refused:
        start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert refused.value.message.code == "export.some_changed"
    assert refused.value.message.params == {"count": 1, "total": 2}
