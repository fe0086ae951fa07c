"""Flows of WISEflow and Ladok codes as people write them or paste them from a spreadsheet: a flow and a code per line.

    225; TDDE01-TEN1-1001
    https://europe.wiseflow.net/manager/display.php?id=226; TDDE02-TEN1-1001

A flow is its number or a link to it. A flow that is made from several codes has a line for each; the first is the master.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from ladokflow.identifiers import normal
from ladokflow.messages import Refused, message
from sources.flows.tables import lines_of

MOST_LINES = 50
NAMES = ("id", "flow", "flowid")  # what a link calls the number in its query
LONGEST_NUMBER = 18  # digits that a column of ours holds
LONGEST_CODE = 200


@dataclass(frozen=True)
class Pair:
    """One line, as it was written."""

    flow: str
    code: str
    line: int = 1


def read_table(text: str) -> list[Pair]:
    """The lines that say anything. Refused where there are too many, or none."""
    pairs: list[Pair] = []
    for line in lines_of(text):
        flow, code = line.cells[0], next((cell for cell in line.cells[1:] if cell), "")
        is_heading = not pairs and not any(sign.isdigit() for sign in flow)
        if not is_heading:
            pairs.append(Pair(flow[:500], code[:LONGEST_CODE], line.number))
    if not pairs:
        raise Refused(message("sources.adoption.nothing_given"))
    if len(pairs) > MOST_LINES:
        raise Refused(message("sources.adoption.too_many", most=MOST_LINES, count=len(pairs)))
    return pairs


def number_in(flow: str) -> int | None:
    """The number of the flow that a number or a link is meant for; None where it cannot be told."""
    text = flow.strip()
    if _is_number(text):
        return int(text)
    try:
        link = urlsplit(text)
    except ValueError:
        return None
    if link.scheme not in ("http", "https"):
        return None
    named = [value for name, value in parse_qsl(link.query) if normal(name).replace("_", "") in NAMES]
    path = [part for part in f"{link.path}/{link.fragment}".split("/") if _is_number(part)]
    numbers = {int(value) for value in named if _is_number(value)} or {int(part) for part in path}
    return numbers.pop() if len(numbers) == 1 else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER and int(text) > 0
