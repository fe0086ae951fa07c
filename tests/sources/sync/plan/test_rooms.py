"""Rooms: who sits where is WISEflow's people's to change, and a room is made once however many ask for it."""

import datetime as dt
import json
import threading
import zoneinfo

import pytest
from django.db import connection
from django.db.models.functions import Now

from ladokflow.ladok.base import Exam
from sources.flows.codes import add_code
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import RoomTurn
from sources.sync.apply.apply import Applying
from sources.sync.apply.room_lock import rooms_turn
from sources.sync.gather import gather
from sources.sync.lease import Lease
from sources.sync.plan.changes import CreateRoom
from sources.sync.plan.rooms import plan_rooms
from sources.sync.plan.times import Times
from sources.sync.plan.values import Memory, Present, Wanted
from sources.sync.run import plan_for
from sources.universities.clients import wiseflow_for
from tests.sources.sync.test_run import codes_of, sync

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def code(sandbox):
    return sandbox.control.add_exam("liu", people=6, campus="Valla")


@pytest.fixture
def flow(liu, anna, code, sandbox):
    return create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)


@pytest.fixture
def client(flow):
    with wiseflow_for(flow.source) as client:
        yield client


def room_named(client, name):
    return next(room for room in client.rooms() if room.name == name)


def book_by_hand(client, flow, name):
    """A booking of another room at the time of the exam, as somebody makes it in WISEflow."""
    room = next((room for room in client.rooms() if room.name == name), None)
    room = room or client.create_room(name=name, capacity=10)
    own = client.room_bookings(flow.wiseflow_id)[0]
    return client.book_room(flow.wiseflow_id, room.id, own.start_at, own.end_at).id


def planned(flow, client):
    gathered = gather(flow, client)
    return gathered, plan_for(gathered)


def seats(client, flow):
    """Room name -> the participants who sit there, for every booking of the flow."""
    names = {room.id: room.name for room in client.rooms()}
    return {
        names[booking.room_id]: set(client.booking_participants(flow.wiseflow_id, booking.id))
        for booking in client.room_bookings(flow.wiseflow_id)
    }


def ids(client, flow):
    return [row.id for row in client.participants(flow.wiseflow_id)]


def places(run):
    return [str(told) for told in run.change_messages if told.code == "sources.change.room_placed"]


def test_everybody_is_placed_and_the_next_run_finds_nothing(flow, client):
    assert seats(client, flow) == {"Valla": set(ids(client, flow))}
    assert sync(flow).changes == []


def test_who_was_moved_by_hand_stays_and_a_newcomer_is_placed_beside_the_others(flow, client, sandbox, code):
    moved, *others = ids(client, flow)
    client.put_booking_participants(flow.wiseflow_id, book_by_hand(client, flow, "Källaren"), [moved])
    assert sync(flow).changes == []
    sandbox.control.change_people("liu", code, add=1)
    run = sync(flow)
    assert len(places(run)) == 1
    assert places(run)[0].startswith("1 ")
    newcomer = (set(ids(client, flow)) - {moved, *others}).pop()
    assert seats(client, flow) == {"Källaren": {moved}, "Valla": {*others, newcomer}}
    assert sync(flow).changes == []


def test_somebody_who_was_added_and_placed_by_hand_keeps_the_seat(flow, client, sandbox, code):
    everybody = ids(client, flow)
    guest = sandbox.control.add_participant_by_hand(flow.wiseflow_id, "gastin01@liu.example")
    own = client.room_bookings(flow.wiseflow_id)[0]
    client.put_booking_participants(flow.wiseflow_id, own.id, [*everybody, guest])
    assert sync(flow).changes == []
    sandbox.control.change_people("liu", code, add=1)
    sync(flow)
    assert guest in seats(client, flow)["Valla"]
    assert seats(client, flow)["Valla"] == set(ids(client, flow))


