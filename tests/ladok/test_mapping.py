"""What Ladok sends that is not as it should be: one value or one person is left out and told, the rest comes in."""

import datetime as dt
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladokflow.identifiers import normal
from ladokflow.ladok import UNIVERSITIES, mapping, wire
from ladokflow.ladok.base import Exam, Person
from tests.ladok.test_tables import ENGLISH_EXAM, LIU_PERSON, ORU_PERSON, SWEDISH_EXAM

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def exam_of(slug: str = "liu", **changes) -> Exam:
    university = UNIVERSITIES[slug]
    found = {**(SWEDISH_EXAM if slug == "boras" else ENGLISH_EXAM), **changes}
    return mapping.exam(
        {key: value for key, value in found.items() if value != "absent"},
        code="X",
        rows=university.assessment,
        rooms=university.rooms,
        people_key=university.people_key,
        tz=STOCKHOLM,
    )


def read(*entries, exam: Exam | None = None, slug: str = "liu") -> Exam:
    """The exam with these people, and with what is wrong with them only."""
    exam = replace(exam or exam_of(), problems=())
    return mapping.with_people(exam, entries, rows=UNIVERSITIES[slug].person, tz=STOCKHOLM)


def people_of(*entries, exam: Exam | None = None, slug: str = "liu") -> tuple[tuple[Person, ...], list[str]]:
    found = read(*entries, exam=exam, slug=slug)
    return found.people, codes(found)


def codes(exam: Exam) -> list[str]:
    return [problem.code for problem in exam.problems]


def local(*parts: Any) -> dt.datetime:
    return dt.datetime(*parts).replace(tzinfo=STOCKHOLM)


def utc(*parts: Any) -> dt.datetime:
    return dt.datetime(*parts).replace(tzinfo=dt.UTC)


# --- Dates and times


def test_summer_and_winter_have_their_own_offset():
    exam = exam_of(examStartDate="2026-03-27", startTime="08:00", examEndDate="2026-03-30", endTime="08:00")
    assert exam.participation_start_at == utc(2026, 3, 27, 7)
    assert exam.participation_end_at == utc(2026, 3, 30, 6)


def test_hour_that_the_spring_night_lacks_is_moved_past_the_jump():
    exam = exam_of(examStartDate="2026-03-29", startTime="02:30", examEndDate="2026-03-29", endTime="08:00")
    assert exam.participation_start_at == utc(2026, 3, 29, 1, 30)
    assert f"{exam.participation_start_at:%H:%M}" == "03:30"


def test_of_the_doubled_hour_in_autumn_the_first_is_meant():
    exam = exam_of(examStartDate="2026-10-24", startTime="20:00", examEndDate="2026-10-25", endTime="02:30")
    # Python calls a time in the doubled hour equal to none in another zone.
    assert exam.participation_end_at.timestamp() == utc(2026, 10, 25, 0, 30).timestamp()


def test_end_that_is_later_only_by_the_clock_on_the_wall_is_not_later():
    # 02:30 does not exist that night: it is the same moment as 03:30.
    exam = exam_of(examStartDate="2026-03-29", startTime="02:30", examEndDate="2026-03-29", endTime="03:30")
    assert codes(exam) == ["ladok.ends_before_start"]


@pytest.mark.parametrize("midnight", ["24:00", "24:00:00"])
def test_24_00_is_the_next_midnight(midnight):
    exam = exam_of(startTime="18:00", endTime=midnight)
    assert exam.participation_end_at == local(2026, 1, 16)
    assert exam.problems == ()


@pytest.mark.parametrize(
    ("written", "hour", "minute"),
    [("08:15", 8, 15), ("8:15", 8, 15), ("08:15:00", 8, 15), ("08.15", 8, 15), ("08:15:00.000", 8, 15)],
)
def test_times_are_read_in_the_forms_that_are_about(written, hour, minute):
    assert exam_of(startTime=written).participation_start_at == local(2026, 1, 15, hour, minute)


