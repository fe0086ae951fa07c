"""The list of a person's fields: whatever stands in it is read from Ladok, by its kind."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from ladokflow.ladok import UNIVERSITIES, mapping
from ladokflow.ladok.base import PERSON_FIELDS, Exam, Kind, Person, Row, person_row

STOCKHOLM = ZoneInfo("Europe/Stockholm")
START = dt.datetime(2026, 1, 15, 8, tzinfo=STOCKHOLM)
ROWS = tuple(person_row(field.response, f"ladoks{field.response}") for field in PERSON_FIELDS)
WHOLE = {
    Kind.IDENTIFIER: ("ab123", "ab123"),
    Kind.TEXT: ("Åsa", "Åsa"),
    Kind.EMAIL: ("asa@example.org", "asa@example.org"),
    Kind.MOMENT: ("13:20", START.replace(hour=13, minute=20)),
}
TOO_LONG = {Kind.IDENTIFIER: "", Kind.TEXT: "x" * 200, Kind.EMAIL: "", Kind.MOMENT: None}


def read(field, value):
    entry = {"ladoksorganisationId": "somebody", f"ladoks{field.response}": value}
    exam = Exam(code="C", participation_start_at=START)
    exam = mapping.with_people(exam, [entry], rows=ROWS, tz=STOCKHOLM)
    return exam.people, exam.problems


@pytest.mark.parametrize("field", PERSON_FIELDS, ids=lambda field: field.name)
def test_each_field_is_read_by_its_kind(field):
    sent, expected = WHOLE[field.kind]
    (person,), problems = read(field, sent)
    assert (getattr(person, field.name), problems) == (expected, ())


@pytest.mark.parametrize("field", PERSON_FIELDS[1:], ids=lambda field: field.name)
def test_what_is_too_long_is_cut_or_left_out_and_told(field):
    (person,), problems = read(field, "x" * 500)
    assert getattr(person, field.name) == TOO_LONG[field.kind]
    assert [problem.params["field"] for problem in problems] == (
        [] if field.kind is Kind.TEXT else [f"ladoks{field.response}"]
    )


def test_each_universitys_table_has_fields_of_the_list_alone_and_each_once():
    known = {field.response: Row(field.response, (), field.label) for field in PERSON_FIELDS}
    for university in UNIVERSITIES.values():
        responses = [row.response for row in university.person]
        assert responses[0] == "organisationId"
        assert len(set(responses)) == len(responses)
        assert [row.reference for row in university.person] == [known[name].reference for name in responses]
    with pytest.raises(KeyError):
        person_row("organizationId", "LiUId")


def test_the_identifiers_are_those_that_say_who_somebody_is():
    identifiers = [field.name for field in PERSON_FIELDS if field.kind is Kind.IDENTIFIER]
    assert identifiers == ["organisation_id", "national_id", "external_user_id", "unique_exam_id"]
    assert [field.name for field in PERSON_FIELDS if field.is_masked] == ["national_id"]
    assert Person() == Person(**{field.name: None if field.kind is Kind.MOMENT else "" for field in PERSON_FIELDS})