def test_when_the_exam_is_moved_everybody_comes_along_also_who_was_placed_by_hand(flow, client, sandbox, code):
    moved, *others = ids(client, flow)
    guest = sandbox.control.add_participant_by_hand(flow.wiseflow_id, "gastin01@liu.example")
    own = client.room_bookings(flow.wiseflow_id)[0]
    client.put_booking_participants(flow.wiseflow_id, own.id, [*others, guest])
    client.put_booking_participants(flow.wiseflow_id, book_by_hand(client, flow, "Källaren"), [moved])
    sync(flow)
    gone = sandbox.control.exam("liu", code)["participants"][-1]["LiUId"]
    sandbox.control.change_people("liu", code, remove=[gone])
    sandbox.control.change_exam("liu", code, endTime="20:15")
    run = sync(flow)
    assert "sources.change.room_unbooked" in codes_of(run.change_messages)
    # The booking that was made by hand is at the time before.
    assert codes_of(run.problem_messages) == ["sources.room_elsewhen"]
    there = seats(client, flow)
    assert there == {"Källaren": {moved}, "Valla": set(ids(client, flow)) - {moved}}
    assert guest in there["Valla"]
    assert len(client.room_bookings(flow.wiseflow_id)) == 2
    assert sync(flow).changes == []


def test_somebody_whom_ladok_gives_another_campus_moves_there_unless_a_hand_has_placed_them(
    flow, client, sandbox, liu, code, anna
):
    other = sandbox.control.add_exam("liu", people=1, campus="Norrköping")
    add_code(flow=flow, code=other, by=anna, enqueue=False)
    sync(flow)
    people = sandbox.control.exam("liu", code)["participants"]
    sandbox.control.change_people("liu", other, add=people[:2], exact=True)
    sandbox.control.change_people("liu", code, remove=[person["LiUId"] for person in people[:2]])
    rows = {row.organisation_id: row.wiseflow_id for row in flow.participants.all()}
    first, second = (rows[person["LiUId"]] for person in people[:2])
    client.put_booking_participants(flow.wiseflow_id, book_by_hand(client, flow, "Källaren"), [second])
    sync(flow)
    there = seats(client, flow)
    assert there["Källaren"] == {second}
    assert first in there["Norrköping"]
    assert first not in there["Valla"]
    assert sync(flow).changes == []


def test_who_is_placed_by_hand_between_the_plan_and_the_call_stays_too(flow, client, sandbox, code):
    """The call replaces everybody: what stands there when it is made counts, not what stood there when it was planned."""
    sandbox.control.change_people("liu", code, add=1)
    own = client.room_bookings(flow.wiseflow_id)[0]
    everybody = ids(client, flow)
    lease = Lease.take(flow.pk)
    flow.refresh_from_db()
    made = planned(flow, client)
    guest = sandbox.control.add_participant_by_hand(flow.wiseflow_id, "gastin01@liu.example")
    client.put_booking_participants(flow.wiseflow_id, own.id, [*everybody, guest])
    Applying(*made, client, lease).apply()
    lease.release()
    assert guest in seats(client, flow)["Valla"]


# --- What WISEflow refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/license/rooms", "/flows/*/room-bookings"])
def test_what_hangs_on_something_refused_is_not_told_as_done(liu, anna, sandbox, code, path):
    flow = request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)
    sandbox.control.fault("wiseflow", path, "status", times=-1, method="POST", status=400)
    flow = create_flow(flow.pk)
    run = flow.sync_runs.latest("created_at")
    assert not [told for told in codes_of(run.change_messages) if "room_booked" in told or "room_placed" in told]
    assert codes_of(run.problem_messages) == ["sources.change_refused"]
    assert "rooms" not in flow.followed or flow.followed["rooms"] == {}
    sandbox.control.clear_faults()
    assert "sources.change.room_placed" in codes_of(sync(flow).change_messages)
    assert sync(flow).changes == []


def test_the_old_booking_is_kept_until_there_is_a_new_one(flow, client, sandbox, code):
    before = seats(client, flow)
    sandbox.control.change_exam("liu", code, endTime="20:15")
    sandbox.control.fault("wiseflow", "/flows/*/room-bookings", "status", times=-1, method="POST", status=400)
    run = sync(flow)
    assert codes_of(run.problem_messages) == ["sources.change_refused"]
    assert seats(client, flow) == before
    sandbox.control.clear_faults()
    assert "sources.change.room_unbooked" in codes_of(sync(flow).change_messages)
    assert seats(client, flow) == before
    assert len(client.room_bookings(flow.wiseflow_id)) == 1
    assert sync(flow).changes == []


# --- Two at once -------------------------------------------------------------------------------------------------


def made_rooms(sandbox):
    return [
        row
        for row in sandbox.control.received("wiseflow")
        if (row["method"], row["path"].rpartition("/v1")[2]) == ("POST", "/license/rooms")
    ]


