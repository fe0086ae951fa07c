"""From Ladok to WISEflow and back, by commands alone, against the sandbox: its ledgers say what was registered, and how often."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.models import ExportAttempt
from ladokflow.sandbox.control import Control
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow, Source

MANAGERS = {"liu": "anna@liu.example", "oru": "olle@oru.example", "boras": "bodil@boras.example"}
GRADES = {"liu": ("U", "3", "4", "5"), "oru": ("U", "G", "VG"), "boras": ("U", "G", "VG")}

pytestmark = pytest.mark.django_db


def run(*arguments: str, fails: bool = False) -> dict[str, Any]:
    """What the command prints; `fails` says that it is to end with status 1."""
    out = io.StringIO()
    if fails:
        with pytest.raises(CommandError):
            call_command(*arguments, "--json", stdout=out)
    else:
        call_command(*arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


class Exam:
    """An exam that has been created and written, or with `is_written` False is being written."""

    def __init__(
        self, source: Source, control: Control, people: int = 5, *, is_written: bool = True, **fields: Any
    ) -> None:
        self.source, self.control, self.slug = source, control, source.slug
        self.by = MANAGERS[source.slug]
        self.code = control.add_exam(source.slug, people=people, **fields)
        made = run("createflow", "--source", source.slug, "--code", self.code, "--manager", self.by)
        self.flow, self.wiseflow_id = made["flow"], made["wiseflowFlow"]
        control.activate(self.wiseflow_id)
        control.start_participation(self.wiseflow_id)
        if is_written:
            control.end_participation(self.wiseflow_id)

    def participants(self) -> list[dict[str, Any]]:
        return list(self.control.flow(self.wiseflow_id)["participants"])

    def grade(self, *, skip: int = 0, end: bool = True) -> dict[int, str]:
        ids = [self.identity(each) for each in self.participants()]
        scale = GRADES[self.slug]
        grades: dict[int, str | None] = {
            each: scale[place % len(scale)] for place, each in enumerate(ids[: len(ids) - skip])
        }
        self.control.grade(self.wiseflow_id, grades=grades)
        if end:
            self.control.end_marking(self.wiseflow_id)
        return {each: grade for each, grade in grades.items() if grade}

    @staticmethod
    def identity(participant: dict[str, Any]) -> int:
        return int(participant.get("id") or participant["participantId"])

    def export(self, command: str = "export", **options: Any) -> dict[str, Any]:
        return run(command, "--flow", str(self.flow), "--by", self.by, "--wait", **options)

    def status(self) -> dict[str, Any]:
        return run("flowstatus", "--flow", str(self.flow))

    def ledger(self) -> list[dict[str, Any]]:
        return self.control.grades(self.slug, self.code)

    def sent(self) -> list[Any]:
        return [
            json.loads(call["body"])
            for call in self.control.received(self.slug)
            if call["method"] in ("POST", "PATCH") and call["body"]
        ]


@pytest.mark.parametrize("slug", ["liu", "oru", "boras"])
def test_grades_come_back_once_each_under_the_right_identifiers(slug: str, load_source: Any, sandbox: Sandbox) -> None:
    exam = Exam(load_source(slug), sandbox.control)
    grades = exam.grade(skip=1)
    assert run("collect", "--flow", str(exam.flow)) == {"flows": [{"flow": exam.flow, "assessments": 4}]}
    found = exam.export()
    assert (found["state"], found["sent"], found["exported"], found["failed"], found["unknown"]) == (
        "exported",
        4,
        4,
        0,
        0,
    )
    ledger = exam.ledger()
    assert sorted(row["grade"] for row in ledger) == sorted(grades.values())
    assert [row["times"] for row in ledger] == [1] * 4
    people = {row["organisationId"]: row for row in exam.status()["participants"]}
    assert sorted(row["state"] for row in people.values()) == ["exported"] * 4 + ["pending"]
    (body,) = exam.sent()
    lines = body["gradeExports"]
    if slug == "boras":
        assert body["managers"] == [{"federeradIdentitet": "bodil@boras.example"}]
        assert {line["federeradIdentitet"] for line in lines} <= set(people)
        assert all(set(line) == {"federeradIdentitet", "studentUID", "personnummer", "grade"} for line in lines)
    else:
        key = {"liu": "studentUid", "oru": "studentUid"}[slug]
        assert {line[key] for line in lines} <= {row["uniqueExamId"] for row in people.values()}


def test_the_sender_goes_by_the_id_that_is_right_when_the_request_leaves(
    boras: Source, bodil: Any, sandbox: Sandbox
) -> None:
    """The membership's id was wrong, and has been corrected since the start: Ladok knows nobody by the former one."""
    exam = Exam(boras, sandbox.control, people=2)
    exam.grade()
    run("collect", "--flow", str(exam.flow))
    membership = boras.memberships.filter(user=bodil)
    right = membership.get().organisation_id
    membership.update(organisation_id="former@boras.example")
    (attempt,) = start_export(flow=Flow.objects.get(pk=exam.flow), requested_by=bodil, enqueue=False)
    membership.update(organisation_id=right)
    assert send_attempt(attempt.pk) == "exported"
    attempt.refresh_from_db()
    assert attempt.managers == [right]
    assert [row["times"] for row in exam.ledger()] == [1, 1]


