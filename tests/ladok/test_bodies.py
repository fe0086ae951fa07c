"""The body that a source's own expression builds."""

import contextlib
import json
import time
import tracemalloc
from decimal import Decimal
from typing import Any

import jmespath
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
    ["{participants: gradeExports[", "gradeExports]", "{a: 'x}", "#", "[" * 3000, "a b", "gradeExports[?]"],
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


DOUBLED = " | ".join(["[@, @]"] * 40)
MONSTERS = {
    "long": "[" * 5000,
    "pipes": " | ".join(["@"] * 500),
    "deep": "{a: " * 80 + "@" + "}" * 80,
    "doubled": DOUBLED,
    "flattened": " | ".join(["[@, @][]"] * 60),
    "objects": " | ".join(["{a: @, b: @}"] * 50),
    "compared": f"({DOUBLED}) == ({DOUBLED})",
    "compared within": "[[@, @] | [@, @] | [@, @] | [@, @] | [@, @]] | [@, @] | [@, @] | [@, @] | {a: @ == @}",
    "written out": " | ".join(["to_string([@, @])"] * 50),
    "joined": " | ".join(["join(to_string(@), [to_string(@), to_string(@), to_string(@)])"] * 20),
    "mapped": " | ".join(["map(&[@, @], [@, @])"] * 40),
    "values": " | ".join(["[@.*, @.*, @][]"] * 60),
    "product": "`[1,2,3,4,5,6,7,8,9,10]`" + "[].[`[1,2,3,4,5,6,7,8,9,10]`[]][]" * 8,
    "nested product": "[`[1,2,3,4,5,6,7,8,9]`[]" + ".[`[1,2,3,4,5,6,7,8,9]`[]" * 9 + "]" * 10,
    "sliced": " | ".join(["[@, @][] | [::-1]"] * 50),
    "merged": " | ".join(["merge({a: @}, {b: @})"] * 50),
    "literal": "`" + "[" * 1500 + "]" * 1500 + "`",
}  # fmt: skip


@pytest.mark.parametrize("name", MONSTERS)
def test_expression_ends_soon_and_small_whatever_it_asks_for(name):
    """Measured in the library's own steps and in what is kept, and not in seconds: another may have the machine."""
    tracemalloc.start()
    began = time.process_time()
    with contextlib.suppress(Refused):
        check_expression(f"{{gradeExports: gradeExports, more: {MONSTERS[name]}}}", LIU)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120_000_000
    assert time.process_time() - began < 20


@pytest.mark.parametrize("name", sorted(set(MONSTERS) - {"compared within", "literal", "nested product", "values"}))
def test_expression_that_asks_for_too_much_is_told_as_that(name):
    assert refusal(MONSTERS[name]) == "ladok.expression_too_much"


def test_expression_may_do_a_lot_with_many_people():
    lines = [
        GradeLine(grade="VG", organisation_id=f"p{number}@example.org", points=Decimal(1)) for number in range(5000)
    ]
    expression = (
        "{n: length(gradeExports), all: join(',', gradeExports[].organisationId), "
        "rows: sort_by(gradeExports[?grade.grade == 'VG'].{id: organisationId || uniqueExamId, g: grade.grade, "
        "t: join('-', [organisationId, grade.grade]), p: to_string(grade)}, &id), "
        "more: gradeExports[].[organisationId, grade.grade, grade.points][]}"
    )
    body: Any = build_body(LIU, lines, ["lars@example.org"], expression)
    assert (body["n"], len(body["rows"]), len(body["more"])) == (5000, 5000, 15000)
    assert body == jmespath.search(expression, neutral_document({}, ["lars@example.org"], lines))


def test_sample_shows_nobodys_whole_national_id():
    assert all(line.national_id in ("", line.national_id[:9] + "****") for line in SAMPLE_LINES)
