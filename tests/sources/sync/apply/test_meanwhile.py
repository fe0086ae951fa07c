"""A look right before each writing: what somebody changes in WISEflow between our reading and our writing stays, and is told."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.utils import translation

from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import _resumed, request_flow
from sources.models import Flow, Source, SyncRun
from sources.sync.overrides import follow_again
from sources.sync.run import request_sync, run_sync
from tests.cases import Cases

TEXTS = ("title", "subtitle", "code")
DATES = {
    "participation_start_at": "start",
    "participation_end_at": "end",
    "marking_start_at": "marking_start",
    "marking_end_at": "marking_end",
}
VALUES = (*TEXTS, *DATES)
# Once these have been read nothing has been written yet.
TEXTS_READ, DATES_READ, PEOPLE_READ = "/flows/*/metadata", "/flows/*/dates", "/flows/*/participants"
MINUTES = {"participation_start_at": -50, "participation_end_at": 50, "marking_start_at": 50, "marking_end_at": 50}


def sync(flow: Flow) -> SyncRun:
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
    flow.refresh_from_db()
    return run


def codes_of(run: SyncRun) -> list[str]:
    return [problem.code for problem in run.problem_messages]


class Exam:
    def __init__(self, source: Source, sandbox: Sandbox, manager: Any, *, is_made: bool = True) -> None:
        self.control = sandbox.control
        self.code = self.control.add_exam("liu", people=3, campus="")
        asked = request_flow(source=source, codes=[self.code], requested_by=manager, enqueue=False)
        self.flow = create_flow(asked.pk) if is_made else asked
        self.control.clear_received()

    @property
    def there(self) -> dict[str, Any]:
        return self.control.flow(self.flow.wiseflow_id or 0)

    def value(self, name: str) -> Any:
        return self.there["dates"][DATES[name]] if name in DATES else self.there[name]

    def say(self, *, days: int = 1) -> None:
        """Ladok says something new of every value that may follow; the exam is so many days later."""
        exam = self.control.exam("liu", self.code)
        later = dt.date.fromisoformat(exam["sensurfrist"][:10]) + dt.timedelta(days=7)
        day = dt.date.fromisoformat(exam["examStartDate"][:10]) + dt.timedelta(days=days)
        self.control.change_exam(
            "liu", self.code, courseName="Nytt namn", examTitle="Ny titel", sensurfrist=later.isoformat(),
            examStartDate=day.isoformat(), examEndDate=day.isoformat(), startTime="07:20", endTime="19:40",
        )  # fmt: skip
        # The exam's code cannot change in Ladok: the flow's was another one, which we had written.
        self.control.set_metadata_by_hand(self.flow.wiseflow_id or 0, code="GAMMAL KOD")
        Flow.objects.filter(pk=self.flow.pk).update(followed=self.flow.followed | {"code": "GAMMAL KOD"})

    def by_hand(self, **values: Any) -> None:
        """Somebody changes these between our reading and our writing."""
        dates = {DATES[name]: value for name, value in values.items() if name in DATES}
        texts = {name: value for name, value in values.items() if name in TEXTS}
        for path, action, fields in (
            (DATES_READ, "set_dates_by_hand", dates),
            (TEXTS_READ, "set_metadata_by_hand", texts),
        ):
            if fields:
                arguments = {"flow_id": self.flow.wiseflow_id, "fields": fields}
                self.control.fault("wiseflow", path, "by_hand", method="GET", action=action, arguments=arguments)

    def reads(self) -> list[str]:
        """The calls that look at the flow's own data, in order."""
        return [
            row["path"].rpartition("/")[2]
            for row in self.control.received("wiseflow")
            if row["method"] == "GET" and re.search(r"/flows/\d+/(metadata|dates)$", row["path"])
        ]


@pytest.fixture
def exam(liu: Source, anna: Any, sandbox: Sandbox) -> Exam:
    return Exam(liu, sandbox, anna)


def of_hand(exam: Exam, name: str) -> Any:
    """What somebody makes of a value: neither what was read nor what Ladok says."""
    return exam.value(name) + 60 * MINUTES[name] if name in DATES else "Handskriven"