def test_sensurfrist_that_is_a_date_means_the_end_of_that_day():
    assert exam_of(sensurfrist="2026-06-01").marking_end_at == local(2026, 6, 1, 23, 59, 59)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-02-05T12:00", local(2026, 2, 5, 12)),
        ("2026-02-05 12:00:00", local(2026, 2, 5, 12)),
        ("2026-02-05T24:00", local(2026, 2, 6)),
        ("2026-02-05T12:00:00Z", utc(2026, 2, 5, 12)),
        ("2026-07-05T12:00:00+02:00", utc(2026, 7, 5, 10)),
        ("2026-02-05T12:00:00.000", local(2026, 2, 5, 12)),
        ("2026-02-05T1200", local(2026, 2, 5, 12)),
    ],
)
def test_sensurfrist_that_is_a_date_time_is_that_moment(written, expected):
    assert exam_of(sensurfrist=written).marking_end_at == expected


def test_date_may_come_without_hyphens_or_with_a_time():
    assert exam_of(examStartDate=20260116).participation_start_at == local(2026, 1, 16, 8)
    assert exam_of(examStartDate="2026-01-16T00:00:00").participation_start_at == local(2026, 1, 16, 8)
    assert exam_of(sensurfrist="20260205").marking_end_at == local(2026, 2, 5, 23, 59, 59)


@pytest.mark.parametrize("nothing", [None, "", "  ", "absent"])
def test_missing_dates_are_normal(nothing):
    exam = exam_of(examStartDate=nothing, startTime=nothing, examEndDate=nothing, endTime=nothing, sensurfrist=nothing)
    assert (exam.participation_start_at, exam.participation_end_at, exam.marking_end_at) == (None, None, None)
    assert exam.problems == ()


def test_end_without_a_date_is_on_the_day_of_the_start():
    assert exam_of(examEndDate=None).participation_end_at == local(2026, 1, 15, 12)


def test_end_without_a_date_and_earlier_than_the_start_is_on_the_next_day():
    assert exam_of(startTime="20:00", examEndDate=None, endTime="02:00").participation_end_at == local(2026, 1, 16, 2)


def test_start_without_a_time_is_at_nine_and_told():
    exam = exam_of(startTime=None)
    assert exam.participation_start_at == local(2026, 1, 15, 9)
    assert codes(exam) == ["ladok.no_start_time"]


def test_end_without_a_time_is_left_open_on_the_day_of_the_start_and_told():
    exam = exam_of(endTime=None)
    assert exam.participation_end_at is None
    assert codes(exam) == ["ladok.no_end_time"]


def test_end_without_a_time_on_a_later_day_is_the_end_of_that_day():
    assert exam_of(examEndDate="2026-01-20", endTime=None).participation_end_at == local(2026, 1, 20, 23, 59, 59)


def test_end_before_the_start_is_left_out_and_told():
    exam = exam_of(examEndDate="2026-01-14")
    assert exam.participation_end_at is None
    assert codes(exam) == ["ladok.ends_before_start"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("examStartDate", "15/1 2026"),
        ("examStartDate", "2026-02-30"),
        ("examStartDate", 2026),
        ("examStartDate", "2026-W03-4"),
        ("examStartDate", "0001-01-01"),
        ("examEndDate", "9999-12-31"),
        ("startTime", "25:00"),
        ("startTime", "åtta"),
        ("endTime", ["12:00", "13:00"]),
        ("sensurfrist", "snart"),
        ("sensurfrist", "9999-12-31T24:00"),
        ("sensurfrist", {"datum": "2026-02-05"}),
        ("gradeScale", {"id": 3}),
        ("campus", True),
        ("courseName", {"sv": "Maskininlärning"}),
    ],
)
def test_value_that_cannot_be_read_is_left_out_and_told(field, value):
    exam = exam_of(**{field: value})
    problem = exam.problems[0]
    assert (problem.code, problem.params["field"]) == ("ladok.value_unreadable", field)
    assert exam.subtitle == "TEN1/25 Skriftlig tentamen"


# --- Texts


def test_moduler_may_be_a_string():
    assert exam_of("boras", moduler="0005").subtitle == "0005 Salstentamen"


def test_moduler_may_be_a_list_of_strings():
    assert exam_of("boras", moduler=["0005", "0010"]).subtitle == "0005, 0010 Salstentamen"


def test_absent_parts_of_a_title_leave_no_space():
    assert exam_of("boras", moduler=[], kursNamn=None).subtitle == "Salstentamen"
    assert exam_of("boras", kursNamn=None).title == "21SD1A"


def test_unknown_keys_are_ignored_and_kept_as_raw():
    exam = exam_of(lokal="TER1", nyckel=None)
    assert exam.problems == ()
    assert exam.raw["lokal"] == "TER1"


