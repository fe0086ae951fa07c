"""The exams that stand in the sandbox from the start, in each university's own words, with dates relative to its clock."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

from ladokflow.sandbox.universities import UNIVERSITIES, University

DATES = (
    "examStartDate", "startTime", "examEndDate", "endTime", "sensurfrist", "startDatum", "startTid", "slutDatum", "slutTid",
)  # fmt: skip
CAMPUSES = ("Campus Valla", "Campus Norrköping", "Campus US")


def exam_fields(
    university: University,
    course: Sequence[Any],
    code: str,
    day: dt.date,
    *,
    times: tuple[str, str] = ("08:00", "13:00"),
    campus: str = "",
) -> dict[str, Any]:
    """An exam as the university's Ladok spells it, without people."""
    if university.slug == "boras":
        return {
            "kod": code,
            "kursKod": course[0],
            "kursNamn": course[1],
            "moduler": course[2],
            "aktivitetsTillfallesNamn": course[3],
            "startDatum": day.isoformat(),
            "startTid": times[0],
            "slutDatum": day.isoformat(),
            "slutTid": times[1],
            "betygskala": course[4],
        }
    return {
        "courseCode": course[0],
        "courseName": course[1],
        "examCode": code,
        "examTitle": f"{course[2]} {course[3]}",
        "examStartDate": day.isoformat(),
        "startTime": times[0],
        "examEndDate": day.isoformat(),
        "endTime": times[1],
        "sensurfrist": (day + dt.timedelta(days=21)).isoformat(),
        "gradeScale": course[4],
        **({"campus": campus} if university.slug == "liu" else {}),
    }


def wire_person(
    university: University, student: dict[str, Any], *, exam_id: str = "", end_time: str = ""
) -> dict[str, Any]:
    """A student as the university's Ladok sends them. What is empty is left out, as an optional key is."""
    known = student | {"unique_exam_id": exam_id, "end_time": end_time if student.get("needs_time") else ""}
    return {wire: known[own] for own, wire in university.fields.items() if known.get(own)}


def seats(
    university: University,
    students: Sequence[dict[str, Any]],
    rng: random.Random,
    *,
    prefix: str,
    end_time: str = "18:30",
    first: int = 1,
) -> list[dict[str, Any]]:
    """The people of one exam. A unique exam id belongs to a person on this exam, and says nothing about who it is."""
    return [
        wire_person(university, student, exam_id=f"{prefix}-{number:04}-{rng.randint(100, 999)}", end_time=end_time)
        for number, student in enumerate(students, start=first)
    ]


def exams_of(
    university: University, register: Sequence[dict[str, Any]], rng: random.Random, today: dt.date
) -> dict[str, Any]:
    """All exams of a university by code: `{"fields": {...}, "people": [...]}`."""
    found: dict[str, Any] = {}
    for course_number, course in enumerate(university.courses):
        for number, (days, size) in enumerate(course[5], start=1):
            module = course[2] if isinstance(course[2], str) else course[2][0]
            code = f"{course[0]}-{module.split()[0]}-{1000 + number}"
            day = today + dt.timedelta(days=days)
            campus = CAMPUSES[course_number % 3]
            times = (("08:00", "13:00"), ("14:00", "18:00"))[number % 2]
            fields = exam_fields(university, course, code, day, times=times, campus=campus)
            fields |= _habits(university, course, day)
            later = "15:30" if times[1] == "13:00" else "20:00"
            people = seats(
                university,
                rng.sample(register, size),
                rng,
                prefix=f"{course[0][-4:]}{number}",
                end_time="" if fields.get("endTime") == "24:00" else later,
            )
            found[code] = {"fields": fields, "people": people}
    found |= odd_exams(university, register, rng, today)
    return found


def _habits(university: University, course: Sequence[Any], day: dt.date) -> dict[str, Any]:
    """Ways of writing that are as right as the usual ones: times with seconds, midnight as 24:00, a deadline with a time."""
    if course[0] == "8LAG10":
        end, deadline = day + dt.timedelta(days=2), dt.datetime.combine(day + dt.timedelta(days=20), dt.time(12))
        return {"examEndDate": end.isoformat(), "endTime": "24:00", "sensurfrist": deadline.isoformat()}
    if course[0] in ("MA500G", "31SJ3D"):
        start, end_time = ("startTime", "endTime") if university.slug == "oru" else ("startTid", "slutTid")
        return {start: "09:00:00", end_time: "14:00:00"}
    return {}


def odd_exams(
    university: University, register: Sequence[dict[str, Any]], rng: random.Random, today: dt.date
) -> dict[str, Any]:
    """What real registers hold too: no dates, people without an id or twice, a scale nobody knows, å and / in a code."""
    course = university.courses[0]
    day = today + dt.timedelta(days=20)
    own = university.organisation_id

    def add(code: str, size: int = 12) -> dict[str, Any]:
        fields = exam_fields(university, course, code, day, campus=CAMPUSES[0])
        people = seats(university, rng.sample(register, size), rng, prefix=f"U{len(found) + 1}")
        return found.setdefault(code, {"fields": fields, "people": people})

    found: dict[str, Any] = {}
    undated = add(f"{course[0]}-UTAN-DATUM")
    for key in DATES:
        undated["fields"].pop(key, None)
    add(f"{course[0]}-UTAN-ID")["people"][2].pop(own)
    twice = add(f"{course[0]}-DUBBLETT")["people"]
    twice.append(twice[4] | {own: twice[4][own].upper()})
    add(f"{course[0]}-SKALA")["fields"][university.scale] = "Deltagit/Ej deltagit"
    add(f"{course[0]}/TEN Å-2")
    add(f"{course[0]}-TOM", size=0)
    return found


def new_exam(slug: str, fields: dict[str, Any], code: str, today: dt.date) -> dict[str, Any]:
    """An exam for `Control.add_exam`: what is not said is as in the university's first course, one week ahead."""
    university = UNIVERSITIES[slug]
    made = exam_fields(university, university.courses[0], code, today + dt.timedelta(days=7), campus=CAMPUSES[0])
    return made | fields
