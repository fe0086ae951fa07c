"""Dates and times in every form that is about, in every field: one moment has one local date and time, however it is written."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ladokflow.ladok import wire
from tests.ladok.test_mapping import STOCKHOLM, codes, exam_of, local, people_of, utc
from tests.ladok.test_tables import LIU_PERSON

NOTHING = {"startTime": None, "examEndDate": None, "endTime": None, "sensurfrist": None}

# Each is 1 June 2027 at 08:00 in Stockholm.
MORNING = [
    "2027-06-01T06:00:00Z",
    "2027-06-01T06:00:00z",
    "2027-06-01T06:00Z",
    "2027-06-01T06Z",
    "2027-06-01T06:00:00.000Z",
    "2027-06-01T06:00:00.1234567Z",
    "2027-06-01T06:00:00,5Z",
    "20270601T060000Z",
    "20270601T0600Z",
    "2027-06-01T08:00:00+02:00",
    "2027-06-01T08:00:00+0200",
    "2027-06-01T08:00:00+02",
    "2027-06-01T08:00:00+02:00[Europe/Stockholm]",
    "2027-06-01T02:00:00-04:00",
    "2027-06-01T02:00:00\u221204:00",
    "2027-05-31T20:00:00-10:00",
    "2027-06-01T20:00:00+14:00",
    "2027-06-01 06:00:00Z",
    "2027-06-01 06:00:00 UTC",
    "2027-06-01 08:00:00 +02:00",
    "2027-06-01T08:00:00",
    "2027-06-01T08:00",
    "2027-06-01 08:00",
    "2027-06-01  08.00",
    "2027-06-01T08",
    "20270601T0800",
    "\u200e2027-06-01T08:00:00\u200e",
    "\ufeff2027\u201106\u201101 08:00",
]
# Each is the day itself, 1 June 2027.
DAY = [
    "2027-06-01",
    "20270601",
    20270601,
    "2027-06-01Z",
    "2027-06-01+02:00",
    "2027-06-01 00:00:00",
    "2027-06-01T00:00",
    "2027-06-01T00:00:00.000",
    "2027-06-01T00:00:00+02:00",
    "20270601T000000",
    "2027-05-31T22:00:00Z",
    "2027-05-31T22:00:00.000Z",
    "20270531T220000Z",
    "2027-05-31T15:00:00-07:00",
]
# Each is eight in the morning, of whatever day.
CLOCK = [
    "08:00",
    "8:00",
    "08.00",
    "08:00:00",
    "08:00:00.000",
    "0800",
    "080000",
    "T08:00",
    "06:00Z",
    "06:00:00Z",
    "08:00+02:00",
    "08:00:00 +0200",
    "02:00-04:00",
    "20:00+14:00",
    "1970-01-01T08:00:00",
    "1970-01-01T06:00:00Z",
    "1899-12-30T08:00:00",
    "0001-01-01T08:00:00",
    "1900-01-01 08:00",
]
EIGHT = local(2027, 6, 1, 8)


@pytest.mark.parametrize("written", MORNING)
def test_a_moment_is_that_moment_in_every_field(written):
    start = exam_of(**NOTHING | {"examStartDate": written})
    assert (start.participation_start_at, codes(start)) == (EIGHT, [])
    clocked = exam_of(**NOTHING | {"examStartDate": "2027-06-01", "startTime": written})
    assert (clocked.participation_start_at, codes(clocked)) == (EIGHT, [])
    undated = exam_of(**NOTHING | {"examStartDate": None, "startTime": written})
    assert (undated.participation_start_at, codes(undated)) == (EIGHT, [])
    end = exam_of(**NOTHING | {"examStartDate": "2027-05-30", "startTime": "08:00", "examEndDate": written})
    assert (end.participation_end_at, codes(end)) == (EIGHT, [])
    end = exam_of(**NOTHING | {"examStartDate": "2027-05-30", "startTime": "08:00", "endTime": written})
    assert (end.participation_end_at, codes(end)) == (EIGHT, [])
    assert exam_of(sensurfrist=written).marking_end_at == EIGHT
    (person,), problems = people_of({**LIU_PERSON, "endTime": written})
    assert (person.individual_end_at, problems) == (EIGHT, [])


@pytest.mark.parametrize("day", [*DAY, "2027-06-01T00:00:00Z"])
def test_the_end_of_marking_is_the_end_of_its_day_however_the_day_is_written(day):
    assert exam_of(**NOTHING | {"sensurfrist": day}).marking_end_at == local(2027, 6, 1, 23, 59, 59)


@pytest.mark.parametrize("day", DAY)
@pytest.mark.parametrize("clock", ["08:00", "06:00Z", "1970-01-01T08:00:00"])
def test_a_day_and_a_time_of_their_own(day, clock):
    exam = exam_of(**NOTHING | {"examStartDate": day, "startTime": clock, "examEndDate": day, "endTime": "12:00"})
    assert (exam.participation_start_at, exam.participation_end_at) == (EIGHT, local(2027, 6, 1, 12))
    assert codes(exam) == []


@pytest.mark.parametrize("day", DAY)
def test_a_day_without_a_time_has_none(day):
    exam = exam_of(**NOTHING | {"examStartDate": day})
    assert exam.participation_start_at == local(2027, 6, 1, 9)
    assert codes(exam) == ["ladok.no_start_time"]


@pytest.mark.parametrize("clock", CLOCK)
def test_a_time_is_that_time_in_every_field(clock):
    exam = exam_of(examStartDate="2027-06-01", startTime=clock, examEndDate="2027-06-02", endTime=clock)
    assert (exam.participation_start_at, exam.participation_end_at) == (EIGHT, local(2027, 6, 2, 8))
    assert codes(exam) == []
    # Without a date of its own it is the first such time after the start.
    night = exam_of(examStartDate="2027-06-01", startTime="20:00", examEndDate=None, endTime=clock)
    assert night.participation_end_at == local(2027, 6, 2, 8)
    (person,), problems = people_of({**LIU_PERSON, "endTime": clock}, exam=night)
    assert (person.individual_end_at, problems) == (local(2027, 6, 2, 8), [])


@pytest.mark.parametrize(
    ("day", "clock", "used"),
    [
        ("2027-06-01T06:00:00Z", "08:00", None),
        ("2027-06-01T08:00:00", "08:00:00", None),
        ("2027-06-01T00:00:00Z", "08:00", None),  # a date, as some systems write it
        ("2027-06-01T06:00:00Z", "06:00Z", None),
        ("2027-06-01T06:00:00Z", "2027-06-01T08:00:00+02:00", None),
        ("2027-06-01T06:00:00Z", "06:00", local(2027, 6, 1, 6)),
        ("2027-06-01T12:00:00", "08:00", local(2027, 6, 1, 8)),
        ("2027-06-01", "2027-06-02T08:00", local(2027, 6, 1, 8)),
        ("2027-06-01T08:00", "2027-06-02T09:00", local(2027, 6, 1, 9)),
    ],
)
def test_fields_that_do_not_go_together_are_told_and_each_says_its_own(day, clock, used):
    exam = exam_of(**NOTHING | {"examStartDate": day, "startTime": clock})
    assert exam.participation_start_at == used or EIGHT
    assert codes(exam) == ([] if used is None else ["ladok.date_and_time_differ"])
    if used is not None:
        assert exam.problems[0].params == {
            "first": "examStartDate", "second": "startTime", "used": f"{used:%Y-%m-%d %H:%M}"
        }  # fmt: skip


def test_a_time_of_another_zone_is_of_the_day_in_the_sources():
    # 22:30 in UTC is half past midnight: that of the night before 1 June, not of the night after.
    assert exam_of(examStartDate="2027-06-01", startTime="22:30Z").participation_start_at == local(2027, 6, 1, 0, 30)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2027-05-31T24:00", local(2027, 6, 1)),
        ("2027-05-31T24:00:00+02:00", local(2027, 6, 1)),
        ("2027-05-31T24:00Z", local(2027, 6, 1, 2)),
        ("2027-03-28T02:30", utc(2027, 3, 28, 1, 30)),  # there is no such hour: moved past the jump
        ("2027-03-28T01:30:00Z", utc(2027, 3, 28, 1, 30)),
        ("2027-10-31T02:30", utc(2027, 10, 31, 0, 30)),  # there are two: the first
        ("2027-10-31T02:30:00+02:00", utc(2027, 10, 31, 0, 30)),
        ("2027-10-31T02:30:00+01:00", utc(2027, 10, 31, 1, 30)),
        ("2027-10-31T01:30:00Z", utc(2027, 10, 31, 1, 30)),
        ("2027-12-31T23:30:00Z", local(2028, 1, 1, 0, 30)),
    ],
)
def test_midnights_and_the_nights_the_clocks_change(written, moment):
    exam = exam_of(sensurfrist=written, examStartDate=written, startTime=None, examEndDate=None, endTime=None)
    assert exam.marking_end_at.timestamp() == moment.timestamp()
    assert exam.participation_start_at.timestamp() in (moment.timestamp(), local(2027, 6, 1, 9).timestamp())
    assert exam.marking_end_at.tzinfo is STOCKHOLM


def test_the_second_of_two_equal_hours_is_kept_where_a_field_names_it():
    exam = exam_of(**NOTHING | {"examStartDate": "2027-10-31T01:30:00Z", "startTime": "02:30"})
    assert exam.participation_start_at.timestamp() == utc(2027, 10, 31, 1, 30).timestamp()
    assert codes(exam) == []


@pytest.mark.parametrize("field", ["examStartDate", "startTime", "examEndDate", "endTime", "sensurfrist"])
@pytest.mark.parametrize(
    "written",
    [
        "2027-06-01T25:00Z",
        "2027-06-01T08:60",
        "2027-06-01T08:00+25:00",
        "2027-06-01T08:00+02:75",
        "2027-06-01T08:00 CEST",
        "2027-06-01T",
        "2027-06-01T08:00:00Z Z",
        "2027-0601",
        "2027-02-29",
        "9999-12-31T23:59:59-14:00",
        "3000-01-01",
        "06/01/2027",
        "1811800800000",
        1811800800,
        "24:30",
    ],
)
def test_what_is_no_date_or_time_is_left_out_and_told(field, written):
    exam = exam_of(**{field: written})
    assert ("ladok.value_unreadable", field) in [(one.code, one.params.get("field")) for one in exam.problems]


@pytest.mark.parametrize(
    "written", ["1970-01-01", "1970-01-01T00:00:00Z", "1969-12-31T23:00:00Z", "0001-01-01T00:00:00", "9999-12-31"]
)
def test_a_date_that_stands_for_none_is_none(written):
    exam = exam_of(examStartDate=written)
    assert (exam.participation_start_at, codes(exam)) == (None, ["ladok.value_unreadable"])


# --- Any moment, any spelling

ZONES = [STOCKHOLM, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Pacific/Auckland")]


@st.composite
def spelt_moments(draw):
    """A moment in a source's zone, and one way of writing it."""
    tz = draw(st.sampled_from(ZONES))
    second = draw(st.integers(utc(2000, 1, 1).timestamp(), utc(2099, 12, 31).timestamp()).map(int))
    if draw(st.booleans()):  # near a change of the clocks
        second = int(utc(2027, draw(st.sampled_from([3, 4, 9, 10, 11])), 1).timestamp()) + second % (31 * 24 * 3600)
    moment = dt.datetime.fromtimestamp(second, tz)
    offset = draw(st.integers(-14 * 4, 14 * 4)) * 15
    zone = draw(st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(minutes=offset)), None]))
    shown = moment.astimezone(zone or tz)
    separator = draw(st.sampled_from(["T", " "]))
    form = draw(st.sampled_from([f"%Y-%m-%d{separator}%H:%M:%S", f"%Y%m%d{separator}%H%M%S"]))
    fraction = draw(st.sampled_from(["", ".0", ".000", ",123456789"]))
    sign = "-" if offset < 0 else "+"
    hours, minutes = divmod(abs(offset), 60)
    suffix = {None: "", dt.UTC: draw(st.sampled_from(["Z", "+00:00", "-00:00", " UTC"]))}.get(
        zone, draw(st.sampled_from([f"{sign}{hours:02}:{minutes:02}", f"{sign}{hours:02}{minutes:02}"]))
    )
    # Of a doubled hour without a zone the first is meant.
    assume(zone is not None or moment.fold == 0)
    return moment, f"{shown:{form}}{fraction}{suffix}", tz


@given(spelt_moments())
def test_any_spelling_of_a_moment_is_its_local_date_and_time(spelt):
    moment, written, tz = spelt
    assert wire.moment(written, tz).timestamp() == moment.timestamp()
    assert wire.moment(written, tz).tzinfo is tz
    found = wire.day(written, tz)
    if isinstance(found, dt.datetime):
        assert found.timestamp() == moment.timestamp()
    else:
        assert (found, moment.time()) == (moment.date(), dt.time(0))
    assert wire.clock(written, tz).timestamp() == moment.timestamp()


@given(spelt_moments())
def test_a_moment_in_two_fields_is_the_same_moment(spelt):
    moment, written, tz = spelt
    found = wire.day(written, tz)
    date = found.date() if isinstance(found, dt.datetime) else found
    plain = wire.at(date, wire.clock(f"{moment:%H:%M:%S}", tz), tz)
    assert plain.timestamp() == moment.replace(fold=0).timestamp()
    zoned = wire.at(date, wire.clock(f"{moment:%H:%M:%S%z}", tz), tz)
    assert zoned.timestamp() == moment.timestamp()
