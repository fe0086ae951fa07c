"""A package of what another WISEflow than the sandbox's answers: what is there is in it, and what is not there is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bagit
import pytest

from exports.archive.make import make_package
from exports.archive.paths import file_name, folder_of
from exports.archive.request import request_package
from exports.models import Package, PackageFile
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow
from sources.universities.clients import wiseflow_for
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db
MakeExam = Callable[..., Exam]
FlowOf = Callable[[Exam], Flow]


def made(flow: Flow, archive_dir: Path) -> Path:
    package = request_package(flow=flow, trigger="command", enqueue=False)
    assert make_package(package.pk) == "ready", Package.objects.get(pk=package.pk).message
    root = archive_dir / "packages" / package.place
    bagit.Bag(str(root)).validate()
    return root


def missing() -> dict[str, str]:
    """Why each file is not there, by the end of its path."""
    rows = PackageFile.objects.filter(sha256="")
    return {row.path.split("/", 3)[-1]: row.missing_reason.code for row in rows if row.missing_reason}


def listed(*files: dict[str, Any]) -> dict[str, Any]:
    plain = {"type": "DOCUMENT", "filename": "svar.pdf", "contentType": "application/pdf", "size": 3}
    return {"success": True, "error": None, "data": [plain | file for file in files]}


def link_of(sandbox: Sandbox, flow: Flow) -> dict[str, Any]:
    """A file as the sandbox tells of it, with its link."""
    with wiseflow_for(flow.source) as client:
        number = next(each.submission_id for each in client.participants(flow.wiseflow_id or 0))
        found = (client.files(flow.wiseflow_id or 0, number or 0) or [])[0]
    return {"id": found.id, "size": found.size, "link": found.link}


@pytest.mark.parametrize("status", [403, 404])
def test_a_history_of_marking_that_is_not_to_be_had_is_told_and_keeps_nobodys_paper_back(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, status: int
) -> None:
    """As of somebody who is no longer on the flow."""
    exam = make_exam(people=2)
    gone = exam.identity(exam.participants()[0])
    sandbox.control.fault(
        "wiseflow", f"/flows/*/participants/{gone}/marking-audit-trail", "status", times=-1, status=status
    )
    root = made(flow_of(exam), archive_dir)
    assert missing() == {"marking.json": "archive.not_told"}
    assert len(list(root.rglob("*.pdf"))) >= 2
    assert len(list(root.rglob("marking.json"))) == 1


@pytest.mark.parametrize("most", [1, 10])
@pytest.mark.parametrize("said", ["limit", "total", "total as text"])
def test_a_history_of_marking_is_whole_however_short_its_pages_are(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, most: int, said: str
) -> None:
    exam = make_exam(people=1)
    events = [{"id": f"e{number}", "type": "assessor.audit.log.submit.grade"} for number in range(2 * most + 1)]
    path = "/flows/*/participants/*/marking-audit-trail"
    for start in range(0, len(events), most):
        facts = {
            "limit": {"limit": most},
            "total": {"total": len(events)},
            "total as text": {"total": str(len(events))},
        }
        body = {"success": True, "data": {"auditEvents": events[start : start + most]}, "pagination": facts[said]}
        sandbox.control.fault("wiseflow", path, "answer", body=body)
    empty: dict[str, Any] = {"success": True, "error": None, "data": {"auditEvents": []}}
    sandbox.control.fault("wiseflow", path, "answer", times=-1, body=empty)
    (kept,) = made(flow_of(exam), archive_dir).rglob("marking.json")
    assert [event["id"] for event in json.loads(kept.read_text())] == [event["id"] for event in events]


def test_a_history_of_marking_whose_pages_are_all_the_same_comes_to_an_end(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    exam = make_exam(people=1)
    events = [{"id": f"e{number}"} for number in range(100)]
    body = {"success": True, "error": None, "data": {"auditEvents": events}}
    sandbox.control.fault("wiseflow", "/flows/*/participants/*/marking-audit-trail", "answer", times=-1, body=body)
    (kept,) = made(flow_of(exam), archive_dir).rglob("marking.json")
    assert json.loads(kept.read_text()) == events


@pytest.mark.parametrize("status", [403, 404])
def test_answers_and_submissions_that_are_not_told_are_told_as_missing(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, status: int
) -> None:
    exam = make_exam(people=1, flow_type="FLOWmulti")
    for ending in ("", "/responses"):
        sandbox.control.fault("wiseflow", f"/flows/*/submissions/3??????{ending}", "status", times=-1, status=status)
    made(flow_of(exam), archive_dir)
    assert missing() == {"submission.json": "archive.not_told", "responses.json": "archive.not_told"}


@pytest.mark.parametrize("kind", ["not on the list", "no key"])
def test_who_wiseflow_says_nothing_of_is_told_and_is_not_one_who_handed_in_nothing(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, kind: str
) -> None:
    exam = make_exam(people=2)
    first, second = sorted(exam.identity(each) for each in exam.participants())
    rows: list[dict[str, Any]] = [{"participantId": first, "userId": 1, "submissionId": None}]
    rows += [{"participantId": second, "userId": 2}] if kind == "no key" else []
    body = {"success": True, "error": None, "data": rows, "pagination": {"limit": 100, "offset": 0, "total": len(rows)}}
    sandbox.control.fault("wiseflow", "/flows/*/participants", "answer", times=-1, body=body)
    made(flow_of(exam), archive_dir)
    assert missing() == {"files": "archive.not_told"}


def test_the_paper_of_somebody_whom_we_do_not_know_yet_is_told(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    """Added in WISEflow since the last synchronisation."""
    exam = make_exam(people=2)
    rows: list[dict[str, Any]] = [
        {"participantId": exam.identity(each), "userId": number, "submissionId": None}
        for number, each in enumerate(exam.participants())
    ]
    rows += [
        {"participantId": 77, "userId": 8, "submissionId": 9},
        {"participantId": 78, "userId": 9, "submissionId": None},
    ]
    body = {"success": True, "error": None, "data": rows, "pagination": {"limit": 100, "offset": 0, "total": len(rows)}}
    sandbox.control.fault("wiseflow", "/flows/*/participants", "answer", times=-1, body=body)
    made(flow_of(exam), archive_dir)
    assert missing() == {"files": "archive.not_known"}
    assert PackageFile.objects.get(sha256="").path == "data/people/participant-77/files"


@pytest.mark.parametrize("sign", ["a", "å", "答", "𠀋"])
def test_no_name_is_longer_than_a_disk_takes(sign: str) -> None:
    name = file_name(2**62, sign * 300 + ".pdf")
    assert len(name.encode()) <= 255
    assert name.endswith(".pdf")
    assert len(folder_of(sign * 300, 1).encode()) <= 255


@pytest.mark.parametrize(
    "name", ["答" * 300, "CON", "", "../../etc/passwd", "a/b\\c", ".", "a\nb%c.PDF", "e\u0301.pdf"]
)
def test_a_file_is_there_whatever_it_is_called(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, name: str
) -> None:
    exam = make_exam(people=1)
    file = link_of(sandbox, flow_of(exam))
    sandbox.control.fault("wiseflow", "/flows/*/submissions/*/files", "answer", body=listed(file | {"filename": name}))
    root = made(flow_of(exam), archive_dir)
    assert len(list(root.rglob("files/*"))) == 1
    assert missing() == {}


@pytest.mark.parametrize(
    "more",
    [
        {"size": None}, {"size": ""}, {"size": "?"}, {"quarantine": None}, {"quarantine": {}}, {"quarantine": []},
        {"quarantine": False}, {"filename": None, "type": None, "contentType": None},
    ],
)  # fmt: skip
def test_what_is_not_told_of_a_file_does_not_keep_it_out(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, more: dict[str, Any]
) -> None:
    exam = make_exam(people=1)
    file = link_of(sandbox, flow_of(exam))
    sandbox.control.fault("wiseflow", "/flows/*/submissions/*/files", "answer", body=listed(file | more))
    root = made(flow_of(exam), archive_dir)
    assert len(list(root.rglob("files/*"))) == 1


def test_a_list_of_files_that_is_null_is_one_without_files(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    exam = make_exam(people=1)
    body = {"success": True, "error": None, "data": None}
    sandbox.control.fault("wiseflow", "/flows/*/submissions/*/files", "answer", times=-1, body=body)
    made(flow_of(exam), archive_dir)
    assert missing() == {}


def test_a_file_of_no_bytes_is_a_file(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    exam = make_exam(people=1)
    file = link_of(sandbox, flow_of(exam))
    sandbox.control.fault("wiseflow", "/flows/*/submissions/*/files", "answer", body=listed(file | {"size": 0}))
    sandbox.control.fault("storage", "/*/paper/*", "answer", times=-1, body="")
    root = made(flow_of(exam), archive_dir)
    assert [path.stat().st_size for path in root.rglob("files/*")] == [0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_link_that_leads_on_is_followed(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, status: int
) -> None:
    exam = make_exam(people=1)
    file = link_of(sandbox, flow_of(exam))
    number = str(exam.identity(exam.participants()[0]))
    sandbox.control.fault(
        "storage", f"/*/paper/{number}0", "answer", status=status, body="", headers={"Location": file["link"]}
    )
    root = made(flow_of(exam), archive_dir)
    assert len(list(root.rglob("files/*.pdf"))) == 1
    assert missing() == {}


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("http://169.254.169.254/latest", "archive.link_inside"),
        ("", "archive.link_dead"),
        ("file:///etc/passwd", "archive.link_inside"),
        ("itself", "archive.link_dead"),
    ],
)
def test_a_link_that_leads_on_to_nowhere_good_is_told(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, to: str, code: str
) -> None:
    exam = make_exam(people=1)
    file = link_of(sandbox, flow_of(exam))
    number = str(exam.identity(exam.participants()[0]))
    headers = {"Location": file["link"] if to == "itself" else to} if to else {}
    sandbox.control.fault("storage", f"/*/paper/{number}0", "answer", times=-1, status=302, body="", headers=headers)
    made(flow_of(exam), archive_dir)
    assert set(missing().values()) == {code}


def test_a_file_of_the_assignment_that_has_no_link_is_told(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    exam = make_exam(people=1)
    body = [{"id": 1, "assignment": {"name": "tentamen.pdf", "size": 3}, "appendices": None}]
    sandbox.control.fault("wiseflow", "/flow/*/assignments", "answer", times=-1, body=body)
    made(flow_of(exam), archive_dir)
    assert list(missing().values()) == ["archive.link_dead"]
