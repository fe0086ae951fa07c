"""Ladok's list is read once more before anything is sent: each grade goes to who Ladok says the person is now, or stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.models import ExportAttempt
from exports.rules.values import Asking
from ladokflow.messages import Refused, Trait
from sources.flows.identities import answer, questions
from sources.models import Flow, Participant
from tests.exports.world import World
from tests.factories import in_hours

MakeFlow = Callable[..., Flow]


def export(flow: Flow, start: Callable[..., list[ExportAttempt]] = start_export, **given: Any) -> ExportAttempt:
    (attempt,) = start(flow=flow, requested_by=flow.created_by, enqueue=False, **given)
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    flow.refresh_from_db()
    return attempt


def people_of(flow: Flow) -> list[Participant]:
    return list(flow.participants.order_by("pk"))


def row_of(world: World, person: Participant) -> dict[str, str]:
    """What Ladok's list says of the person, to be changed."""
    (code,) = world.listed
    return world.listed[code][person.pk]


def with_exchanged_exam_ids(flow: Flow, world: World) -> tuple[Participant, Participant]:
    """Two people, one with a 5 and the other with a U, whom Ladok's list calls by each other's exam ids."""
    one, other = people_of(flow)
    for person, grade in ((one, "5"), (other, "U")):
        person.assessment.__class__.objects.filter(participant=person).update(grade=grade)
        world.grades[person.wiseflow_id or 0] = grade
    first, second = row_of(world, one), row_of(world, other)
    first["uniqueExamId"], second["uniqueExamId"] = second["uniqueExamId"], first["uniqueExamId"]
    return one, other


def sent(world: World) -> dict[str, str]:
    return {line["studentUid"]: line["grade"]["grade"] for line in world.exported[-1].body["gradeExports"]}


def adds_up(attempt: ExportAttempt) -> bool:
    counts = [attempt.items.filter(state=state).count() for state in ("exported", "failed", "unknown")]
    own = [attempt.exported_count, attempt.failed_count, attempt.unknown_count]
    return counts == own and sum(own) == attempt.sent_count