@pytest.mark.parametrize(("slug", "key"), [("liu", "liUID"), ("oru", "studentUid")])
def test_someone_added_by_hand_goes_by_organisation_id(slug: str, key: str, load_source: Any, sandbox: Sandbox) -> None:
    exam = Exam(load_source(slug), sandbox.control, people=2)
    here = {row["organisationId"] for row in exam.status()["participants"]}
    late = next(row["organisation_id"] for row in exam.control.students(slug) if row["organisation_id"] not in here)
    added = exam.control.add_participant_by_hand(exam.wiseflow_id, late)
    assert added in exam.grade()
    assert exam.export()["exported"] == 3
    assert late in [line.get(key) for line in exam.sent()[0]["gradeExports"]]


def test_boras_takes_nobody_added_by_hand(boras: Source, sandbox: Sandbox) -> None:
    exam = Exam(boras, sandbox.control, people=2)
    exam.control.add_participant_by_hand(exam.wiseflow_id, "hanha123@student.boras.example")
    exam.grade()
    assert exam.export()["exported"] == 2
    by_hand = next(row for row in exam.status()["participants"] if row["organisationId"].startswith("hanha123"))
    assert (by_hand["state"], by_hand["message"][:13]) == ("pending", "Added by hand")


def test_boras_gets_points(boras: Source, sandbox: Sandbox) -> None:
    exam = Exam(boras, sandbox.control, people=2)
    exam.grade(end=False)
    first, second = (exam.identity(each) for each in exam.participants())
    exam.control.grade(exam.wiseflow_id, points={first: 42, second: 17.5})
    exam.control.end_marking(exam.wiseflow_id)
    exam.export()
    assert sorted(line["grade"]["poang"] for line in exam.sent()[0]["gradeExports"]) == [17.5, 42]


def test_rejected_people_fail_and_retry_sends_exactly_those(liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control)
    exam.grade()
    rejected = sorted(row["uniqueExamId"] for row in exam.status()["participants"])[:2]
    for place, identifier in enumerate(rejected):
        exam.control.reject("liu", identifier, f"Nej {place}")
    found = exam.export(fails=True)
    assert (found["state"], found["exported"], found["failed"]) == ("failed", 3, 2)
    status = exam.status()
    assert status["state"] == "failed"
    told = " ".join(row["message"] for row in status["participants"] if row["state"] == "failed")
    assert "Nej 0" in told
    assert "Nej 1" in told
    assert exam.export("retry", fails=True)["failed"] == 2
    exam.control.clear_rejections("liu")
    assert exam.export("retry")["exported"] == 2
    assert sorted(line["studentUid"] for line in exam.sent()[-1]["gradeExports"]) == rejected
    assert exam.status()["state"] == "exported"
    assert [row["times"] for row in exam.ledger()] == [1] * 5


@pytest.mark.parametrize("honoured", [True, False])
def test_a_lost_answer_is_unknown_and_ladoks_record_settles_it(liu: Source, sandbox: Sandbox, honoured: bool) -> None:
    Source.objects.update(can_read_back=True)
    exam = Exam(liu, sandbox.control, people=3)
    exam.control.set_idempotency("liu", honoured)
    exam.control.set_read_back("liu", True)
    exam.grade()
    exam.control.fault("liu", "/exams/*/grades", "lost_answer", method="POST")
    found = exam.export(fails=True)
    assert (found["state"], found["unknown"]) == ("failed", 3)
    settled = run("readback", "--flow", str(exam.flow))
    assert (settled["exported"], settled["failed"], settled["unknown"]) == (3, 0, 0)
    assert exam.status()["state"] == "exported"
    assert [row["times"] for row in exam.ledger()] == [1] * 3


