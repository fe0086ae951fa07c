"""What cannot be mended by retrying is marked as exported: several at once, to be taken back until the next export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.attempts.counts import recount
from exports.attempts.marks import (
    mark_as_absent,
    mark_as_exported,
    marked,
    seen_of,
    take_back,
    there_already,
    unknown,
    unsettled,
)
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.rules.states import refresh_states
from exports.rules.values import Asking
from ladokflow.dates import in_words
from ladokflow.messages import Refused, Trait
from sources.models import AuditEntry, Flow, Source
from tests.exports.world import Call, World
from tests.factories import ExportAttemptFactory, ExportItemFactory, in_hours

MakeFlow = Callable[..., Flow]

THERE, WRONG = "Resultatet är redan attesterat.", "Studenten är inte registrerad"


def saying(*infos: str) -> Callable[[Call], tuple[int, bytes]]:
    """What Ladok says of each of those sent, in order; of whom it says nothing, the grade is registered."""

    def answer(call: Call) -> tuple[int, bytes]:
        people = [line["studentUid"] for line in call.body["gradeExports"]]
        errors = [{"userId": who, "errorInfo": info} for who, info in zip(people, infos, strict=False) if info]
        counts = {"numberOfSuccess": len(people) - len(errors), "numberOfErrors": len(errors)}
        return 200, json.dumps({**counts, "errors": errors}).encode()

    return answer


def sent(flow: Flow, world: World, *infos: str, start: Callable[..., list[ExportAttempt]] = start_export) -> Any:
    world.answer = saying(*infos)
    (attempt,) = start(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    flow.refresh_from_db()
    return attempt


def seen(items: Iterable[ExportItem]) -> dict[int, str]:
    return {item.pk: seen_of(item) for item in items}


def mark(flow: Flow, items: Iterable[ExportItem], reason: str = "Syns i Ladok") -> int:
    return mark_as_exported(flow=flow, seen=seen(items), by=flow.created_by, reason=reason)


def mark_absent(flow: Flow, items: Iterable[ExportItem], reason: str = "Sökt i Ladok") -> int:
    return mark_as_absent(flow=flow, seen=seen(items), by=flow.created_by, reason=reason)


def cut(flow: Flow, world: World, *, hours: float = -1) -> Any:
    """Everybody has been sent, so many hours ago, and the connection was cut."""
    world.answer = lambda call: None
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    ExportAttempt.objects.update(finished_at=in_hours(hours))
    attempt.refresh_from_db()
    return attempt


def told(flow: Flow) -> str:
    flow.refresh_from_db()
    return str(flow.export_message.get("code", ""))


# --- What is advised -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("infos", "flow_says", "only_to_mark"),
    [
        ((THERE, THERE, ""), "export.some_already", True),
        ((THERE, WRONG, ""), "export.some_failed_some_already", False),
        ((WRONG, THERE, ""), "export.some_failed_some_already", False),
        ((WRONG, WRONG, ""), "answer.some_rejected", False),
    ],
)
def test_a_flow_says_what_can_be_done_for_those_who_are_left(
    make_flow: MakeFlow, world: World, infos: tuple[str, ...], flow_says: str, only_to_mark: bool
) -> None:
    flow = make_flow(people=3)
    sent(flow, world, *infos)
    assert told(flow) == flow_says
    assert flow.export_reason
    assert flow.export_reason.has(Trait.ONLY_TO_MARK) == only_to_mark
    with translation.override("en"):
        assert ("Mark as exported" in flow.export_reason.todo) == (THERE in infos)
        assert ("choose Retry" in flow.export_reason.todo) == (WRONG in infos)


@pytest.mark.parametrize("first", [THERE, WRONG])
def test_a_first_person_who_is_settled_does_not_speak_for_the_others(
    make_flow: MakeFlow, world: World, first: str
) -> None:
    flow = make_flow(people=3)
    other = WRONG if first == THERE else THERE
    attempt = sent(flow, world, first, other, other)
    mark(flow, attempt.items.order_by("pk")[:1])
    attempt.refresh_from_db()
    with translation.override("en"):
        for says in (flow.export_reason, attempt.reason):
            assert says
            assert ("Retrying cannot help" in says.todo) == (other == THERE)
            assert " 3 " not in says.what.replace("of 3 ", "")
    assert attempt.message["code"] == ("settle.attempt_already" if other == THERE else "settle.attempt")
    assert told(flow) == ("export.some_already" if other == THERE else "settle.attempt")


def test_a_retry_of_all_leaves_out_what_ladok_has_already_and_one_of_chosen_people_does_not(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    sent(flow, world, THERE, WRONG)
    there, wrong = (item.participant for item in ExportItem.objects.order_by("pk").select_related("participant"))
    preview = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY)
    assert [line.participant for line in preview.to_send] == [wrong]
    assert [(line.participant, line.message.code) for line in preview.held_back] == [(there, "export.there_already")]
    chosen = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY, only=[there.pk])
    assert [(line.participant, line.is_there) for line in chosen.to_send] == [(there, True)]
    retry = sent(flow, world, start=retry_export)
    assert [item.participant for item in retry.items.all()] == [wrong]
    # Somebody has removed it in Ladok, and asks for this very person.
    world.answer = saying()
    (again,) = retry_export(flow=flow, requested_by=flow.created_by, only=[there.pk], enqueue=False)
    assert send_attempt(again.pk) == "exported"
    assert told(flow) == "export.done"


@pytest.mark.parametrize("start", [start_export, retry_export])
def test_where_all_that_is_left_is_there_already_an_export_says_so(
    make_flow: MakeFlow, world: World, start: Callable[..., Any]
) -> None:
    flow = make_flow(people=3)
    sent(flow, world, THERE, THERE)
    with pytest.raises(Refused) as caught:
        start(flow=flow, requested_by=flow.created_by)
    assert caught.value.message.code == "export.some_already"
    assert len(world.exported) == 1


def test_people_who_cannot_be_retried_for_different_reasons_are_not_told_the_first_ones(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    sent(flow, world, WRONG, WRONG)
    one, other = flow.participants.order_by("pk")
    flow.participants.filter(pk=one.pk).update(is_active=False, is_activation_manual=True)
    other.assessment.delete()
    with pytest.raises(Refused) as caught:
        retry_export(flow=flow, requested_by=flow.created_by)
    assert (caught.value.message.code, caught.value.message.params) == ("export.held_back", {"count": 2})


def test_a_source_has_words_of_its_own(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2, source={"already_patterns": "felkod 4711\nbetyget har satts"})
    sent(flow, world, "FELKOD 4711", THERE)
    assert [item.is_there_already for item in ExportItem.objects.order_by("pk")] == [True, False]
    Source.objects.update(already_patterns="")
    assert Source.objects.get().answers == Source.objects.get().rules.answers


# --- Marking and taking it back ------------------------------------------------------------------------------------


def test_several_are_marked_at_once_and_it_is_taken_back_as_it_was(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3)
    attempt = sent(flow, world, THERE, THERE)
    before = list(ExportItem.objects.order_by("pk").values())
    assert mark(flow, there_already(flow)) == 2
    attempt.refresh_from_db()
    assert (attempt.state, attempt.exported_count, told(flow)) == ("exported", 3, "export.done")
    assert set(marked(flow)) == set(ExportItem.objects.exclude(before_mark={}))
    assert take_back(flow=flow, seen=seen(marked(flow)), by=flow.created_by, address="192.0.2.7") == 2
    attempt.refresh_from_db()
    assert list(ExportItem.objects.order_by("pk").values()) == before
    assert (attempt.state, attempt.exported_count, attempt.failed_count) == ("failed", 1, 2)
    assert (attempt.message["code"], told(flow)) == ("settle.attempt_already", "export.some_already")
    lines = AuditEntry.objects.filter(attempt_id=attempt.pk).order_by("pk").values_list("message__code", "address")
    assert list(lines)[-4:] == [("audit.marked_as_exported", None)] * 2 + [("audit.mark_taken_back", "192.0.2.7")] * 2


def test_a_mark_that_was_settled_before_gets_back_who_settled_it(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1)
    attempt = sent(flow, world, THERE)
    ExportItem.objects.update(settled_by=flow.created_by, settled_at=attempt.finished_at)
    mark(flow, unsettled(flow))
    take_back(flow=flow, seen=seen(attempt.items.all()), by=flow.created_by)
    item = attempt.items.get()
    assert (item.settled_by, item.settled_at, item.is_marked) == (flow.created_by, attempt.finished_at, False)


def test_a_mark_stands_once_the_person_has_been_sent_again(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, source={"allows_overwriting": True})
    sent(flow, world, THERE)
    mark(flow, unsettled(flow))
    item = ExportItem.objects.get()
    person = flow.participants.get()
    type(person.assessment).objects.update(grade="4")
    world.grades[person.wiseflow_id] = "4"
    start_export(flow=flow, requested_by=flow.created_by, overwrite=True, enqueue=False)
    assert not marked(flow)
    with pytest.raises(Refused) as caught:
        take_back(flow=flow, seen=seen([item]), by=flow.created_by)
    assert caught.value.message.code == "settle.mark_gone"


def test_what_is_taken_back_twice_or_never_was_marked_is_refused(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    attempt = sent(flow, world, THERE)
    registered = attempt.items.get(state="exported")
    mark(flow, unsettled(flow))
    item = marked(flow).get()
    take_back(flow=flow, seen=seen([item]), by=flow.created_by)
    for each in (item, registered):
        with pytest.raises(Refused):
            take_back(flow=flow, seen=seen([each]), by=flow.created_by)


@pytest.mark.parametrize("what", ["message", "grade", "may_be_in_ladok"])
def test_what_is_not_as_it_was_seen_is_not_marked_nor_are_the_others(
    make_flow: MakeFlow, world: World, what: str
) -> None:
    flow = make_flow(people=2)
    attempt = sent(flow, world, THERE, THERE)
    shown = seen(unsettled(flow))
    changed: dict[str, Any] = {"message": {"code": "settle.not_registered"}, "grade": "U", "may_be_in_ladok": True}
    ExportItem.objects.filter(pk=min(shown)).update(**{what: changed[what]})
    with pytest.raises(Refused) as caught:
        mark_as_exported(flow=flow, seen=shown, by=flow.created_by, reason="Syns i Ladok")
    assert caught.value.message.code == "settle.seen_otherwise"
    assert attempt.items.filter(state="failed").count() == 2


def test_items_of_another_flow_are_not_marked(make_flow: MakeFlow, world: World) -> None:
    flow, other = make_flow(people=1), make_flow(people=1)
    sent(other, world, THERE)
    with pytest.raises(Refused):
        mark(flow, unsettled(other))
    assert not marked(other)


# --- Not in Ladok --------------------------------------------------------------------------------------------------


def test_what_is_said_not_to_be_in_ladok_has_failed_and_is_sent_again_without_a_doubt(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    attempt = cut(flow, world)
    before = list(attempt.items.order_by("pk").values())
    assert mark_absent(flow, unknown(flow)) == 2
    attempt.refresh_from_db()
    assert (attempt.failed_count, attempt.unknown_count) == (2, 0)
    entry = AuditEntry.objects.filter(attempt_id=attempt.pk).order_by("pk").last()
    assert entry
    assert (entry.message["code"], entry.actor) == ("audit.marked_as_absent", flow.created_by)
    preview = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY)
    assert [line.is_unknown for line in preview.to_send] == [False, False]
    # It can be taken back, also when something else has been said of it since.
    one = unsettled(flow).order_by("pk")[:1]
    mark(flow, one)
    take_back(flow=flow, seen=seen(marked(flow).filter(state="exported")), by=flow.created_by)
    assert take_back(flow=flow, seen=seen(marked(flow)), by=flow.created_by) == 2
    assert list(attempt.items.order_by("pk").values()) == before
    mark_absent(flow, unknown(flow))
    world.answer = saying()
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert send_attempt(retry.pk) == "exported"
    assert not marked(flow)


@pytest.mark.parametrize(("hours", "is_said"), [(0, False), (-0.2, False), (-0.26, True), (-5, True), (24 * 365, True)])
def test_while_ladok_may_be_at_work_nobody_can_say_that_it_is_not_there(
    make_flow: MakeFlow, world: World, hours: float, *, is_said: bool
) -> None:
    """A quarter of an hour; an end that was written by a clock that has been set back since keeps nobody waiting for years."""
    flow = make_flow(people=1)
    cut(flow, world, hours=hours)
    if is_said:
        assert mark_absent(flow, unknown(flow)) == 1
        return
    with pytest.raises(Refused) as caught:
        mark_absent(flow, unknown(flow))
    assert caught.value.message.code == "settle.absent_too_early"
    again = caught.value.message.params["again"]
    assert str(in_words(again)) in str(caught.value)
    assert unknown(flow).count() == 1


def test_of_what_has_failed_it_is_not_said_that_it_is_not_there(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    sent(flow, world, WRONG)
    with pytest.raises(Refused) as caught:
        mark_absent(flow, unsettled(flow))
    assert caught.value.message.code == "settle.not_unknown"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["failed", "unknown", "exported"]), min_size=1, max_size=5), st.data())
def test_whatever_is_marked_and_taken_back_the_numbers_are_those_of_the_people(
    make_flow: MakeFlow, states: list[str], data: Any
) -> None:
    flow = make_flow(people=len(states))
    counts = {f"{state}_count": states.count(state) for state in ("failed", "unknown", "exported")}
    ended = "exported" if set(states) == {"exported"} else "failed"
    attempt = ExportAttemptFactory(flow=flow, state=ended, sent_count=len(states), finished_at=in_hours(-1), **counts)
    for person, state in zip(flow.participants.order_by("pk"), states, strict=True):
        ExportItemFactory(attempt=attempt, participant=person, state=state)
    refresh_states(flow)
    for _ in range(4):
        open_, done, absent = list(unsettled(flow)), list(marked(flow)), list(unknown(flow))
        if absent and data.draw(st.booleans()):
            mark_absent(flow, data.draw(st.lists(st.sampled_from(absent), min_size=1, unique=True)))
        elif open_ and data.draw(st.booleans()):
            mark(flow, data.draw(st.lists(st.sampled_from(open_), min_size=1, unique=True)))
        elif done:
            chosen = data.draw(st.lists(st.sampled_from(done), min_size=1, unique=True))
            take_back(flow=flow, seen=seen(chosen), by=flow.created_by)
        attempt.refresh_from_db()
        flow.refresh_from_db()
        rows = list(attempt.items.values_list("state", flat=True))
        own = (attempt.failed_count, attempt.unknown_count, attempt.exported_count)
        assert own == tuple(rows.count(state) for state in ("failed", "unknown", "exported"))
        assert (attempt.state == "exported") == (flow.export_state == "exported") == (set(rows) == {"exported"})


def test_who_was_held_back_from_what_is_being_sent_is_marked_when_it_has_ended(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(people=2)
    attempt = ExportAttemptFactory(flow=flow, state="sending", sent_count=2, failed_count=1)
    one, other = flow.participants.order_by("pk")
    held = ExportItemFactory(attempt=attempt, participant=one, state="failed")
    ExportItemFactory(attempt=attempt, participant=other, state="live")
    assert not unsettled(flow)
    with pytest.raises(Refused):
        mark(flow, [held])
    recount(attempt.pk, exported=1, failed=-1)  # as when Ladok is asked about what is unknown meanwhile
    attempt.refresh_from_db()
    assert (attempt.state, attempt.message) == ("sending", {})


# --- The command ---------------------------------------------------------------------------------------------------


def test_the_command_marks_whom_ladok_has_already_and_takes_it_back(
    make_flow: MakeFlow, world: World, capsys: Any
) -> None:
    flow = make_flow(people=3)
    attempt = sent(flow, world, THERE, WRONG)
    who = ["--flow", str(flow.pk), "--by", flow.created_by.email]
    there, wrong = (item.organisation_id for item in attempt.items.order_by("pk")[:2])
    with pytest.raises(CommandError, match="Say how you know"):
        call_command("mark", *who)
    call_command("mark", *who, "--reason", "Syns i Ladok", "--json")
    assert json.loads(capsys.readouterr().out) == {"flow": flow.pk, "state": "failed", "marked": [there]}
    with pytest.raises(CommandError, match="Of no grade of this flow"):
        call_command("mark", *who, "--reason", "Syns i Ladok")
    with pytest.raises(CommandError, match="okand"):
        call_command("mark", *who, "--reason", "Syns i Ladok", "--person", wrong, "--person", "okand@x")
    call_command("mark", *who, "--reason", "Inlagt", "--person", wrong.upper())
    assert told(flow) == "export.done"
    call_command("mark", *who, "--undo", "--person", there)
    assert [item.organisation_id for item in unsettled(flow)] == [there]
    call_command("mark", *who, "--undo")
    assert unsettled(flow).count() == 2
    with pytest.raises(CommandError, match="taken back"):
        call_command("mark", *who, "--undo")


def test_the_command_says_what_is_not_in_ladok(make_flow: MakeFlow, world: World, capsys: Any) -> None:
    flow = make_flow(people=3)
    attempt = cut(flow, world)
    names = [item.organisation_id for item in attempt.items.order_by("pk")]
    whole = ["mark", "--flow", str(flow.pk), "--by", flow.created_by.email, "--not-in-ladok"]
    with pytest.raises(CommandError, match="not allowed with"):
        call_command(*whole, "--undo")
    call_command(*whole, "--preview", "--json")
    fingerprint = json.loads(capsys.readouterr().out)["fingerprint"]
    call_command(*whole, "--reason", "Sökt", "--person", names[0], "--json")
    document = json.loads(capsys.readouterr().out)
    assert document == {"flow": flow.pk, "state": "failed", "notInLadok": names[:1]}
    with pytest.raises(CommandError, match="Something has changed"):
        call_command(*whole, "--reason", "Sökt", "--seen", fingerprint)
    call_command(*whole, "--reason", "Sökt")
    assert "Marked as not in Ladok:" in capsys.readouterr().out
    assert not unknown(flow)
    with pytest.raises(CommandError, match="No outcome is unknown"):
        call_command(*whole, "--reason", "Sökt")


@pytest.mark.parametrize("undo", [False, True], ids=["mark", "undo"])
@pytest.mark.parametrize("what", ["message", "grade", "may_be_in_ladok", "one_more"])
def test_the_command_is_held_to_what_its_preview_has_printed(
    make_flow: MakeFlow, world: World, capsys: Any, what: str, *, undo: bool
) -> None:
    flow = make_flow(people=2)
    sent(flow, world, THERE, WRONG)
    if undo:
        mark(flow, there_already(flow))
    whole = ["mark", "--flow", str(flow.pk), "--by", flow.created_by.email]
    whole += ["--undo"] if undo else ["--reason", "Syns i Ladok"]
    call_command(*whole, "--dry-run", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert [person["state"] for person in shown["people"]] == ["exported" if undo else "failed"]
    before = list(ExportItem.objects.order_by("pk").values_list("state", flat=True))
    rows = ExportItem.objects.order_by("pk")
    if what == "one_more" and undo:
        mark(flow, [rows[1]])
    elif what == "one_more":
        ExportItem.objects.filter(pk=rows[1].pk).update(message=rows[0].message)
    else:
        changed: dict[str, Any] = {"message": {"code": "settle.marked", "params": {"reason": "x"}}, "grade": "U"}
        if not undo:
            changed["message"] = rows[0].message | {"params": {"said": "något annat"}}
        ExportItem.objects.filter(pk=rows[0].pk).update(**{what: changed.get(what, True)})
    with pytest.raises(CommandError, match="Something has changed"):
        call_command(*whole, "--seen", shown["fingerprint"], "--json")
    now = json.loads(capsys.readouterr().out)
    assert now["fingerprint"] != shown["fingerprint"]
    assert ExportItem.objects.get(pk=rows[0].pk).state == before[0]
    call_command(*whole, "--seen", now["fingerprint"])
    assert ExportItem.objects.get(pk=rows[0].pk).state == ("failed" if undo else "exported")
