"""What the control does in the Ladok sides: exams and people come, change and go; people are refused; switches."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

from ladokflow.sandbox.exams import new_exam, seats, wire_person
from ladokflow.sandbox.owners import as_listed
from ladokflow.sandbox.people import person as new_person
from ladokflow.sandbox.people import taken_in
from ladokflow.sandbox.universities import UNIVERSITIES, University

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

DAYS = ("examStartDate", "examEndDate", "sensurfrist", "startDatum", "slutDatum")
ACTIONS = (
    "exams", "exam", "add_exam", "change_exam", "remove_exam", "change_people", "grades", "registrations", "clear_grades",
    "reject", "clear_rejections", "move_exam", "set_idempotency", "set_read_back", "set_exporters", "students",
)  # fmt: skip


def _side(sandbox: Sandbox, university: str) -> dict[str, Any]:
    if university not in sandbox.state.data["ladok"]:
        raise ValueError(f"Unknown university: {university}")
    found: dict[str, Any] = sandbox.state.data["ladok"][university]
    return found


def _exam(sandbox: Sandbox, university: str, code: str) -> dict[str, Any]:
    exams = _side(sandbox, university)["exams"]
    if code not in exams:
        raise ValueError(f"There is no exam {code} at {university}")
    found: dict[str, Any] = exams[code]
    return found


def exams(sandbox: Sandbox, university: str) -> list[dict[str, Any]]:
    """Every exam as Ladok lists it, with `people`: how many there are."""
    return [exam["fields"] | {"people": len(exam["people"])} for exam in _side(sandbox, university)["exams"].values()]


def exam(sandbox: Sandbox, university: str, code: str) -> dict[str, Any]:
    """One exam as Ladok's Fetch answers it."""
    found = _exam(sandbox, university, code)
    return found["fields"] | {UNIVERSITIES[university].people: as_listed(found["people"])}


def students(sandbox: Sandbox, university: str) -> list[dict[str, Any]]:
    """Everybody the university knows, whether on an exam or not, in the sandbox's own words."""
    found: list[dict[str, Any]] = _side(sandbox, university)["register"]
    return found


def add_exam(
    sandbox: Sandbox, university: str, people: Any = 30, exact: bool = False, fields: dict[str, Any] | None = None
) -> str:
    """A new exam. `people` is how many, or a list of people in Ladok's words, filled up with invented values (not if `exact`).

    `fields` are in Ladok's words; the code is one of them, or made up; a field given as null is sent as null.
    """
    side, known = _side(sandbox, university), UNIVERSITIES[university]
    side["made"] += 1
    given = dict(fields or {})
    course = given.get(known.course) or known.courses[0][0]
    code = given.setdefault(known.code, f"{course}-NY-{side['made']:04}")
    if code in side["exams"]:
        raise ValueError(f"There is an exam {code} already")
    made = new_exam(university, given, code, sandbox.state.moment().date())
    side["exams"][code] = {"fields": made, "people": _people(sandbox, university, people, f"N{side['made']}", exact)}
    return str(code)


def _people(
    sandbox: Sandbox, university: str, people: Any, prefix: str, exact: bool, first: int = 1
) -> list[dict[str, Any]]:
    side, known = _side(sandbox, university), UNIVERSITIES[university]
    rng = random.Random(f"{sandbox.state.seed}:{university}:{prefix}:{first}")
    if isinstance(people, list):
        if exact:
            return people
        drawn = _drawn(side, known, rng, len(people))
        filled = seats(known, drawn, rng, prefix=prefix, first=first)
        return [person | given for person, given in zip(filled, people, strict=True)]
    return seats(known, _drawn(side, known, rng, int(people)), rng, prefix=prefix, first=first)


def _drawn(side: dict[str, Any], known: University, rng: random.Random, count: int) -> list[dict[str, Any]]:
    """So many students, each once; the register grows where it is too small."""
    register = side["register"]
    if count > len(register):
        taken = taken_in(register)
        register += [new_person(rng, taken, known.domain) for _ in range(count - len(register))]
    return rng.sample(register, count)


def change_exam(
    sandbox: Sandbox, university: str, code: str, remove: list[str] | None = None, fields: dict[str, Any] | None = None
) -> None:
    """Set fields, in Ladok's words; `remove` names keys to leave out altogether."""
    found = _exam(sandbox, university, code)["fields"]
    found.update(fields or {})
    for key in remove or []:
        found.pop(key, None)