def test_control_characters_and_broken_surrogates_never_reach_the_database():
    assert exam_of(courseName="Maskin\x00in\ud800lärning\n").title == "TDDE01 Maskininlärning"


# --- People


def test_identifiers_may_be_numbers():
    (person,), problems = people_of(
        {**LIU_PERSON, "LiUId": 1234567, "civicNumber": 199001011234, "uniqueExamId": 1001.0}
    )
    assert (person.organisation_id, person.national_id, person.unique_exam_id) == ("1234567", "199001011234", "1001")
    assert problems == []


def test_case_tells_orus_two_ids_apart():
    (person,), _ = people_of({**ORU_PERSON, "studentuid": "annan12", "studentUID": "0001"}, slug="oru")
    assert (person.organisation_id, person.external_user_id) == ("annan12", "0001")


@pytest.mark.parametrize("nothing", [None, "", " ", {}, []])
def test_person_without_an_organisation_id_does_not_come_in_and_is_told(nothing):
    people, problems = people_of(
        {**LIU_PERSON, "LiUId": nothing}, {**LIU_PERSON, "LiUId": "bosve34", "uniqueExamId": "B"}
    )
    assert [person.organisation_id for person in people] == ["bosve34"]
    assert problems == ["ladok.person_without_id"]


@pytest.mark.parametrize("unreadable", ["x" * 201, {"id": "annan12"}, True])
def test_person_whose_organisation_id_cannot_be_read_is_not_said_to_have_none(unreadable):
    named = {**LIU_PERSON, "LiUId": unreadable}
    nameless = {"LiUId": unreadable}
    assert people_of(named, nameless) == ((), ["ladok.person_id_unreadable", "ladok.nameless_person_id_unreadable"])


def test_nameless_person_without_an_organisation_id_is_told_by_number():
    problems = read(LIU_PERSON, {"civicNumber": "19900101-1234"}).problems
    assert problems[0].to_json() == {
        "code": "ladok.nameless_person_without_id",
        "params": {"name": "", "number": 2, "field": "LiUId"},
    }


@pytest.mark.parametrize("nobody", [None, "annan12", 7, ["annan12"], True])
def test_entry_that_is_not_an_object_is_told_and_the_others_come_in(nobody):
    people, problems = people_of(nobody, LIU_PERSON)
    assert [person.organisation_id for person in people] == ["annan12"]
    assert problems == ["ladok.person_unreadable"]


def test_same_person_twice_comes_in_once_as_first_listed():
    people, problems = people_of(
        LIU_PERSON,
        {**LIU_PERSON, "LiUId": "ANNAN12", "firstname": "Fel"},
        {**LIU_PERSON, "uniqueExamId": None},
    )
    assert [(person.organisation_id, person.first_name) for person in people] == [("annan12", "Anna-Karin")]
    assert people[0].unique_exam_id == LIU_PERSON["uniqueExamId"]
    assert problems == ["ladok.person_twice"]


@pytest.mark.parametrize(("key", "name"), [("uniqueExamId", "unique_exam_id"), ("civicNumber", "national_id")])
def test_what_the_rows_of_one_person_differ_in_is_not_used(key, name):
    people, problems = people_of(LIU_PERSON, {**LIU_PERSON, key: "199001019802"}, {**LIU_PERSON, key: None})
    assert [(person.organisation_id, getattr(person, name)) for person in people] == [("annan12", "")]
    assert problems == ["ladok.person_twice", "ladok.person_twice_differs"]


@pytest.mark.parametrize("more", [[], [LIU_PERSON]])
@pytest.mark.parametrize(
    "other",
    [
        {"civicNumber": "198502022345", "studentUID": "another"},
        {"civicNumber": "198502022345", "studentUID": "another", "uniqueExamId": "another"},
        {"civicNumber": "198502022345", "studentUID": None},
        {"civicNumber": None, "studentUID": "another", "uniqueExamId": None},
    ],
)
def test_an_organisation_id_that_two_people_have_is_of_neither(other, more):
    """In whatever order they stand, and however often: nobody can say whose a grade under it would be."""
    new, bo = {**LIU_PERSON, "LiUId": "ANNAN12\u200b", **other}, {"LiUId": "bosve34"}
    for rows in ([LIU_PERSON, new, bo, *more], [new, bo, LIU_PERSON, *more]):
        exam = read(*rows)
        assert [person.organisation_id for person in exam.people] == ["bosve34"]
        assert "ladok.two_people_one_id" in codes(exam)
        assert exam.repeated == len(rows) - 1


