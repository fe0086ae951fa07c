"""The body that a source's own expression builds."""

import json
from decimal import Decimal

import pytest

from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.bodies import (
    PARTICIPANTS_PRESET,
    SAMPLE_LINES,
    SAMPLE_MANAGERS,
    build_body,
    check_expression,
    neutral_document,
)
from ladokflow.messages import Refused

LIU, BORAS = UNIVERSITIES["liu"], UNIVERSITIES["boras"]
LINES = [
    GradeLine(
        grade="5",
        points=Decimal("42.00"),
        organisation_id="annan12",
        unique_exam_id="A-1001",
        external_user_id="u1",
        national_id="19900101-T123",
    ),
    GradeLine(grade="4", is_alternative=True, organisation_id="bosve34"),
    GradeLine(grade="Sjuk", is_alternative=True, organisation_id="cecbe56", mark="3"),
]


def refusal(expression: str, university=LIU) -> str:
    with pytest.raises(Refused) as caught:
        check_expression(expression, university)
    assert str(caught.value)
    return caught.value.message.code


def test_neutral_document_has_every_field_of_the_article():
    assert neutral_document({"id": 225}, ["lars"], LINES) == {
        "flow": {"id": 225},
        "managers": [{"organisationId": "lars"}],
        "gradeExports": [
            {
                "organisationId": "annan12",
                "uniqueExamId": "A-1001",
                "externalUserId": "u1",
                "nationalId": "19900101-T123",
                "mark": "5",
                "adminGrade": None,
                "grade": {"grade": "5", "points": 42},
            },
            {
                "organisationId": "bosve34",
                "uniqueExamId": None,
                "externalUserId": None,
                "nationalId": None,
                "mark": None,
                "adminGrade": "4",
                "grade": {"grade": "4", "points": None},
            },
            {
                "organisationId": "cecbe56",
                "uniqueExamId": None,
                "externalUserId": None,
                "nationalId": None,
                "mark": "3",
                "adminGrade": "Sjuk",
                "grade": {"grade": "Sjuk", "points": None},
            },
        ],
    }


def test_without_an_expression_the_body_is_the_universitys_own():
    assert build_body(LIU, LINES) == LIU.export_body(LINES, [])
    assert build_body(BORAS, LINES, ["lars"], "  ") == BORAS.export_body(LINES, ["lars"])


@pytest.mark.parametrize("expression", ["", PARTICIPANTS_PRESET], ids=["own", "preset"])
def test_two_people_under_one_identifier_are_never_sent(expression):
    lines = [
        GradeLine("5", organisation_id="annan12", unique_exam_id="A-1"),
        GradeLine("U", organisation_id="bosve34", unique_exam_id="a-1"),
    ]
    with pytest.raises(Refused) as caught:
        build_body(LIU, lines, [], expression)
    assert caught.value.message.to_json() == {
        "code": "ladok.identifier_shared",
        "params": {"first": "annan12", "second": "bosve34"},
    }


def test_identifiers_in_different_fields_are_not_mistaken_for_each_other():
    lines = [GradeLine("5", organisation_id="x", unique_exam_id="bosve34"), GradeLine("U", organisation_id="bosve34")]
    assert build_body(LIU, lines) == LIU.export_body(lines)
    with pytest.raises(Refused):
        build_body(UNIVERSITIES["oru"], lines)  # there both go as `studentUid`


def test_preset_is_the_articles_example():
    assert build_body(LIU, LINES, [], PARTICIPANTS_PRESET) == {
        "participants": [
            {"userId": "A-1001", "mark": "5", "adminGrade": None},
            {"userId": "bosve34", "mark": None, "adminGrade": "4"},
            {"userId": "cecbe56", "mark": "3", "adminGrade": "Sjuk"},
        ]
    }


def test_expression_reaches_the_flow_and_the_managers():
    expression = (
        "{kurs: flow.title, av: managers[0].organisationId, rader: gradeExports[].{id: organisationId, b: grade.grade}}"
    )
    assert build_body(LIU, LINES, ["lars"], expression, {"title": "TDDE01"}) == {
        "kurs": "TDDE01",
        "av": "lars",
        "rader": [{"id": "annan12", "b": "5"}, {"id": "bosve34", "b": "4"}, {"id": "cecbe56", "b": "Sjuk"}],
    }


