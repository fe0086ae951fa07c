"""The facts of the three Ladok sides: who they are, what their fields are called, what exams stand in the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCALES = {
    "U-3-4-5": ("U", "3", "4", "5"),
    "U-G": ("U", "G"),
    "U-G-VG": ("U", "G", "VG"),
    "A-F": ("A", "B", "C", "D", "E", "Fx", "F"),
}


def grades_of(scale: Any) -> tuple[str, ...] | None:
    """The grades a Ladok scale holds; None for a scale that nobody has told of, which takes any grade."""
    if not isinstance(scale, str) or not scale:
        return None
    return SCALES.get(scale) or tuple(part for part in scale.split("-") if part)


@dataclass(frozen=True)
class University:
    """`fields` turns the sandbox's own words for a person into the university's; `exam` does it for an exam."""

    slug: str
    name: str
    domain: str
    collection: str
    parameter: str
    code: str
    course: str
    scale: str
    people: str
    export: str
    fields: dict[str, str]
    courses: tuple[tuple[Any, ...], ...]
    organisation_id: str
    students: int = 700


_ENGLISH = {
    "national_id": "civicNumber",
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "student_uid": "studentUID",
    "unique_exam_id": "uniqueExamId",
    "end_time": "endTime",
}

# A course: code, name, module(s), and for every exam the days from today and the number of students.
LIU = University(
    slug="liu",
    name="Linköpings universitet",
    domain="student.liu.example",
    collection="exams",
    parameter="courseCode",
    code="examCode",
    course="courseCode",
    scale="gradeScale",
    people="participants",
    export="grades",
    organisation_id="LiUId",
    fields={"organisation_id": "LiUId"} | _ENGLISH,
    courses=(
        ("TDDE01", "Maskininlärning", "TEN1", "Skriftlig tentamen", "U-3-4-5", ((-2, 40), (1, 96), (12, 31))),
        ("TATA24", "Linjär algebra", "TEN1", "Skriftlig tentamen", "U-3-4-5", ((-5, 212), (3, 384))),
        ("TDDD17", "Informationssäkerhet", "DIT1", "Digital tentamen", "U-G", ((0, 58), (8, 34))),
        ("TSRT12", "Reglerteknik", "TEN2", "Skriftlig omtentamen", "U-3-4-5", ((6, 72),)),
        ("8LAG10", "Lärande och undervisning på förskola", "STN1", "Salstentamen", "U-G", ((14, 47),)),
    ),
)
ORU = University(
    slug="oru",
    name="Örebro universitet",
    domain="student.oru.example",
    collection="exams",
    parameter="courseCode",
    code="examCode",
    course="courseCode",
    scale="gradeScale",
    people="participants",
    export="grades",
    organisation_id="studentuid",
    fields={"organisation_id": "studentuid"} | _ENGLISH,
    courses=(
        ("DT116G", "Objektorienterad programmering", "0101", "Tentamen", "U-G-VG", ((-2, 44), (2, 88))),
        ("RV101G", "Juridisk översiktskurs", "0110", "Salstentamen", "U-G-VG", ((-4, 160), (9, 37))),
        ("MA500G", "Matematik för ingenjörer", "1002", "Skriftlig tentamen", "U-3-4-5", ((1, 120),)),
        ("OM123G", "Omvårdnadens grunder", "0201", "Digital salstentamen", "U-G", ((5, 63),)),
    ),
)
BORAS = University(
    slug="boras",
    name="Högskolan i Borås",
    domain="student.boras.example",
    collection="aktivitetstillfallen",
    parameter="kursKod",
    code="kod",
    course="kursKod",
    scale="betygskala",
    people="deltagare",
    export="resultat",
    organisation_id="federeradIdentitet",
    fields={
        "organisation_id": "federeradIdentitet",
        "national_id": "personnummer",
        "first_name": "fornamn",
        "last_name": "efternamn",
        "email": "epost",
        "student_uid": "studentUID",
    },
    courses=(
        (
            "21SD1A",
            "Systemutveckling och databaser",
            "1510 Tentamen",
            "Digital salstentamen",
            "U-G-VG",
            ((-2, 36), (2, 82)),
        ),
        (
            "21TX1B",
            "Textil materiallära",
            ["1001 Tentamen", "1002 Laboration"],
            "Tentamen",
            "U-G-VG",
            ((-6, 150), (7, 30)),
        ),
        ("22FE2C", "Företagsekonomi: räkenskap och årsbokslut", "0110 Salstentamen", "Omtentamen", "U-G", ((4, 54),)),
        ("31SJ3D", "Sjuksköterskans läkemedelshantering", "0300 Läkemedelsräkning", "Tentamen", "U-G", ((10, 118),)),
    ),
)
UNIVERSITIES = {university.slug: university for university in (LIU, ORU, BORAS)}
