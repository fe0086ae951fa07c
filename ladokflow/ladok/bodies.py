"""The body of an export: the university's own, or one that the source's JMESPath expression builds.

"The request can be modified to fit your exact needs": the expression is given the neutral document

    {"flow": {...},
     "managers": [{"organisationId"}],
     "gradeExports": [{"organisationId", "uniqueExamId", "externalUserId", "nationalId",
                       "mark", "adminGrade", "grade": {"grade", "points"}}]}

where `mark` is the assessor's grade, `adminGrade` the alternative grade, `grade.grade` the one of them that counts (the alternative
one, where there are both), and null stands for what there is not. What it gives is the whole body.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from jmespath.exceptions import JMESPathError, UnknownFunctionError

from ladokflow.identifiers import normal_forms
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.evaluator import TooMuch, evaluate, parse
from ladokflow.ladok.exporting import number, sent_identifiers
from ladokflow.ladok.university import University
from ladokflow.messages import Refused, message

Body = dict[str, Any] | list[Any]

# The body that WISEflow's article "Grade Export: Rules and Technical Setup" gives as its example.
PARTICIPANTS_PRESET = (
    "{participants: gradeExports[].{userId: uniqueExamId || organisationId, mark: mark, adminGrade: adminGrade}}"
)

# Invented people: one from the source, one added by hand, one with an alternative grade.
SAMPLE_LINES = (
    GradeLine(
        grade="VG",
        points=Decimal("42.5"),
        organisation_id="annan12@example.org",
        unique_exam_id="AX-1001",
        external_user_id="c0ffee00-0000-4000-8000-000000000001",
        national_id="19900101-****",
    ),
    GradeLine(grade="U", points=Decimal(7), organisation_id="bosve34@example.org"),
    GradeLine(
        grade="G",
        is_alternative=True,
        points=Decimal(30),
        organisation_id="cecbe56@example.org",
        unique_exam_id="AX-1003",
        external_user_id="c0ffee00-0000-4000-8000-000000000003",
        national_id="19920303-****",
        mark="U",
    ),
)
SAMPLE_MANAGERS = ("manag00@example.org",)
SAMPLE_FLOW = {"id": 225, "code": "TEN1", "title": "ABC123 Exempelkurs", "subtitle": "TEN1 Salstentamen"}


def neutral_document(flow: Mapping[str, Any], managers: Sequence[str], lines: Sequence[GradeLine]) -> dict[str, Any]:
    return {
        "flow": dict(flow),
        "managers": [{"organisationId": organisation_id} for organisation_id in managers],
        "gradeExports": [
            {
                "organisationId": line.organisation_id or None,
                "uniqueExamId": line.unique_exam_id or None,
                "externalUserId": line.external_user_id or None,
                "nationalId": line.national_id or None,
                "mark": (line.mark if line.is_alternative else line.grade) or None,
                "adminGrade": line.grade if line.is_alternative else None,
                "grade": {"grade": line.grade, "points": None if line.points is None else number(line.points)},
            }
            for line in lines
        ],
    }


def build_body(
    university: University,
    lines: Sequence[GradeLine],
    managers: Sequence[str] = (),
    expression: str = "",
    flow: Mapping[str, Any] | None = None,
) -> Body:
    """What is sent, ready for `json.dumps`. Refused where the expression does not give a body for these lines, and where two
    people would go under one identifier."""
    _refuse_shared_identifiers(university, lines)
    if not expression.strip():
        return university.export_body(lines, managers)
    return _evaluated(expression, neutral_document(flow or {}, managers, lines))


def _refuse_shared_identifiers(university: University, lines: Sequence[GradeLine]) -> None:
    if len(lines) < 2:
        return
    holders: dict[tuple[str, str], GradeLine] = {}
    for line in lines:
        for key, value in sent_identifiers(university.names, line)[:1]:
            for form in normal_forms(value):
                other = holders.setdefault((key, form), line)
                if other is not line:
                    shared = {"first": other.organisation_id, "second": line.organisation_id}
                    raise Refused(message("ladok.identifier_shared", **shared))


def check_expression(expression: str, university: University) -> Body:
    """The body for sample people. Refused where the expression is wrong, or where a grade or a person would be lost in it."""
    body = build_body(university, SAMPLE_LINES, SAMPLE_MANAGERS, expression, SAMPLE_FLOW)
    if not expression.strip():
        return body
    for position, line in enumerate(SAMPLE_LINES):
        # Whatever the shape, a body that says the same with another grade, or for another person, does not carry it.
        for another, refusal in {
            _another_grade: "ladok.expression_forgets_grades",
            _another_person: "ladok.expression_forgets_people",
        }.items():
            lines = [*SAMPLE_LINES]
            lines[position] = another(line)
            if build_body(university, lines, SAMPLE_MANAGERS, expression, SAMPLE_FLOW) == body:
                raise Refused(message(refusal, person=line.organisation_id))
    return body


def _another_grade(line: GradeLine) -> GradeLine:
    return dataclasses.replace(line, grade=next(sample.grade for sample in SAMPLE_LINES if sample.grade != line.grade))


def _another_person(line: GradeLine) -> GradeLine:
    fields = ("organisation_id", "unique_exam_id", "external_user_id", "national_id")
    changed: dict[str, Any] = {field: f"other-{value}" for field in fields if (value := getattr(line, field))}
    return dataclasses.replace(line, **changed)


def _evaluated(expression: str, document: Mapping[str, Any]) -> Body:
    try:
        parsed = parse(expression)
    except TooMuch as error:
        raise Refused(message("ladok.expression_too_much")) from error
    except (JMESPathError, RecursionError) as error:
        position = getattr(error, "lex_position", None) or getattr(error, "lexer_position", None) or 0
        raise Refused(message("ladok.expression_invalid", position=position + 1)) from error
    try:
        body = evaluate(parsed, document)
    except TooMuch as error:
        raise Refused(message("ladok.expression_too_much")) from error
    # The library lets Python's own errors out of some functions.
    except (JMESPathError, ArithmeticError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Refused(message("ladok.expression_fails", detail=_where(error))) from error
    if not isinstance(body, dict | list) or not body:
        raise Refused(message("ladok.expression_not_a_body", kind=_kind(body)))
    if not _is_json(body):
        raise Refused(message("ladok.expression_not_a_body", kind="expression"))
    return body


def _where(error: Exception) -> str:
    """The function that failed. The library's own words are not shown: they may quote the data."""
    if isinstance(error, UnknownFunctionError):
        return str(error).rpartition(" ")[2]
    name = getattr(error, "function_name", "")
    return f"{name}()" if name else type(error).__name__


def _kind(result: Any) -> str:
    """JMESPath's own word for it."""
    if result is None:
        return "null"
    if isinstance(result, bool):
        return "boolean"
    if isinstance(result, int | float):
        return "number"
    if isinstance(result, str):
        return "string"
    return "{}" if isinstance(result, dict) else "[]" if isinstance(result, list) else "expression"


def _is_json(result: Any) -> bool:
    """Whether it can be written as JSON: an expression may leave a reference to a part of itself, or not-a-number."""
    if isinstance(result, dict):
        return all(_is_json(value) for value in result.values())
    if isinstance(result, list):
        return all(_is_json(value) for value in result)
    if isinstance(result, float):
        return math.isfinite(result)
    return result is None or isinstance(result, str | int)
