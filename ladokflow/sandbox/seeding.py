"""A new WISEflow: three licences with their own ids, their staff, and those students who have written an exam before.

Nothing has the same id in two licences, so that a client that hard-codes one, or mixes licences up, is found out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

FLOW_TYPES = {2: "FLOWassign", 4: "FLOWlock", 8: "FLOWmulti", 16: "FLOWhandin", 32: "FLOWoral", 64: "FLOWattend"}
STAFF = {
    "liu": (
        ("Anna", "Nilsson", "annan12@liu.example", "anna@liu.example", "Manager"),
        ("Lars", "Åkesson", "larak34@liu.example", "lars@liu.example", "Manager"),
        ("Örjan", "Hägg", "orjha56@liu.example", "orjan@liu.example", "Assessor"),
        ("Märta", "Löfgren", "marlo78@liu.example", "marta@liu.example", "Reviewer"),
        ("Gun-Britt", "Mård", "gunma90@liu.example", "gunbritt@liu.example", "Invigilator"),
    ),
    "oru": (
        ("Olle", "Öberg", "olob@oru.example", "olle@oru.example", "Manager"),
        ("Orsa", "Hjälm", "orhj@oru.example", "orsa@oru.example", "Manager"),
        ("Åsa", "Grönqvist", "asgr@oru.example", "asa@oru.example", "Assessor"),
        ("Sören", "Wåhlin", "sowa@oru.example", "soren@oru.example", "Reviewer"),
    ),
    "boras": (
        ("Bodil", "Strömbäck", "bodil@boras.example", "bodil@boras.example", "Manager"),
        ("Bosse", "Fällman", "bosse@boras.example", "bosse@boras.example", "Manager"),
        ("Birgit", "Sjö-Berg", "birgit@boras.example", "birgit@boras.example", "Manager"),
        ("Jörgen", "Åhs", "jorgen@boras.example", "jorgen@boras.example", "Assessor"),
        ("Ylva", "De Geer", "ylva@boras.example", "ylva@boras.example", "Reviewer"),
    ),
}
SCALES: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "liu": (("U345", ("U", "3", "4", "5")), ("U-G", ("U", "G"))),
    "oru": (("U-G-VG", ("U", "G", "VG")), ("U-G", ("U", "G")), ("U-3-4-5", ("U", "3", "4", "5"))),
    "boras": (("U-G-VG", ("U", "G", "VG")), ("U-G", ("U", "G"))),
}
ROOMS = {
    "liu": (("T1", "Campus Valla"), ("TP41", "Campus Norrköping")),
    "oru": (("Gymnastikhuset G110", "Campus Örebro"),),
    "boras": (("D207", "Allégatan"), ("Sandgärdet S312", "Sandgärdet")),
}
# Where each licence's own numbers begin.
FIRST = {"liu": 10, "oru": 410, "boras": 710}
ROLES = ("Participant", "Assessor", "Manager", "Invigilator", "Reviewer", "Author", "License administrator")
RELATIONS = {"Participant": 1, "Assessor": 2, "Manager": 4, "Invigilator": 16, "Reviewer": 32, "Author": 64}
DATA_TYPES = (
    ("Personal Organisation Id", "personalOrganisationId"),
    ("National ID", "personalUniqueId"),
    ("Student number", "externalUserId"),
    ("Alias", "alias"),
)


def new_wiseflow(students: Mapping[str, Sequence[dict[str, Any]]], seed: int, now: int) -> dict[str, Any]:
    counters = {"user": 2300, "flow": 220, "participant": 9000, "row": 40000}
    licences = {name: _licence(name, register, seed, now, counters) for name, register in students.items()}
    flows: dict[str, Any] = {}
    for name, licence in licences.items():
        counters["flow"] += 1
        creator = next(int(key) for key in licence["users"])
        flows[str(counters["flow"])] = new_flow(
            flow_id=counters["flow"],
            licence=licence,
            name=name,
            title="Mall: digital salstentamen",
            subtitle="Kopieras när nya flöden skapas",
            type_id=4,
            managers=[(counters["flow"] * 10, creator)],
            now=now,
        )
    return {
        "counters": counters,
        "licences": licences,
        "flows": flows,
        "webhooks": {},
        "deliveries": [],
        "signature": {"header": "X-Wiseflow-Signature", "encoding": "hex", "prefix": ""},
        "limits": {"second": 200, "minute": 5000},
        "sends_nulls": False,
        "already_assessor_status": 403,
        "shows_drafts": True,
    }


def _licence(
    name: str, register: Sequence[dict[str, Any]], seed: int, now: int, counters: dict[str, int]
) -> dict[str, Any]:
    first = FIRST[name]
    licence: dict[str, Any] = {
        "name": name,
        "requires_unique_emails": name == "oru",
        "data_types": {
            str(first + number): {"id": first + number, "name": label, "type": kind, "pattern": ""}
            for number, (label, kind) in enumerate(DATA_TYPES, start=1)
        },
        "roles": {
            str(first + 90 + number): {
                "roleId": first + 90 + number,
                "name": role,
                "isProtected": role.startswith("License"),
            }
            for number, role in enumerate(ROLES)
        },
        "scales": {
            str(first + 50 + number): scale | {"id": first + 50 + number} for number, scale in enumerate(_scales(name))
        },
        "rooms": {},
        "users": {},
    }
    for label, campus in ROOMS[name]:
        counters["row"] += 1
        licence["rooms"][str(counters["row"])] = room(
            counters["row"], {"name": label, "campus": campus, "capacity": 120, "canBeBooked": True}
        )
    roles = {role["name"]: role["roleId"] for role in licence["roles"].values()}
    for first_name, last_name, organisation_id, email, role in STAFF[name]:
        _add(licence, counters, now, first_name, last_name, [email], {0: organisation_id}, [roles[role]])
    rng = random.Random(f"{seed}:{name}:known")
    for student in register:
        if rng.random() < 0.45:
            values = {0: student["organisation_id"], 1: student["national_id"], 2: student["student_uid"]}
            emails = [student["email"]] if student["email"] else []
            _add(
                licence,
                counters,
                now,
                student["first_name"],
                student["last_name"],
                emails,
                values,
                [roles["Participant"]],
            )
    return licence


def _scales(name: str) -> list[dict[str, Any]]:
    blank = dict.fromkeys(("min", "max", "unit", "modifier", "stepsize", "pattern", "decimals"))
    lists: list[dict[str, Any]] = [
        {
            "name": label,
            "description": "",
            "input": blank,
            "list": {"options": [{"grade": grade, "value": str(number)} for number, grade in enumerate(grades)]},
        }
        for label, grades in SCALES[name]
    ]
    numbers = {"min": 0, "max": 100, "unit": "p", "modifier": 100, "stepsize": 1, "pattern": None, "decimals": 0}
    return [*lists, {"name": "0-100", "description": "Poäng", "input": numbers, "list": {"options": []}}]


def _add(
    licence: dict[str, Any],
    counters: dict[str, int],
    now: int,
    first_name: str,
    last_name: str,
    emails: list[str],
    values: dict[int, str],
    roles: list[int],
) -> None:
    types = list(licence["data_types"].values())
    counters["user"] += 1
    user = new_user(counters["user"], first_name, last_name, now)
    for place, value in values.items():
        counters["row"] += 1
        user["data"].append({"userDataId": counters["row"], "userDataTypeId": types[place]["id"], "value": value})
    for email in emails:
        counters["row"] += 1
        user["emails"].append({"emailId": counters["row"], "email": email, "primary": not user["emails"]})
    for role in roles:
        counters["row"] += 1
        user["roles"].append({"userRoleId": counters["row"], "licenseRoleId": role})
    licence["users"][str(user["id"])] = user


def new_user(user_id: int, first_name: str, last_name: str, now: int, language: str = "sv") -> dict[str, Any]:
    return {
        "id": user_id,
        "firstName": first_name,
        "lastName": last_name,
        "phone": "",
        "language": language,
        "loginDeactivated": False,
        "creationDate": now,
        "lastLogin": 0,
        "emails": [],
        "data": [],
        "roles": [],
    }


def room(room_id: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    blank = dict.fromkeys(("description", "identifier", "building", "address", "campus"))
    return {"id": room_id, "name": "", **blank, "capacity": 0, "canBeBooked": False, **fields}


def new_flow(
    *,
    flow_id: int,
    licence: Mapping[str, Any],
    name: str,
    title: str,
    subtitle: str,
    type_id: int,
    managers: Sequence[tuple[int, int]],
    now: int,
) -> dict[str, Any]:
    """`managers` are (id on the flow, user id), the creator first. Dates as in WISEflow: from the following day."""
    start = now + 24 * 3600 + 9 * 3600
    end = start + 5 * 3600
    marking = end + 2 * 24 * 3600
    return {
        "id": flow_id,
        "licence": name,
        "title": title,
        "subtitle": subtitle,
        "code": None,
        "term": None,
        "examinationType": "ORDINARY",
        "purpose": "EXAMINATION",
        "type": type_id,
        "created": now,
        "is_active": False,
        "is_archived": False,
        "is_deleted": False,
        "is_sis": False,
        "least_state": 0,
        "told_state": 0,
        "dates": {"start": start, "end": end, "marking_start": marking, "marking_end": marking + 28 * 24 * 3600},
        "scale": next(scale["id"] for scale in licence["scales"].values()),
        "marks_items": type_id == 8,
        "anonymisation": None,
        "description": None,
        "timebox": {"enabled": False, "durationMinutes": None},
        "allocationType": "SINGLE_ASSESSOR",
        "assessorGroups": {},
        "credits": None,
        "participants": {},
        "by_user": {},
        "managers": {
            str(row): {"id": row, "userId": user, "isCreator": not number}
            for number, (row, user) in enumerate(managers)
        },
        "assessors": {},
        "reviewers": {},
        "invigilators": {},
        "authors": {},
        "sources": {},
        "bookings": {},
    }
