"""Two that read the grades of one flow at the same time: the older news never take the place of the newer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.asking import due_for_collection
from exports.grades.collect import collect_grades
from exports.models import Assessment, ExportAttempt
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source
from tests.exports.test_end_to_end import Exam
from tests.exports.world import World
from tests.factories import SyncRunFactory, in_hours

MakeFlow = Callable[..., Flow]


class SlowReader:
    """Somebody who has read the grades as they are now, and is held up before writing them down."""

    def __init__(self, world: World, work: Callable[[], Any]) -> None:
        self.has_read, self.go_on = threading.Event(), threading.Event()
        self.faults: list[BaseException] = []
        answer, turn = world.assessments, threading.Lock()

        def hold() -> list[dict[str, Any]]:
            rows = answer()
            if turn.acquire(blocking=False):
                self.has_read.set()
                assert self.go_on.wait(60)
            return rows

        def run() -> None:
            try:
                work()
            except BaseException as fault:
                self.faults.append(fault)
            finally:
                connection.close()

        world.assessments = hold  # type: ignore[method-assign]
        self.thread = threading.Thread(target=run)
        self.thread.start()
        assert self.has_read.wait(60)

    def finish(self) -> None:
        self.go_on.set()
        self.thread.join(60)
        assert not self.thread.is_alive()
        assert self.faults == []


@pytest.fixture
def slow(world: World) -> Iterator[Callable[[Callable[[], Any]], SlowReader]]:
    made: list[SlowReader] = []

    def make(work: Callable[[], Any]) -> SlowReader:
        made.append(SlowReader(world, work))
        return made[-1]

    yield make
    for reader in made:
        reader.go_on.set()
        reader.thread.join(60)


def grade_of(flow: Flow) -> str:
    return Assessment.objects.get(participant__flow=flow).grade


def test_an_older_reading_that_comes_late_changes_nothing(
    transactional_db: None, make_flow: MakeFlow, world: World, slow: Any
) -> None:
    flow = make_flow(people=1, grade="3")
    (number,) = world.grades
    reader = slow(lambda: collect_grades(Flow.objects.get(pk=flow.pk)))
    world.grades[number] = "5"
    collect_grades(Flow.objects.get(pk=flow.pk))
    newest = Flow.objects.get(pk=flow.pk).collected_at
    reader.finish()
    assert grade_of(flow) == "5"
    assert Flow.objects.get(pk=flow.pk).collected_at == newest
    world.grades[number] = "4"
    assert collect_grades(flow) == 1
    assert grade_of(flow) == "4"


def test_an_older_reading_takes_away_no_newer_phase_and_brings_back_no_grade(
    transactional_db: None, make_flow: MakeFlow, world: World, slow: Any
) -> None:
    flow = make_flow(people=1, grade="3")
    world.state = 3
    reader = slow(lambda: collect_grades(Flow.objects.get(pk=flow.pk)))
    world.state = 4
    world.grades.clear()
    collect_grades(Flow.objects.get(pk=flow.pk))
    reader.finish()
    assert (Flow.objects.get(pk=flow.pk).state, grade_of(flow)) == (4, "")


def test_what_an_export_has_read_is_not_undone_by_an_older_collection(
    transactional_db: None, make_flow: MakeFlow, world: World, slow: Any
) -> None:
    """The last comparison before sending is a reading too: it found a changed grade, and stored it."""
    flow = make_flow(people=1, grade="3")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    reader = slow(lambda: collect_grades(Flow.objects.get(pk=flow.pk)))
    (number,) = world.grades
    world.grades[number] = "5"
    assert send_attempt(attempt.pk) == "failed"
    reader.finish()
    assert grade_of(flow) == "5"


def test_what_an_export_has_read_undoes_no_newer_collection(
    transactional_db: None, make_flow: MakeFlow, world: World, slow: Any
) -> None:
    flow = make_flow(people=1, grade="3")
    (number,) = world.grades
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    world.grades[number] = "4"  # which the comparison finds, and would store
    reader = slow(lambda: send_attempt(attempt.pk))
    world.grades[number] = "5"
    collect_grades(Flow.objects.get(pk=flow.pk))
    reader.finish()
    assert grade_of(flow) == "5"
    assert ExportAttempt.objects.get().message["code"] == "attempt.grades_changed"
    assert world.exported == []


@pytest.mark.django_db
def test_a_clock_that_was_wrong_once_keeps_nobody_from_collecting(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, grade="3")
    Flow.objects.filter(pk=flow.pk).update(collected_at=in_hours(48))
    (number,) = world.grades
    world.grades[number] = "5"
    collect_grades(flow)
    assert grade_of(flow) == "5"
    assert Flow.objects.get(pk=flow.pk).collected_at < timezone.now()


@pytest.mark.parametrize(("state", "is_read_again"), [(4, True), (5, True), (3, False)])
def test_what_a_synchronisation_finds_to_have_ended_is_read_once_more(
    make_flow: MakeFlow, world: World, state: int, is_read_again: bool
) -> None:
    """The last grades may have been given after the last reading, and nobody reads a flow in the archive by the hour."""
    flow = make_flow(people=1, state=state)
    world.state = state
    due = Flow.objects.filter(due_for_collection(timezone.now()))
    Flow.objects.update(collected_at=in_hours(-0.1))
    assert not due.exists()
    SyncRunFactory(flow=flow)
    assert due.exists() is is_read_again
    collect_grades(flow)
    assert not due.exists()


def test_a_second_account_with_the_same_organisation_id_does_not_lend_its_grade(liu: Source, sandbox: Sandbox) -> None:
    """WISEflow lets several users have one identifier. The one that was on the flow first is the one we know."""
    assert liu.accepts_manual_participants
    exam = Exam(liu, sandbox.control, people=1)
    flow = Flow.objects.get(pk=exam.flow)
    person = flow.participants.get()
    second = sandbox.control.add_participant_by_hand(exam.wiseflow_id, person.organisation_id, is_another=True)
    sandbox.control.grade(exam.wiseflow_id, {person.wiseflow_id: "5", second: "U"})
    sandbox.control.end_marking(exam.wiseflow_id)
    for _ in range(2):
        collect_grades(flow)
    rows = flow.participants.order_by("pk").values_list("wiseflow_id", "organisation_id", "assessment__grade")
    assert list(rows) == [(person.wiseflow_id, person.organisation_id, "5"), (second, "", "U")]
    flow.refresh_from_db()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert send_attempt(attempt.pk) == "exported"
    assert [(row["organisationId"], row["grade"]) for row in exam.ledger()] == [(person.organisation_id, "5")]
    flow.refresh_from_db()
    assert (flow.export_state, flow.export_message["code"]) == ("pending", "export.held_back")


@pytest.mark.parametrize("is_same", [True, False])
def test_who_takes_the_place_of_another_with_one_organisation_id_is_not_taken_for_them(
    liu: Source, sandbox: Sandbox, is_same: bool
) -> None:
    """A user name may be given to somebody new. Whoever is taken off in WISEflow and put back with another account is still herself."""
    exam = Exam(liu, sandbox.control, people=1)
    flow = Flow.objects.get(pk=exam.flow)
    person = flow.participants.get()
    sandbox.control.remove_participant_by_hand(exam.wiseflow_id, person.wiseflow_id)
    national_id = person.national_id[2:] if is_same else "198502022345"
    other = sandbox.control.add_participant_by_hand(
        exam.wiseflow_id, person.organisation_id.upper(), is_another=True, national_id=national_id
    )
    sandbox.control.grade(exam.wiseflow_id, {other: "5"})
    sandbox.control.end_marking(exam.wiseflow_id)
    collect_grades(flow)
    with contextlib.nullcontext() if is_same else pytest.raises(CommandError):
        call_command("export", "--flow", str(exam.flow), "--by", exam.by, "--wait")
    assert [row["grade"] for row in exam.ledger()] == ["5"] * is_same
    assert exam.status()["state"] == ("exported" if is_same else "pending")


def test_of_two_accounts_that_come_for_one_person_none_is_chosen(liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=1)
    flow = Flow.objects.get(pk=exam.flow)
    person = flow.participants.get()
    sandbox.control.remove_participant_by_hand(exam.wiseflow_id, person.wiseflow_id)
    accounts = [
        sandbox.control.add_participant_by_hand(exam.wiseflow_id, person.organisation_id, is_another=True)
        for _ in range(2)
    ]
    sandbox.control.grade(exam.wiseflow_id, dict(zip(accounts, ("5", "U"), strict=True)))
    sandbox.control.end_marking(exam.wiseflow_id)
    for _ in range(2):
        collect_grades(flow)
        rows = flow.participants.exclude(pk=person.pk).order_by("wiseflow_id")
        assert list(rows.values_list("wiseflow_id", "organisation_id")) == [(each, "") for each in accounts]
    with pytest.raises(CommandError):
        call_command("export", "--flow", str(exam.flow), "--by", exam.by, "--wait")
    assert exam.ledger() == []
    assert exam.status()["state"] == "pending"
