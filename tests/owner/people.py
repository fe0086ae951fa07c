"""The human beings, and what Ladok's lists say of them. Nothing here knows LadokFlow."""

from __future__ import annotations

import random
import unicodedata
import uuid
from dataclasses import dataclass, field
from typing import Any

from ladokflow.sandbox.exams import wire_person
from ladokflow.sandbox.owners import OWNER
from ladokflow.sandbox.people import person as invented
from ladokflow.sandbox.people import personnummer
from ladokflow.sandbox.universities import University

# What names a person at the university; the unique exam id names one on an exam only.
IDENTITY = ("organisation_id", "national_id", "student_uid")
EXAM_ID = "unique_exam_id"

Row = dict[str, Any]


def plain(kind: str, value: str) -> str:
    """A value however it is spelt: case, invisible characters and the way a personnummer is written make no other person."""
    text = "".join(letter for letter in value if unicodedata.category(letter) != "Cf")
    text = unicodedata.normalize("NFC", text).strip().casefold()
    return "".join(letter for letter in text if letter.isalnum())[-10:] if kind == "national_id" else text


SPELLINGS = (
    str.upper,
    lambda value: f"{value}\u200b",
    lambda value: f"\ufeff{value}",
    lambda value: f" {value} ",
    lambda value: value.replace("-", ""),
    lambda value: value[2:] if value[:2].isdigit() else value.title(),
)


@dataclass
class Human:
    """`said` is who she is now, in the sandbox's own words: her right identifiers and her name."""

    number: int
    said: dict[str, Any]
    names: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.remember()

    def remember(self) -> None:
        """`names` are all that she has had."""
        self.names.add((self.said["first_name"], self.said["last_name"]))

    @property
    def login(self) -> str:
        return str(self.said["organisation_id"]).casefold()


class Humans:
    """All there are. `touched` are those of whom Ladok's lists have said something else than at first."""

    def __init__(self, university: University, seed: int = 1) -> None:
        self.university = university
        self.all: list[Human] = []
        self.touched: set[int] = set()
        self._rng = random.Random(f"{seed}:{university.slug}:humans")
        self._taken: set[str] = set()
        self._exam_ids = 0

    def __getitem__(self, number: int) -> Human:
        return self.all[number]

    def new(self, **said: Any) -> Human:
        person = invented(self._rng, self._taken, self.university.domain)
        person |= {"needs_time": False, "email": f"human{len(self.all)}@{self.university.domain}"} | said
        human = Human(len(self.all), person)
        self.all.append(human)
        return human

    def fresh(self, kind: str) -> str:
        """A value of the kind that nobody has had."""
        if kind == EXAM_ID:
            self._exam_ids += 1
            return f"AX-{self._exam_ids:04}"
        if kind == "national_id":
            return personnummer(self._rng)
        if kind == "student_uid":
            return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        if kind == "organisation_id":
            return str(invented(self._rng, self._taken, self.university.domain)["organisation_id"])
        return f"Ny-{self._rng.randint(100, 999)}"

    def has_exam_ids(self) -> bool:
        return EXAM_ID in self.university.fields

    def row(self, human: Human, exam_id: str | None = None) -> Row:
        """Her row on an exam, as Ladok spells it."""
        exam_id = self.fresh(EXAM_ID) if exam_id is None else exam_id
        return wire_person(self.university, human.said, exam_id=exam_id) | {OWNER: human.number}

    # --- One field of a row, in the sandbox's own words ------------------------------------------------------------

    def get(self, row: Row, kind: str) -> str:
        return str(row.get(self.university.fields.get(kind, "")) or "")

    def put(self, row: Row, kind: str, value: str) -> None:
        """What is empty is left out, as Ladok leaves it out."""
        name = self.university.fields.get(kind)
        if name is None:
            return
        if value:
            row[name] = value
        else:
            row.pop(name, None)

    def is_readable(self, row: Row) -> bool:
        return any(self.get(row, kind) for kind in (*IDENTITY, EXAM_ID))

    def is_told(self, row: Row) -> bool:
        """Whether at least two of her identifiers are right: with less, nobody could say whose the row is."""
        said = self[row[OWNER]].said
        return sum(plain(kind, self.get(row, kind)) == plain(kind, said[kind]) for kind in IDENTITY) >= 2


def contradicts_itself(humans: Humans, rows: list[Row]) -> bool:
    """Whether a list names somebody twice, or has rows of which nobody can be told."""
    if not all(humans.is_readable(row) for row in rows):
        return True
    for kind in (*IDENTITY, EXAM_ID):
        values = [plain(kind, value) for row in rows if (value := humans.get(row, kind))]
        if len(values) != len(set(values)):
            return True
    return False