@pytest.mark.parametrize("others", ["alone", "with all others"])
def test_a_value_that_is_changed_between_reading_and_writing_is_left_alone_and_told(
    exam: Exam, others: str, cases: Cases
) -> None:
    flow_pk = exam.flow.pk

    def change(name: str) -> None:
        exam.flow = Flow.objects.get(pk=flow_pk)
        # An end that somebody has set cannot go with an exam on a later day; and on the same day marking starts as before.
        days = int(name != "participation_end_at")
        exam.say(days=days)
        wanted = of_hand(exam, name)
        changed = {name: wanted}
        if others == "with all others":
            changed = {each: of_hand(exam, each) for each in VALUES}
        before = {each: exam.value(each) for each in VALUES}
        exam.by_hand(**changed)
        run = sync(exam.flow)
        assert run.state == "success"
        assert exam.value(name) == wanted
        assert f"sources.meanwhile.{name}" in codes_of(run)
        assert {code for code in codes_of(run) if code.startswith("sources.meanwhile")} == {
            f"sources.meanwhile.{each}" for each in changed
        }
        # It counts as changed by hand, and the rest follows Ladok.
        assert set(exam.flow.unfollowed) == set(changed)
        if others == "alone":
            assert {each for each in VALUES if exam.value(each) == before[each]} == (
                set() if days else {"marking_start_at"}
            )
        if name in DATES:
            assert getattr(exam.flow, name).timestamp() == wanted
        elif name != "code":
            assert getattr(exam.flow, name) == wanted
        # So it stays.
        assert sync(exam.flow).changes == []
        assert exam.value(name) == wanted
        assert set(exam.flow.unfollowed) == set(changed)

    cases.try_each({name: name for name in VALUES}, change)


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_becomes_ladoks_meanwhile_follows(exam: Exam, anna: Any, name: str) -> None:
    """Who writes by hand what we are about to write has done our work."""
    exam.say()
    before = exam.value(name)
    exam.by_hand(**{name: of_hand(exam, name)})
    sync(exam.flow)
    says = exam.flow.unfollowed[name]["ladok"]
    run = follow_again(flow=exam.flow, field=name, by=anna, enqueue=False)
    assert run is not None
    hand = says if name in TEXTS else int(dt.datetime.fromisoformat(says).timestamp())
    exam.by_hand(**{name: hand})
    done = run_sync(run.pk)
    exam.flow.refresh_from_db()
    assert (done.state, codes_of(done), exam.flow.unfollowed) == ("success", [], {})
    assert exam.value(name) == hand != before


def test_the_manager_reads_what_was_left_alone_and_what_to_do(exam: Exam) -> None:
    exam.say()
    exam.by_hand(title="Handskriven")
    (told,) = sync(exam.flow).problem_messages
    with translation.override("sv"):
        assert str(told) == (
            "Någon ändrade titeln till ”Handskriven” i WISEflow under synkroniseringen. Den behålls och räknas som ändrad för "
            "hand. Om Ladoks värde är det rätta väljer du Följ Ladok igen på flowets sida."
        )


def test_dates_that_do_not_go_together_with_what_somebody_has_set_meanwhile_are_not_written(exam: Exam) -> None:
    exam.say()
    before = {name: exam.value(name) for name in DATES}
    end = exam.value("participation_start_at") - 3600
    exam.by_hand(participation_end_at=end)
    run = sync(exam.flow)
    assert {"sources.meanwhile.participation_end_at", "sources.dates_conflict"} <= set(codes_of(run))
    assert {name: exam.value(name) for name in DATES} == before | {"participation_end_at": end}
    assert exam.value("title").endswith("Nytt namn")


def test_the_first_synchronisation_looks_too(liu: Source, anna: Any, sandbox: Sandbox) -> None:
    """Somebody has the flow open as it is being made."""
    exam = Exam(liu, sandbox, anna, is_made=False)
    sandbox.control.fault("wiseflow", "/flows/*/grading-scale", "drop", method="GET", times=3)
    flow = create_flow(exam.flow.pk)
    exam.flow = Flow.objects.get(pk=flow.pk)
    wanted = exam.value("participation_end_at") + 600
    exam.by_hand(code="För hand", participation_end_at=wanted)
    _resumed(exam.flow, anna, enqueue=False)
    create_flow(exam.flow.pk)
    exam.flow.refresh_from_db()
    assert (exam.value("code"), exam.value("participation_end_at")) == ("För hand", wanted)
    assert set(exam.flow.unfollowed) == {"code", "participation_end_at"}
    assert sync(exam.flow).changes == []


