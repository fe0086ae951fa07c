"""Everything the four systems know, in plain JSON values, and how it is kept on disk.

Maps are keyed by text even where the id is a number, so that what is read back from a file equals what was written.
One lock guards it all: a request does its work under the lock, and waits and sends outside it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import pickle
import random
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ladokflow.sandbox.exams import exams_of
from ladokflow.sandbox.ledger import Ledger
from ladokflow.sandbox.people import register
from ladokflow.sandbox.seeding import new_wiseflow
from ladokflow.sandbox.universities import UNIVERSITIES

STOCKHOLM = ZoneInfo("Europe/Stockholm")
FORMAT = 2


@lru_cache(maxsize=4)
def _as_new(seed: int, today: dt.date, now: int) -> bytes:
    """The state of a new sandbox, pickled: made once, read for every reset. `now` is when the day began."""
    ladok: dict[str, Any] = {}
    licences: dict[str, Any] = {}
    for slug, university in UNIVERSITIES.items():
        rng = random.Random(f"{seed}:{slug}")
        students = register(rng, university.students, university.domain)
        ladok[slug] = {
            "exams": exams_of(university, students, rng, today),
            "register": students,
            "made": 0,
            "rejections": {},
            "honours_idempotency": False,
            "can_read_back": False,
            "exporters": ["bodil@boras.example", "birgit@boras.example"] if slug == "boras" else [],
            "answered": {},
            "registrations": [],
        }
        licences[slug] = students
    made = {"format": FORMAT, "seed": seed, "clock": 0.0, "ladok": ladok, "wiseflow": new_wiseflow(licences, seed, now)}
    # By way of JSON: what is new equals what is read back from a file, and nothing in it is shared.
    return pickle.dumps(json.loads(json.dumps(made)))


class State:
    """`data` holds what is kept; the indexes beside it are made from it and never written."""

    def __init__(self, *, seed: int = 1, file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.seed = seed
        self.file = file
        self.is_changed = False
        self.data: dict[str, Any] = {}
        self.ledgers: dict[str, Ledger] = {}
        self.people = PeopleIndexes({})
        if not self.load():
            self.reset()

    # --- Time: real time, moved by what the control says --------------------------------------------------------

    def now(self) -> float:
        return time.time() + float(self.data["clock"])

    def moment(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.now(), STOCKHOLM)

    def set_clock(self, moment: dt.datetime) -> None:
        self.data["clock"] = moment.timestamp() - time.time()

    # --- As new, and kept --------------------------------------------------------------------------------------

    def reset(self) -> None:
        with self.lock:
            today = dt.datetime.now(STOCKHOLM).date()
            midnight = int(dt.datetime.combine(today, dt.time(), STOCKHOLM).timestamp())
            self.data = pickle.loads(_as_new(self.seed, today, midnight))  # noqa: S301 - our own, of this process
            self._index()
            self.is_changed = True

    def _index(self) -> None:
        self.ledgers = {slug: Ledger(side["registrations"]) for slug, side in self.data["ladok"].items()}
        self.people = PeopleIndexes(self.data["wiseflow"]["licences"])

    def forget_ledger(self, slug: str) -> None:
        """Begin the ledger of a university anew, from the registrations that its data holds now."""
        self.ledgers[slug] = Ledger(self.data["ladok"][slug]["registrations"])

    def load(self) -> bool:
        if self.file is None or not self.file.is_file():
            return False
        read = json.loads(self.file.read_text())
        if read.get("format") != FORMAT:
            return False
        with self.lock:
            self.data = read
            self._index()
        return True

    def save(self) -> None:
        """Write the state where it was read from, if it changed. A reader sees the old file or the new one, never a half."""
        if self.file is None or not self.is_changed:
            return
        with self.lock:
            self.is_changed = False
            text = json.dumps(self.data)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        beside = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        with beside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.file)

    # --- Numbers -----------------------------------------------------------------------------------------------

    def next_id(self, kind: str) -> int:
        counters = self.data["wiseflow"]["counters"]
        counters[kind] = counters.get(kind, 0) + 1
        return int(counters[kind])


class PeopleIndexes(dict[str, "PeopleIndex"]):
    """One for each licence, made when it is first asked for: most who begin anew ask for one."""

    def __init__(self, licences: dict[str, dict[str, Any]]) -> None:
        super().__init__()
        self._licences = licences

    def __missing__(self, name: str) -> PeopleIndex:
        self[name] = PeopleIndex(self._licences[name])
        return self[name]


class PeopleIndex:
    """Finds the people of a licence by what is known of them; WISEflow compares without regard to case."""

    def __init__(self, licence: dict[str, Any]) -> None:
        self.by_data: dict[tuple[int, str], list[int]] = {}
        self.by_email: dict[str, list[int]] = {}
        for user in licence["users"].values():
            for row in user["data"]:
                self.add_data(user["id"], row["userDataTypeId"], row["value"])
            for row in user["emails"]:
                self.add_email(user["id"], row["email"])

    def add_data(self, user_id: int, type_id: int, value: str) -> None:
        found = self.by_data.setdefault((type_id, value.casefold()), [])
        if user_id not in found:
            found.append(user_id)

    def drop_data(self, user_id: int, type_id: int, value: str) -> None:
        found = self.by_data.get((type_id, value.casefold()), [])
        if user_id in found:
            found.remove(user_id)

    def add_email(self, user_id: int, email: str) -> None:
        found = self.by_email.setdefault(email.casefold(), [])
        if user_id not in found:
            found.append(user_id)

    def drop_email(self, user_id: int, email: str) -> None:
        found = self.by_email.get(email.casefold(), [])
        if user_id in found:
            found.remove(user_id)

    def with_data(self, type_id: int, value: str) -> list[int]:
        return self.by_data.get((type_id, value.casefold()), [])

    def with_email(self, email: str) -> list[int]:
        return self.by_email.get(email.casefold(), [])