def test_body_may_be_a_list():
    assert build_body(LIU, LINES[:1], [], "gradeExports[].[organisationId, grade.grade]") == [["annan12", "5"]]


@pytest.mark.parametrize("slug", UNIVERSITIES)
@pytest.mark.parametrize("expression", ["", PARTICIPANTS_PRESET], ids=["own", "preset"])
def test_own_body_and_preset_pass_the_check_at_every_university(slug, expression):
    body = check_expression(expression, UNIVERSITIES[slug])
    assert body == build_body(UNIVERSITIES[slug], SAMPLE_LINES, SAMPLE_MANAGERS, expression)
    assert json.dumps(body)


@pytest.mark.parametrize(
    "expression",
    ["{participants: gradeExports[", "gradeExports]", "{a: 'x}", "#", "[" * 5000, "a b", "gradeExports[?]"],
)
def test_expression_that_is_not_jmespath_is_refused(expression):
    assert refusal(expression) == "ladok.expression_invalid"


def test_refusal_says_where_the_expression_goes_wrong():
    with pytest.raises(Refused) as caught:
        check_expression("gradeExports x", LIU)
    assert caught.value.message.params == {"position": 14}


@pytest.mark.parametrize(
    ("expression", "function"),
    [
        ("{a: betyg(gradeExports)}", "betyg()"),
        ("{a: sum(gradeExports[].mark)}", "sum()"),
        ("{a: length()}", "length()"),
        ("gradeExports[::0]", "ValueError"),
    ],
)
def test_expression_that_fails_on_the_data_is_refused_without_quoting_it(expression, function):
    with pytest.raises(Refused) as caught:
        check_expression(expression, LIU)
    assert caught.value.message.code == "ladok.expression_fails"
    assert caught.value.message.params == {"detail": function}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("nothing", "null"),
        ("length(gradeExports)", "number"),
        ("gradeExports[0].organisationId", "string"),
        ("gradeExports == flow", "boolean"),
        ("`{}`", "{}"),
        ("gradeExports[?mark == 'X']", "[]"),
        ("{a: &mark}", "expression"),
    ],
)
def test_expression_that_gives_no_body_is_refused(expression, kind):
    with pytest.raises(Refused) as caught:
        check_expression(expression, LIU)
    assert (caught.value.message.code, caught.value.message.params) == ("ladok.expression_not_a_body", {"kind": kind})


@pytest.mark.parametrize(
    "expression",
    [
        "{participants: gradeExports[].{userId: organisationId}}",
        "{participants: gradeExports[].{userId: organisationId, mark: mark}}",
        "{participants: gradeExports[0].{userId: organisationId, mark: mark, adminGrade: adminGrade}}",
        "{participants: gradeExports[?uniqueExamId].{userId: uniqueExamId, grade: grade.grade}}",
    ],
)
def test_expression_that_loses_a_grade_is_refused(expression):
    assert refusal(expression) == "ladok.expression_forgets_grades"


@pytest.mark.parametrize(
    "expression",
    [
        "{grades: gradeExports[].grade.grade}",
        "{participants: gradeExports[?grade.grade == 'VG'].{userId: organisationId, grade: grade.grade}}",
        "{participants: gradeExports[].{userId: uniqueExamId, grade: grade.grade}}",
    ],
)
def test_expression_that_does_not_say_who_is_refused(expression):
    assert refusal(expression) == "ladok.expression_forgets_people"


def test_expression_may_write_grades_in_its_own_way():
    expression = (
        "{r: gradeExports[].{id: organisationId, ok: grade.grade == 'VG', b: (grade.grade == 'G' && `1`) || `0`}}"
    )
    assert check_expression(expression, LIU)


def test_sample_shows_nobodys_whole_national_id():
    assert all(line.national_id in ("", line.national_id[:9] + "****") for line in SAMPLE_LINES)