def test_an_unchanged_synchronisation_does_not_look_and_a_changed_one_once_for_each_group(exam: Exam) -> None:
    assert sync(exam.flow).changes == []
    assert sorted(exam.reads()) == ["dates", "metadata"]
    exam.control.clear_received()
    exam.control.change_exam("liu", exam.code, courseName="Nytt namn")
    sync(exam.flow)
    assert sorted(exam.reads()) == ["dates", "metadata", "metadata"]
    exam.control.clear_received()
    exam.control.change_exam("liu", exam.code, endTime="19:40")
    sync(exam.flow)
    assert sorted(exam.reads()) == ["dates", "dates", "metadata"]


# --- One person's end


class Ends:
    """The people of an exam, by organisation id: when each ends in WISEflow, and what Ladok says."""

    def __init__(self, exam: Exam) -> None:
        self.exam, self.control = exam, exam.control
        self.names = [person["LiUId"] for person in self.control.exam("liu", exam.code)["participants"]]

    def say(self, **ends: str) -> None:
        self.control.change_people(
            "liu", self.exam.code, change={self.names[int(key[1:])]: {"endTime": end} for key, end in ends.items()}
        )

    @property
    def general(self) -> int:
        return int(self.exam.value("participation_end_at"))

    def there(self, number: int) -> int:
        row = next(row for row in self.exam.there["participants"] if row["organisationId"] == self.names[number])
        return int(row["end"] or self.general)

    def by_hand(self, number: int, end: int, *, meanwhile: bool) -> None:
        key = next(row["id"] for row in self.exam.there["participants"] if row["organisationId"] == self.names[number])
        arguments = {"flow_id": self.exam.flow.wiseflow_id or 0, "participant_id": key, "end": end}
        if meanwhile:
            self.control.fault(
                "wiseflow", PEOPLE_READ, "by_hand", method="GET", action="set_end_by_hand", arguments=arguments
            )
        else:
            self.control.set_end_by_hand(**arguments)


@pytest.fixture
def ends(exam: Exam) -> Ends:
    """The second one has an end that we have written."""
    ends = Ends(exam)
    ends.say(_0="", _1="20:15", _2="")
    sync(exam.flow)
    return ends


@pytest.mark.parametrize("meanwhile", [True, False], ids=["between our reading and our writing", "long before"])
@pytest.mark.parametrize("number", [0, 1], ids=["of the flow", "of one's own"])
@pytest.mark.parametrize("says", ["20:45", ""])
def test_an_end_that_somebody_has_set_is_kept_and_told_and_the_others_follow(
    exam: Exam, ends: Ends, number: int, says: str, *, meanwhile: bool
) -> None:
    if number == 0 and not says:
        ends.say(_0="20:30")  # what is to be cleared
        sync(exam.flow)
    hand = ends.general + 300
    ends.by_hand(number, hand, meanwhile=meanwhile)
    ends.say(**{f"_{number}": says, "_2": "20:50"})
    run = sync(exam.flow)
    assert (run.state, codes_of(run)) == ("success", ["sources.meanwhile.own_end"])
    assert ends.there(number) == hand
    assert ends.there(2) == ends.general + 3600 * 20 + 60 * 50 - _second_of_day(ends.general)
    with translation.override("sv"):
        assert ends.names[number] in str(run.problem_messages[0])
    # It stays so, and is told, until somebody puts it right there.
    run = sync(exam.flow)
    assert (codes_of(run), ends.there(number)) == (["sources.meanwhile.own_end"], hand)
    ends.by_hand(number, ends.general, meanwhile=False)
    assert codes_of(sync(exam.flow)) == []
    assert (ends.there(number) == ends.general) is (says == "")
    assert sync(exam.flow).changes == []


def _second_of_day(moment: int) -> int:
    here = dt.datetime.fromtimestamp(moment, Source.objects.get().tz)
    return here.hour * 3600 + here.minute * 60


