"""The requests to WISEflow that an unchanged synchronisation takes, written down: at night what belongs to the licence is read once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User

from exports.grades.collect import collect_grades
from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Source, SyncRun
from sources.sync.run import request_sync, run_sync

OF_THE_FLOW = {
    "/flow/N": 1,
    "/flows/N/metadata": 1,
    "/flows/N/dates": 1,
    "/flows/N/grading-scale": 1,
    "/flows/N/participants": 1,
    "/flows/N/managers": 1,
}
OF_THE_LICENCE = {"/users/search": 1, "/license/user-data-types": 1, "/license/info": 1, "/license/grading-scales": 1}
NIGHT, MANAGER = SyncRun.Trigger.NIGHT, SyncRun.Trigger.MANAGER


@pytest.fixture
def flows(sandbox: Sandbox, liu: Source, anna: User) -> list[Flow]:
    made = []
    for _ in range(2):
        code = sandbox.control.add_exam("liu", people=3, campus="")
        asked = request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)
        made.append(create_flow(asked.pk))
    sandbox.control.clear_received()
    return made


def asked_for(sandbox: Sandbox, flow: Flow) -> Counter[str]:
    calls = sandbox.control.received("wiseflow")
    sandbox.control.clear_received()
    paths = [call["path"].removeprefix("/wiseflow/v1").replace(str(flow.wiseflow_id), "N") for call in calls]
    return Counter(path for path in paths if not path.endswith("/token"))


def synchronise(flow: Flow, trigger: str) -> None:
    run = run_sync(request_sync(flow=flow, trigger=trigger, enqueue=False).pk)
    assert (run.state, run.changes) == ("success", [])


def test_a_night_reads_the_licence_once_and_a_manager_anew(sandbox: Sandbox, flows: list[Flow]) -> None:
    found: list[Any] = []
    for flow, trigger in ((flows[0], NIGHT), (flows[1], NIGHT), (flows[0], NIGHT), (flows[0], MANAGER)):
        synchronise(flow, trigger)
        found.append(asked_for(sandbox, flow))
    assert found == [OF_THE_FLOW | OF_THE_LICENCE, OF_THE_FLOW, OF_THE_FLOW, OF_THE_FLOW | OF_THE_LICENCE]


def test_readings_of_grades_by_schedule_share_the_scales(sandbox: Sandbox, flows: list[Flow]) -> None:
    found = []
    for flow, shares_answers in ((flows[0], True), (flows[1], True), (flows[0], False)):
        collect_grades(flow, shares_answers=shares_answers)
        found.append(asked_for(sandbox, flow)["/license/grading-scales"])
    assert found == [1, 0, 1]
