"""What the body of an answer says: its numbers, and of whom it speaks. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from exports.attempts.reading import Unclear
from ladokflow.identifiers import normal, normal_forms, spellings_of_national_id
from ladokflow.messages import message
from ladokflow.privacy import redact

AGREED = frozenset({"numberOfSuccess", "numberOfErrors", "errors"})  # any other spelling of them is none of them
BAD_NAME = re.compile(
    r"error|exception|fail|reject|avvis|avslag|^fault|^fel(?!t)"
)  # of a place; "fält" and "felt" are none
GOOD_NAME = re.compile(r"^(success|succeeded|ok|successful|registered|registrerad|committed)$")
BAD_VALUE = re.compile(r"error|err|fel|fail(ed|ure)?|rejected|nok|avvisad|misslyckad|misslyckades")
NOTHING = frozenset({"", "0", "false", "none", "null", "nej", "no"})
LONGEST_INFO = 500
LONGEST_TEXT = 20_000  # characters in which people are looked for, of whatever Ladok says in words
SHORTEST_NAME = 4  # characters of an identifier that is looked for in running text


@dataclass(frozen=True)
class Statement:
    """The numbers, None where they are missing and -1 where they are none, and what was said of whom, by place."""

    successes: int | None = None
    failures: int | None = None
    errors: Mapping[int, str] = field(default_factory=dict)

    def is_about(self, count: int) -> bool:
        """Whether each grade that was sent is accounted for, and nobody twice."""
        named = len(self.errors)
        return self.successes == count - named and self.failures in (None, named)

    def is_rejection(self, count: int) -> bool:
        """Whether none was registered: all are named, or all are counted as errors."""
        if self.successes not in (None, 0):
            return False
        return self.failures == count or (len(self.errors) == count and self.failures is None)

    def names_some(self) -> bool:
        """Whether it names people, and counts the errors as it names them, if at all."""
        return bool(self.errors) and self.failures in (None, len(self.errors))


def read_statement(body: Any, sent: Sequence[frozenset[str]]) -> Statement:
    """Unclear where it speaks of people and one cannot tell of whom."""
    if not isinstance(body, dict):
        return Statement()
    errors, strangers = _errors(body.get("errors"), sent)
    if strangers:
        raise Unclear(message("answer.strangers", count=strangers), errors)
    return Statement(_whole_number(body.get("numberOfSuccess")), _whole_number(body.get("numberOfErrors")), errors)


def told_beside(body: Any) -> str:
    """What an answer tells of an error in a place of its own, beside the numbers; empty where it tells of none."""
    beside = {key: value for key, value in body.items() if key not in AGREED} if isinstance(body, dict) else {}
    return next((clean(f"{key}: {_info(value) or value}") for key, value in _places(beside) if _is_bad(key, value)), "")


def _places(value: Any) -> Iterator[tuple[str, Any]]:
    """Every place in it, however deep, that has a name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key), inner
            yield from _places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


def _is_bad(key: str, value: Any) -> bool:
    """Whether the place tells of an error: by its name, by saying no to a success, or by its value, as in "status": "ERROR"."""
    name, is_word = normal(key), isinstance(value, str | int | float)
    is_nothing = not value or (is_word and normal(str(value)) in NOTHING)
    if GOOD_NAME.search(name):
        return value is not None and value not in ("", [], {}) and is_nothing
    if BAD_NAME.search(name):
        return not is_nothing
    return isinstance(value, str) and bool(BAD_VALUE.fullmatch(normal(value)))


def wrong_numbers(body: Any, count: int, errors: Mapping[int, str]) -> Unclear:
    shown = {"successes": _shown(body.get("numberOfSuccess")), "errors": _shown(body.get("numberOfErrors"))}
    return Unclear(message("answer.wrong_numbers", sent=count, named=len(errors), **shown), errors)


def _whole_number(value: Any) -> int | None:
    """A count, also as text or as 38.0; None where there is none. What is no count becomes one that never agrees."""
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _shown(value: Any) -> str:
    return "?" if value is None else str(value)[:20]


def _errors(listed: Any, sent: Sequence[frozenset[str]]) -> tuple[dict[int, str], int]:
    """What was said of whom, by their place among those sent, and how many of those named we did not send."""
    if listed in (None, [], {}):
        return {}, 0
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list):
        raise Unclear(message("answer.unreadable_errors"))
    people = People(sent)
    errors: dict[int, list[str]] = {}
    strangers: set[str] = set()
    unreadable = False
    for entry in listed:
        name = _identifier(entry.get("userId")) if isinstance(entry, dict) else None
        if name is None:
            unreadable = True
            continue
        place = people.place(name)
        if place is None:
            strangers.add(str(name))
        else:
            infos = errors.setdefault(place, [])
            info = _info(entry.get("errorInfo"))
            if info and info not in infos:
                infos.append(info)
    said_of = {place: "; ".join(infos)[:LONGEST_INFO] for place, infos in errors.items()}
    if unreadable:
        raise Unclear(message("answer.unreadable_errors"), said_of)
    return said_of, len(strangers)


def named_in(text: str, sent: Sequence[frozenset[str]]) -> set[int]:
    """Who is named in running text."""
    people = People([frozenset(each for each in of_one if len(each) >= SHORTEST_NAME) for of_one in sent])
    words = (word.strip(".") for word in re.split(r"[\s\"',;:!?()<>\[\]{}]+", text))
    return {place for word in words if word and (place := people.place(word)) is not None}


class People:
    """Those who were sent, by each way of writing what they are known by."""

    def __init__(self, sent: Sequence[frozenset[str]]) -> None:
        self._places: dict[str | int, set[int]] = {}
        for place, identifiers in enumerate(sent):
            for identifier in identifiers:
                forms: set[str | int] = {*normal_forms(identifier), *_numbers(identifier)}
                for form in forms:
                    self._places.setdefault(form, set()).add(place)

    def place(self, name: str | int) -> int | None:
        """None for a stranger, and for what several people share: it tells nobody apart."""
        forms = (name, *normal_forms(str(name)))
        places = set().union(*(self._places.get(form, ()) for form in forms))
        return places.pop() if len(places) == 1 else None


def _numbers(identifier: str) -> set[int]:
    """What it may be called as a number, by peers that lose the zeros before it."""
    digits = (
        spelling
        for spelling in spellings_of_national_id(identifier)
        if spelling.isascii() and spelling.isdigit() and len(spelling) < 20
    )
    return set(map(int, digits))


def _identifier(value: Any) -> str | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, int):
        return value
    return value.strip() or None


def _info(value: Any) -> str:
    """Ladok's words for one person, whatever form they came in."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(part for part in map(_info, value) if part)
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def clean(text: str) -> str:
    """One line without control characters and national ids."""
    plain = " ".join("".join(ch if ch.isprintable() or ch.isspace() else " " for ch in text).split())
    return redact(plain[:LONGEST_TEXT])[:LONGEST_INFO]
