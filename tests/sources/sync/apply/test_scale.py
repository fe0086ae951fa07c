"""A scale is never changed while a grade may exist, also when it is given between our reading and writing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow
from sources.sync.apply.apply import Applying
from sources.sync.followed import followed_after
from sources.sync.gather import gather
from sources.sync.lease import Lease
from sources.sync.run import plan_for
from sources.universities.clients import wiseflow_for
from tests.sources.sync.test_run import codes_of, sync

Hand = Callable[[Sandbox, Flow], object]


@pytest.fixture
def flow(liu, anna, sandbox):
    code = sandbox.control.add_exam("liu", people=2, campus="")
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    sandbox.control.activate(made.wiseflow_id)
    sandbox.control.change_exam("liu", code, gradeScale="U-G")
    return made


def grade(sandbox: Sandbox, flow: Flow) -> None:
    sandbox.control.grade(flow.wiseflow_id or 0, {_first(sandbox, flow): "5"})


def alternative(sandbox: Sandbox, flow: Flow) -> None:
    sandbox.control.grade(flow.wiseflow_id or 0, alternative={_first(sandbox, flow): "5"})


def _first(sandbox: Sandbox, flow: Flow) -> str:
    return str(sandbox.control.flow(flow.wiseflow_id or 0)["participants"][0]["id"])


HANDS: dict[str, Hand] = {
    "a grade": grade,
    "an alternative grade": alternative,
    "another scale": lambda sandbox, flow: sandbox.control.set_scale_by_hand(flow.wiseflow_id or 0, "0-100"),
    "marking": lambda sandbox, flow: sandbox.control.end_participation(flow.wiseflow_id or 0),
}
TOLD = {
    "a grade": "sources.scale_kept",
    "an alternative grade": "sources.scale_kept",
    "another scale": "sources.scale_changed_meanwhile",
    "marking": "sources.scale_kept_in_marking",
}


@pytest.mark.parametrize("what", HANDS)
def test_what_happens_between_reading_and_writing_keeps_the_scale_and_is_told(what, flow, sandbox):
    with wiseflow_for(flow.source) as client:
        gathered = gather(flow, client)
        planned = plan_for(gathered)
        assert "grading_scale" in [name for change in planned.changes for name in change.writes]
        before = sandbox.control.flow(flow.wiseflow_id)
        HANDS[what](sandbox, flow)
        there = sandbox.control.flow(flow.wiseflow_id)
        lease = Lease.take(flow.pk)
        applied = Applying(gathered, planned, client, lease).apply()
    after = sandbox.control.flow(flow.wiseflow_id)
    assert (after["scaleName"], after["participants"]) == (there["scaleName"], there["participants"])
    assert (before["scaleName"] != after["scaleName"]) == (what == "another scale")
    assert codes_of(applied.problems) == [TOLD[what]]
    # The scale that had been read may still be replaced; one that was chosen by hand since may not.
    Flow.objects.filter(pk=flow.pk).update(followed=followed_after(gathered, planned, applied))
    lease.release()
    run = sync(flow)
    assert sandbox.control.flow(flow.wiseflow_id)["scaleName"] == after["scaleName"]
    flow.refresh_from_db()
    assert ("grading_scale" in flow.unfollowed) == (what == "another scale")
    assert (TOLD[what] in codes_of(run.problem_messages)) == (what != "another scale")


def test_an_unchanged_scale_costs_no_further_request(flow, sandbox):
    sync(flow)
    assert sandbox.control.flow(flow.wiseflow_id)["scaleName"] == "U-G"
    before = len(sandbox.control.received("wiseflow"))
    sync(flow)
    asked = [row["path"] for row in sandbox.control.received("wiseflow")[before:]]
    assert sum("assessments" in path for path in asked) == 0
    assert sum(path.endswith("/grading-scale") for path in asked) == 1
