"""The list of a person's fields, followed on our side: whatever stands in it is merged, kept in our rows and shown."""

import datetime as dt
from dataclasses import replace

import pytest
from django.utils import timezone

from ladokflow.ladok.base import PERSON_FIELDS, Exam, Kind, Person
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Participant
from sources.pages.source_data import Found, SourceData
from sources.sync.identifiers import IDENTIFIERS
from sources.sync.plan.identity import merge_people
from sources.sync.plan.values import Known, Memory
from sources.universities.clients import ladok_for
from tests.sources.sync.test_run import sync

by_name = pytest.mark.parametrize("field", PERSON_FIELDS, ids=lambda field: field.name)
WHOLE = Person(
    **{
        field.name: timezone.now() if field.kind is Kind.MOMENT else f"{field.name}@example.org"
        for field in PERSON_FIELDS
    }
)
MEMORY = Memory(created_at=timezone.now(), tz=dt.UTC)


@by_name
def test_each_field_has_a_column_and_is_known_of_a_participant(field):
    column = Participant._meta.get_field(field.name)
    assert column.blank
    assert getattr(Known(pk=1), field.name) == getattr(Person(), field.name)


@pytest.mark.parametrize("field", PERSON_FIELDS[1:], ids=lambda field: field.name)
def test_what_one_code_has_nothing_of_another_fills_in_and_does_not_overwrite(field):
    nothing = replace(WHOLE, **{field.name: getattr(Person(), field.name)})
    other = replace(WHOLE, **{field.name: timezone.now() if field.kind is Kind.MOMENT else "other"})
    for first, second, expected in ((nothing, WHOLE, WHOLE), (WHOLE, other, WHOLE)):
        exams = (Exam(code="C", people=(first,)), Exam(code="D", people=(second,)))
        assert [entry.person for entry in merge_people(exams, MEMORY)] == [expected]


def test_people_are_matched_in_wiseflows_order():
    assert IDENTIFIERS == ("organisation_id", "national_id", "external_user_id")


@pytest.mark.django_db
def test_our_rows_have_what_ladok_says_in_each_field_and_follow_it(liu, anna, sandbox):
    code = sandbox.control.add_exam("liu", people=2)
    first = sandbox.control.exam("liu", code)["participants"][0]["LiUId"]
    sandbox.control.change_people("liu", code, change={first: {"endTime": "21:10"}})
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    assert_rows_are_ladoks(flow, liu, code, first)
    changed = {"lastname": "Nysson", "email": "ny@example.org", "uniqueExamId": "NY-1", "endTime": "21:30"}
    sandbox.control.change_people("liu", code, change={first: changed})
    assert sync(flow).state == "success"
    assert_rows_are_ladoks(flow, liu, code, first)


def assert_rows_are_ladoks(flow, liu, code, whole):
    with ladok_for(liu) as client:
        exam = liu.rules.fetch_exam(client, code)
    people = {person.organisation_id: person for person in exam.people}
    assert all(getattr(people[whole], field.name) for field in PERSON_FIELDS)  # each is tried
    for row in flow.participants.all():
        person = people[row.organisation_id]
        assert {field.name: getattr(row, field.name) for field in PERSON_FIELDS} == {
            field.name: getattr(person, field.name) for field in PERSON_FIELDS
        }


@pytest.mark.django_db
def test_the_source_data_page_shows_each_field_that_the_university_has(liu):
    exam = Exam(code="C", people=(WHOLE,))
    data = SourceData(liu, [Found("C", exam)], {})
    assert [column.field for column in data.columns] == list(PERSON_FIELDS)
    assert [value for _, value in data.lines[0].cells] == [getattr(WHOLE, field.name) for field in PERSON_FIELDS]
