"""Every row of every table of WISEflow's article "Ladok Integration", for each university, by its name."""

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from ladokflow.ladok import UNIVERSITIES, University, mapping
from ladokflow.ladok.base import PERSON_FIELD_OF, Exam, GradeLine, Person

STOCKHOLM = ZoneInfo("Europe/Stockholm")
LIU, ORU, BORAS = (UNIVERSITIES[slug] for slug in ("liu", "oru", "boras"))

ENGLISH_EXAM = {
    "courseCode": "TDDE01",
    "courseName": "Maskininlärning",
    "examCode": "TEN1/25",
    "examTitle": "Skriftlig tentamen",
    "examStartDate": "2026-01-15",
    "startTime": "08:00",
    "examEndDate": "2026-01-15",
    "endTime": "12:00",
    "sensurfrist": "2026-02-05",
    "gradeScale": "U-3-4-5",
    "campus": "Valla",
}
SWEDISH_EXAM = {
    "kod": "21SD1A-T1",
    "kursKod": "21SD1A",
    "kursNamn": "Systemdesign",
    "moduler": ["0005", "0010"],
    "aktivitetsTillfallesNamn": "Salstentamen",
    "startDatum": "2026-01-15",
    "startTid": "08:00:00",
    "slutDatum": "2026-01-15",
    "slutTid": "12:30:00",
    "betygskala": "U-G-VG",
}
LIU_PERSON = {
    "LiUId": "annan12",
    "civicNumber": "19900101-T123",
    "firstname": "Anna-Karin",
    "lastname": "Ångström Öberg",
    "email": "anna.angstrom@example.org",
    "studentUID": "11111111-0000-4000-8000-000000000001",
    "uniqueExamId": "A-1001",
    "endTime": "13:20",
}
ORU_PERSON = {**LIU_PERSON, "studentuid": "annan12"}
del ORU_PERSON["LiUId"]
BORAS_PERSON = {
    "federeradIdentitet": "s123456@student.example.org",
    "personnummer": "19900101-T123",
    "fornamn": "Anna-Karin",
    "efternamn": "Ångström Öberg",
    "epost": "anna.angstrom@example.org",
    "studentUID": "11111111-0000-4000-8000-000000000001",
}
SAMPLES: dict[str, tuple[University, dict[str, Any], dict[str, Any]]] = {
    "liu": (LIU, ENGLISH_EXAM, LIU_PERSON),
    "oru": (ORU, {key: value for key, value in ENGLISH_EXAM.items() if key != "campus"}, ORU_PERSON),
    "boras": (BORAS, SWEDISH_EXAM, BORAS_PERSON),
}


def local(*parts: Any) -> dt.datetime:
    return dt.datetime(*parts).replace(tzinfo=STOCKHOLM)


def mapped(slug: str) -> tuple[Exam, Person]:
    university, found, person = SAMPLES[slug]
    exam = mapping.exam(
        found,
        code="X",
        rows=university.assessment,
        rooms=university.rooms,
        people_key=university.people_key,
        tz=STOCKHOLM,
    )
    exam = mapping.with_people(exam, [person], rows=university.person, tz=STOCKHOLM)
    assert exam.problems == ()
    return exam, exam.people[0]


