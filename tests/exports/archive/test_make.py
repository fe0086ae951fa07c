"""A package has everything there is, once, with its checksums, whatever happens while it is made."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bagit
import pytest
from django.core.management import call_command

from exports.archive import make as making
from exports.archive.make import make_package
from exports.archive.request import go_on, request_package
from exports.models import Package, PackageFile, PackagePerson
from ladokflow.messages import Refused
from ladokflow.sandbox.server import Sandbox
from sources.models import Flow
from sources.papers.read import read_papers
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db
MakeExam = Callable[..., Exam]
FlowOf = Callable[[Exam], Flow]


def requested(flow: Flow, **fields: Any) -> Package:
    return request_package(flow=flow, trigger="command", enqueue=False, **fields)


def folder(package: Package, archive_dir: Path) -> Path:
    return archive_dir / "packages" / package.place


def numbers(exam: Exam) -> list[int]:
    return [exam.identity(each) for each in exam.participants()]


def test_a_package_is_a_bag_with_everything_and_finds_everybody(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    exam = make_exam(people=6)
    one, nothing, blank, member, *_ = numbers(exam)
    sandbox.control.hand_in(exam.wiseflow_id, {nothing: "nothing", blank: "blank", member: f"group:{one}"})
    flow = flow_of(exam)
    read_papers(flow)
    package = requested(flow)
    assert make_package(package.pk) == "ready"
    package.refresh_from_db()
    root = folder(package, archive_dir)
    bag = bagit.Bag(str(root))
    bag.validate()
    assert bag.info["Payload-Oxum"] == f"{package.size}.{package.file_count}"
    assert (package.missing_count, package.done, package.total) == (0, 6, 6)
    assert len(list(root.glob("data/assignment/*.pdf"))) == 2
    rows = {
        row["organisation_id"]: row
        for row in csv.DictReader((root / "data/index.csv").open(encoding="utf-8-sig"), delimiter=";")
    }
    by_number = {each: flow.participants.get(wiseflow_id=each).organisation_id for each in numbers(exam)}
    assert rows.keys() == set(by_number.values())
    kept_in = {each: rows[by_number[each]]["kept_in"] for each in numbers(exam)}
    assert kept_in[member] == kept_in[one] != kept_in[blank]
    for number in numbers(exam):
        papers = list((root / "data" / kept_in[number] / "files").glob("*.pdf"))
        assert bool(papers) is (number not in (nothing, blank))
        assert all(paper.read_bytes().startswith(b"%PDF-1.4") for paper in papers)
        assert json.loads((root / "data/people" / rows[by_number[number]]["folder"][7:] / "marking.json").read_text())
    text = "".join(path.read_text() for path in root.rglob("*.csv")) + (root / "data/index.html").read_text()
    assert not any(person.national_id in text for person in flow.participants.all())
    assert oct(archive_dir.stat().st_mode)[-3:] == "700"
    assert not list((archive_dir / "spool").rglob("*.*"))


def test_a_flow_that_is_answered_item_by_item_has_its_responses(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path
) -> None:
    exam = make_exam(people=2, flow_type="FLOWmulti")
    sandbox.state.data["wiseflow"]["flows"][str(exam.wiseflow_id)]["type"] = 8
    package = requested(flow_of(exam))
    assert make_package(package.pk) == "ready"
    root = folder(package, archive_dir)
    bagit.Bag(str(root)).validate()
    assert len(list(root.rglob("responses.json"))) == 2
    assert {path.name for path in root.glob("data/assignment/*")} >= {"1-questions.pdf", "1-questions.json"}


def test_links_that_have_ended_are_asked_for_anew(make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox) -> None:
    exam = make_exam(people=3)
    sandbox.control.fault("storage", "/*/paper/*", "status", times=2, status=403)
    package = requested(flow_of(exam))
    assert make_package(package.pk) == "ready"
    assert Package.objects.get().missing_count == 0
    asked = [row for row in sandbox.control.received("wiseflow") if "/files/" in row["path"]]
    assert len(asked) == 2
    assert not [row for row in sandbox.control.received("storage") if "x-api-key" in row["headers"]]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "status", "status": 404}, "archive.link_dead"),
        ({"kind": "answer", "body": "short", "status": 200}, "archive.other_size"),
    ],
)
def test_a_file_that_cannot_be_had_is_told_and_the_others_are_there(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, fault: dict[str, Any], code: str
) -> None:
    exam = make_exam(people=3)
    first = numbers(exam)[0]
    sandbox.control.fault("storage", f"/*/paper/{first}0", times=-1, **fault)
    sandbox.control.set_papers(exam.wiseflow_id, quarantined=[numbers(exam)[1]])
    package = requested(flow_of(exam))
    assert make_package(package.pk) == "ready"
    package.refresh_from_db()
    missing = PackageFile.objects.filter(sha256="")
    assert {row.missing_reason.code for row in missing if row.missing_reason} == {code, "archive.quarantined"}
    assert package.reason is not None
    assert package.reason.code == "archive.ready_but"
    bagit.Bag(str(folder(package, archive_dir))).validate()


def test_a_link_that_leads_inside_is_not_followed(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, settings: Any
) -> None:
    exam = make_exam(people=1)
    row = {"id": 1, "type": "DOCUMENT", "filename": "x.pdf", "contentType": "application/pdf", "size": 3}
    body = {"success": True, "error": None, "data": [row | {"link": "http://169.254.169.254/latest", "createdAt": ""}]}
    sandbox.control.fault("wiseflow", "/flows/*/submissions/*/files", "answer", body=body)
    sandbox.control.fault("wiseflow", "/flows/*/submissions/*/files/1", "status", times=-1, status=404)
    package = requested(flow_of(exam))
    assert make_package(package.pk) == "ready"
    assert PackageFile.objects.get(sha256="").missing_reason.code == "archive.link_inside"


def test_while_the_other_side_is_down_it_rests_and_goes_on_where_it_was(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox
) -> None:
    exam = make_exam(people=4)
    first, _, third, _ = flow_of(exam).participants.order_by("pk").values_list("wiseflow_id", flat=True)
    sandbox.control.fault("storage", f"/*/paper/{third}0", "status", times=-1, status=503)
    package = requested(flow_of(exam))
    assert make_package(package.pk) == "queued"
    assert make_package(package.pk) == "queued"  # it rests
    package.refresh_from_db()
    assert (package.done, package.rests_until is not None) == (2, True)
    sandbox.control.clear_faults()
    sandbox.control.clear_received()
    Package.objects.update(rests_until=None)
    assert make_package(package.pk) == "ready"
    fetched = Counter(row["path"] for row in sandbox.control.received("storage"))
    assert not [path for path in fetched if f"/paper/{first}" in path]


def test_it_stops_when_nothing_comes_of_it_and_a_manager_has_it_gone_on_with(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox
) -> None:
    exam = make_exam(people=1)
    flow = flow_of(exam)
    sandbox.control.fault("wiseflow", "/flows/*/participants", "status", times=-1, status=403)
    package = requested(flow)
    for _ in range(making.MOST_CLAIMS):
        Package.objects.update(rests_until=None)
        make_package(package.pk)
    package.refresh_from_db()
    assert package.state == "failed"
    sandbox.control.clear_faults()
    go_on(package=package, by=flow.created_by)
    assert make_package(package.pk) == "ready"


def test_it_works_in_turns_and_one_worker_at_a_time(make_exam: MakeExam, flow_of: FlowOf, monkeypatch: Any) -> None:
    monkeypatch.setattr(making, "AT_ONCE", 2)  # the setting of a limit, not our code
    package = requested(flow_of(make_exam(people=5)))
    states = [make_package(package.pk, seconds=0) for _ in range(3)]
    assert states == ["queued", "queued", "ready"]
    assert make_package(package.pk) == "ready"  # a queue entry that comes twice
    requested(package.flow)
    with pytest.raises(Refused):
        requested(package.flow)


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_is_complete_afterwards_and_nothing_is_there_twice(
    make_exam: MakeExam, flow_of: FlowOf, sandbox: Sandbox, archive_dir: Path, subprocess_environment: dict[str, str]
) -> None:
    exam = make_exam(people=12)
    package = requested(flow_of(exam))
    environment = subprocess_environment | {"ARCHIVE_DIR": str(archive_dir)}
    code = f"import django; django.setup(); from exports.archive.make import make_package; make_package('{package.pk}')"
    sandbox.control.fault("storage", "/*/paper/*", "latency", times=-1, seconds=0.05)
    for after in (1, 6):
        worker = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not PackagePerson.objects.filter(is_done=True).count() >= after and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert not Package.objects.filter(state="ready").exists()
        long_ago = package.created_at - dt.timedelta(hours=1)
        Package.objects.update(lease_until=long_ago, enqueued_at=long_ago)
        assert len(Package.objects.enqueue_again()) == 1
    done = PackagePerson.objects.filter(is_done=True).count()
    sandbox.control.clear_faults()
    sandbox.control.clear_received()
    assert make_package(package.pk) == "ready"
    bagit.Bag(str(folder(package, archive_dir))).validate()
    package.refresh_from_db()
    assert (package.done, package.missing_count) == (12, 0)
    assert PackageFile.objects.filter(kind="document").count() == 12
    fetched = Counter(row["path"] for row in sandbox.control.received("storage"))
    assert set(fetched.values()) == {1}
    assert len([path for path in fetched if path.endswith("0")]) <= 12 - done + 1


def test_the_command_makes_it_here_and_now(make_exam: MakeExam, archive_dir: Path, capsys: Any) -> None:
    exam = make_exam(people=2)
    call_command("archive", flow=exam.flow, by="anna@liu.example", wait=True, json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["missing"]) == ("ready", 0)
    bagit.Bag(str(archive_dir / "packages" / told["place"])).validate()