def test_an_end_that_a_run_had_written_when_it_was_cut_off_is_no_hand(exam: Exam, ends: Ends) -> None:
    ends.say(_1="20:45")
    exam.control.fault("wiseflow", "/flows/*/participants/dates", "lost_answer", method="PATCH")
    assert sync(exam.flow).state == "failed"
    written = ends.there(1)
    ends.say(_1="20:55")
    run = sync(exam.flow)
    assert (run.state, codes_of(run)) == ("success", [])
    assert ends.there(1) == written + 600


def test_nobody_is_asked_about_whose_end_does_not_change_or_who_has_just_come_in(exam: Exam, ends: Ends) -> None:
    exam.control.change_people("liu", exam.code, add=1)
    newcomer = exam.control.exam("liu", exam.code)["participants"][-1]["LiUId"]
    exam.control.change_people("liu", exam.code, change={newcomer: {"endTime": "20:20"}})
    ends.say(_1="20:45")
    exam.control.clear_received()
    sync(exam.flow)
    asked = [row for row in exam.control.received("wiseflow") if re.search(r"/participants/\d+/dates$", row["path"])]
    assert len(asked) == 1


# --- The phase, and activations


PHASES = {
    "setup, then activated": ([], "activate"),
    "activated, then written": (["activate"], "start_participation"),
    "written, then marked": (["start_participation"], "end_participation"),
    "written, then concluded": (["start_participation"], "end_marking"),
}


@pytest.mark.parametrize("phases", PHASES)
@pytest.mark.parametrize("kind", ["goes", "comes back"])
def test_nobody_is_taken_off_or_switched_in_a_phase_that_the_plan_did_not_know(
    exam: Exam, phases: str, kind: str
) -> None:
    steps, then = PHASES[phases]
    for step in steps:
        getattr(exam.control, step)(exam.flow.wiseflow_id)
    somebody = exam.control.exam("liu", exam.code)["participants"][0]
    exam.control.change_people("liu", exam.code, remove=[somebody["LiUId"]])
    if kind == "comes back":
        sync(exam.flow)
        exam.control.change_people("liu", exam.code, add=[somebody], exact=True)
    before = {row["organisationId"]: row["is_activated"] for row in exam.there["participants"]}
    exam.control.fault(
        "wiseflow", PEOPLE_READ, "by_hand", method="GET", action=then, arguments={"flow_id": exam.flow.wiseflow_id}
    )
    run = sync(exam.flow)
    assert run.state == "success"
    after = {row["organisationId"]: row["is_activated"] for row in exam.there["participants"]}
    if kind == "comes back" and not steps:
        # Removed in setup, and added again: that is right in the next phase, too.
        assert (after, codes_of(run)) == (before | {somebody["LiUId"]: True}, [])
        return
    assert after == before
    assert "sources.meanwhile.phase" in codes_of(run)
    row = exam.flow.participants.get(organisation_id=somebody["LiUId"])
    assert (row.is_active, row.is_activation_manual) == (before[somebody["LiUId"]], False)


@pytest.mark.parametrize("is_gone", [True, False])
def test_an_activation_that_is_switched_meanwhile_is_what_it_was_to_be(exam: Exam, is_gone: bool) -> None:
    exam.control.start_participation(exam.flow.wiseflow_id or 0)
    somebody = exam.control.exam("liu", exam.code)["participants"][0]
    number = next(row["id"] for row in exam.there["participants"] if row["organisationId"] == somebody["LiUId"])
    exam.control.change_people("liu", exam.code, remove=[somebody["LiUId"]])
    if not is_gone:
        sync(exam.flow)
        exam.control.change_people("liu", exam.code, add=[somebody], exact=True)
    arguments = {"flow_id": exam.flow.wiseflow_id, "participant_id": number, "activated": not is_gone}
    exam.control.fault(
        "wiseflow", PEOPLE_READ, "by_hand", method="GET", action="set_activated_by_hand", arguments=arguments
    )
    assert codes_of(sync(exam.flow)) == []
    row = exam.flow.participants.get(organisation_id=somebody["LiUId"])
    assert (row.is_active, row.is_activation_manual) == (not is_gone, False)
    assert sync(exam.flow).changes == []
