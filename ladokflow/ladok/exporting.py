"""The export body out of a university's table, and the same table read backwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ladokflow.identifiers import normal_forms, normal_of
from ladokflow.ladok import wire
from ladokflow.ladok.base import GradeLine, Registered, Row

# The article's groups: a row without a Ladok value. Their names go into the body as they stand.
MANAGERS, PEOPLE, GRADE = "managers", "gradeExports", "grade"

_IDENTIFIERS = {
    "organisationId": "organisation_id",
    "uniqueExamId": "unique_exam_id",
    "externalUserId": "external_user_id",
    "nationalId": "national_id",
}


Names = tuple[tuple[str, str], ...]  # (Ladok's field, name in `GradeLine`) of each identifier


def groups(table: Sequence[Row]) -> dict[str, list[Row]]:
    """The table's rows by the group they stand in."""
    by_group: dict[str, list[Row]] = {}
    for row in table:
        if not row.values:
            current = by_group.setdefault(row.response, [])
        else:
            current.append(row)
    return by_group


def number(value: Decimal) -> int | float:
    """For JSON: 42 rather than 42.0."""
    return int(value) if value == value.to_integral_value() else float(value)


def names(table: Sequence[Row]) -> Names:
    """Which of a person's identifiers the table has, in its order."""
    return tuple((row.values[0], _IDENTIFIERS[row.response]) for row in groups(table)[PEOPLE])


def sent_identifiers(names: Names, line: GradeLine) -> list[tuple[str, str]]:
    """(Ladok's field, value) for each identifier that the person has."""
    return [(key, value) for key, name in names if (value := getattr(line, name))]


def known_by(names: Names, line: GradeLine) -> frozenset[tuple[str, str]]:
    """(Ladok's field, value in its normal form) for each identifier by which Ladok knows the person: for comparing."""
    named = ((key, normal_of(name, value)) for key, name in names if (value := getattr(line, name)))
    return frozenset((key, value) for key, value in named if value)


def identifiers(names: Names, line: GradeLine) -> tuple[str, ...]:
    sent = [value for _key, value in sent_identifiers(names, line)]
    others = [value for field in _IDENTIFIERS.values() if (value := getattr(line, field))]
    return tuple(dict.fromkeys(sent + others))


def body(
    table: Sequence[Row], lines: Sequence[GradeLine], managers: Sequence[str], *, sends_every_identifier: bool
) -> dict[str, Any]:
    by_group, named_by = groups(table), names(table)
    result: dict[str, Any] = {}
    if MANAGERS in by_group:
        (manager,) = by_group[MANAGERS]
        result[MANAGERS] = [{manager.values[0]: organisation_id} for organisation_id in managers]
    result[PEOPLE] = []
    for line in lines:
        named = sent_identifiers(named_by, line)
        if not named:
            raise ValueError("A grade line without any identifier must not come this far.")
        entry: dict[str, Any] = dict(named if sends_every_identifier else named[:1])
        entry[GRADE] = {
            row.values[0]: value for row in by_group[GRADE] if (value := _graded(row.response, line)) is not None
        }
        result[PEOPLE].append(entry)
    return result


def _graded(response: str, line: GradeLine) -> str | int | float | None:
    if response == "points":
        return None if line.points is None else number(line.points)
    return line.grade


def registered(table: Sequence[Row], answer: Any) -> list[Registered]:
    """Ladok's answer in the shape of the export body. Unreadable where it is not: half an answer settles nothing."""
    if not isinstance(answer, dict) or not isinstance(answer.get(PEOPLE), list):
        raise wire.Unreadable
    by_group = groups(table)
    keys = list(dict.fromkeys(row.values[0] for row in by_group[PEOPLE]))
    wanted = {row.response: row.values[0] for row in by_group[GRADE]}
    result = []
    for entry in answer[PEOPLE]:
        graded = entry.get(GRADE) if isinstance(entry, dict) else None
        if not isinstance(graded, dict):
            raise wire.Unreadable
        named = tuple((key, value) for key in keys if (value := wire.text(entry.get(key))))
        grade = wire.text(graded.get(wanted["grade"]))
        if grade and not named:  # somebody's grade, and nobody can tell whose: then nobody's is known to be missing
            raise wire.Unreadable
        if grade:
            values = tuple(dict.fromkeys(value for _, value in named))
            result.append(Registered(values, grade, _points(graded.get(wanted.get("points", ""))), named))
    return result


def may_be(names: Names, line: GradeLine, row: Registered) -> bool:
    """Whether a row that holds an identifier of the person's is the person's: no single one decides against others, for a user name is
    given to somebody new. An exam id is of a registration: that it is another says nothing."""
    own = {form for value in identifiers(names, line) for form in normal_forms(value)}
    known = {key for key, name in names if name != _IDENTIFIERS["uniqueExamId"] and getattr(line, name)}
    agree = [not own.isdisjoint(normal_forms(value)) for _, value in row.named]
    differ = [key for (key, _), is_own in zip(row.named, agree, strict=True) if not is_own and key in known]
    return not differ or sum(agree) > 1


def _points(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        points = Decimal(str(value).strip().replace(",", "."))
    except InvalidOperation:
        return None
    return points if points.is_finite() else None
