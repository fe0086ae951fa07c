"""What the preview says is what the run does, line by line; and where nothing has changed, nothing is written."""

from collections import Counter

import pytest
from django.urls import reverse

from sources.models import Flow, SyncRun
from sources.sync.run import preview_sync
from tests.sources.sync.phases import World
from tests.sources.sync.test_run import writes

COUNTS = ("added", "updated", "removed", "deactivated", "unchanged")


@pytest.fixture
def world(sandbox, liu, anna):
    return World(sandbox.control, liu, anna)


def change_everything(world, *, phase):
    control, people = world.control, world.exam["participants"]
    names = [person["LiUId"] for person in people]
    changes = {
        names[0]: {"lastname": "Ny-Åberg", "uniqueExamId": "NY-0"},
        names[1]: {"endTime": "20:45"},
        names[2]: {"civicNumber": "199001012385"},
    }
    control.set_activated_by_hand(world.id, world.member(names[3])["id"], False)
    control.change_people("liu", world.code, change=changes, remove=names[4:7], add=3)
    control.change_exam("liu", world.code, courseName="Nytt namn", startTime="07:20", gradeScale="U-G")
    control.set_metadata_by_hand(world.id, subtitle="Handskriven")
    person = {
        "role": "assessor",
        "organisation_id": "stab01@liu.example",
        "first_name": "Stina",
        "last_name": "Stab",
        "is_new": True,
    }
    Flow.objects.filter(pk=world.row.pk).update(staff=[*Flow.objects.get(pk=world.row.pk).staff, person])
    world.enter(phase)


@pytest.mark.parametrize("phase", ["setup", "participation", "marking", "concluding"])
def test_the_run_does_what_the_preview_says_line_by_line(world, sandbox, phase):
    change_everything(world, phase=phase)
    sandbox.control.clear_received()
    world.row.refresh_from_db()
    plan = preview_sync(world.row)
    assert writes(sandbox) == []
    run = world.sync()
    assert run.state == SyncRun.State.SUCCESS
    # Several people are changed at a time, so that only the order of their lines may differ.
    assert Counter(str(change.message) for change in plan.changes) == Counter(map(str, run.change_messages))
    assert list(map(str, plan.problems)) == list(map(str, run.problem_messages))
    assert {name: plan.counts[name] for name in COUNTS} == {name: getattr(run, name) for name in COUNTS}
    assert bool(plan.changes) is (phase != "concluding")


def test_two_thousand_unchanged_people_are_synchronised_without_a_writing_request(sandbox, liu, anna, client):
    world = World(sandbox.control, liu, anna, size=2000)
    sandbox.control.clear_received()
    run = world.sync()
    assert (run.state, run.unchanged, run.changes, run.problems) == ("success", 2000, [], [])
    assert writes(sandbox) == []
    client.force_login(anna)
    address = reverse("flows:sync_run", args=[world.row.pk, run.pk])
    assert "Nothing was changed." in client.get(address, headers={"accept-language": "en"}).content.decode()
