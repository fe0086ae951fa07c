"""The people of the patterns, once more for each flow that is like one: inside the database, in a statement for each table."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, get_type_hints

from django.core.management.color import no_style
from django.db import connection, models

from exports.models import Assessment, ExportAttempt, ExportItem
from sources.models import Flow, FlowSource, Participant, Registration, Source

BATCH = 500
KEY_OF_ATTEMPT = ExportAttempt._meta.pk


class Copy(NamedTuple):
    """A flow whose rows are stored, and the pattern that it takes its people from. Keys; `first` is that of its first person."""

    flow: int
    code: int
    attempt: uuid.UUID | None
    first: int
    source: int
    cohort: int
    pattern: int
    pattern_code: int
    pattern_attempt: uuid.UUID | None
    pattern_first: int


class Student(NamedTuple):
    """One seat of a cohort. Encrypted already, once for all the flows that she is in."""

    source: int
    cohort: int
    seat: int
    user_id: int
    organisation_id: str
    national_id: str
    first_name: str
    last_name: str
    email: str
    external_user_id: str


STAYING = {
    "organisation_id": "n.organisation_id",
    "national_id": "n.national_id",
    "external_user_id": "n.external_user_id",
    "unique_exam_id": "n.unique_exam_id",
}
NEW_PERSON = "JOIN sources_participant n ON n.id = {person} - c.pattern_first + c.first"


def copy_people(copies: Iterable[Copy], students: Iterable[Student]) -> None:
    """Call it in one transaction: what it works with is gone with the connection's temporary tables."""
    with connection.cursor() as cursor:
        _temporary(cursor, "generated_copy", Copy, copies)
        _temporary(cursor, "generated_student", Student, students)
        cursor.execute("CREATE INDEX generated_seat ON generated_student (source, cohort, seat)")
        for table in ("generated_copy", "generated_student"):
            cursor.execute(f"ANALYZE {table}")
        for statement in _statements():
            cursor.execute(statement)
        cursor.execute("DROP TABLE generated_copy")
        cursor.execute("DROP TABLE generated_student")


def _temporary(cursor: Any, table: str, row_class: Any, rows: Iterable[Any]) -> None:
    kinds: dict[Any, Any] = {int: "bigint", str: "text", uuid.UUID | None: KEY_OF_ATTEMPT.db_type(connection)}
    columns = {name: kinds[kind] for name, kind in get_type_hints(row_class).items()}
    cursor.execute(f"CREATE TEMPORARY TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    place = f"({', '.join(['%s'] * len(columns))})"
    for batch in _batches(rows):
        values = [_stored(value) for row in batch for value in row]
        cursor.execute(f"INSERT INTO {table} VALUES {', '.join([place] * len(batch))}", values)  # noqa: S608


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _stored(value: Any) -> Any:
    return KEY_OF_ATTEMPT.get_db_prep_value(value, connection) if isinstance(value, uuid.UUID) else value


def _statements() -> Iterator[str]:
    yield _insert(
        Participant,
        {
            "id": "o.id - c.pattern_first + c.first",
            "flow_id": "c.flow",
            "wiseflow_id": "o.id - c.pattern_first + c.first",
            "unique_exam_id": "CASE o.unique_exam_id WHEN '' THEN '' "
            "ELSE 'AID-' || CAST(o.id - c.pattern_first + c.first AS text) END",
            # What the whole flow waits for names the flow's own date.
            "export_message": "CASE WHEN o.export_message = of.export_message THEN nf.export_message "
            "ELSE o.export_message END",
            **{
                name: f"s.{name}"
                for name in (
                    "user_id", "organisation_id", "national_id", "first_name", "last_name", "email", "external_user_id"
                )
            },
        },
        "JOIN generated_copy c ON c.pattern = o.flow_id "
        "JOIN generated_student s ON s.source = c.source AND s.cohort = c.cohort AND s.seat = o.id - c.pattern_first "
        "JOIN sources_flow of ON of.id = c.pattern JOIN sources_flow nf ON nf.id = c.flow",
    )  # fmt: skip
    yield _insert(
        Registration,
        {"participant_id": "n.id", "code_id": "c.code", "first_seen_at": "nf.synced_at", **STAYING},
        f"JOIN generated_copy c ON c.pattern_code = o.code_id {NEW_PERSON.format(person='o.participant_id')} "
        "JOIN sources_flow nf ON nf.id = c.flow",
    )
    yield _insert(
        Assessment,
        {"participant_id": "n.id", "grade_at": _as_long_before(), "collected_at": "nf.collected_at"},
        "JOIN sources_participant p ON p.id = o.participant_id JOIN generated_copy c ON c.pattern = p.flow_id "
        f"{NEW_PERSON.format(person='o.participant_id')} "
        "JOIN sources_flow of ON of.id = c.pattern JOIN sources_flow nf ON nf.id = c.flow",
    )
    yield _insert(
        ExportItem,
        {"attempt_id": "c.attempt", "participant_id": "n.id", **STAYING},
        f"JOIN generated_copy c ON c.pattern_attempt = o.attempt_id {NEW_PERSON.format(person='o.participant_id')}",
    )


def _as_long_before() -> str:
    """When a grade was given, in days before its flow's grades were read, as SQL of the database that is used."""
    before, _params = connection.ops.subtract_temporals("DateTimeField", ("of.collected_at", ()), ("o.grade_at", ()))
    return str(connection.ops.combine_duration_expression("-", ["nf.collected_at", before]))


def _insert(model: type[models.Model], new: Mapping[str, str], joined: str) -> str:
    """`new` says what is another thing than in the old row `o`; a key that it does not give is the database's to give."""
    columns = [field.column for field in model._meta.local_concrete_fields if field.column != "id" or "id" in new]
    quoted = [connection.ops.quote_name(column) for column in columns]
    values = [new.get(column, f"o.{name}") for column, name in zip(columns, quoted, strict=True)]
    table = model._meta.db_table
    return (
        f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {', '.join(values)} "  # noqa: S608 - names of ours only
        f"FROM {table} o {joined} ORDER BY c.flow, o.id"
    )


def next_key(model: type[models.Model]) -> int:
    return int(model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0) + 1


def count_on() -> None:
    """Let the database's own counting go on after the keys that were given to rows here."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [Flow, FlowSource, Participant, Source]):
            cursor.execute(statement)
