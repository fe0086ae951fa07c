"""Somebody on several of a flow's Ladok codes: the grade goes to the one that Ladok accepts, or to each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from exports.attempts.send import send_attempt
from exports.attempts.start import choices_of, preview_export, retry_export, start_export, suggested_codes
from exports.grades.papers import accept, papers_of, take_back
from exports.models import Assessment, ExportAttempt, ExportItem
from exports.rules.states import refresh_states
from exports.rules.values import Asking
from ladokflow.messages import Refused
from sources.models import Flow, FlowSource, Paper, Participant
from tests.exports.world import Call, World
from tests.factories import FlowSourceFactory, ParticipantFactory, register

MakeFlow = Callable[..., Flow]


def on_both(flow: Flow, world: World) -> tuple[Participant, FlowSource, FlowSource]:
    """Somebody whom each of the flow's two codes knows by an exam id of its own."""
    first, second = flow.codes.all()
    person = ParticipantFactory(flow=flow, codes=[], grade="5")
    register(person, first, unique_exam_id="AID-FIRST")
    register(person, second, unique_exam_id="AID-SECOND")
    world.grades[person.wiseflow_id] = "5"
    return person, first, second


def take_off(code: FlowSource) -> None:
    FlowSource.objects.filter(pk=code.pk).update(removed_at=timezone.now())


def put_back(code: FlowSource) -> FlowSource:
    """On the flow once more, in a row of its own and after the others, as `add_code` does it."""
    return FlowSourceFactory(flow=code.flow, code=code.code)


def rejecting(*names: str) -> Callable[[Call], tuple[int, bytes]]:
    def answer(call: Call) -> tuple[int, bytes]:
        sent = [line["studentUid"] for line in call.body["gradeExports"]]
        errors = [{"userId": each, "errorInfo": "Nej"} for each in sent if each in names]
        counts = {"numberOfSuccess": len(sent) - len(errors), "numberOfErrors": len(errors)}
        return 200, json.dumps({**counts, "errors": errors}).encode()

    return answer


def send(flow: Flow, start: Callable[..., list[ExportAttempt]], **given: Any) -> list[str]:
    attempts = start(flow=flow, requested_by=flow.created_by, enqueue=False, **given)
    states = [send_attempt(attempt.pk) for attempt in attempts]
    flow.refresh_from_db()
    return states


def sent(world: World) -> list[tuple[str, list[str]]]:
    return [
        (call.path.split("/")[-2], [line["studentUid"] for line in call.body["gradeExports"]])
        for call in world.exported
    ]


def test_who_is_rejected_under_the_first_code_has_a_way_to_the_second(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    person, first, second = on_both(flow, world)
    world.answer = rejecting("AID-FIRST")
    assert send(flow, start_export) == ["failed"]
    # The dialog begins with the one that has not been tried; without a word it is retried where it was.
    assert suggested_codes(flow) == {person.pk: second.pk}
    (line,) = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY, to=suggested_codes(flow)).to_send
    assert (line.code, line.choices, line.line.unique_exam_id) == (second, (first, second), "AID-SECOND")
    assert send(flow, retry_export) == ["failed"]
    assert send(flow, retry_export, to={person.pk: second.pk}) == ["exported"]
    assert sent(world) == [("A", ["AID-FIRST"]), ("A", ["AID-FIRST"]), ("B", ["AID-SECOND"])]
    assert (flow.export_state, flow.export_message["code"]) == ("exported", "export.done")


@pytest.mark.parametrize("outcome", ["exported", "unknown"])
def test_what_may_be_in_ladok_under_one_code_is_not_sent_to_another(
    make_flow: MakeFlow, world: World, outcome: str
) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    person, _, second = on_both(flow, world)
    if outcome == "unknown":
        world.answer = lambda call: None
    send(flow, start_export)
    assert suggested_codes(flow) == {}
    with pytest.raises(Refused):
        retry_export(flow=flow, requested_by=flow.created_by, to={person.pk: second.pk})
    assert [code for code, _ in sent(world)] == ["A"]


@pytest.mark.parametrize("is_put_back", [False, True])
@pytest.mark.parametrize("outcome", ["unknown", "changed", "rejected in place of another"])
def test_nor_is_it_when_that_code_has_been_taken_off_the_flow(
    make_flow: MakeFlow, world: World, outcome: str, is_put_back: bool
) -> None:
    flow = make_flow(people=0, codes=["A", "B"], source={"allows_overwriting": True})
    person, first, _ = on_both(flow, world)
    if outcome == "unknown":
        world.answer = lambda call: None
    send(flow, start_export)
    start = {"unknown": retry_export, "changed": partial(start_export, overwrite=True)}.get(outcome, retry_export)
    if outcome != "unknown":
        world.grades[person.wiseflow_id] = "4"
        Assessment.objects.filter(participant=person).update(grade="4")
    if outcome == "rejected in place of another":
        world.answer = rejecting("AID-FIRST")
        send(flow, partial(start_export, overwrite=True))
    take_off(first)
    if is_put_back:
        register(person, put_back(first), unique_exam_id="AID-FIRST")
    world.answer = rejecting()
    if is_put_back:
        assert send(flow, start) == ["exported"]
        assert sent(world)[-1] == ("A", ["AID-FIRST"])
    else:
        with pytest.raises(Refused):
            send(flow, start)
    assert {code for code, _ in sent(world)} == {"A"}