def test_exam_ids_that_ladok_has_exchanged_take_each_grade_to_its_owner(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    one, other = with_exchanged_exam_ids(flow, world)
    attempt = export(flow)
    assert sent(world) == {other.unique_exam_id: "5", one.unique_exam_id: "U"}
    assert (attempt.state, flow.export_state, world.lists_asked) == ("exported", "exported", [attempt.code.code])
    # What was sent is what the items hold, and the key is of it.
    assert attempt.items.get(participant=one).unique_exam_id == other.unique_exam_id
    assert world.exported[0].headers["idempotency-key"] == attempt.idempotency_key


def test_a_list_that_a_wrong_clock_says_was_read_later_is_read_all_the_same(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    one, other = with_exchanged_exam_ids(flow, world)
    flow.codes.update(list_read_at=in_hours(2))
    export(flow)
    assert sent(world) == {other.unique_exam_id: "5", one.unique_exam_id: "U"}
    assert flow.codes.get().list_read_at < in_hours(0.1)


def test_who_has_gone_from_the_list_stays_and_the_others_go(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3)
    gone, *others = people_of(flow)
    (code,) = world.listed
    kept = world.listed[code].pop(gone.pk)
    attempt = export(flow)
    assert set(sent(world)) == {person.unique_exam_id for person in others}
    assert (attempt.state, attempt.exported_count, attempt.failed_count) == ("failed", 2, 1)
    assert adds_up(attempt)
    with translation.override("en"):
        assert "1 of 3 were held back right before that, and not sent." in str(attempt.reason)
        assert str(attempt.items.get(participant=gone).reason).startswith(
            f"Not sent: The person is no longer on Ladok's list for {code}, since "
        )
    # Ladok has no place for the grade now; on the list again, it is not forgotten.
    assert (flow.export_state, flow.export_message["code"]) == ("exported", "export.done_but")
    world.listed[code][gone.pk] = kept
    gone.registrations.update(is_listed=True, gone_at=None)
    retry = export(flow, retry_export)
    assert set(sent(world)) == {gone.unique_exam_id}
    assert (retry.state, flow.export_state, flow.export_message["code"]) == ("exported", "exported", "export.done")


def test_who_may_be_somebody_else_is_held_by_name_and_the_flow_is_not_exported(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    doubted, other = people_of(flow)
    row = row_of(world, doubted)
    right = dict(row)
    row |= {"civicNumber": "19700101-0000", "studentUID": "another", "uniqueExamId": "AID-NEW"}
    attempt = export(flow)
    assert set(sent(world)) == {other.unique_exam_id}
    assert (attempt.failed_count, adds_up(attempt), flow.export_state) == (1, True, "failed")
    assert attempt.items.get(participant=doubted).state == "failed"
    row |= right
    doubted.registrations.update(doubt={})
    assert export(flow, retry_export).state == "exported"
    assert flow.export_state == "exported"


@pytest.mark.parametrize("is_same", [True, False])
def test_a_manager_says_who_it_is_and_the_grade_goes_or_stays(make_flow: MakeFlow, world: World, is_same: bool) -> None:
    flow = make_flow(people=2)
    doubted, _other = people_of(flow)
    row_of(world, doubted).update(civicNumber="19700101-0000", studentUID="another", uniqueExamId="AID-NEW")
    attempt = export(flow)
    assert attempt.reason
    with translation.override("en"):
        assert "say on the flow's page if it is the same person" in attempt.items.get(participant=doubted).reason.todo
    (question,) = questions(flow)
    answer(
        flow=flow,
        registration_pk=question.registration.pk,
        is_same=is_same,
        seen=question.seen,
        by=flow.created_by,
    )
    flow.refresh_from_db()
    doubted.refresh_from_db()
    if is_same:
        assert (flow.export_state, doubted.export_state) == ("failed", "failed")
        assert export(flow, retry_export).state == "exported"
        assert sent(world) == {"AID-NEW": "5"}
    else:
        assert (doubted.export_state, doubted.export_message["code"]) == ("pending", "export.not_listed")
        with pytest.raises(Refused):
            export(flow, retry_export)
        assert (flow.export_state, flow.export_message["code"], len(world.exported)) == (
            "exported",
            "export.done_but",
            1,
        )
    assert questions(flow) == []


def test_where_everybody_is_held_nothing_is_sent(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    for person in people_of(flow):
        row_of(world, person).update(civicNumber="19700101-0000", studentUID="x", uniqueExamId=f"N-{person.pk}")
    attempt = export(flow)
    assert (attempt.state, attempt.message["code"], world.exported) == ("failed", "attempt.all_held", [])
    assert adds_up(attempt)


def test_a_held_retry_of_what_may_be_in_ladok_is_still_unknown(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    world.answer = lambda call: None
    export(flow)
    world.answer = lambda call: (200, b"")
    gone, other = people_of(flow)
    (code,) = world.listed
    world.listed[code].pop(gone.pk)
    attempt = export(flow, retry_export)
    assert set(sent(world)) == {other.unique_exam_id}
    assert attempt.items.get(participant=gone).state == "unknown"
    assert (attempt.unknown_count, adds_up(attempt), flow.export_state) == (1, True, "failed")


def test_the_held_are_counted_when_the_answer_is_lost(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3)
    (code,) = world.listed
    world.listed[code].pop(people_of(flow)[0].pk)
    world.answer = lambda call: None
    attempt = export(flow)
    assert (attempt.failed_count, attempt.unknown_count, adds_up(attempt)) == (1, 2, True)


@pytest.mark.parametrize("fault", [404, 500, "empty"])
@pytest.mark.parametrize("trigger", ["manager", "marking_end"])
def test_where_the_list_cannot_be_read_nothing_is_sent_before_a_manager_has_said_so(
    make_flow: MakeFlow, world: World, fault: Any, trigger: str
) -> None:
    flow = make_flow(people=2, exports_when_marking_ends=True)
    if fault == "empty":
        world.listed = {code: {} for code in world.listed}
    else:
        world.list_status = fault
    attempt = export(flow, trigger=trigger)
    assert (attempt.state, attempt.message["code"], world.exported) == ("failed", "attempt.list_unread", [])
    assert attempt.reason
    assert attempt.reason.is_due_to(Trait.LIST_UNREAD)
    # The next dialog asks; without the word the list is read again, and nothing is sent.
    preview = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY)
    assert preview.unread == [attempt.code]
    assert export(flow, retry_export).state == "failed"
    assert not world.exported
    said = export(flow, retry_export, with_last_list=True)
    assert (said.state, said.uses_last_list, len(world.exported)) == ("exported", True, 1)
    assert preview_export(flow=flow, user=flow.created_by).unread == []


def test_the_word_counts_only_where_the_list_could_not_be_read(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1)
    attempt = export(flow, with_last_list=True)
    assert (attempt.uses_last_list, len(world.lists_asked)) == (False, 1)


def test_no_attempt_that_starts_by_itself_goes_without_the_list(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, exports_when_marking_ends=True)
    world.list_status = 500
    export(flow)
    for person in people_of(flow):
        person.export_items.all().delete()
    attempt = export(flow, trigger="marking_end", with_last_list=True)
    assert (attempt.uses_last_list, attempt.message["code"]) == (False, "attempt.list_unread")
