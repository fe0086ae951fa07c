"""Taking over a flow that stands in WISEflow, in every phase, against the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Refused
from sources.flows.adoption import adopt, check, confirm_anew, flows_in, look, look_at
from sources.flows.adoption_table import Pair, number_in, read_table
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source
from sources.sync.run import preview_sync
from tests.by_hand import flow_by_hand, written
from tests.factories import FlowFactory


def rows_of(source: Source, number: int, *codes: str) -> Any:
    return flows_in(check(source, [Pair(str(number), code) for code in codes]))[number]


def taken(source: Source, by: User, number: int, *codes: str, **options: Any) -> Flow:
    flow = adopt(rows_of(source, number, *codes), source, by=by, enqueue=False, **options)
    return create_flow(flow.pk)


def refusals(source: Source, *pairs: tuple[str, str]) -> list[str]:
    checked = check(source, [Pair(flow, code, line) for line, (flow, code) in enumerate(pairs, start=1)])
    return [row.refusal.code.removeprefix("sources.") if row.refusal else "" for row in checked]


# --- What is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("225", 225),
        (" 225 ", 225),
        ("https://europe.wiseflow.net/manager/display.php?id=225", 225),
        ("https://europe.wiseflow.net/flow/225/overview", 225),
        ("https://europe.wiseflow.net/#/flows/225", 225),
        ("https://europe.wiseflow.net/x/7?flowId=225&tab=3", 225),
        ("https://europe.wiseflow.net/4/flow/225", None),
        ("https://europe.wiseflow.net/", None),
        ("TDDE01", None),
        ("0", None),
        ("1" * 30, None),
        ("http://[", None),
        ("", None),
    ],
)
def test_a_flow_is_told_by_its_number_or_a_link_and_never_guessed(text: str, number: int | None) -> None:
    assert number_in(text) == number


def test_a_table_is_read_as_it_is_pasted() -> None:
    text = '\ufeffFlöde;Kod\n225;TDDE01/TEN1\n\n226\tA B, C\n"227","X"\n228'
    assert [(pair.flow, pair.code, pair.line) for pair in read_table(text)] == [
        ("225", "TDDE01/TEN1", 2),
        ("226", "A B, C", 4),
        ("227", "X", 5),
        ("228", "", 6),
    ]
    for text, code in (("\n;\n", "nothing_given"), ("1;A\n" * 51, "too_many")):
        with pytest.raises(Refused) as caught:
            read_table(text)
        assert caught.value.message.code == f"sources.adoption.{code}"


# --- Checking ----------------------------------------------------------------------------------------------------------


def test_each_line_is_checked_and_told_by_itself(sandbox: Any, liu: Source, oru: Source, anna: User) -> None:
    code, other, made = (sandbox.control.add_exam("liu", people=1) for _ in range(3))
    number, elses = flow_by_hand(sandbox, liu), flow_by_hand(sandbox, oru)
    flow = create_flow(request_flow(source=liu, codes=[made], requested_by=anna, enqueue=False).pk)
    assert refusals(
        liu,
        (str(number), code),
        (str(number), other),  # of several codes
        (str(number), code),
        (str(elses), other),
        (str(flow.wiseflow_id), other),
        (str(number), made),
        (str(number), "NO-SUCH"),
        (str(number), ""),
        ("vilket?", code),
    ) == [
        "",
        "",
        "adoption.code_twice",
        "adoption.no_such_flow",
        "adoption.flow_taken",
        "code_taken",
        "ladok.unknown_code",
        "adoption.no_code",
        "adoption.no_number",
    ]


def test_another_day_and_the_former_client_are_told(sandbox: Any, liu: Source) -> None:
    code = sandbox.control.add_exam("liu", people=1)
    number = flow_by_hand(sandbox, liu)
    sandbox.control.set_former_client(number, "LADOK||1")
    (row,) = rows_of(liu, number, code)
    assert {warning.code for warning in row.warnings} == {
        "sources.adoption.other_day",
        "sources.adoption.former_client",
    }


# --- Taking over, in every phase -----------------------------------------------------------------------------------------

PHASES = {
    "setup": (lambda control, number: None, 2),
    "participation": (lambda control, number: control.start_participation(number), 2),
    "marking": (lambda control, number: control.end_participation(number), 0),
    "concluding": (lambda control, number: control.end_marking(number), 0),
    "archived": (lambda control, number: (control.end_marking(number), control.archive(number)), 0),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_flow_is_taken_over_as_it_was_shown_and_nobody_on_it_is_touched(
    sandbox: Any, liu: Source, anna: User, phase: str
) -> None:
    goes_on, added = PHASES[phase]
    code = sandbox.control.add_exam("liu", people=5)
    number = flow_by_hand(sandbox, liu, code, people=3)
    stranger = sandbox.control.add_participant_by_hand(number, "hand001@liu.example")
    goes_on(sandbox.control, number)
    before = sandbox.control.flow(number)
    sandbox.control.clear_received()

    rows = rows_of(liu, number, code)
    shown = look(rows, liu)
    assert written(sandbox) == []
    assert shown.plan.counts["added"] == added
    flow = create_flow(adopt(rows, liu, by=anna, seen=str(shown.fingerprint), enqueue=False).pk)

    assert (flow.setup_state, flow.setup_message, flow.adoption_seen) == ("ready", {}, "")
    assert flow.wiseflow_id == number
    assert flow.synced_at is not None
    now = sandbox.control.flow(number)
    people = {person["id"]: person for person in now["participants"]}
    assert len(people) == 4 + added
    assert all(people[person["id"]]["is_activated"] for person in before["participants"])
    assert stranger in people
    assert now["managers"] == before["managers"]
    assert (now["title"] == before["title"]) == (phase in ("concluding", "archived"))
    assert flow.title == now["title"]
    ours = {row.wiseflow_id for row in flow.participants.filter(is_from_source=True)}
    assert ours == set(people) - {stranger}
    assert flow.codes.get().registrations.filter(is_listed=True).count() == 3 + added
    # Nobody has a grade, and no other client is on the flow: nothing is to be asked.
    assert flow.adoption == Flow.Adoption.SAID
    run = flow.sync_runs.get()
    assert (run.trigger, run.state) == ("adoption", "success")
    assert len(run.changes) == len(shown.plan.changes) or phase == "archived"
    assert preview_sync(flow).changes == ()


def test_several_codes_come_onto_one_flow_and_what_is_to_stay_stays(sandbox: Any, liu: Source, anna: User) -> None:
    first, second = (sandbox.control.add_exam("liu", people=2) for _ in range(2))
    number = flow_by_hand(sandbox, liu, title="Vår egen titel")
    rows = rows_of(liu, number, first, second)
    assert {"title", "code", "participation_start_at"} <= set(look(rows, liu).keepable)
    keeps = ["title", "participation_start_at", "participation_end_at", "marking_start_at", "marking_end_at"]
    before = sandbox.control.flow(number)
    flow = taken(liu, anna, number, first, second, keeps=keeps)
    now = sandbox.control.flow(number)
    assert [now[key] for key in ("title", "dates")] == [before[key] for key in ("title", "dates")]
    assert now["code"] == first
    assert set(flow.unfollowed) == set(keeps)
    assert flow.unfollowed["title"]["wiseflow"] == "Vår egen titel"
    assert {row["description"] for row in now["sources"]} == {first, second}
    assert len(now["participants"]) == 4


def test_references_of_others_stay(sandbox: Any, liu: Source, anna: User) -> None:
    from sources.universities.clients import wiseflow_for

    code = sandbox.control.add_exam("liu", people=1)
    number = flow_by_hand(sandbox, liu)
    with wiseflow_for(liu) as client:
        client.add_external_source(number, "theirs-1", "Deras")
    taken(liu, anna, number, code)
    assert {row["description"] for row in sandbox.control.flow(number)["sources"]} == {"Deras", code}


# --- What has changed since it was shown ---------------------------------------------------------------------------------


def test_what_has_changed_since_it_was_shown_is_not_done(sandbox: Any, liu: Source, anna: User) -> None:
    code = sandbox.control.add_exam("liu", people=2)
    number = flow_by_hand(sandbox, liu)
    rows = rows_of(liu, number, code)
    seen = str(look(rows, liu).fingerprint)
    sandbox.control.change_people("liu", code, add=1)
    rows = rows_of(liu, number, code)
    for old in (seen, "", "0" * 32):
        with pytest.raises(NotAsShown):
            adopt(rows, liu, by=anna, seen=old, enqueue=False)
    with pytest.raises(NotAsShown):
        adopt(rows, liu, by=anna, seen=str(look(rows, liu).fingerprint), keeps=["title"], enqueue=False)
    assert not Flow.objects.filter(wiseflow_id=number).exists()
    assert written(sandbox) == []


def test_a_worker_does_what_was_confirmed_or_nothing(sandbox: Any, liu: Source, anna: User) -> None:
    code = sandbox.control.add_exam("liu", people=2)
    number = flow_by_hand(sandbox, liu)
    flow = adopt(rows_of(liu, number, code), liu, by=anna, enqueue=False)
    sandbox.control.change_people("liu", code, add=1)
    flow = create_flow(flow.pk)
    assert (flow.setup_state, flow.setup_message["code"]) == ("stopped", "sources.adoption.changed")
    assert written(sandbox) == []
    with pytest.raises(NotAsShown):
        confirm_anew(flow, by=anna, seen=flow.adoption_seen)
    flow = create_flow(confirm_anew(flow, by=anna, seen=str(look_at(flow).fingerprint)).pk)
    assert (flow.setup_state, flow.adoption_seen) == ("ready", "")


def test_what_another_flow_has_made_meanwhile_is_no_difference(sandbox: Any, liu: Source, anna: User) -> None:
    """Linköping: both are shown with the room that is made, and with the same newcomer, who is no user yet."""
    first, second = (sandbox.control.add_exam("liu", people=2) for _ in range(2))
    shared = sandbox.control.exam("liu", first)["participants"][0]
    sandbox.control.change_people("liu", second, add=[shared], exact=True)
    numbers = [flow_by_hand(sandbox, liu) for _ in "12"]
    flows = [
        adopt(rows_of(liu, number, code), liu, by=anna, enqueue=False)
        for number, code in zip(numbers, (first, second), strict=True)
    ]
    assert [create_flow(flow.pk).setup_state for flow in flows] == ["ready", "ready"]


# --- Once ------------------------------------------------------------------------------------------------------------------


def test_a_flow_and_a_code_are_taken_over_once(sandbox: Any, liu: Source, anna: User, lars: User) -> None:
    code, other = (sandbox.control.add_exam("liu", people=1) for _ in range(2))
    number, second = flow_by_hand(sandbox, liu), flow_by_hand(sandbox, liu)
    rows, same_flow, same_code = (rows_of(liu, *pair) for pair in ((number, code), (number, other), (second, code)))
    adopt(rows, liu, by=anna, enqueue=False)
    for late in (same_flow, same_code):
        with pytest.raises(Refused) as caught:
            adopt(late, liu, by=lars, enqueue=False)
        assert caught.value.message.code == "sources.adoption.overtaken"
    assert Flow.objects.filter(wiseflow_id__in=[number, second]).count() == 1


def test_a_flow_of_another_source_on_the_licence_stays_there(
    sandbox: Any, liu: Source, oru: Source, anna: User
) -> None:
    """What one of them writes the other would undo; a flow that it has let go is free."""
    code = sandbox.control.add_exam("liu", people=1)
    number = flow_by_hand(sandbox, liu)
    rows = rows_of(liu, number, code)
    theirs = FlowFactory(source=oru, wiseflow_id=number)
    assert refusals(liu, (str(number), code)) == ["adoption.of_another_source"]
    with pytest.raises(Refused, match=str(number)) as caught:
        adopt(rows, liu, by=anna, enqueue=False)
    assert theirs.title not in str(caught.value)
    Flow.objects.filter(pk=theirs.pk).delete()
    assert refusals(liu, (str(number), code)) == [""]


@pytest.mark.django_db
def test_the_database_holds_to_it() -> None:
    flow = FlowFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        FlowFactory(source=flow.source, wiseflow_id=flow.wiseflow_id)