def move_exam(sandbox: Sandbox, university: str, code: str, days: int) -> None:
    """To so many days from today, or the Friday before: whatever else has a date goes with it."""
    fields = _exam(sandbox, university, code)["fields"]
    today = sandbox.state.moment().date()
    day = today + dt.timedelta(days=days)
    day -= dt.timedelta(days=max(0, day.weekday() - 4))
    by = day - dt.date.fromisoformat(fields["startDatum" if university == "boras" else "examStartDate"])
    for key in set(DAYS) & set(fields):
        fields[key] = (dt.date.fromisoformat(fields[key]) + by).isoformat()


def remove_exam(sandbox: Sandbox, university: str, code: str) -> None:
    _exam(sandbox, university, code)
    del _side(sandbox, university)["exams"][code]


def change_people(
    sandbox: Sandbox,
    university: str,
    code: str,
    add: Any = 0,
    remove: Any = None,
    change: dict[str, Any] | None = None,
    exact: bool = False,
) -> list[dict[str, Any]]:
    """Add people (a count or a list), remove some (a list of organisation ids, or a count from the end), change some.

    `change` is `{organisation id: {field: value}}`. Gives the people as they are afterwards.
    """
    found, own = _exam(sandbox, university, code), UNIVERSITIES[university].organisation_id
    people = found["people"]
    if isinstance(remove, int):
        people = people[: len(people) - remove]
    elif remove:
        missing = set(remove) - {person.get(own) for person in people}
        if missing:
            raise ValueError(f"Not on the exam: {', '.join(sorted(map(str, missing)))}")
        people = [person for person in people if person.get(own) not in remove]
    for organisation_id, fields in (change or {}).items():
        at_hand = [person for person in people if person.get(own) == organisation_id]
        if not at_hand:
            raise ValueError(f"Not on the exam: {organisation_id}")
        for person in at_hand:
            person.update(fields)
    found["people"] = people + _newcomers(sandbox, university, people, add, exact)
    return list(found["people"])


def _newcomers(
    sandbox: Sandbox, university: str, present: list[dict[str, Any]], add: Any, exact: bool
) -> list[dict[str, Any]]:
    """People who are not on the exam yet."""
    if not add:
        return []
    if isinstance(add, list) and exact:
        return add
    side, known = _side(sandbox, university), UNIVERSITIES[university]
    count = len(add) if isinstance(add, list) else int(add)
    side["made"] += 1
    rng = random.Random(f"{sandbox.state.seed}:{university}:new:{side['made']}")
    taken = {person.get(known.organisation_id) for person in present}
    free = [student for student in side["register"] if student["organisation_id"] not in taken]
    if len(free) < count:
        names = taken_in(side["register"])
        more = [new_person(rng, names, known.domain) for _ in range(count - len(free))]
        side["register"] += more
        free += more
    made = [
        wire_person(known, student, exam_id=f"M{side['made']}-{number:04}", end_time="18:30")
        for number, student in enumerate(rng.sample(free, count), start=1)
    ]
    return [person | given for person, given in zip(made, add, strict=True)] if isinstance(add, list) else made


# --- Grades -----------------------------------------------------------------------------------------------------


def grades(sandbox: Sandbox, university: str, code: str | None = None) -> list[dict[str, Any]]:
    """The ledger: each grade of each person on each exam, with `times`: how often it was registered."""
    _side(sandbox, university)
    return [row for row in sandbox.state.ledgers[university].rows() if code in (None, row["code"])]


def registrations(sandbox: Sandbox, university: str, code: str | None = None) -> list[dict[str, Any]]:
    """Every single registration, in order, with `sent`: the person's part of the body."""
    found = _side(sandbox, university)["registrations"]
    return [row for row in found if code in (None, row["code"])]


def clear_grades(sandbox: Sandbox, university: str) -> None:
    side = _side(sandbox, university)
    side["registrations"], side["answered"] = [], {}
    sandbox.state.forget_ledger(university)


def reject(
    sandbox: Sandbox,
    university: str,
    identifier: str,
    error_info: str | None = "Studenten är inte registrerad på momentet.",
) -> None:
    """Refuse this person's grades with these words, until `error_info` is null."""
    rejections = _side(sandbox, university)["rejections"]
    if error_info is None:
        rejections.pop(identifier, None)
    else:
        rejections[identifier] = error_info


def clear_rejections(sandbox: Sandbox, university: str) -> None:
    _side(sandbox, university)["rejections"] = {}


def set_idempotency(sandbox: Sandbox, university: str, honoured: bool) -> None:
    _side(sandbox, university)["honours_idempotency"] = honoured


def set_read_back(sandbox: Sandbox, university: str, on: bool) -> None:
    _side(sandbox, university)["can_read_back"] = on


def set_exporters(sandbox: Sandbox, university: str, identities: list[str]) -> None:
    """Who may be named in Borås's `managers`."""
    _side(sandbox, university)["exporters"] = identities
