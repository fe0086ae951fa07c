"""Those parts of docs/ that are written from the code: `make docs` writes them, a test says when they are out of date.

In a page they stand between `<!-- from the code: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.environment import ROOT

BETWEEN = re.compile(r"(<!-- from the code: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def ladok_tables() -> str:
    from ladokflow.ladok import UNIVERSITIES

    parts = []
    for university in UNIVERSITIES.values():
        paths = (
            ("List", f"`GET {university.list_path}?{university.list_parameter}=…`"),
            ("Fetch", f"`GET {university.fetch_path}`, people under `{university.people_key}`"),
            ("Export", f"`POST` or `PATCH {university.export_path}`"),
            ("Read back (optional)", f"`GET {university.export_path}`"),
        )
        parts.append(f"### {university.name} (`{university.slug}`)\n\n{table(('Part', 'Call'), paths)}")
        named = (
            ("The exam", university.assessment, "Value from Ladok"),
            ("Rooms", university.rooms, "Value from Ladok"),
            ("A person", university.person, "Value from Ladok"),
            ("Export", university.export, "Value to Ladok"),
        )
        for title, rows, value in named:
            if rows:
                lines = [
                    (f"`{row.response}`", ", ".join(f"`{name}`" for name in row.values), str(row.reference))
                    for row in rows
                ]
                # The export's table has no third column.
                columns = ("Response to WISEflow", value, "In WISEflow") if any(line[2] for line in lines) else None
                head = columns or ("From WISEflow" if title == "Export" else "Response to WISEflow", value)
                parts.append(f"**{title}**\n\n{table(head, [line[: len(head)] for line in lines])}")
    return "\n" + "\n".join(parts) + "\n"


def person_fields() -> str:
    from ladokflow.ladok.base import PERSON_FIELDS

    rows = [
        (
            f"`{field.response}`",
            str(field.label),
            field.kind.value,
            "yes" if field.is_of_user else "",
            f"`{field.name}`",
        )
        for field in PERSON_FIELDS
    ]
    head = ("Response to WISEflow", "In WISEflow", "Kind", "Saved with the user", "Here")
    return "\n" + table(head, rows) + "\n"


def glossary() -> str:
    from django.utils.translation import override

    from ladokflow.pages.glossary import WORDS

    rows = []
    for entry in WORDS:
        with override("en"):
            word, meaning = str(entry.word), str(entry.meaning)
        with override("sv"):
            rows.append((f"**{word}**", str(entry.word), meaning))
    return "\n" + table(("Word", "Swedish", "Means"), rows) + "\n"


def settings() -> str:
    from sources.flows.settings import SETTINGS
    from sources.models import Flow

    rows = [
        (
            str(setting.label),
            "WISEflow" if setting.part else "LadokFlow",
            ", ".join(str(state.label) for state in Flow.State if state in setting.states),
            f"`--{setting.name.replace('_', '-')}`",
        )
        for setting in SETTINGS
    ]
    return "\n" + table(("Setting", "Stands in", "May be changed in", "`changeflow`"), rows) + "\n"


def forty_exams() -> str:
    from tests.pages.counting import Count, total
    from tests.pages.test_forty_exams import BEFORE, ERRANDS, NOW

    def cells(count: Count) -> tuple[str, ...]:
        return str(count.clicks), str(count.keys), str(count.pages), f"{count.seconds:.0f} s"

    rows = [(ERRANDS[name], *cells(BEFORE[name]), *cells(NOW[name])) for name in ERRANDS]
    rows.append(("all of it", *cells(total(BEFORE)), *cells(total(NOW))))
    measures = ("clicks", "keys", "pages", "time")
    head = ("", *(f"{measure}, before" for measure in measures), *(f"{measure}, now" for measure in measures))
    return "\n" + table(head, rows) + "\n"


def roles() -> str:
    from sources.models import Membership
    from sources.universities.permissions import GIVEN, OPERATOR, ROLES, Right

    says = {
        Right.READ: "read flows, people and grades",
        Right.CHANGE: "make and change flows, synchronise, collect",
        Right.EXPORT: "send grades, try again, mark",
        Right.ARCHIVE: "make and download archive packages",
        Right.REVEAL: "see a whole national id, on record",
        Right.LOGS: "see what WISEflow has logged of each student",
        Right.SMALL_GROUPS: "see statistics of fewer than five, and of each assessor",
        Right.INSPECT: "read settings, members and logs",
        Right.ADMINISTER: "change settings, credentials and members",
        Right.DELEGATE: "make tokens, clients of the API and rules that make members",
        Right.DISCLOSE: "give out all that is held of a student",
        Right.OPERATE: "the queue, accounts, new universities",
    }
    given = frozenset(GIVEN.values())
    # Their own rights, and those that a membership may give besides
    columns = {
        "Manager": (ROLES[Membership.Role.MANAGER], given),
        "Licence admin": (ROLES[Membership.Role.LICENCE_ADMIN], given),
        "Auditor": (ROLES[Membership.Role.AUDITOR], given - {Right.EXPORT}),
        "Operator": (ROLES[OPERATOR], frozenset()),
    }

    def cell(right: Right, own: frozenset[Right], besides: frozenset[Right]) -> str:
        return "yes" if right in own else "where given" if right in besides else ""

    rows = [(says[right], *(cell(right, *rights) for rights in columns.values())) for right in Right]
    return "\n" + table(("May", *columns), rows) + "\n"


def cells() -> str:
    from tests.api.test_rights import CALLS, KINDS, ROLES
    from tests.pages.test_who_may_what import many_cells

    of = many_cells()
    tried = {
        "addresses, each looked at and sent a form": of["pages"],
        "views of the administration": of["administration"],
        "commands in somebody's name": of["commands"],
        "calls of the API, by tokens with all scopes and without its own": (len(CALLS) * len(KINDS), len(ROLES)),
    }
    rows = [(what, f"{many:,}", str(roles), f"{many * roles:,}") for what, (many, roles) in tried.items()]
    rows.append(("all of it", "", "", f"{sum(many * roles for many, roles in tried.values()):,}"))
    return "\n" + table(("What", "How many", "Roles", "Cells"), rows) + "\n"


def personal_data() -> str:
    from exports.personal_data import OF_PEOPLE, Whose

    parts = []
    for whose, title in ((Whose.STUDENT, "Students"), (Whose.STAFF, "Staff of exams"), (Whose.USER, "Who signs in")):
        rows = [
            (f"`{name}`", held.what, "encrypted" if held.is_encrypted else "", held.kept.value)
            for name, held in OF_PEOPLE.items()
            if held.whose is whose
        ]
        parts.append(f"### {title}\n\n{table(('Column', 'Holds', '', 'Kept'), rows)}")
    return "\n" + "\n".join(parts) + "\n"


WRITERS: dict[str, Callable[[], str]] = {
    "ladok_tables": ladok_tables,
    "person_fields": person_fields,
    "glossary": glossary,
    "settings": settings,
    "forty_exams": forty_exams,
    "roles": roles,
    "cells": cells,
    "personal_data": personal_data,
}


def openapi() -> str:
    """Our own API, as `/api/v1/openapi.json` serves it: docs/openapi.json."""
    from ladokflow.api.app import api

    return json.dumps(api.get_openapi_schema(), indent=1, ensure_ascii=False) + "\n"


def rewritten(page: str) -> str:
    from django.utils.translation import override

    with override("en"):
        return BETWEEN.sub(lambda found: found[1] + WRITERS[found[2]]() + found[4], page)


def pages() -> list[Path]:
    return [path for path in sorted((ROOT / "docs").glob("*.md")) if BETWEEN.search(path.read_text())]


if __name__ == "__main__":
    import django

    django.setup()
    (ROOT / "docs/openapi.json").write_text(openapi())
    for path in pages():
        path.write_text(rewritten(path.read_text()))
