"""Who is who by their identifiers, where Ladok and WISEflow spell them differently."""

import pytest

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.sync.identifiers import spellings
from tests.sources.sync.test_run import ids, sync

WHO = "veravik1@oru.example"
PERSONNUMMER = {"199001012385", "19900101-2385", "900101-2385", "9001012385"}


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("oru", people=2)


@pytest.fixture
def flow(oru, olle, code):
    return create_flow(request_flow(source=oru, codes=[code], requested_by=olle, enqueue=False).pk)


@pytest.mark.parametrize(
    ("there", "in_ladok"),
    [
        ("19900101-2385", "199001012385"),
        ("900101-2385", "199001012385"),
        ("9001012385", "19900101-2385"),
        ("199001012385", "900101-2385"),
        ("199001012385", "19900101-2385"),
        ("19900101-T385", "19900101T385"),
        ("199001012385", "199001012385"),
    ],
)
def test_a_user_whose_personnummer_is_spelt_otherwise_is_the_one_who_comes_in(flow, sandbox, code, there, in_ladok):
    number = sandbox.control.add_user("oru", {"national_id": there}, first_name="V", last_name="Vik")
    vera = {"studentuid": WHO, "civicNumber": in_ladok, "firstname": "Vera", "lastname": "Vik"}
    sandbox.control.change_people("oru", code, add=[vera], exact=True)
    before = len(sandbox.control.users("oru"))
    run = sync(flow)
    assert (run.state, run.problems, run.added) == ("success", [], 1)
    assert ids(sandbox, flow)[WHO]["userId"] == number
    users = {row["id"]: row for row in sandbox.control.users("oru")}
    assert len(users) == before
    assert {row["value"] for row in users[number]["data"]} == {WHO, there}
    assert flow.participants.get(organisation_id=WHO).national_id == in_ladok
    # A name that changes later leads to the same user, and leaves the number as it is there.
    sandbox.control.change_people("oru", code, change={WHO: {"firstname": "Verá"}})
    assert sync(flow).updated == 1
    users = {row["id"]: row for row in sandbox.control.users("oru")}
    assert (len(users), users[number]["firstName"]) == (before, "Verá")
    assert {row["value"] for row in users[number]["data"]} == {WHO, there}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("national_id", " 199001012385 ", PERSONNUMMER),
        ("national_id", "19900101-2385", PERSONNUMMER),
        ("national_id", "19900101+2385", {"19900101+2385", *PERSONNUMMER}),
        ("national_id", "900101-2385", PERSONNUMMER),
        ("national_id", "", set()),
        ("organisation_id", "abc-d", {"abc-d", "ABC-D"}),
        ("organisation_id", "Abc-D\u200b", {"Abc-D", "abc-d", "ABC-D"}),
        ("external_user_id", "\u00e5b1", {"\u00e5b1", "a\u030ab1", "\u00c5B1", "A\u030aB1"}),
    ],
)
def test_the_spellings_that_are_looked_for(kind, value, expected):
    assert set(spellings(kind, value)) == expected


@pytest.mark.parametrize(
    ("there", "in_ladok"),
    [
        (WHO.upper(), WHO),
        (WHO, WHO.upper()),
        (WHO, f"{WHO}\u200b"),
        (WHO, f"\ufeff{WHO}"),
        ("\u00e5sa1@oru.example", "a\u030asa1@oru.example"),
        ("A\u030aSA1@ORU.EXAMPLE", "\u00e5sa1@oru.example"),
    ],
)
def test_a_user_whose_organisation_id_is_spelt_otherwise_is_the_one_who_comes_in(flow, sandbox, code, there, in_ladok):
    number = sandbox.control.add_user("oru", {"organisation_id": there}, first_name="Vera", last_name="Vik")
    vera = {"studentuid": in_ladok, "firstname": "Vera", "lastname": "Vik"}
    sandbox.control.change_people("oru", code, add=[vera], exact=True)
    before = len(sandbox.control.users("oru"))
    run = sync(flow)
    assert (run.state, run.problems, run.added) == ("success", [], 1)
    assert {row["userId"] for row in ids(sandbox, flow).values()} >= {number}
    assert len(sandbox.control.users("oru")) == before
    assert sync(flow).changes == []