ASSESSMENT_ROWS = [
    ("liu", "title", ("courseCode", "courseName"), "Flow title", "TDDE01 Maskininlärning"),
    ("liu", "subtitle", ("examCode", "examTitle"), "Subtitle", "TEN1/25 Skriftlig tentamen"),
    (
        "liu",
        "participantStartDate",
        ("examStartDate", "startTime"),
        "Start date for Participants",
        local(2026, 1, 15, 8),
    ),
    ("liu", "participantEndDate", ("examEndDate", "endTime"), "End date for Participants", local(2026, 1, 15, 12)),
    ("liu", "assessmentEndDate", ("sensurfrist",), "End date for marking", local(2026, 2, 5, 23, 59, 59)),
    ("liu", "gradeType", ("gradeScale",), "Grade type", "U-3-4-5"),
    ("oru", "title", ("courseCode", "courseName"), "Flow title", "TDDE01 Maskininlärning"),
    ("oru", "subtitle", ("examCode", "examTitle"), "Subtitle", "TEN1/25 Skriftlig tentamen"),
    (
        "oru",
        "participantStartDate",
        ("examStartDate", "startTime"),
        "Start date for Participants",
        local(2026, 1, 15, 8),
    ),
    ("oru", "participantEndDate", ("examEndDate", "endTime"), "End date for Participants", local(2026, 1, 15, 12)),
    ("oru", "assessmentEndDate", ("sensurfrist",), "End date for marking", local(2026, 2, 5, 23, 59, 59)),
    ("oru", "gradeType", ("gradeScale",), "Grade type", "U-3-4-5"),
    ("boras", "title", ("kursKod", "kursNamn"), "Flow title", "21SD1A Systemdesign"),
    ("boras", "subtitle", ("moduler", "aktivitetsTillfallesNamn"), "Subtitle", "0005, 0010 Salstentamen"),
    ("boras", "participantStartDate", ("startDatum", "startTid"), "Start date for Participants", local(2026, 1, 15, 8)),
    ("boras", "participantEndDate", ("slutDatum", "slutTid"), "End date for Participants", local(2026, 1, 15, 12, 30)),
    ("boras", "gradeType", ("betygskala",), "Grade type", "U-G-VG"),
]
ROOM_ROWS = [("liu", "id", ("campus",), "", "Valla"), ("liu", "Room", ("campus",), "", "Valla")]
PERSON_ROWS = [
    ("liu", "organisationId", ("LiUId",), "Organisation ID", "annan12"),
    ("liu", "nationalId", ("civicNumber",), "National ID", "19900101-T123"),
    ("liu", "firstName", ("firstname",), "First name", "Anna-Karin"),
    ("liu", "lastName", ("lastname",), "Last name", "Ångström Öberg"),
    ("liu", "emails", ("email",), "Email address", "anna.angstrom@example.org"),
    ("liu", "externalUserId", ("studentUID",), "Student number", "11111111-0000-4000-8000-000000000001"),
    ("liu", "uniqueExamId", ("uniqueExamId",), "Unique Exam ID", "A-1001"),
    (
        "liu",
        "individualParticipantEndDate",
        ("endTime",),
        "Individual participation end date",
        local(2026, 1, 15, 13, 20),
    ),
    ("oru", "organisationId", ("studentuid",), "Organisation ID", "annan12"),
    ("oru", "nationalId", ("civicNumber",), "National ID", "19900101-T123"),
    ("oru", "firstName", ("firstname",), "First name", "Anna-Karin"),
    ("oru", "lastName", ("lastname",), "Last name", "Ångström Öberg"),
    ("oru", "emails", ("email",), "Email address", "anna.angstrom@example.org"),
    ("oru", "externalUserId", ("studentUID",), "Student number", "11111111-0000-4000-8000-000000000001"),
    ("oru", "uniqueExamId", ("uniqueExamId",), "Unique Exam ID", "A-1001"),
    (
        "oru",
        "individualParticipantEndDate",
        ("endTime",),
        "Individual participation end date",
        local(2026, 1, 15, 13, 20),
    ),
    ("boras", "organisationId", ("federeradIdentitet",), "Organisation ID", "s123456@student.example.org"),
    ("boras", "nationalId", ("personnummer",), "National ID", "19900101-T123"),
    ("boras", "firstName", ("fornamn",), "First name", "Anna-Karin"),
    ("boras", "lastName", ("efternamn",), "Last name", "Ångström Öberg"),
    ("boras", "emails", ("epost",), "Email address", "anna.angstrom@example.org"),
    ("boras", "externalUserId", ("studentUID",), "Student number", "11111111-0000-4000-8000-000000000001"),
]
EXPORT_ROWS = {
    "liu": [
        ("gradeExports", ()),
        ("uniqueExamId", ("studentUid",)),
        ("organisationId", ("liUID",)),
        ("grade", ()),
        ("grade", ("grade",)),
    ],
    "oru": [
        ("gradeExports", ()),
        ("uniqueExamId", ("studentUid",)),
        ("organisationId", ("studentUid",)),
        ("grade", ()),
        ("grade", ("grade",)),
    ],
    "boras": [
        ("managers", ()),
        ("organisationId", ("federeradIdentitet",)),
        ("gradeExports", ()),
        ("organisationId", ("federeradIdentitet",)),
        ("externalUserId", ("studentUID",)),
        ("nationalId", ("personnummer",)),
        ("grade", ()),
        ("grade", ("betyg",)),
        ("points", ("poang",)),
    ],
}