def test_the_exam_id_of_somebody_whose_organisation_id_is_two_peoples_is_no_others():
    new = {**LIU_PERSON, "civicNumber": "198502022345", "studentUID": "another"}
    people, problems = people_of(LIU_PERSON, new, {"LiUId": "bosve34", "uniqueExamId": LIU_PERSON["uniqueExamId"]})
    assert [(person.organisation_id, person.unique_exam_id) for person in people] == [("bosve34", "")]
    assert problems == ["ladok.two_people_one_id", "ladok.unique_exam_id_shared"]


def test_a_personnummer_that_two_rows_spell_differently_is_no_contradiction():
    rows = [{**LIU_PERSON, "civicNumber": spelt} for spelt in ("19900101-9802", "900101-9802")]
    (person,), problems = people_of(*rows)
    assert (person.national_id, problems) == ("19900101-9802", ["ladok.person_twice"])


def test_an_exam_id_that_stands_with_two_people_in_any_of_their_rows_is_neithers():
    """Anna twice and Bo twice, and in their second rows they have changed places."""
    anna, bo = {**LIU_PERSON, "uniqueExamId": "A"}, {**LIU_PERSON, "LiUId": "bosve34", "uniqueExamId": "B"}
    for second in (
        [{**anna, "uniqueExamId": "B"}, {**bo, "uniqueExamId": "A"}],
        [{**bo, "uniqueExamId": "A"}],
        [{**anna, "uniqueExamId": "B"}],
    ):
        people, problems = people_of(anna, bo, *second)
        assert {person.organisation_id: person.unique_exam_id for person in people} == {"annan12": "", "bosve34": ""}
        assert "ladok.unique_exam_id_shared" in problems


@pytest.mark.parametrize(
    "spelt", ["annan12\u200b", "\ufeffannan12", "an\u00adnan12", "\u202aannan12\u202c", "ANNAN12", " annan12\u00a0"]
)
def test_a_spelling_of_the_same_id_is_the_same_person(spelt):
    exam = read(LIU_PERSON, {**LIU_PERSON, "LiUId": spelt})
    assert [person.organisation_id for person in exam.people] == ["annan12"]
    assert (codes(exam), exam.repeated) == (["ladok.person_twice"], 1)
    (alone,), problems = people_of({**LIU_PERSON, "LiUId": spelt})
    assert (alone.organisation_id.lower(), problems) == ("annan12", [])


def test_a_composed_and_a_decomposed_id_are_the_same_person():
    exam = read({"LiUId": "\u00e5sa12"}, {"LiUId": "a\u030asa12"})
    assert ([person.organisation_id for person in exam.people], exam.repeated) == (["\u00e5sa12"], 1)


@pytest.mark.parametrize("nobody", ["\u200b", "\ufeff \u00ad"])
def test_an_id_of_which_nothing_can_be_seen_is_none(nobody):
    assert people_of({**LIU_PERSON, "LiUId": nobody}) == ((), ["ladok.person_without_id"])


def test_how_far_the_list_is_to_be_trusted_is_counted():
    bo = {**LIU_PERSON, "LiUId": "bosve34", "uniqueExamId": "B"}
    exam = read(
        LIU_PERSON, bo, LIU_PERSON, bo, {**bo, "LiUId": "BOSVE34"}, None, {"LiUId": {}}, {"LiUId": "x" * 201}, {}
    )
    assert [person.organisation_id for person in exam.people] == ["annan12", "bosve34"]
    assert (exam.unread, exam.repeated, exam.expected) == (4, 3, None)
    whole = read(LIU_PERSON, bo)
    assert (whole.unread, whole.repeated) == (0, 0)


def test_two_people_with_one_unique_exam_id_both_lose_it():
    people, problems = people_of(
        LIU_PERSON, {**LIU_PERSON, "LiUId": "bosve34"}, {**LIU_PERSON, "LiUId": "c", "uniqueExamId": "C"}
    )
    assert [person.unique_exam_id for person in people] == ["", "", "C"]
    assert problems == ["ladok.unique_exam_id_shared"]


def test_missing_optional_values_are_normal():
    (person,), problems = people_of({"LiUId": "annan12"})
    assert person == Person(organisation_id="annan12")
    assert problems == []


