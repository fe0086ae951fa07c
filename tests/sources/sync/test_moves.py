"""Dates, individual ends and bookings that move in the sandbox, by Ladok and by hand: what contradicts is told and not written."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest

from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.universities.clients import wiseflow_for
from tests.sources.sync.test_run import codes_of, sync, writes

DAY = 24 * 3600
TZ = zoneinfo.ZoneInfo("Europe/Stockholm")


def day_of_an_exam(now):
    """Some weeks from now, with a week after it in which every day has so many hours: no clock is changed."""
    days = (now.astimezone(TZ).replace(hour=8) + dt.timedelta(days=number) for number in range(20, 40))
    return next(day.date() for day in days if day.utcoffset() == (day + dt.timedelta(days=8)).utcoffset())


@pytest.fixture
def code(sandbox):
    day = day_of_an_exam(dt.datetime.fromisoformat(sandbox.control.clock())).isoformat()
    dates = {"examStartDate": day, "examEndDate": day, "startTime": "08:00", "endTime": "13:00"}
    return sandbox.control.add_exam("liu", people=3, campus="Valla", **dates)


@pytest.mark.parametrize("now", ["2026-03-04T12:00Z", "2026-10-04T12:00Z", "2026-06-01T23:30Z"])
def test_the_exam_of_these_tests_is_not_moved_over_a_change_of_clocks(now):
    first = dt.datetime.combine(day_of_an_exam(dt.datetime.fromisoformat(now)), dt.time(8), TZ)
    assert (first + dt.timedelta(days=7)).timestamp() == first.timestamp() + 7 * DAY


@pytest.fixture
def flow(liu, anna, code, sandbox):
    people = sandbox.control.exam("liu", code)["participants"]
    own = {person["LiUId"]: {"endTime": "15:00" if number == 0 else None} for number, person in enumerate(people)}
    sandbox.control.change_people("liu", code, change=own)
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    assert made.sync_runs.get().problems == []
    sandbox.control.clear_received()
    return made


def who(sandbox, code):
    return sandbox.control.exam("liu", code)["participants"][0]["LiUId"]


def dates(sandbox, flow):
    return sandbox.control.flow(flow.wiseflow_id)["dates"]


def ends(sandbox, flow):
    people = sandbox.control.flow(flow.wiseflow_id)["participants"]
    return {person["organisationId"]: person["end"] for person in people if person["end"]}


def bookings(sandbox, flow):
    return [(row["from"], row["to"]) for row in sandbox.control.flow(flow.wiseflow_id)["bookings"]]


def move_by_ladok(sandbox, code, days):
    exam = sandbox.control.exam("liu", code)
    day = (dt.date.fromisoformat(exam["examStartDate"]) + dt.timedelta(days=days)).isoformat()
    sandbox.control.change_exam("liu", code, examStartDate=day, examEndDate=day)


def move_by_hand(sandbox, flow, days):
    control, there = sandbox.control, dates(sandbox, flow)
    control.set_dates_by_hand(flow.wiseflow_id, **{name: value + days * DAY for name, value in there.items()})


def told(run, kind):
    return [str(problem) for problem in run.problem_messages if problem.code == kind]


def test_when_ladok_moves_the_exam_everything_that_hangs_on_it_comes_along(sandbox, flow, code):
    before = (dates(sandbox, flow), ends(sandbox, flow), bookings(sandbox, flow))
    move_by_ladok(sandbox, code, 2)
    assert sync(flow).problems == []
    assert dates(sandbox, flow)["start"] == before[0]["start"] + 2 * DAY
    assert ends(sandbox, flow) == {name: end + 2 * DAY for name, end in before[1].items()}
    assert bookings(sandbox, flow) == [(start + 2 * DAY, end + 2 * DAY) for start, end in before[2]]
    assert sync(flow).changes == []


def test_when_a_hand_moves_the_flow_the_ends_and_rooms_that_contradict_are_told_by_name(sandbox, flow, code):
    before = ends(sandbox, flow)
    move_by_hand(sandbox, flow, 3)
    run = sync(flow)
    assert run.state == "success"
    (end,) = told(run, "sources.end_outside")
    assert who(sandbox, code) in end
    assert "15:00" in end
    assert ends(sandbox, flow) == before
    # The booking is ours: it is moved.
    there = dates(sandbox, flow)
    assert bookings(sandbox, flow) == [(there["start"], there["end"])]
    again = sync(flow)
    assert (again.changes, codes_of(again.problem_messages)) == ([], ["sources.end_outside"])
    # Ladok follows the hand: nothing contradicts any more.
    move_by_ladok(sandbox, code, 3)
    assert sync(flow).problems == []
    assert ends(sandbox, flow) == {name: end + 3 * DAY for name, end in before.items()}


def test_a_room_that_a_hand_has_booked_otherwise_is_told_when_the_exam_moves(sandbox, flow, code):
    row = sandbox.control.flow(flow.wiseflow_id)
    booking = row["bookings"][0]
    with wiseflow_for(flow.source) as client:
        room = client.create_room(name="Källaren", capacity=9)
        own = client.room_bookings(flow.wiseflow_id)[0]
        client.book_room(flow.wiseflow_id, room.id, own.start_at, own.end_at)
    assert sync(flow).problems == []
    move_by_ladok(sandbox, code, 1)
    (room_told,) = told(sync(flow), "sources.room_elsewhen")
    assert "Källaren" in room_told
    assert (booking["from"] + DAY, booking["to"] + DAY) in bookings(sandbox, flow)


def test_a_room_whose_campus_ladok_has_taken_back_is_told_when_the_exam_moves(sandbox, flow, code):
    sandbox.control.change_exam("liu", code, campus="")
    assert sync(flow).problems == []
    move_by_ladok(sandbox, code, 1)
    assert ["Valla" in one for one in told(sync(flow), "sources.room_elsewhen")] == [True]


def test_where_wiseflow_does_not_move_the_flow_nothing_is_moved_alone(sandbox, flow, code):
    before = (dates(sandbox, flow), ends(sandbox, flow), bookings(sandbox, flow))
    move_by_ladok(sandbox, code, 7)
    sandbox.control.fault("wiseflow", f"/flows/{flow.wiseflow_id}/dates", "status", times=1, status=400, method="PATCH")
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.change_refused"]
    assert (dates(sandbox, flow), ends(sandbox, flow), bookings(sandbox, flow)) == before
    assert sync(flow).problems == []
    assert ends(sandbox, flow) == {name: end + 7 * DAY for name, end in before[1].items()}
    assert bookings(sandbox, flow) == [(start + 7 * DAY, end + 7 * DAY) for start, end in before[2]]


def test_in_marking_an_end_that_the_new_dates_do_not_allow_is_told_and_left(sandbox, flow, code):
    sandbox.control.activate(flow.wiseflow_id)
    sandbox.control.start_participation(flow.wiseflow_id)
    sync(flow)
    sandbox.control.end_participation(flow.wiseflow_id)
    there = dates(sandbox, flow)
    (own,) = ends(sandbox, flow).values()
    if own < there["marking_end"]:
        sandbox.control.set_dates_by_hand(flow.wiseflow_id, marking_end=own - 60, marking_start=there["end"] + 60)
    sandbox.control.clear_received()
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.end_outside"]
    assert ends(sandbox, flow) == {who(sandbox, code): own}
    assert not [line for line in writes(sandbox) if "dates" in line]


def give_by_hand(sandbox, flow, who, end):
    """An end of one's own, as somebody sets it in WISEflow. In unix seconds."""
    people = sandbox.control.flow(flow.wiseflow_id)["participants"]
    (pk,) = (person["id"] for person in people if person["organisationId"] == who)
    with wiseflow_for(flow.source) as client:
        moment = dt.datetime.fromtimestamp(end, dt.UTC)
        assert client.patch_participant_dates(flow.wiseflow_id, [(pk, None, moment)]) == []


