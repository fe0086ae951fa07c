"""Whose grades a request holds: read out of the very bytes that are sent, and not out of what they were made of. Pure.

A body is taken apart into records: each object, row or value that stands in a list, and where it stands. Whatever builds the
body, that of many people must be made of the records that it makes for each of them alone. So a person who was left out, comes
twice, or has got another's grade or name is found in any form of body.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.bodies import Body
from ladokflow.messages import Refused

Record = tuple[str, str]  # where it stands, and what it says

_spelt = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True)
class Differences:
    """`missing`: the places of those whose grade is not there as it was meant, or does not say whose it is; `extra`: how many records
    there are that nobody's grade makes."""

    missing: tuple[int, ...]
    extra: int

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


def differences(
    content: bytes, lines: Sequence[GradeLine], build: Callable[[Sequence[GradeLine]], Body]
) -> Differences:
    """Between the bytes of a request and the grades it is for. `build` makes the body of some of the lines."""
    there = Counter(_records(json.loads(content)))
    header = _header(build)
    of_each = [_besides(header, _records(build([line]))) for line in lines]
    wanted = header + Counter(record for records in of_each for record in records)
    missing = (
        place
        for place, (line, records) in enumerate(zip(lines, of_each, strict=True))
        if not _names(records, line) or any(there[record] < wanted[record] for record in records)
    )
    return Differences(tuple(missing), (there - wanted).total())


def _header(build: Callable[[Sequence[GradeLine]], Body]) -> Counter[Record]:
    """What is there without anybody: the managers, say."""
    try:
        return Counter(_records(build([])))
    except Refused:  # a body that is nothing but the list of people is none without them
        return Counter()


def _besides(header: Counter[Record], records: Iterable[Record]) -> list[Record]:
    return list((Counter(records) - header).elements()) if header else list(records)


def _records(value: Any, where: str = "") -> Iterator[Record]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _records(each, f"{where}.{key}")
    elif isinstance(value, list):
        for each in value:
            is_row = isinstance(each, list) and not any(isinstance(part, list | dict) for part in each)
            if is_row or not isinstance(each, list):
                yield where, _spelt(each if is_row else _without_lists(each))
            if not is_row:
                yield from _records(each, f"{where}[]")


def _without_lists(value: Any) -> Any:
    """Of an object only what stands in no further list: that makes records of its own."""
    if isinstance(value, dict):
        return {key: _without_lists(each) for key, each in value.items() if not isinstance(each, list)}
    return value


def _names(records: Iterable[Record], line: GradeLine) -> bool:
    """Whether something in them says who it is, in whatever it is wrapped."""
    identifiers = (line.organisation_id, line.unique_exam_id, line.external_user_id, line.national_id)
    return any(_spelt(each)[1:-1] in said for each in identifiers if each for _, said in records)
