"""Large flows go through the whole sandbox; how the time grows with them is what `make bench` tells."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from ladokflow.sandbox.control import Control


def test_flow_of_ten_thousand_is_filled_graded_read_and_exported(
    control: Control, liu_wiseflow: httpx.Client, ladok: Callable[..., httpx.Response]
) -> None:
    control.set_rate_limit(second=100_000, minute=1_000_000)  # the limits have tests of their own
    code = control.add_exam("liu", 10_000)
    people = ladok("liu", "GET", f"/exams/{code}").json()["participants"]
    assert control.add_users_of("liu", code) == 10_000
    manager = control.users("liu")[0]["id"]
    body = {"title": "Stor", "type": 2, "managers": [manager]}
    flow = liu_wiseflow.post("/license/create/flow", json=body).json()["flowId"]
    type_id = liu_wiseflow.get("/license/user-data-types").json()["data"][0]["id"]
    for place in range(0, len(people), 100):
        known = {"dataTypes": [{"id": type_id, "value": person["LiUId"]} for person in people[place : place + 100]]}
        found = liu_wiseflow.post("/users/search", json=known).json()["data"]
        liu_wiseflow.post(f"/flows/{flow}/participants", json=[{"userId": user["id"]} for user in found])
    assert liu_wiseflow.get(f"/flows/{flow}/participants").json()["pagination"]["total"] == 10_000
    assert control.grade(flow, "random") == 10_000
    assert len(liu_wiseflow.get(f"/flow/{flow}/assessments").json()) == 10_000
    rows = [{"studentUid": person["uniqueExamId"], "grade": {"grade": "4"}} for person in people]
    said = ladok("liu", "POST", f"/exams/{code}/grades", json={"gradeExports": rows}).json()
    assert said["numberOfSuccess"] == 10_000
    assert len(control.grades("liu", code)) == 10_000
