"""The list of who assesses whom, as people write it or paste it from a spreadsheet: a participant and an assessor per line.

    organisation id; assessor
    stude001@liu.example; asse01@liu.example

Any table is read (`tables.py`), with a heading or without. What cannot be understood is told with its line number; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ladokflow.identifiers import normal
from ladokflow.messages import Message, message
from sources.flows.tables import lines_of

LONGEST = 200
MOST_LINES = 20_000
# A heading has one of these words in the column of the assessor.
HEADINGS = ("assessor", "bedömare", "rättare", "examinator", "examiner", "marker", "grader")


@dataclass(frozen=True)
class Line:
    """`participant` is an organisation id; `assessor` an organisation id or, as it was written, a member's e-mail address."""

    number: int
    participant: str
    assessor: str


def read_list(text: str) -> tuple[list[Line], list[Message]]:
    """The lines, each pair once, and what is wrong with the others."""
    lines: dict[tuple[str, str], Line] = {}
    wrong: list[Message] = []
    first = True
    for row in lines_of(text):
        number, cells = row.number, row.cells
        is_heading, first = first and _is_heading(cells), False
        if is_heading:
            continue
        if number > MOST_LINES:
            return [], [message("sources.list_too_long", most=MOST_LINES)]
        problem = _problem(number, cells, row.text)
        if problem is not None:
            wrong.append(problem)
            continue
        participant, assessor = cells
        lines.setdefault((normal(participant), normal(assessor)), Line(number, participant, assessor))
    return list(lines.values()), wrong


def _is_heading(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and any(word in normal(cells[1]) and "@" not in cells[1] for word in HEADINGS)


def _problem(number: int, cells: Sequence[str], line: str) -> Message | None:
    if len(cells) < 2 or not cells[0]:
        return message("sources.list_line_short", line=number, text=line[:60])
    if len(cells) > 2:
        return message("sources.list_line_long", line=number, count=len(cells))
    for cell in cells:
        if len(cell) > LONGEST or any(sign.isspace() for sign in cell):
            return message("sources.list_line_name", line=number, text=cell[:60])
    return None


def name_assessors(
    lines: Iterable[Line], members: Mapping[str, str], assessors: Container[str] | None
) -> tuple[list[Line], list[Message]]:
    """The lines with the assessors' organisation ids, and those whose assessor is none of `assessors` (ids in their normal form).

    `members` is e-mail address (in its normal form) to organisation id. Without `assessors` everybody is taken.
    """
    named: list[Line] = []
    wrong: list[Message] = []
    for line in lines:
        assessor = members.get(normal(line.assessor), line.assessor)
        if assessors is not None and normal(assessor) not in assessors:
            wrong.append(message("sources.list_line_assessor", line=line.number, assessor=line.assessor))
        else:
            named.append(Line(line.number, line.participant, assessor))
    return named, wrong


def tell_strangers(lines: Iterable[Line], organisation_ids: Iterable[str]) -> list[Message]:
    """The lines whose participant is nobody of those."""
    known = set(map(normal, organisation_ids))
    return [
        message("sources.list_line_stranger", line=line.number, participant=line.participant)
        for line in lines
        if normal(line.participant) not in known
    ]
