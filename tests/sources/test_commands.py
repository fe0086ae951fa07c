"""The commands as other programs call them: what they print, and how they end."""

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import translation

from exports.command import failure_of
from sources.management.commands.sync import row_of
from sources.models import Flow, FlowPreset
from tests.factories import SyncRunFactory


def run(capsys, *arguments):
    call_command(*arguments)
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    """The one line on stderr; what was printed before it."""
    with pytest.raises(CommandError) as caught:
        call_command(*arguments)
    assert caught.value.returncode == 1
    assert "\n" not in str(caught.value)
    return str(caught.value), capsys.readouterr().out


@pytest.fixture
def create(liu, anna, capsys):
    def create(code, *more):
        return run(
            capsys, "createflow", "--source", "liu", "--code", code, "--manager", "anna@liu.example", "--json", *more
        )

    return create


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=8)


def test_createflow_prints_the_documented_keys(create, code):
    printed = create(code)
    flow = Flow.objects.get()
    assert printed["flow"] == flow.pk
    assert printed["wiseflowFlow"] == flow.wiseflow_id
    assert printed["participants"] == 8
    assert printed["problems"] == []
    assert printed["state"] == "ready"


def test_createflows_tells_of_each_row_and_makes_those_in_order(liu, anna, code, sandbox, capsys, tmp_path):
    FlowPreset.objects.create(source=liu, name="Sal", flow_type="FLOWlock")
    other = sandbox.control.add_exam("liu", people=1)
    table = tmp_path / "list.csv"
    rows = [f"{code};orjha56@liu.example;", "FINNS-INTE;;", f"{other};ny01@liu.example;"]
    table.write_text("\n".join(["Kod;Bedömare;Granskare", *rows]), encoding="cp1252")
    asked = [
        "createflows",
        "--source",
        "liu",
        "--table",
        str(table),
        "--manager",
        "anna@liu.example",
        "--preset",
        "Sal",
    ]
    said, printed = refused(capsys, *asked, "--preview")
    assert "FINNS-INTE" in said
    assert [line.split(":")[0] for line in printed.splitlines()] == [
        f"Line 2, {code}",
        "Line 3, FINNS-INTE",
        f"Line 4, {other}",
    ]
    assert "in order" in printed.splitlines()[0]
    assert "ny01@liu.example" in printed.splitlines()[2]
    assert not Flow.objects.exists()
    refused(capsys, *asked, "--new-user", "ny01@liu.example")
    flows = {flow.codes.get().code: flow for flow in Flow.objects.all()}
    assert set(flows) == {code, other}
    assert {(flow.setup_state, flow.flow_type) for flow in flows.values()} == {("ready", "FLOWlock")}
    assert ("assessor", "ny01@liu.example") in {(p["role"], p["organisation_id"]) for p in flows[other].staff}
    assert "no preset" in refused(capsys, *asked[:-1], "Hem")[0]


def test_createflow_takes_several_codes_a_type_and_instant_export(create, code, sandbox):
    other = sandbox.control.add_exam("liu", people=2)
    create(code, "--code", other, "--type", "FLOWlock", "--instant")
    flow = Flow.objects.get()
    assert [row.code for row in flow.codes.all()] == [code, other]
    assert (flow.flow_type, flow.instant_export) == ("FLOWlock", True)


def test_createflow_speaks_english_whatever_the_site_does(create):
    said = create("TDDE01-TOM")["problems"]
    assert [text.partition(".")[0] for text in said] == ["Nobody is registered for TDDE01-TOM in Ladok"]


@pytest.mark.parametrize(
    ("source", "code", "manager", "said"),
    [
        ("liu", "FINNS-INTE", "anna@liu.example", "Ladok does not know the code FINNS-INTE."),
        ("uu", "X", "anna@liu.example", "There is no source with the short name uu."),
        ("liu", "X", "nobody@liu.example", "nobody@liu.example is not a member of Linköpings universitet."),
        ("liu", "X", "olle@oru.example", "olle@oru.example is not a member of Linköpings universitet."),
    ],
)
def test_createflow_refuses_in_one_line(liu, oru, capsys, source, code, manager, said):
    arguments = ("--source", source, "--code", code, "--manager", manager, "--json")
    line, printed = refused(capsys, "createflow", *arguments)
    assert line.startswith(said)
    assert printed == ""
    assert not Flow.objects.exists()


def test_createflow_after_wiseflow_was_down_goes_on_with_the_same_flow(create, liu, anna, code, sandbox, capsys):
    sandbox.control.fault("wiseflow", "*", "status", times=-1, status=503)
    line, _ = refused(capsys, "createflow", "--source", "liu", "--code", code, "--manager", "anna@liu.example")
    assert line.startswith("WISEflow failed on its own side (HTTP 503).")
    sandbox.control.clear_faults()
    assert create(code)["flow"] == Flow.objects.get().pk


