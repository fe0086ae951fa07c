"""The suite itself: every test is run somewhere, what was sent is held against the document, and it is told where the time went."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ladokflow.sandbox.server import Sandbox
from sources.models import Source
from tests import durations, recorder
from tests.cases import Cases
from tests.databases import EACH_TEST, EACH_VALUE, ONLY, POSTGRESQL, SHOWN_ON_BOTH, SQLITE, values_to_try
from tests.environment import ROOT
from tests.factories import SourceFactory
from tests.suite import machine_cpu

SAMPLE = """
import pytest

for name in ("db", "chromium", "transactional_db"):
    globals()[name] = pytest.fixture(lambda: None, name=name)

def test_pure(): ...
@pytest.mark.parametrize("value", "abcd")
def test_values(db, value): ...
def test_asking(db): ...
@pytest.mark.django_db
def test_marked(): ...
def test_shown(db, chromium): ...
@pytest.mark.timeout(900)
def test_long(db): ...
def test_last(db): ...
@pytest.mark.parametrize("value", "abc")
def test_commits(transactional_db, value): ...
"""
VALUES = [f"test_values[{value}]" for value in "abcd"]
COMMITS = [f"test_commits[{value}]" for value in "abc"]
EVERYTHING = [
    "test_long",
    "test_pure",
    *VALUES,
    "test_asking",
    "test_marked",
    "test_shown",
    "test_last",
    *COMMITS,
]  # the long one first


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], EVERYTHING),
        (["--share", POSTGRESQL], EVERYTHING),
        (["--share", SQLITE], [VALUES[0], VALUES[-1], "test_last", COMMITS[0], COMMITS[-1]]),
    ],
)
def test_everything_is_run_on_postgresql_and_what_depends_on_the_database_on_sqlite_too(
    options: list[str], expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  django_db\n  timeout\n")
    options = ["-p", "tests.databases", "-p", "no:randomly", "-p", "no:django", "-p", "no:timeout", *options]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "--rootdir",
        str(tmp_path),
        *options,
        str(tmp_path),
    ]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall(r"::(\S+)", done.stdout) == expected


@pytest.mark.parametrize(("share", "tried"), [("", "abcd"), (POSTGRESQL, "abcd"), (SQLITE, "ad")])
def test_cases_are_chosen_as_values_are(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, share: str, tried: str
) -> None:
    monkeypatch.setattr(request.config.option, "share", share)
    assert values_to_try(request.node, list("abcd")) == list(tried)
    assert values_to_try(request.node, ["a"]) == ["a"]


def test_each_case_begins_with_what_the_test_has_made(cases: Cases, liu: Source, sandbox: Sandbox) -> None:
    found = []

    def try_it(name: str) -> None:
        found.append((Source.objects.count(), pickle.dumps(sandbox.state.data), sandbox.control.faults()))
        SourceFactory()
        sandbox.control.add_exam("liu", people=1)
        sandbox.control.fault("liu", "/*", "drop")

    sandbox.control.add_exam("liu", people=1)
    cases.try_each({"first": "first", "second": "second"}, try_it)
    assert len(found) == 2
    assert found[0] == found[1]
    assert found[0][1:] == (pickle.dumps(sandbox.state.data), [])


def test_nothing_short_is_looked_for_in_the_source_of_a_page() -> None:
    """Which holds it by chance now and then, in its tokens: it is looked for in `main_text(page)`."""
    wrong = []
    for path in sorted((ROOT / "tests/pages").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
                wanted, where = (ast.unparse(part) for part in (node.left, node.comparators[0]))
                is_page = not isinstance(node.comparators[0], ast.Subscript)  # as a header is, or a cell
                if re.fullmatch(r"b?'\w{1,4}'", wanted) and is_page and not where.startswith("main_text("):
                    wrong.append(f"{path.name}:{node.lineno}: {wanted} in {where}")
    assert wrong == []


def test_everything_with_a_share_of_its_own_is_there() -> None:
    for place in (*EACH_VALUE, *EACH_TEST, *ONLY, *SHOWN_ON_BOTH):
        file, _, test = place.partition("::")
        name, _, value = test.partition("[")
        text = (ROOT / file).read_text()
        assert f"def {name}" in text, place
        assert value in text, place


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(recorder.FOLDER, str(tmp_path))
    return tmp_path


def request(path: str, **fields: object) -> dict[str, object]:
    headers = {"User-Agent": "LadokFlow/1", "x-api-key": "a secret"}
    return {"method": "GET", "path": f"/wiseflow/v1{path}", "query": "", "headers": headers, "body": b""} | fields


def test_what_was_sent_is_counted_and_looked_at_once_without_its_secret(folder: Path, openapi_path: Path) -> None:
    name = f"/license/{folder.name}"
    recorder.keep("one test", [request("/license/roles"), request(name, body="\u2028".encode())])
    recorder.keep(
        "another", [request(name, body="\u2028".encode()), request("/nonsense", headers={"User-Agent": "curl"})]
    )
    told, problems = recorder.checked(folder)
    assert told.startswith("3 requests to WISEflow, ")
    assert [problem for problem in problems if "there is no such operation" in problem] == [
        f"GET {name}: there is no such operation"
    ]
    assert not any("a secret" in file.read_text() for file in folder.iterdir())


def test_requests_that_could_not_be_looked_at_are_told(folder: Path) -> None:
    assert recorder.unchecked(folder) == []
    recorder.keep("a test", [request(f"/license/{folder.name}")])
    (line,) = recorder.unchecked(folder)
    assert line.startswith("1 requests to WISEflow were not held against")


def test_it_is_told_by_folder_where_the_time_went() -> None:
    lines = [
        json.dumps([POSTGRESQL, {"tests/sources/sync/plan/test_a.py": 30, "tests/pages/test_b.py": 8}, {"tests/sources/sync/plan/test_a.py": 4, "tests/pages/test_b.py": 2}]),
        json.dumps([SQLITE, {"tests/sources/sync/test_c.py": 2}, {"tests/sources/sync/test_c.py": 1}]),
    ]  # fmt: skip
    told = durations.table(durations.read(lines))
    assert [line.split() for line in told[1:3]] == [
        ["32", "80", "%", "5", "30", "2", "tests/sources/sync"],
        ["8", "20", "%", "2", "8", "0", "tests/pages"],
    ]


def test_what_any_process_of_the_machine_works_is_counted() -> None:
    before = machine_cpu()
    work = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-S", "-c", work], check=True)
    assert machine_cpu() - before >= 0.25