def by_name(row: tuple) -> str:
    return f"{row[0]}-{row[1]}"


@pytest.mark.parametrize("row", ASSESSMENT_ROWS, ids=by_name)
def test_assessment_row_of_the_article_is_mapped(row):
    slug, response, values, _reference, expected = row
    (found,) = (row for row in UNIVERSITIES[slug].assessment if row.response == response)
    assert found.values == values
    assert getattr(mapped(slug)[0], mapping.EXAM_FIELDS[response]) == expected


@pytest.mark.parametrize("row", ROOM_ROWS, ids=by_name)
def test_room_row_of_the_article_is_mapped(row):
    slug, response, values, _reference, expected = row
    (found,) = (row for row in UNIVERSITIES[slug].rooms if row.response == response)
    assert found.values == values
    assert getattr(mapped(slug)[0], mapping.EXAM_FIELDS[response]) == expected


@pytest.mark.parametrize("row", PERSON_ROWS, ids=by_name)
def test_person_row_of_the_article_is_mapped(row):
    slug, response, values, _reference, expected = row
    (found,) = (row for row in UNIVERSITIES[slug].person if row.response == response)
    assert found.values == values
    assert getattr(mapped(slug)[1], PERSON_FIELD_OF[response].name) == expected


@pytest.mark.parametrize("slug", EXPORT_ROWS)
def test_export_table_reads_like_the_article(slug):
    assert [(row.response, row.values) for row in UNIVERSITIES[slug].export] == EXPORT_ROWS[slug]


@pytest.mark.parametrize("slug", SAMPLES)
def test_no_university_has_more_rows_than_the_article(slug):
    university = UNIVERSITIES[slug]
    for rows, table in ((ASSESSMENT_ROWS, "assessment"), (ROOM_ROWS, "rooms"), (PERSON_ROWS, "person")):
        assert [row.response for row in getattr(university, table)] == [row[1] for row in rows if row[0] == slug]


@pytest.mark.parametrize("slug", SAMPLES)
def test_reference_fields_are_named_as_in_the_article(slug):
    university = UNIVERSITIES[slug]
    with translation.override("en"):
        found = [(slug, row.response, str(row.reference)) for row in (*university.assessment, *university.person)]
    assert found == [(row[0], row[1], row[3]) for row in ASSESSMENT_ROWS + PERSON_ROWS if row[0] == slug]


def test_only_liu_has_rooms():
    assert [university.slug for university in (BORAS, LIU, ORU) if university.has_rooms] == ["liu"]


def test_liu_and_oru_take_people_who_were_added_by_hand():
    assert [university.slug for university in (BORAS, LIU, ORU) if university.takes_hand_added] == ["liu", "oru"]


def test_only_boras_needs_the_export_right_and_sends_points():
    assert [university.slug for university in (BORAS, LIU, ORU) if university.names_sender] == ["boras"]
    assert [university.slug for university in (BORAS, LIU, ORU) if university.sends_points] == ["boras"]