def test_a_room_is_made_with_ladoks_own_id(liu, anna, sandbox):
    """The article's table has both: `id` and `Room`."""
    sync(twin(liu, anna, sandbox))
    (made,) = (json.loads(row["body"]) for row in made_rooms(sandbox))
    assert (made["name"], made["identifier"]) == ("Trädgår’n", "Trädgår’n")
    (room,) = [row for row in sandbox.control.rooms("liu") if row["name"] == "Trädgår’n"]
    assert room["identifier"] == "Trädgår’n"


@pytest.mark.parametrize(
    ("ids", "expected"), [(("T-1", "T-2"), "T-1"), (("", "T-2"), "T-2"), (("", ""), ""), ((" T-1 ", ""), "T-1")]
)
def test_the_id_is_that_of_the_first_exam_in_the_room_that_has_one(ids, expected):
    exams = tuple(Exam(code=f"C{n}", room="Valla", room_id=each) for n, each in enumerate(ids))
    start = dt.datetime(2027, 1, 1, 9, tzinfo=dt.UTC)
    memory = Memory(created_at=start, tz=zoneinfo.ZoneInfo("Europe/Stockholm"))
    times = Times(start, start + HOUR, None, None)
    changes, _ = plan_rooms(Wanted(exams=exams, has_rooms=True), Present(state=0), memory, [], times)
    assert [change.identifier for change in changes if isinstance(change, CreateRoom)] == [expected]


def test_a_room_that_was_made_since_the_plan_is_used(liu, anna, sandbox):
    """Two plans say that the room is to be made; the second finds it."""
    flows = [twin(liu, anna, sandbox) for _ in range(2)]
    with wiseflow_for(liu) as client:
        plans = [(planned(flow, client), Lease.take(flow.pk)) for flow in flows]
        for made, lease in plans:
            Applying(*made, client, lease).apply()
        assert [room.name for room in client.rooms()].count("Trädgår’n") == 1
        assert all(seats(client, flow)["Trädgår’n"] == set(ids(client, flow)) for flow in flows)
    assert len(made_rooms(sandbox)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_room(liu, anna, sandbox):
    flows = [twin(liu, anna, sandbox) for _ in range(2)]
    with wiseflow_for(liu) as client:
        plans = [(planned(flow, client), Lease.take(flow.pk)) for flow in flows]
    # Each would look, find nothing and then make it, were they not to wait for each other.
    sandbox.control.fault("wiseflow", "/license/rooms", "latency", times=2, method="POST", seconds=0.5)
    start, failures = threading.Barrier(2), []

    def work(made, lease):
        try:
            with wiseflow_for(liu) as client:
                start.wait()
                assert Applying(*made, client, lease).apply().problems == []
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=one) for one in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(made_rooms(sandbox)) == 1
    with wiseflow_for(liu) as client:
        assert all(seats(client, flow)["Trädgår’n"] == set(ids(client, flow)) for flow in flows)


def twin(liu, anna, sandbox):
    """A flow whose room is only named in Ladok after it has been made."""
    code = sandbox.control.add_exam("liu", people=2, campus="")
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.change_exam("liu", code, campus="Trädgår’n")
    sandbox.control.clear_received()
    return flow


def test_a_room_that_is_somebodys_turn_is_told_and_comes_with_the_next_run(liu, anna, sandbox):
    flow = twin(liu, anna, sandbox)
    with wiseflow_for(liu) as client:
        lease = Lease.take(flow.pk)
        applying = Applying(*planned(flow, client), client, lease, room_wait_seconds=0)
        with rooms_turn(liu, "TRÄDGÅR’N", wait_seconds=0):
            applied = applying.apply()
        lease.release()
    assert (codes_of(applied.problems), applied.done) == (["sources.room_awaited"], [])
    assert made_rooms(sandbox) == []
    assert "sources.change.room_placed" in codes_of(sync(flow).change_messages)


def test_the_turn_of_a_worker_that_died_runs_out(liu, anna, sandbox):
    flow = twin(liu, anna, sandbox)
    with rooms_turn(liu, "Trädgår’n", wait_seconds=0):
        RoomTurn.objects.update(lease_until=Now() - dt.timedelta(seconds=1))
        run = sync(flow)
        assert run.problems == []
        assert len(made_rooms(sandbox)) == 1