def test_first_of_several_addresses_is_used():
    (person,), _ = people_of({**LIU_PERSON, "email": [None, "a@example.org", "b@example.org"]})
    assert person.email == "a@example.org"


@pytest.mark.parametrize(
    ("field", "value"), [("email", "ingen"), ("civicNumber", {}), ("uniqueExamId", "x" * 201), ("endTime", "sent")]
)
def test_value_of_a_person_that_cannot_be_read_is_told_without_being_shown(field, value):
    (person,), _ = people_of({**LIU_PERSON, field: value})
    problems = read({**LIU_PERSON, field: value}).problems
    assert person.organisation_id == "annan12"
    assert problems[0].params == {"field": field, "name": "Anna-Karin Ångström Öberg"}


def test_overlong_names_are_cut():
    (person,), problems = people_of({**LIU_PERSON, "lastname": "von " * 100})
    assert person.last_name == ("von " * 50).strip()  # cut to 200 characters, of which the last is a blank
    assert problems == []


# --- Individual end


def end_of(exam: Exam, end_time: str) -> dt.datetime | None:
    (person,), _ = people_of({**LIU_PERSON, "endTime": end_time}, exam=exam)
    return person.individual_end_at


def test_individual_end_is_on_the_day_of_the_exam():
    assert end_of(exam_of(), "14:00") == local(2026, 1, 15, 14)


def test_individual_end_earlier_than_the_start_belongs_to_the_next_day():
    exam = exam_of(startTime="18:00", endTime="23:00")
    assert end_of(exam, "00:30") == local(2026, 1, 16, 0, 30)
    assert end_of(exam, "24:00") == local(2026, 1, 16)
    assert end_of(exam, "23:45") == local(2026, 1, 15, 23, 45)


def test_individual_end_of_an_exam_of_several_days_is_on_its_last_day():
    assert end_of(exam_of(examEndDate="2026-01-18"), "14:00") == local(2026, 1, 18, 14)


def test_individual_end_on_the_night_the_clocks_go_back_is_a_real_hour_later():
    exam = exam_of(examStartDate="2026-10-24", startTime="22:00", examEndDate="2026-10-25", endTime="01:00")
    end_at = end_of(exam, "04:00")
    assert end_at.timestamp() - exam.participation_start_at.timestamp() == 7 * 3600


def test_individual_end_that_is_a_date_time_is_that_moment():
    assert end_of(exam_of(), "2026-01-15T15:30") == local(2026, 1, 15, 15, 30)


def test_individual_end_of_an_exam_without_dates_is_told():
    exam = exam_of(examStartDate=None, examEndDate=None)
    (person,), problems = people_of(LIU_PERSON, exam=exam)
    assert person.individual_end_at is None
    assert problems == ["ladok.individual_end_without_start"]


def test_boras_has_no_individual_end():
    (person,), _ = people_of({"federeradIdentitet": "a", "endTime": "14:00"}, exam=exam_of("boras"), slug="boras")
    assert person.individual_end_at is None


# --- Whatever comes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(ENGLISH_EXAM)), VALUES),
    st.lists(st.dictionaries(st.sampled_from(list(LIU_PERSON)), VALUES) | VALUES),
)
def test_no_value_of_any_kind_is_a_crash(found, entries):
    university = UNIVERSITIES["liu"]
    exam = mapping.exam(
        found, code="X", rows=university.assessment, rooms=university.rooms, people_key="participants", tz=STOCKHOLM
    )
    exam = mapping.with_people(exam, entries, rows=university.person, tz=STOCKHOLM)
    assert all(person.organisation_id for person in exam.people)
    assert len({normal(person.organisation_id) for person in exam.people}) == len(exam.people)
    assert len(exam.people) + exam.unread + exam.repeated == len(entries)
    for problem in exam.problems:
        assert str(problem)


@settings(deadline=None)
@given(st.dates(min_value=dt.date(2000, 1, 1), max_value=dt.date(2099, 12, 31)), st.times())
def test_every_wall_clock_time_becomes_a_real_moment(date, clock):
    moment = wire.at(date, wire.Clock(clock.replace(microsecond=0, fold=0)), STOCKHOLM)
    assert moment.astimezone(dt.UTC).astimezone(STOCKHOLM).utcoffset() == moment.utcoffset()
    assert abs(moment.replace(tzinfo=None) - dt.datetime.combine(date, clock)) <= dt.timedelta(hours=1, seconds=1)