def test_createflow_for_a_code_that_is_taken_names_the_flow(create, code, capsys):
    flow = create(code)["flow"]
    line, _ = refused(
        capsys, "createflow", "--source", "liu", "--code", code, "--manager", "lars@liu.example", "--json"
    )
    assert f"(flow {flow})" in line


def test_sync_prints_the_documented_keys(create, code, sandbox, capsys):
    flow = create(code)["flow"]
    sandbox.control.change_people("liu", code, add=2, remove=1)
    row = run(capsys, "sync", "--flow", str(flow), "--json")["flows"][0]
    assert {
        name: row[name] for name in ("flow", "state", "added", "updated", "removed", "deactivated", "unchanged")
    } == {
        "flow": flow,
        "state": "success",
        "added": 2,
        "updated": 0,
        "removed": 1,
        "deactivated": 0,
        "unchanged": 7,
    }
    assert any(
        "is added: registered for" in text or "made a user in WISEflow and added" in text for text in row["changes"]
    )
    assert row["problems"] == []


def test_sync_preview_tells_and_changes_nothing(create, code, sandbox, capsys):
    flow = create(code)["flow"]
    sandbox.control.change_people("liu", code, add=2)
    preview = run(capsys, "sync", "--flow", str(flow), "--preview", "--json")["flows"][0]
    assert (preview["state"], preview["added"]) == ("success", 2)
    assert len(sandbox.control.flow(Flow.objects.get().wiseflow_id)["participants"]) == 8
    done = run(capsys, "sync", "--flow", str(flow), "--json")["flows"][0]
    assert sorted(done["changes"]) == sorted(preview["changes"])


def test_sync_of_a_source_goes_on_past_a_flow_that_fails(create, code, sandbox, capsys):
    first = create(code)["flow"]
    other = sandbox.control.add_exam("liu", people=2)
    second = create(other)["flow"]
    sandbox.control.remove_exam("liu", code)
    line, printed = refused(capsys, "sync", "--source", "liu", "--json")
    rows = {row["flow"]: row for row in json.loads(printed)["flows"]}
    assert (rows[first]["state"], rows[second]["state"]) == ("failed", "success")
    assert rows[first]["problems"][0].startswith("Ladok does not know the code")
    assert line == "1 of 2 flows failed."


def test_sync_of_one_flow_says_why_it_failed(create, code, sandbox, capsys):
    flow = create(code)["flow"]
    sandbox.control.fault("liu", "*", "status", times=-1, status=503)
    line, printed = refused(capsys, "sync", "--flow", str(flow))
    assert line.startswith("Ladok failed on its own side (HTTP 503).")
    assert f"Flow {flow}: failed" in printed


def test_sync_all_with_no_flows_is_done_as_asked(db, capsys):
    assert run(capsys, "sync", "--all", "--json") == {"flows": []}


def test_sync_of_an_unknown_flow_is_refused(db, capsys):
    assert refused(capsys, "sync", "--flow", "77", "--json") == ("There is no flow 77. Check the number.", "")


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["queued", "running"])
def test_sync_calls_a_run_that_is_open_after_the_wait_failed(state):
    run = SyncRunFactory(state=state)
    with translation.override(None):
        row = row_of(run.flow, run)
    assert row["state"] == "failed"
    assert "has not ended" in row["message"]


@pytest.mark.parametrize(
    ("state", "waited", "fails"),
    [
        ("exported", True, False),
        ("failed", True, True),
        ("queued", True, True),
        ("sending", True, True),
        ("queued", False, False),
        ("failed", False, True),
    ],
)
def test_an_export_that_was_waited_for_and_is_not_exported_has_failed(state, waited, fails):
    assert bool(failure_of({"state": state, "message": ""}, waited=waited)) is fails


def test_createflow_refuses_an_unknown_flow_type_at_once_and_names_those_there_are(liu, anna, capsys, code, sandbox):
    arguments = ("createflow", "--source", "liu", "--code", code, "--manager", "anna@liu.example", "--json")
    told, printed = refused(capsys, *arguments, "--type", "FLOWquantum")
    assert "no flow type FLOWquantum" in told
    assert "FLOWassign" in told
    assert "FLOWlock" in told
    assert printed == ""
    assert not Flow.objects.exists()
    assert run(capsys, *arguments, "--type", "floWLOCK")["state"] == "ready"


def test_createflow_with_an_unknown_template_names_it_and_goes_on_without(create, capsys, code):
    arguments = ("createflow", "--source", "liu", "--code", code, "--manager", "anna@liu.example", "--json")
    told, _printed = refused(capsys, *arguments, "--template", "424242")
    assert "WISEflow has no flow 424242 to copy settings from" in told
    assert create(code)["state"] == "ready"