@pytest.mark.parametrize(
    ("slug", "people_key"), [("liu", "participants"), ("oru", "participants"), ("boras", "deltagare")]
)
def test_raw_object_is_kept_without_its_people(slug, people_key):
    university, found, person = SAMPLES[slug]
    exam = mapping.exam(
        {**found, people_key: [person]},
        code="X",
        rows=university.assessment,
        rooms=(),
        people_key=people_key,
        tz=STOCKHOLM,
    )
    assert exam.raw == found


# --- The export bodies, as documented

FROM_SOURCE = GradeLine(
    grade="5",
    points=Decimal("42.00"),
    organisation_id="annan12",
    unique_exam_id="A-1001",
    external_user_id="11111111-0000-4000-8000-000000000001",
    national_id="19900101-T123",
)
BY_HAND = GradeLine(grade="U", organisation_id="bosve34")
ALTERNATIVE = GradeLine(grade="4", is_alternative=True, organisation_id="cecbe56", unique_exam_id="A-1003")


def test_liu_prefers_the_unique_exam_id_and_takes_the_organisation_id_of_a_person_added_by_hand():
    assert LIU.export_body([FROM_SOURCE, BY_HAND, ALTERNATIVE], ["lars"]) == {
        "gradeExports": [
            {"studentUid": "A-1001", "grade": {"grade": "5"}},
            {"liUID": "bosve34", "grade": {"grade": "U"}},
            {"studentUid": "A-1003", "grade": {"grade": "4"}},
        ]
    }


def test_oru_sends_either_identifier_as_student_uid():
    assert ORU.export_body([FROM_SOURCE, BY_HAND, ALTERNATIVE], []) == {
        "gradeExports": [
            {"studentUid": "A-1001", "grade": {"grade": "5"}},
            {"studentUid": "bosve34", "grade": {"grade": "U"}},
            {"studentUid": "A-1003", "grade": {"grade": "4"}},
        ]
    }


def test_boras_sends_the_managers_every_identifier_and_the_points():
    assert BORAS.export_body([FROM_SOURCE, BY_HAND], ["bodil@example.org"]) == {
        "managers": [{"federeradIdentitet": "bodil@example.org"}],
        "gradeExports": [
            {
                "federeradIdentitet": "annan12",
                "studentUID": "11111111-0000-4000-8000-000000000001",
                "personnummer": "19900101-T123",
                "grade": {"betyg": "5", "poang": 42},
            },
            {"federeradIdentitet": "bosve34", "grade": {"betyg": "U"}},
        ],
    }


def test_half_points_stay_half_points():
    body = BORAS.export_body([GradeLine(grade="G", points=Decimal("30.50"), organisation_id="x")], [])
    assert body["gradeExports"][0]["grade"] == {"betyg": "G", "poang": 30.5}


def test_identifier_that_is_sent_comes_first_among_those_an_error_may_name():
    assert LIU.identifiers(FROM_SOURCE) == (
        "A-1001",
        "annan12",
        "11111111-0000-4000-8000-000000000001",
        "19900101-T123",
    )
    assert LIU.identifiers(BY_HAND) == ("bosve34",)
    assert BORAS.identifiers(FROM_SOURCE)[0] == "annan12"


def test_person_is_identified_only_by_what_the_export_table_has():
    only_number = GradeLine(grade="G", external_user_id="11111111")
    assert not LIU.can_identify(only_number)
    assert not ORU.can_identify(only_number)
    assert LIU.can_identify(BY_HAND)
    assert ORU.can_identify(BY_HAND)


def test_at_boras_a_person_is_named_by_the_federated_identity():
    assert BORAS.can_identify(BY_HAND)
    assert not BORAS.can_identify(GradeLine(grade="G", external_user_id="11111111", national_id="19900101-T123"))


def test_person_without_an_identifier_never_gets_into_a_body():
    with pytest.raises(ValueError, match="identifier"):
        LIU.export_body([GradeLine(grade="5")], [])
