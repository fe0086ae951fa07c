"""The Ladok sides of the three universities: List, Fetch, Export and, where it is switched on, Read back.

Strict on what is sent to them: a key they do not know is a bad request, a person they do not know or a grade that is not on
the exam's scale is an error for that person, and what they register stands in the ledger.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from collections.abc import Iterator
from typing import Any

from ladokflow.sandbox.answers import Call, Refusal, Reply
from ladokflow.sandbox.owners import as_listed, owned
from ladokflow.sandbox.state import State
from ladokflow.sandbox.universities import University, grades_of

# The ways a person may be named in each university's export, and whether the grade may carry points.
IDENTIFIERS = {"liu": ("studentUid", "liUID"), "oru": ("studentUid",), "boras": ("federeradIdentitet",)}
OTHER_KEYS = {"boras": ("studentUID", "personnummer")}
GRADE_KEYS = {"boras": ("betyg", "poang")}


def answer(state: State, university: University, call: Call) -> Reply:
    try:
        _authorise(university, call)
        parts = [part for part in call.path.split("/") if part]
        if not parts or parts[0] != university.collection or len(parts) > 3:
            raise Refusal(404, "Sidan finns inte.")
        side = state.data["ladok"][university.slug]
        if len(parts) == 1:
            _only(call, "GET")
            return Reply(body=_list(university, side, call))
        code = call.parts["code"]
        exam = side["exams"].get(code)
        if exam is None or (len(parts) == 3 and parts[2] != university.export):
            raise Refusal(404, f"Det finns inget tillfälle med koden {code}.")
        if len(parts) == 2:
            _only(call, "GET")
            return Reply(body=exam["fields"] | {university.people: as_listed(exam["people"])})
        if call.method == "GET" and side["can_read_back"]:
            return Reply(body={"gradeExports": [row["sent"] for row in state.ledgers[university.slug].latest(code)]})
        _only(call, "POST", "PATCH")
        return Export(state, university, call, code).answer()
    except Refusal as refusal:
        return Reply(refusal.status, {"message": refusal.message}, refusal.headers)


def _only(call: Call, *methods: str) -> None:
    if call.method not in methods:
        raise Refusal(405, "Metoden stöds inte.", headers={"Allow": ", ".join(methods)})


def _authorise(university: University, call: Call) -> None:
    """The same secret as a bearer token, as an API key, or as the password of the user `ladokflow`."""
    kind, _, given = call.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(given).decode().partition(":")
        except ValueError:
            user, password = "", ""
        given = password if user == "ladokflow" else ""
    elif kind.lower() != "bearer":
        given = call.headers.get("x-api-key", "")
    if not secrets.compare_digest(given.encode(), f"{university.slug}-ladok".encode()):
        raise Refusal(401, "Behörighet saknas.", headers={"WWW-Authenticate": "Bearer"})


def _list(university: University, side: dict[str, Any], call: Call) -> list[dict[str, Any]]:
    first, last = call.query.get("from"), call.query.get("to")
    if first and last:
        return [exam["fields"] for exam in side["exams"].values() if first <= _day(exam["fields"]) <= last]
    wanted = call.query.get(university.parameter)
    if not wanted:
        raise Refusal(400, f"Parametern {university.parameter} saknas.")
    return [
        exam["fields"]
        for exam in side["exams"].values()
        if str(exam["fields"].get(university.course, "")).casefold() == wanted.casefold()
    ]


def _day(fields: dict[str, Any]) -> str:
    return str(fields.get("examStartDate") or fields.get("startDatum") or "")


class Export:
    """One call of the export: checked as a whole first, then person by person."""

    def __init__(self, state: State, university: University, call: Call, code: str) -> None:
        self.state = state
        self.university = university
        self.call = call
        self.code = code
        self.side = state.data["ladok"][university.slug]
        self.exam = self.side["exams"][code]
        self.identifiers = IDENTIFIERS[university.slug]
        self.grade_key = GRADE_KEYS.get(university.slug, ("grade",))[0]
        self.key = call.headers.get("idempotency-key", "")

    def answer(self) -> Reply:
        if self.key and self.side["honours_idempotency"] and self.key in self.side["answered"]:
            return Reply(200, self.side["answered"][self.key])
        managers, rows = self._read()
        errors, count = [], 0
        people = self._people()
        register = {student["organisation_id"].casefold(): student for student in self.side["register"]}
        for row in rows:
            name = next(name for name in self.identifiers if name in row)
            fault = self._fault(row, name, people, register)
            if fault:
                errors.append({"userId": row[name], "errorInfo": fault})
            else:
                identifier = str(row[name]).casefold()
                self._register(row, name, managers, people.get((name, identifier)), register.get(identifier))
                count += 1
        said = {"numberOfSuccess": count, "numberOfErrors": len(errors), "errors": errors}
        if self.key:
            self.side["answered"][self.key] = said
        self.state.is_changed = True
        return Reply(200, said)

    # --- The body -----------------------------------------------------------------------------------------------

    def _read(self) -> tuple[list[str], list[dict[str, Any]]]:
        try:
            body = json.loads(self.call.content)
        except ValueError:
            raise Refusal(400, "Innehållet är inte JSON.") from None
        names_managers = self.university.slug == "boras"
        self._keys(body, {"gradeExports"} | ({"managers"} if names_managers else set()), "innehållet")
        rows = body["gradeExports"]
        if not isinstance(rows, list) or not rows:
            raise Refusal(400, "gradeExports ska vara en lista med minst en person.")
        for row in rows:
            self._check_row(row)
        return (self._managers(body["managers"]) if names_managers else []), rows

    @staticmethod
    def _keys(found: Any, required: set[str], where: str, optional: tuple[str, ...] = ()) -> None:
        if not isinstance(found, dict):
            raise Refusal(400, f"{where} ska vara ett objekt.")
        if missing := required - set(found):
            raise Refusal(400, f"{', '.join(sorted(missing))} saknas i {where}.")
        if unknown := set(found) - required - set(optional):
            raise Refusal(400, f"Okänt fält i {where}: {', '.join(sorted(unknown))}.")

    def _check_row(self, row: Any) -> None:
        named = [name for name in self.identifiers if isinstance(row, dict) and name in row]
        if len(named) != 1:
            raise Refusal(400, f"Varje person ska ha ett av fälten {', '.join(self.identifiers)}.")
        self._keys(row, {named[0], "grade"}, "gradeExports", OTHER_KEYS.get(self.university.slug, ()))
        self._keys(row["grade"], {self.grade_key}, "grade", GRADE_KEYS.get(self.university.slug, ("grade",))[1:])
        texts = [
            row[named[0]],
            row["grade"][self.grade_key],
            *(row[key] for key in OTHER_KEYS.get(self.university.slug, ()) if key in row),
        ]
        if any(not isinstance(text, str) or not text for text in texts):
            raise Refusal(400, "Identiteter och betyg ska vara text.")
        points = row["grade"].get("poang")
        if points is not None and (isinstance(points, bool) or not isinstance(points, int | float)):
            raise Refusal(400, "poang ska vara ett tal.")

    def _managers(self, given: Any) -> list[str]:
        if not isinstance(given, list) or not given:
            raise Refusal(400, "managers ska vara en lista med minst en person.")
        for manager in given:
            self._keys(manager, {"federeradIdentitet"}, "managers")
        names = [str(manager["federeradIdentitet"]) for manager in given]
        if any(name not in self.side["exporters"] for name in names):
            raise Refusal(403, "Den som rapporterar saknar behörighet att exportera resultat.")
        return names

    # --- Each person --------------------------------------------------------------------------------------------

    def _people(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The people of this exam by every identifier that may name them here."""
        own = self.university.organisation_id
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for person in self.exam["people"]:
            for name, value in self._names(own, person):
                if value:
                    found[name, str(value).casefold()] = person
        return found

    def _names(self, own: str, person: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        if self.university.slug == "boras":
            yield "federeradIdentitet", person.get(own)
        elif self.university.slug == "liu":
            yield "studentUid", person.get("uniqueExamId")
            yield "liUID", person.get(own)
        else:
            yield "studentUid", person.get(own)
            yield "studentUid", person.get("uniqueExamId")

    def _fault(
        self, row: dict[str, Any], name: str, people: dict[tuple[str, str], dict[str, Any]], register: dict[str, Any]
    ) -> str:
        identifier = str(row[name])
        person = people.get((name, identifier.casefold()))
        takes_others = name == "liUID" or self.university.slug == "oru"
        if person is None and not (takes_others and identifier.casefold() in register):
            return "Studenten finns inte på tillfället."
        if identifier in self.side["rejections"]:
            return str(self.side["rejections"][identifier])
        for key in ("studentUID", "personnummer"):
            if person is not None and row.get(key) and person.get(key) and row[key] != person[key]:
                return f"{key} stämmer inte med {name}."
        scale = self.exam["fields"].get(self.university.scale)
        grades = grades_of(scale)
        if grades is not None and row["grade"][self.grade_key] not in grades:
            return f"Betyget {row['grade'][self.grade_key]} finns inte i betygsskalan {scale}."
        return ""

    def _register(
        self,
        row: dict[str, Any],
        name: str,
        managers: list[str],
        person: dict[str, Any] | None,
        student: dict[str, Any] | None,
    ) -> None:
        """`person` is who has the identifier on this exam; where nobody has, it is a `student` of the university."""
        own = self.university.organisation_id
        self.state.ledgers[self.university.slug].record(
            {
                "code": self.code,
                "kind": name,
                "identifier": row[name],
                "organisationId": (person or {}).get(own) or row[name],
                "grade": row["grade"][self.grade_key],
                "points": row["grade"].get("poang"),
                "idempotencyKey": self.key,
                "at": dt.datetime.fromtimestamp(self.state.now(), dt.UTC).isoformat(),
                "managers": managers,
                "sent": row,
                **owned(person or student or {}),
            }
        )