def test_who_was_turned_away_under_a_code_that_is_taken_off_goes_to_another(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    _, first, _ = on_both(flow, world)
    world.answer = rejecting("AID-FIRST")
    send(flow, start_export)
    take_off(first)
    assert send(flow, retry_export) == ["exported"]
    assert sent(world)[-1] == ("B", ["AID-SECOND"])


def test_another_code_is_not_suggested_for_a_grade_that_ladok_says_it_has(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    person, first, second = on_both(flow, world)
    there = {"userId": "AID-FIRST", "errorInfo": "Resultatet finns redan"}
    world.answer = lambda call: (200, json.dumps({"numberOfSuccess": 0, "errors": [there]}).encode())
    send(flow, start_export)
    assert ExportItem.objects.get().is_there_already
    assert suggested_codes(flow) == {}
    (line,) = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY, only=[person.pk]).to_send
    assert (line.code, line.is_there, line.choices) == (first, True, (first, second))


def test_a_choice_that_is_gone_sends_nothing(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    person, _, second = on_both(flow, world)
    world.answer = rejecting("AID-FIRST")
    send(flow, start_export)
    person.registrations.filter(code=second).delete()
    with pytest.raises(Refused) as caught:
        retry_export(flow=flow, requested_by=flow.created_by, to={person.pk: second.pk})
    assert caught.value.message.code == "export.choice_gone"
    with pytest.raises(Refused):
        choices_of(flow, "B")


def test_the_command_sends_to_the_code_that_it_is_told(make_flow: MakeFlow, world: World, capsys: Any) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    on_both(flow, world)
    world.answer = rejecting("AID-FIRST")
    send(flow, start_export)
    call_command("retry", "--flow", str(flow.pk), "--by", flow.created_by.email, "--wait", "--to", "b")
    assert sent(world)[-1] == ("B", ["AID-SECOND"])


def test_modules_get_the_grade_each_under_its_own_identifiers(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"], grade_goes_to=Flow.GradeGoesTo.EACH)
    person, _, _ = on_both(flow, world)
    world.answer = rejecting("AID-SECOND")
    assert send(flow, start_export) == ["exported", "failed"]
    assert sent(world) == [("A", ["AID-FIRST"]), ("B", ["AID-SECOND"])]
    person.refresh_from_db()
    assert (person.export_state, person.export_message["params"]["code"], flow.export_state) == (
        "failed",
        "B",
        "failed",
    )
    assert (flow.participant_count, flow.graded_count, flow.exported_count, flow.failed_count) == (1, 1, 0, 1)
    # Only what failed goes again.
    world.answer = rejecting()
    assert send(flow, retry_export) == ["exported"]
    assert sent(world)[2:] == [("B", ["AID-SECOND"])]
    assert (flow.export_state, flow.exported_count) == ("exported", 1)
    with pytest.raises(Refused):
        start_export(flow=flow, requested_by=flow.created_by)
    assert ExportItem.objects.filter(state="exported").count() == 2


def test_a_flow_is_not_exported_while_one_of_the_modules_has_not_been_sent(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"], grade_goes_to=Flow.GradeGoesTo.EACH)
    person, _, second = on_both(flow, world)
    row = person.registrations.get(code=second)
    row.delete()
    world.listed["B"].clear()
    assert send(flow, start_export) == ["exported"]
    assert flow.export_state == "exported"
    register(person, second, unique_exam_id="AID-SECOND")
    refresh_states(flow)
    assert (flow.export_state, flow.export_message["code"]) == ("pending", "export.ready")
    assert send(flow, start_export) == ["exported"]
    assert sent(world) == [("A", ["AID-FIRST"]), ("B", ["AID-SECOND"])]


def test_each_grade_is_still_told_when_none_of_its_codes_is_on_the_flow_any_more(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=0, codes=["A", "B", "C"], grade_goes_to=Flow.GradeGoesTo.EACH)
    first, second, _ = flow.codes.all()
    person = ParticipantFactory(flow=flow, codes=[], grade="5")
    world.grades[person.wiseflow_id] = "5"
    for code in (first, second):
        register(person, code)
    world.answer = lambda call: None if "/A/" in call.path else (200, b"")
    assert send(flow, start_export) == ["failed", "exported"]
    for code in (first, second):
        take_off(code)
    refresh_states(flow)
    person.refresh_from_db()
    assert (person.export_state, flow.export_state, flow.exported_count, flow.failed_count) == (
        "failed",
        "failed",
        0,
        1,
    )
    assert person.export_message["params"]["code"] == "A"


def test_a_word_on_a_grade_without_a_paper_stays_once_it_is_in_ladok_under_one_of_them(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=0, codes=["A", "B"], grade_goes_to=Flow.GradeGoesTo.EACH)
    person, _, _ = on_both(flow, world)
    Paper.objects.create(participant=person, state="nothing")
    refresh_states(flow)
    accept(flow=flow, people=[person.pk], reason="på papper", by=flow.created_by)
    world.answer = rejecting("AID-FIRST")
    assert send(flow, start_export) == ["failed", "exported"]
    assert [each.is_sent for each in papers_of(flow).accepted] == [True]
    with pytest.raises(Refused) as refused:
        take_back(flow=flow, people=[person.pk], by=flow.created_by)
    assert refused.value.message.code == "papers.sent"


def test_what_was_sent_before_each_code_counted_is_not_sent_again(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    on_both(flow, world)
    assert send(flow, start_export) == ["exported"]
    Flow.objects.filter(pk=flow.pk).update(grade_goes_to=Flow.GradeGoesTo.EACH)
    flow.refresh_from_db()
    assert send(flow, start_export) == ["exported"]
    assert sent(world) == [("A", ["AID-FIRST"]), ("B", ["AID-SECOND"])]
