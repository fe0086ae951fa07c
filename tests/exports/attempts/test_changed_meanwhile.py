"""What is decided while a remote system is asked counts as soon as it is written: who asked looks once more, under the flow's lock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports.attempts import ordering
from exports.attempts.adoption import Which, say
from exports.attempts.automatic import export_automatically
from exports.attempts.order import Order
from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt
from exports.rules.values import Asking
from ladokflow.messages import Refused
from sources.flows.codes import add_code, phase_of, removal_of, remove_code
from sources.models import Flow, IdentityAnswer, Paper, Registration, Source
from sources.sync.run import request_sync
from tests.exports.attempts.test_several_codes import on_both
from tests.exports.world import World
from tests.factories import in_hours

MakeFlow = Callable[..., Flow]

pytestmark = pytest.mark.django_db(transaction=True)


def once(work: Callable[[], Any]) -> Callable[[], None]:
    """Done by somebody else, in the thread of the system that is asked: the first time only."""
    left = [work]

    def do() -> None:
        try:
            while left:
                left.pop()()
        finally:
            connection.close()

    return do


def while_grades_are_read(world: World, work: Callable[[], Any]) -> None:
    read, do = world.assessments, once(work)

    def meanwhile() -> list[dict[str, Any]]:
        do()
        return read()

    world.assessments = meanwhile  # type: ignore[method-assign]


# --- Between the preparation and the mark --------------------------------------------------------------------------


def switch_off(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(instant_export=False)


def let_the_reviewer_decide(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(grade_decided_by="reviewer")


def take_the_right(flow: Flow) -> None:
    flow.source.memberships.update(can_export=False)


def say_it_is_somebody_else(flow: Flow) -> None:
    """A manager's answer, of each; Ladok's list has them no more either."""
    for row in Registration.objects.filter(code__flow=flow):
        IdentityAnswer.objects.create(registration=row, is_same=False, said_of="{}", known_as="{}", by=flow.created_by)
        row.is_listed, row.gone_at = False, timezone.now()
        row.save()


def read_the_list(flow: Flow) -> None:
    """A synchronisation has read that everybody is gone."""
    for row in Registration.objects.filter(code__flow=flow):
        row.is_listed, row.gone_at = False, timezone.now()
        row.save()
    flow.codes.update(list_read_at=timezone.now())


def forbid_people_by_hand(flow: Flow) -> None:
    flow.participants.update(is_from_source=False)
    Source.objects.filter(pk=flow.source_id).update(accepts_manual_participants=False)


@pytest.mark.parametrize(
    ("trigger", "decide", "code"),
    [
        ("instant", switch_off, "export.marking_not_ended"),
        ("instant", let_the_reviewer_decide, "attempt.grades_changed"),
        ("manager", take_the_right, "attempt.right_gone"),
        ("manager", say_it_is_somebody_else, "attempt.all_held"),
        ("manager", read_the_list, "attempt.all_held"),
        ("manager", forbid_people_by_hand, "attempt.people_changed"),
    ],
)
def test_what_is_decided_while_an_attempt_is_prepared_is_heeded(
    make_flow: MakeFlow, world: World, trigger: str, decide: Callable[[Flow], None], code: str
) -> None:
    is_instant = trigger == "instant"
    world.state = 3 if is_instant else 4
    flow = make_flow(instant_export=is_instant, state=world.state, source={"accepts_manual_participants": True})
    by = None if is_instant else flow.created_by
    (attempt,) = start_export(flow=flow, requested_by=by, trigger=trigger, enqueue=False)
    while_grades_are_read(world, lambda: decide(flow))
    assert send_attempt(attempt.pk) == "queued"
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert attempt.message["code"] == code
    assert not world.exported


def say_how_grades_are_to_be_sent(flow: Flow) -> None:
    """A manager's word, of the grades as they are."""
    Flow.objects.filter(pk=flow.pk).update(said_form="stored")


def find_out_how_grades_are_given_out(flow: Flow) -> None:
    Source.objects.filter(pk=flow.source_id).update(grade_form="stored")


@pytest.mark.parametrize("decide", [say_how_grades_are_to_be_sent, find_out_how_grades_are_given_out])
def test_what_is_said_of_the_grades_while_they_are_read_is_looked_at_before_they_go(
    make_flow: MakeFlow, world: World, decide: Callable[[Flow], None]
) -> None:
    flow = make_flow()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    while_grades_are_read(world, lambda: decide(flow))
    assert send_attempt(attempt.pk) == "queued"
    assert not world.exported


