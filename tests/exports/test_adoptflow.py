"""`manage.py adoptflow`, as other programs call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError

from sources.models import Flow, Source
from tests.by_hand import flow_by_hand, written

Run = Any


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[dict[str, Any], str]:
        failure = ""
        try:
            call_command("adoptflow", "--by", "anna@liu.example", "--json", *arguments)
        except CommandError as error:
            failure = str(error)
        printed = capsys.readouterr().out
        return (json.loads(printed) if printed else {}), failure

    return run


def test_from_the_preview_to_what_was_exported_before(sandbox: Any, liu: Source, anna: User, run: Run) -> None:
    code = sandbox.control.add_exam("liu", people=2)
    number = flow_by_hand(sandbox, liu, code)
    people = [person["id"] for person in sandbox.control.flow(number)["participants"]]
    sandbox.control.grade(number, dict.fromkeys(people, "5"), force=True)
    sandbox.control.end_marking(number)
    flow = ("--source", "liu", "--wiseflow", str(number), "--code", code)
    shown, failure = run(*flow, "--preview")
    assert (failure, written(sandbox), Flow.objects.count()) == ("", [], 0)
    assert "Something has changed" in run(*flow, "--seen", "0" * 32)[1]
    (row,) = run(*flow, "--seen", shown["flows"][0]["fingerprint"])[0]["flows"]
    assert (row["state"], row["asksWhatWasExported"], row["message"]) == ("ready", True, "")
    assert "is in LadokFlow already" in run(*flow)[1]

    of_it = ("--flow", str(row["flow"]))
    asked, failure = run(*of_it)
    assert "Which of the flow's grades were exported" in failure
    assert (len(asked["people"]), asked["counts"]) == (2, {"all": 2, "none": 0})
    all_of_them = (*of_it, "--exported", "all")
    assert "It was not said how it is known." in run(*all_of_them)[1]
    assert "Something has changed" in run(*all_of_them, "--reason", "Sett", "--seen", "0" * 32)[1]
    done, failure = run(*all_of_them, "--reason", "Sett", "--seen", asked["fingerprint"])
    assert (done["state"], done["exportedBefore"], failure) == ("exported", 2, "")
    assert "has been said already" in run(*all_of_them, "--reason", "Sett")[1]


def test_a_table_is_done_line_by_line(sandbox: Any, liu: Source, anna: User, run: Run, tmp_path: Path) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    number = flow_by_hand(sandbox, liu)
    table = tmp_path / "flows.csv"
    table.write_text(f"Flöde;Kod\n{number};{code}\n999999;X\n", encoding="cp1252")
    done, failure = run("--source", "liu", "--table", str(table))
    assert [row.get("state", row["message"]) for row in done["flows"]] == ["ready", failure]
    assert "WISEflow has no flow 999999" in failure
    assert Flow.objects.get().title == sandbox.control.flow(number)["title"]
    assert "No such file" in run("--source", "liu", "--table", str(tmp_path / "none"))[1]