@pytest.mark.parametrize("by", [move_by_ladok, move_by_hand])
def test_an_end_that_a_hand_has_set_and_the_flow_has_left_behind_is_told_by_name_until_it_is_corrected(
    sandbox, flow, code, by
):
    other = sandbox.control.exam("liu", code)["participants"][1]["LiUId"]
    late = dates(sandbox, flow)["end"] + 3600
    give_by_hand(sandbox, flow, other, late)
    assert sync(flow).problems == []
    by(sandbox, code if by is move_by_ladok else flow, 7)
    for _ in range(2):
        run = sync(flow)
        (sentence,) = told(run, "sources.own_end_outside")
        assert other in sentence
        assert ends(sandbox, flow)[other] == late
    give_by_hand(sandbox, flow, other, late + 7 * DAY)
    assert told(sync(flow), "sources.own_end_outside") == []
    flow.refresh_from_db()
    assert "outside" not in flow.followed


def test_individual_ends_are_asked_for_only_where_dates_have_moved(sandbox, flow, code):
    def asked():
        return [
            row
            for row in sandbox.control.received("wiseflow")
            if "/participants/" in row["path"] and row["path"].endswith("/dates")
        ]

    sync(flow)
    assert asked() == []
    move_by_ladok(sandbox, code, 1)
    sync(flow)
    gets = [row for row in asked() if row["method"] == "GET"]
    # And once more right before theirs are written, those who have one.
    own = flow.participants.filter(individual_end_at__isnull=False).count()
    assert len(gets) == flow.participants.count() + own > own > 0
    sandbox.control.clear_received()
    sync(flow)
    assert asked() == []