def trail(*kinds: str) -> list[dict[str, Any]]:
    """The newest first."""
    return [{"id": str(place), "type": f"{kind}.grade"} for place, kind in enumerate(kinds)]


APPROVED = "reviewer.audit.log.finalized"
GIVEN = "assessor.audit.log.submit"


@pytest.mark.parametrize("is_another", [True, False])
def test_an_approval_of_another_grade_is_none_of_the_one_that_was_read(
    make_flow: MakeFlow, world: World, is_another: bool
) -> None:
    """The reviewer decides otherwise between our reading of the grades and our reading of who has approved them."""
    world.state = 3
    flow = make_flow(people=1, instant_export=True, grade_decided_by="reviewer", state=3)
    (number,) = world.grades
    world.trails[number] = trail(APPROVED)
    collect_grades(flow)
    (attempt,) = start_export(flow=flow, trigger="instant", enqueue=False)
    world.trails[number] = trail(GIVEN, APPROVED)  # the assessor gives the same grade anew
    read = world.assessments

    def then_decides() -> list[dict[str, Any]]:
        rows = read()
        world.trails[number] = trail(APPROVED, GIVEN, APPROVED)
        world.grades[number] = "4" if is_another else "5"
        return rows

    world.assessments = then_decides  # type: ignore[method-assign]
    assert send_attempt(attempt.pk) == ("failed" if is_another else "exported")
    assert len(world.exported) == (0 if is_another else 1)


# --- What its worker has only just started ------------------------------------------------------------------------


def do_nothing(flow: Flow, world: World) -> None:
    """The list is as it was."""


def exchange_in_ladok(flow: Flow, world: World) -> None:
    (code,) = world.listed
    one, other = world.listed[code].values()
    one["uniqueExamId"], other["uniqueExamId"] = other["uniqueExamId"], one["uniqueExamId"]


def exchange_by_a_synchronisation(flow: Flow, world: World) -> None:
    """It has read of it before we do, to whom the list says nothing new then."""
    rows = list(Registration.objects.filter(code__flow=flow).order_by("participant"))
    for row, number in zip(rows, [rows[1].unique_exam_id, rows[0].unique_exam_id], strict=True):
        row.unique_exam_id = number
        row.save()
    flow.codes.update(list_read_at=F("list_read_at") + dt.timedelta(microseconds=1))


def be_gone(flow: Flow, world: World) -> None:
    (code,) = world.listed
    world.listed[code].pop(flow.participants.last().pk)


def have_handed_in_nothing(flow: Flow, world: World) -> None:
    """WISEflow has been asked for the papers: one of the two who passed has none."""
    Paper.objects.create(participant=flow.participants.last(), state=Paper.State.NOTHING)
    Flow.objects.filter(pk=flow.pk).update(papers_read_at=timezone.now())


def be_deactivated_by_hand(flow: Flow, world: World) -> None:
    """A synchronisation has read the list before an export did, which has written it down since, and the participants after that."""
    flow.participants.update(is_active=False, is_activation_manual=True)
    Flow.objects.filter(pk=flow.pk).update(synced_at=timezone.now())


WHEN = {"the list": lambda world, work: setattr(world, "at_list", once(work)), "grades": while_grades_are_read}
# What is sent then, or why nothing is
THEN: dict[Callable[[Flow, World], None], str] = {
    do_nothing: "both",
    exchange_in_ladok: "exchanged",
    exchange_by_a_synchronisation: "exchanged",
    be_gone: "one",
    have_handed_in_nothing: "one",
    be_deactivated_by_hand: "attempt.people_changed",
    lambda flow, _: take_the_right(flow): "attempt.right_gone",
    lambda flow, _: forbid_people_by_hand(flow): "attempt.people_changed",
}


@pytest.mark.parametrize("is_ordered", [True, False], ids=["ordered", "started before"])
@pytest.mark.parametrize("when", ["the list", "grades"])
@pytest.mark.parametrize("decide", THEN)
def test_what_was_looked_at_a_moment_ago_counts_only_while_it_is_so(
    make_flow: MakeFlow, world: World, monkeypatch: pytest.MonkeyPatch, decide: Any, when: str, *, is_ordered: bool
) -> None:
    """The worker who carries out an order has just looked at everybody, and sends the same as one who comes later."""
    monkeypatch.setattr(ordering, "MOST_AT_ONCE", -1 if is_ordered else 200)  # the setting of a limit, not our code
    flow = make_flow(people=2, source={"accepts_manual_participants": True})
    flow.codes.update(list_read_at=in_hours(-1))
    numbers = [person.unique_exam_id for person in flow.participants.all()]
    (attempt,) = ordering.start_or_order(flow, Order(asking=Asking.FIRST), requested_by=flow.created_by)
    assert bool(attempt.order) is is_ordered
    WHEN[when](world, lambda: decide(flow, world))
    while send_attempt(attempt.pk) == "queued":
        pass
    attempt.refresh_from_db()
    then = THEN[decide]
    is_too_late = when == "grades" and decide in (exchange_in_ladok, be_gone)  # the list has been read
    exported = [line["studentUid"] for call in world.exported for line in call.body["gradeExports"]]
    if then.startswith(("attempt", "export")):
        assert (attempt.message["code"], exported) == (then, [])
    elif then == "one" and not is_too_late:
        assert exported == numbers[:1]
    else:
        is_other_way = then == "exchanged" and not is_too_late
        assert exported == (numbers[::-1] if is_other_way else numbers)


