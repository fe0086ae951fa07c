"""Where the grade of somebody on several codes goes: asked when it happens, with what fits the exams."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.base import Exam, Person
from ladokflow.messages import Refused
from sources.flows.codes import AsksForPlace, add_code
from sources.flows.create import create_flow
from sources.flows.places import participants_also_on, participants_on_several, people_on_several
from sources.flows.request import request_flow
from sources.models import AuditEntry, Flow
from tests.factories import FlowFactory, ParticipantFactory, register
from tests.sources.flows.test_codes import first, live, second, shared, sync  # noqa: F401 - fixtures

BORAS, LIU = UNIVERSITIES["boras"], UNIVERSITIES["liu"]


def exam(**raw: Any) -> Exam:
    return Exam(code="X", raw=raw)


@pytest.mark.parametrize(
    ("university", "exams", "modules"),
    [
        (LIU, [{"courseCode": "TDDE01"}, {"courseCode": "TDDE01"}], False),
        (LIU, [{"courseCode": "TDDE01"}, {"courseCode": "tdde 01"}], False),
        (LIU, [{"courseCode": "TDDE01"}, {"courseCode": "TATA24"}], True),
        (
            LIU,
            [{"courseCode": "TDDE01", "examTitle": "Tentamen"}, {"courseCode": "TDDE01", "examTitle": "Omtenta"}],
            False,
        ),
        (BORAS, [{"kursKod": "A", "moduler": ["Tentamen"]}, {"kursKod": "A", "moduler": "tentamen"}], False),
        (BORAS, [{"kursKod": "A", "moduler": ["M1", "M2"]}, {"kursKod": "A", "moduler": ["M2", "M1"]}], False),
        (BORAS, [{"kursKod": "A", "moduler": "M1"}, {"kursKod": "A", "moduler": "M2"}], True),
        (BORAS, [{"kursKod": "A", "moduler": "M1"}, {"kursKod": "B", "moduler": "M1"}], True),
        # What Ladok does not say tells nothing
        (BORAS, [{"kursKod": "A", "moduler": "M1"}, {"kursKod": "A"}], False),
        (BORAS, [{"kursKod": "A", "moduler": []}, {"kursKod": None, "moduler": "M1"}], False),
        (LIU, [{}, {"courseCode": "TDDE01"}], False),
        (LIU, [{"courseCode": 7}, {"courseCode": {"x": 1}}], True),
        (LIU, [{"courseCode": "TDDE01"}], False),
        (LIU, [], False),
    ],
)
def test_exams_of_several_modules_or_courses_are_no_occasions_of_one(university, exams, modules) -> None:
    assert university.tells_modules([exam(**raw) for raw in exams]) == modules


@given(st.lists(st.lists(st.sampled_from(["a", "A ", "b", "c", ""]), max_size=4), max_size=4))
def test_those_on_several_lists_are_counted_once_each(lists: list[list[str]]) -> None:
    exams = [
        Exam(code=str(n), people=tuple(Person(organisation_id=who) for who in each)) for n, each in enumerate(lists)
    ]
    on = [sum(who in {name.strip().casefold() for name in each} for each in lists) for who in "abc"]
    assert people_on_several(exams) == sum(count > 1 for count in on)


@pytest.mark.django_db
def test_a_flows_people_on_several_codes_are_those_whom_the_lists_have_now() -> None:
    flow = FlowFactory(codes=["A", "B", "C"])
    one, two, three = flow.codes.all()
    both = ParticipantFactory(flow=flow, codes=[one, two])
    ParticipantFactory(flow=flow, codes=[one])
    gone = ParticipantFactory(flow=flow, codes=[one])
    register(gone, two, is_listed=False, gone_at=flow.synced_at)
    removed = ParticipantFactory(flow=flow, codes=[one, three])
    type(three).objects.filter(pk=three.pk).update(removed_at=flow.synced_at)
    assert participants_on_several(flow) == 1
    people = tuple(Person(organisation_id=who.organisation_id.upper()) for who in (both, gone, removed))
    assert participants_also_on(flow, Exam(code="D", people=(*people, Person(organisation_id="ny@x")))) == 3


def test_a_code_that_shares_students_is_asked_about_before_it_is_added(liu, anna, first, second, sandbox) -> None:  # noqa: F811
    flow = create_flow(request_flow(source=liu, codes=[first], requested_by=anna, enqueue=False).pk)
    with pytest.raises(AsksForPlace) as caught:
        add_code(flow=flow, code=second, by=anna, asks=True, enqueue=False)
    assert (caught.value.message.code, caught.value.message.params["count"]) == ("sources.code_shared", 1)
    assert caught.value.suggested == "one"
    assert live(flow) == [first]
    sandbox.control.change_exam("liu", second, courseCode="TATA24")
    with pytest.raises(AsksForPlace) as caught:
        add_code(flow=flow, code=second, by=anna, asks=True, enqueue=False)
    assert caught.value.suggested == "each"
    add_code(flow=flow, code=second, by=anna, asks=True, grade_goes_to="each", enqueue=False)
    flow.refresh_from_db()
    assert (live(flow), flow.grade_goes_to) == ([first, second], "each")
    assert AuditEntry.objects.filter(flow=flow, actor=anna, message__code="sources.audit.grade_goes_to_each").exists()
    sync(flow)
    assert participants_on_several(flow) == 1


def test_a_code_that_shares_nobody_is_not_asked_about(liu, anna, first, sandbox) -> None:  # noqa: F811
    flow = create_flow(request_flow(source=liu, codes=[first], requested_by=anna, enqueue=False).pk)
    other = sandbox.control.add_exam("liu", people=2)
    add_code(flow=flow, code=other, by=anna, asks=True, enqueue=False)
    flow.refresh_from_db()
    assert (live(flow), flow.grade_goes_to) == ([first, other], "one")


def test_the_command_says_where_the_grades_go(liu, anna, first, second, capsys) -> None:  # noqa: F811
    codes = ["--code", first, "--code", second]
    call_command("createflow", "--source", "liu", *codes, "--manager", anna.email, "--grade-goes-to", "each")
    assert Flow.objects.get().grade_goes_to == "each"


def test_no_code_is_added_where_the_phase_is_wrong_whatever_is_said(liu, anna, first, second, sandbox) -> None:  # noqa: F811
    flow = create_flow(request_flow(source=liu, codes=[first], requested_by=anna, enqueue=False).pk)
    sandbox.control.end_participation(flow.wiseflow_id)
    with pytest.raises(Refused) as caught:
        add_code(flow=flow, code=second, by=anna, asks=True, grade_goes_to="each", enqueue=False)
    assert caught.value.message.code == "sources.code_too_late"
    flow.refresh_from_db()
    assert flow.grade_goes_to == "one"