def test_a_retry_after_a_lost_answer_registers_once_where_ladok_honours_the_key(
    liu: Source, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    exam = Exam(liu, sandbox.control, people=3)
    exam.control.set_idempotency("liu", True)
    exam.grade()
    exam.control.fault("liu", "/exams/*/grades", "lost_answer", method="POST")
    assert exam.export(fails=True)["unknown"] == 3
    assert "may be in Ladok already" not in capsys.readouterr().err
    assert exam.export("retry")["exported"] == 3
    assert "3 of these grades may be in Ladok already" in capsys.readouterr().err
    assert [row["times"] for row in exam.ledger()] == [1] * 3


FAULTS = [
    ("status", {"status": 500}, "unknown"),
    ("status", {"status": 503}, "unknown"),
    ("status", {"status": 401}, "failed"),
    ("status", {"status": 429}, "failed"),
    ("html", {}, "unknown"),
    ("cut_body", {}, "unknown"),
    ("wrong_numbers", {}, "unknown"),
    ("drop", {}, "unknown"),
]


@pytest.mark.parametrize(("kind", "options", "state"), FAULTS)
def test_each_fault_of_ladoks_ends_in_its_state_and_nothing_is_repeated(
    liu: Source, sandbox: Sandbox, kind: str, options: dict[str, Any], state: str
) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    exam.grade()
    exam.control.fault("liu", "/exams/*/grades", kind, times=-1, method="POST", **options)
    found = exam.export(fails=True)
    assert (found["state"], found[state]) == ("failed", 2)
    assert len([call for call in exam.control.received("liu") if call["method"] == "POST"]) == 1
    assert all(row["times"] == 1 for row in exam.ledger())
    assert exam.status()["state"] == "failed"


def test_a_second_export_and_a_needless_retry_are_refused_in_one_line(liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    exam.grade(end=False)
    call = ["--flow", str(exam.flow), "--by", exam.by, "--wait"]
    with pytest.raises(CommandError, match=r"^Marking ends .*\.$"):
        call_command("export", *call)
    exam.control.end_marking(exam.wiseflow_id)
    exam.export()
    with pytest.raises(CommandError, match=r"^All grades are in Ladok already"):
        call_command("export", *call)
    with pytest.raises(CommandError, match=r"^Nothing has failed"):
        call_command("retry", *call)
    assert ExportAttempt.objects.count() == 1


def test_a_flow_of_another_university_does_not_exist(liu: Source, oru: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=1)
    with pytest.raises(CommandError, match=rf"^There is no flow {exam.flow} for olle@oru.example"):
        call_command("export", "--flow", str(exam.flow), "--by", "olle@oru.example")


def test_a_boras_manager_without_the_right_is_refused(boras: Source, sandbox: Sandbox) -> None:
    exam = Exam(boras, sandbox.control, people=1)
    exam.grade()
    with pytest.raises(CommandError, match="export right"):
        call_command("export", "--flow", str(exam.flow), "--by", "bosse@boras.example")
    assert not exam.ledger()


def test_instant_export_sends_each_grade_once_and_no_alternative(liu: Source, sandbox: Sandbox) -> None:
    from sources.models import Flow

    exam = Exam(liu, sandbox.control, people=3)
    Flow.objects.filter(pk=exam.flow).update(instant_export=True)
    ids = [exam.identity(each) for each in exam.participants()]
    exam.control.grade(exam.wiseflow_id, grades={ids[0]: "5", ids[1]: "3"}, alternative={ids[1]: "4"})
    for _ in range(2):
        run("collect", "--flow", str(exam.flow))
        _work_through_the_queue()
    assert [(row["grade"], row["times"]) for row in exam.ledger()] == [("5", 1)]
    exam.control.grade(exam.wiseflow_id, grades={ids[2]: "U"})
    run("collect", "--flow", str(exam.flow))
    _work_through_the_queue()
    assert sorted(row["grade"] for row in exam.ledger()) == ["5", "U"]
    assert exam.status()["state"] == "pending"
    exam.control.end_marking(exam.wiseflow_id)
    assert exam.export()["exported"] == 1
    assert sorted((row["grade"], row["times"]) for row in exam.ledger()) == [("4", 1), ("5", 1), ("U", 1)]


def test_export_when_marking_ends_runs_by_itself_once(liu: Source, sandbox: Sandbox) -> None:
    from sources.models import Flow

    exam = Exam(liu, sandbox.control, people=2)
    Flow.objects.filter(pk=exam.flow).update(exports_when_marking_ends=True)
    exam.grade(end=False)
    run("collect", "--flow", str(exam.flow))
    assert not ExportAttempt.objects.exists()
    exam.control.end_marking(exam.wiseflow_id)
    exam.control.fault("liu", "/exams/*/grades", "status", status=400, method="POST")
    for _ in range(3):
        run("collect", "--all")
        _work_through_the_queue()
    assert ExportAttempt.objects.count() == 1
    assert exam.status()["state"] == "failed"
    assert exam.export("retry")["exported"] == 2


def _work_through_the_queue() -> None:
    """What a worker does with the entries there are."""
    from exports.attempts.send import send_attempt

    for pk in list(ExportAttempt.objects.filter(state="queued").values_list("pk", flat=True)):
        send_attempt(pk)