@pytest.mark.parametrize(("read_at", "times"), [(None, 2), (in_hours(-1), 1)], ids=["never read", "read"])
def test_nobody_is_looked_at_twice_while_nothing_changes(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch, read_at: dt.datetime | None, times: int
) -> None:
    monkeypatch.setattr(ordering, "MOST_AT_ONCE", -1)  # the setting of a limit, not our code
    flow = make_flow(people=2)
    flow.codes.update(list_read_at=read_at)
    (attempt,) = ordering.start_or_order(flow, Order(asking=Asking.FIRST), requested_by=flow.created_by)
    with CaptureQueriesContext(connection) as queries:
        assert send_attempt(attempt.pk) == "exported"
    asked = [query["sql"] for query in queries]
    sent = next(number for number, sql in enumerate(asked) if sql.startswith("UPDATE") and "body_sha256" in sql)
    assert sum('JOIN "exports_assessment"' in sql for sql in asked[:sent]) == times


# --- The way to Ladok ----------------------------------------------------------------------------------------------


def move(flow: Flow) -> None:
    Source.objects.filter(pk=flow.source_id).update(ladok_url=F("wiseflow_url"))


def name_another_path(flow: Flow) -> None:
    Source.objects.filter(pk=flow.source_id).update(ladok_paths={"export": "/elsewhere/{code}"})


def choose_another_method(flow: Flow) -> None:
    Source.objects.filter(pk=flow.source_id).update(export_method="PATCH")


def write_an_expression(flow: Flow) -> None:
    Source.objects.filter(pk=flow.source_id).update(export_body="{gradeExports: gradeExports, from: `here`}")


def be_another_university(flow: Flow) -> None:
    Source.objects.filter(pk=flow.source_id).update(university="oru")


def take_back_the_token(flow: Flow) -> None:
    flow.source.credentials.filter(system="ladok").update(enabled=False)


def give_another_token(flow: Flow) -> None:
    flow.source.credentials.filter(system="ladok").update(client_id="another")


WAYS = (
    move, name_another_path, choose_another_method, write_an_expression, be_another_university, take_back_the_token,
    give_another_token,
)  # fmt: skip


@pytest.mark.parametrize("change", WAYS)
@pytest.mark.parametrize("is_early", [True, False], ids=["while the list is read", "while grades are read"])
def test_nothing_leaves_by_a_way_that_has_been_changed_meanwhile(
    make_flow: MakeFlow, world: World, change: Callable[[Flow], None], is_early: bool
) -> None:
    flow = make_flow()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    if is_early:
        world.at_list = once(lambda: change(flow))
    else:
        while_grades_are_read(world, lambda: change(flow))
    assert send_attempt(attempt.pk) in ("queued", "failed")
    assert not world.exported


def test_what_changes_nothing_of_an_attempt_only_has_it_prepared_anew(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    while_grades_are_read(world, lambda: flow.codes.update(list_read_at=timezone.now()))
    assert send_attempt(attempt.pk) == "queued"
    assert send_attempt(attempt.pk) == "exported"
    assert len(world.exported) == 1


# --- What starts by itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["instant_export", "exports_when_marking_ends"])
def test_nothing_starts_by_itself_that_has_been_switched_off_meanwhile(make_flow: MakeFlow, name: str) -> None:
    flow = make_flow(**{name: True})
    Flow.objects.filter(pk=flow.pk).update(**{name: False})  # while it was read who has handed in
    assert export_automatically(flow) == []
    assert not ExportAttempt.objects.exists()


def test_an_export_at_the_end_of_marking_starts_once_for_two_who_have_found_it_due(make_flow: MakeFlow) -> None:
    flow = make_flow(exports_when_marking_ends=True)
    late = Flow.objects.select_related("source").get(pk=flow.pk)
    (attempt,) = export_automatically(flow)
    assert send_attempt(attempt.pk) == "exported"
    with pytest.raises(Refused):
        start_export(flow=late, trigger="marking_end", enqueue=False)


# --- Codes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("goes_to", ["one", "each"])
def test_a_code_that_is_added_while_a_grade_is_sent_changes_no_place(
    make_flow: MakeFlow, world: World, goes_to: str
) -> None:
    """Of whom one grade went to each code, another would go to one; and the other way round."""
    world.state = 1
    flow = make_flow(people=0, codes=["A", "B"], state=1, instant_export=True, grade_goes_to=goes_to)
    on_both(flow, world)
    world.listed["C"] = {}
    other = "one" if goes_to == "each" else "each"
    world.at_list = once(lambda: start_export(flow=Flow.objects.get(pk=flow.pk), trigger="instant", enqueue=False))
    with pytest.raises(Refused) as caught:
        add_code(flow=flow, code="C", by=flow.created_by, grade_goes_to=other, enqueue=False)
    assert caught.value.message.code == "place.sent"
    flow.refresh_from_db()
    assert (flow.grade_goes_to, flow.codes.count()) == (goes_to, 2)
    assert add_code(flow=flow, code="C", by=flow.created_by, enqueue=False).position == 2
    flow.refresh_from_db()
    assert flow.grade_goes_to == goes_to


def test_the_last_code_of_a_flow_that_has_been_purged_meanwhile_stays(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    (code,) = flow.codes.all()
    assert removal_of(flow=flow, code=code, phase=phase_of(flow)).refusal is None
    stale = Flow.objects.select_related("source").get(pk=flow.pk)
    Flow.objects.filter(pk=flow.pk).update(purged_at=in_hours(0))
    with pytest.raises(Refused) as caught:
        remove_code(flow=stale, code=code, by=flow.created_by, enqueue=False)
    assert caught.value.message.code == "sources.purged"


# --- Flows that are gone -------------------------------------------------------------------------------------------


def purge(flow: Flow) -> None:
    Flow.objects.filter(pk=flow.pk).update(purged_at=timezone.now())


def let_go(flow: Flow) -> None:
    gone = {"released_at": timezone.now(), "released_as": "kept", "setup_state": "stopped", "wiseflow_id": None}
    Flow.objects.filter(pk=flow.pk).update(**gone)


@pytest.mark.parametrize("end", [purge, let_go])
def test_no_grades_are_kept_of_a_flow_that_has_ended_while_they_were_read(
    make_flow: MakeFlow, world: World, end: Callable[[Flow], None]
) -> None:
    flow = make_flow(state=3)
    before = flow.collected_at
    while_grades_are_read(world, lambda: end(flow))
    with pytest.raises(Refused):
        collect_grades(flow)
    flow.refresh_from_db()
    assert (flow.collected_at, flow.state) == (before, 3)


@pytest.mark.parametrize("end", [purge, let_go])
def test_nothing_is_said_of_a_flow_that_has_ended_while_it_was_looked_at(
    make_flow: MakeFlow, world: World, end: Callable[[Flow], None]
) -> None:
    flow = make_flow(adoption=Flow.Adoption.UNSAID)
    left = [lambda: None, once(lambda: end(flow))]  # first grades are collected, then it is looked at
    read = world.assessments

    def meanwhile() -> list[dict[str, Any]]:
        left.pop(0)()
        return read()

    world.assessments = meanwhile  # type: ignore[method-assign]
    with pytest.raises(Refused):
        say(Which.NONE, flow=flow, by=flow.created_by, reason="Sett i Ladok")
    flow.refresh_from_db()
    assert (left, flow.adoption) == ([], Flow.Adoption.UNSAID)


@pytest.mark.parametrize("end", [purge, let_go])
def test_nothing_is_synchronised_that_has_ended_meanwhile(make_flow: MakeFlow, end: Callable[[Flow], None]) -> None:
    flow = make_flow()
    end(flow)
    with pytest.raises(Refused):
        request_sync(flow=flow, trigger="manager", enqueue=False)
    assert not flow.sync_runs.exists()


# --- Phase and dates -----------------------------------------------------------------------------------------------


def test_a_phase_that_was_read_earlier_is_not_written_over_one_that_a_synchronisation_has_found_since(
    make_flow: MakeFlow, world: World
) -> None:
    flow = make_flow(state=3)
    world.state = 3

    def synchronise() -> None:
        world.state = 4
        Flow.objects.filter(pk=flow.pk).update(state=4)

    while_grades_are_read(world, synchronise)
    collect_grades(flow)
    flow.refresh_from_db()
    assert flow.state == 4
