"""The sandbox's WISEflow answers as the published description says: every route it has, called, and held against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from ladokflow.sandbox.control import Control
from ladokflow.sandbox.wiseflow.base import route
from tests import openapi

# The description has no such answer to these, but a bad request must be told somehow.
UNDESCRIBED = {("POST", "/license/create/flow", 400), ("POST", "/license/user", 400)}


def problems(control: Control) -> list[str]:
    found: list[str] = []
    for row in control.received("wiseflow"):
        path = row["path"].removeprefix("/wiseflow/v1")
        if (row["method"], path, row["status"]) in UNDESCRIBED:
            continue
        if (
            row["answer_kind"] == "text/plain"
        ):  # as the description has it for rooms, with an object for a schema all the same
            told = json.loads(row["answer"])
            assert told["success"] or told["error"]["code"] == row["status"]
            row["answer_kind"] = "application/json"
            described = openapi.check_answer(row, row["status"], {"content-type": "text/plain"}, row["answer"])
            assert all("is not of type 'object'" in problem for problem in described)
            continue
        headers = row["answer_headers"] | {"content-type": row["answer_kind"]}
        found += openapi.check_answer(row, row["status"], headers, row["answer"])
    return list(dict.fromkeys(found))


def test_every_route_is_in_the_description_and_none_is_deprecated(openapi_path: Path) -> None:
    for (method, _), templates in route._by_length.items():
        for segments, _handler in templates:
            operation = openapi.document().raw["paths"]["/" + "/".join(segments)][method.lower()]
            assert not operation.get("deprecated"), segments


def walk_look_ups(client: httpx.Client) -> None:
    for path in (
        "info",
        "roles",
        "user-data-types",
        "flow-types",
        "flow-purposes",
        "grading-scales",
        "modules",
        "assessor-types",
    ):
        assert client.get(f"/license/{path}").status_code == 200
    role = client.get("/license/roles").json()["data"][0]["roleId"]
    client.get(f"/license/roles/{role}/user-count")
    client.get("/license/sis/clients")


def walk_people(client: httpx.Client) -> int:
    types = [row["id"] for row in client.get("/license/user-data-types").json()["data"]]
    role = client.get("/license/roles").json()["data"][0]["roleId"]
    body: dict[str, Any] = {"firstName": "Åsa", "lastName": "Öst", "roles": [role], "emails": ["asa@x.example"]}
    body["externalIds"] = [
        {"userDataTypeId": types[0], "value": "asa@x"},
        {"userDataTypeId": types[1], "value": "19900101-9802"},
    ]
    created = client.post("/license/user", json=body)
    updated = client.post("/license/user", json=body | {"lastName": "Väst"})
    assert (created.status_code, updated.status_code) == (201, 200)
    user = created.json()["userId"]
    client.post("/license/user", json=body | {"roles": [1]})
    client.post("/users/search", json={"dataTypes": [{"id": types[0], "value": "ASA@X"}]}, params={"limit": 1})
    client.post("/users/search", json={"dataTypes": [{"id": 1, "value": "x"}]})
    for path in (
        f"/user/userDataType/{types[0]}/asa@x",
        "/user/eduPrincipalName/asa@x",
        f"/user/{user}/info",
        "/user/1/info",
    ):
        client.get(path)
    for path in ("", "/emails", "/roles", "/user-data"):
        assert client.get(f"/users/{user}{path}").status_code == 200
    client.get("/users/1")
    whole = {"firstName": "Åsa", "lastName": "Öst", "phone": "", "language": "sv", "loginDeactivated": False}
    client.put(f"/users/{user}", json=whole)
    return int(user)


def walk_settings(client: httpx.Client, flow: int) -> None:
    one = f"/flows/{flow}"
    client.get(f"{one}/anonymisation")
    data_type = client.get("/license/user-data-types").json()["data"][0]["id"]
    for body in ({"participantIndex": True}, {"userDataTypeId": data_type}, {"userDataTypeId": 1}, {}):
        client.put(f"{one}/anonymisation", json=body)
        client.get(f"{one}/anonymisation")
    client.delete(f"{one}/anonymisation")
    for name, body in (
        ("description", {"description": "<p>Skriv tydligt.</p>"}),
        ("timebox", {"enabled": True, "durationMinutes": 240}),
        ("marking/assessor-allocation-type", {"allocationType": "GROUPED"}),
    ):
        client.get(f"{one}/{name}")
        client.put(f"{one}/{name}", json=body)
        client.put(f"{one}/{name}", json=body)
        assert client.get(f"{one}/{name}").status_code == 200
    client.put(f"{one}/description", json={})
    for value in ("7.5", None, "many"):
        client.put(f"{one}/settings", json={"settings": [{"name": "ECTS", "value": value}]})
    groups = f"{one}/assessor-groups"
    made = [client.post(groups, json={"title": f"Grupp {n}", "assessorIds": []}).json()["data"]["id"] for n in range(2)]
    client.post(groups, json={"title": "Grupp", "assessorIds": [1]})
    for path in ("", f"/{made[0]}", "/1"):
        client.get(f"{groups}{path}")
    client.put(f"{groups}/{made[0]}", json={"title": "Första", "assessorIds": []})
    client.put(f"{one}/marking/assessor-allocation-type", json={"allocationType": "SINGLE_ASSESSOR"})
    for group in (*made, 1):
        client.delete(f"{groups}/{group}")
    client.put(f"{one}/marking/assessor-allocation-type", json={"allocationType": "NO"})


def walk_flow(client: httpx.Client, flow: int) -> None:
    for path in (f"/flow/{flow}", "/flow/1", f"/flows/{flow}/metadata", "/flows/1/metadata", f"/flows/{flow}/sources"):
        client.get(path)
    client.put(f"/flows/{flow}/metadata", json=client.get(f"/flows/{flow}/metadata").json()["data"] | {"code": "X"})
    client.put(f"/flows/{flow}/metadata", json={"title": ""})
    walk_settings(client, flow)
    dates = client.get(f"/flows/{flow}/dates").json()["data"]
    four = {period: {edge: dates[period][edge] for edge in ("start", "end")} for period in ("participation", "marking")}
    client.patch(f"/flows/{flow}/dates", json=four)
    client.patch(f"/flows/{flow}/dates", json={"participation": {"start": 2, "end": 1}})
    scale = client.get(f"/flows/{flow}/grading-scale").json()["data"]
    client.put(f"/flows/{flow}/grading-scale", json=scale)
    client.put(f"/flows/{flow}/grading-scale", json={"gradingScaleId": 1})
    client.post(
        f"/flows/{flow}/copy", json={"managerUserIds": [2301], "title": "Kopia", "configuration": {"dates": True}}
    )
    client.post(f"/flows/{flow}/copy", json={})
    client.post("/flows/search", json={"metadata": {"title": "tdde", "states": ["NOT_ACTIVATED"]}, "dates": {}})
    client.post("/flows/search", json={"metadata": {"states": ["NO"]}})


def walk_participants(client: httpx.Client, flow: int, user: int, control: Control) -> list[int]:
    rows = [{"userId": user, "uniqueExamId": "E-99"}, {"userId": user}, {"userId": 1}, {"email": "asa@x.example"}]
    client.post(f"/flows/{flow}/participants", json=rows)
    people = [row["participantId"] for row in client.get(f"/flows/{flow}/participants").json()["data"]]
    client.get(f"/flows/{flow}/participants", params={"offset": 1, "limit": 101})
    one = f"/flows/{flow}/participants/{people[0]}"
    for path in ("", "/dates", "/unique-exam-id", "/allocations", "/item-based-marks", "/marking-audit-trail"):
        client.get(one + path)
        client.get(f"/flows/{flow}/participants/1{path}")
    client.put(f"{one}/unique-exam-id", json={"uniqueExamId": "E-7"})
    client.delete(f"{one}/unique-exam-id")
    client.get(f"{one}/unique-exam-id")
    client.put(f"{one}/activated", json={"activated": False})
    client.patch(f"{one}/dates", json={"participation": {"end": 4_000_000_000}})
    client.patch(f"{one}/dates", json={"participation": {"end": 1}})
    many = [
        {"id": people[0], "participation": {"end": 4_000_000_000}},
        {"id": 1},
        {"id": people[1], "participation": {"end": 1}},
    ]
    client.patch(f"/flows/{flow}/participants/dates", json={"participants": many})
    client.get(f"/flow/{flow}/assessments")
    control.grade(flow, {people[1]: "5"}, alternative={people[2]: "Sjuk"}, points={people[1]: 17.5})
    client.get(f"/flow/{flow}/assessments")
    client.get(f"/flow/{flow}/assessments/{people[1]}")
    for path in ("item-based-marks", "marking-audit-trail"):
        client.get(f"/flows/{flow}/participants/{people[1]}/{path}")
    return people


def walk_papers(client: httpx.Client, flow: int, people: list[int], control: Control, storage: str) -> None:
    """All that there is of papers, of a flow with a paper and of one that is answered item by item."""
    ways = dict(zip(people, ("paper", "opened", "blank"), strict=False))
    control.hand_in(flow, ways | {people[-1]: f"group:{people[0]}"})
    client.get(f"/flows/{flow}/participants")
    rows = client.get(f"/flows/{flow}/submissions").json()["data"]
    assert [row["status"]["handedIn"] for row in rows] == [True, False, True]
    for number in (*(row["id"] for row in rows), 1):
        one = f"/flows/{flow}/submissions/{number}"
        for path in ("", "/files", "/files/1", "/responses"):
            client.get(one + path)
        for file in client.get(f"{one}/files").json().get("data", ()):
            link = client.get(f"{one}/files/{file['id']}").json()["data"]["link"]
            assert len(httpx.get(storage + link.partition("/storage")[2]).content) == file["size"]
    for assignment in client.get(f"/flow/{flow}/assignments").json():
        if "publishedReference" in assignment:
            client.get(f"/flows/{flow}/assignments/{assignment['publishedReference']}")
    client.get(f"/flows/{flow}/assignments/none")


def walk_staff(client: httpx.Client, flow: int, user: int, people: list[int]) -> None:
    flags = {
        "managers": {},
        "assessors": {},
        "authors": {},
        "invigilators": {"isHeadInvigilator": True},
        "reviewers": {
            "isAllocatedToAll": True,
            "hasAccessToAssessmentInformation": True,
            "canDecideOnFinalGrade": False,
        },
    }
    for role, more in flags.items():
        added = client.post(f"/flows/{flow}/{role}", json={"userId": user} | more)
        assert added.status_code == 201
        assert client.post(f"/flows/{flow}/{role}", json={"userId": user} | more).status_code == 403
        assert client.post(f"/flows/{flow}/{role}", json={"userId": 1} | more).status_code == 400
        client.get(f"/flows/{flow}/{role}")
        row = added.json()["data"][f"{role[:-1]}Id"]
        if more:
            client.patch(f"/flows/{flow}/{role}/{row}", json=more)
        if role == "assessors":
            client.patch(f"/flows/{flow}/assessors/{row}", json={"assessorTypeId": 3})
            allocations = f"/flows/{flow}/assessors/{row}/allocations"
            client.post(allocations, json={"participantIds": [people[0]]})
            client.post(allocations, json={"participantIds": [people[0]]})
            client.get(allocations)
            client.post(f"{allocations}/participants/{people[-1]}")
            client.post(f"{allocations}/participants/{people[1]}")
            client.delete(f"{allocations}/participants/{people[0]}")
            client.delete(allocations)
            client.get(f"/flows/{flow}/marking-stats/assessors/{row}/scores")
        client.delete(f"/flows/{flow}/{role}/{row}")
        client.delete(f"/flows/{flow}/{role}/1")


def walk_rooms_and_sources(client: httpx.Client, flow: int, people: list[int]) -> None:
    room = client.post(
        "/license/rooms", json={"name": "T2", "capacity": 40, "canBeBooked": True, "campus": "Valla"}
    ).json()["id"]
    client.post("/license/rooms", json={"name": "T2"})
    for path in ("/license/rooms", f"/license/rooms/{room}", "/license/rooms/1", f"/license/rooms/{room}/flows"):
        client.get(path)
    client.put(f"/license/rooms/{room}", json={"name": "T3", "capacity": 40, "canBeBooked": True})
    booking = client.post(f"/flows/{flow}/room-bookings", json={"roomId": room, "from": 1, "to": 2}).json()["data"][
        "roomBookingId"
    ]
    client.post(f"/flows/{flow}/room-bookings", json={"roomId": room, "from": 2, "to": 1})
    client.get(f"/flows/{flow}/room-bookings")
    seats = f"/flows/{flow}/room-bookings/{booking}/participants"
    client.put(seats, json={"participantIds": people[:2]})
    client.post(f"{seats}/{people[2]}")
    client.get(seats)
    client.delete(f"{seats}/{people[2]}")
    client.delete(seats)
    client.delete(f"/flows/{flow}/room-bookings/{booking}")
    client.delete(f"/license/rooms/{room}")
    sources = f"/flows/{flow}/external-sources"
    source = client.post(sources, json={"reference": "liu-tdde01-ab12", "description": "TDDE01/Å"}).json()["data"]["id"]
    assert client.post(sources, json={"reference": "liu-tdde01-ab12"}).status_code == 409
    assert client.post(sources, json={"reference": "å/ä"}).status_code == 400
    client.get(sources)
    client.get(f"{sources}/{source}")
    client.put(f"{sources}/{source}", json={"description": "ny"})
    client.post(f"{sources}/liu-tdde01-ab12/sync/done")
    client.post(f"{sources}/liu-tdde01-ab12/sync/fail")
    client.post(f"{sources}/none/sync/fail")
    client.post(f"{sources}/{source}/allocations/participants", json={"participantIds": people})
    client.get(f"{sources}/participants/{people[0]}")
    client.delete(f"{sources}/{source}/allocations/participants/{people[0]}")
    client.delete(f"{sources}/{source}/allocations")
    client.delete(f"{sources}/{source}")


def walk_webhooks(client: httpx.Client) -> None:
    body = {"title": "T", "url": "http://127.0.0.1:9/hook", "active": True, "events": ["FINAL_GRADE"]}
    webhook = client.post("/webhooks", json=body | {"secret": "s"}).json()["data"]["id"]
    client.post("/webhooks", json=body | {"secret": "s", "events": ["NO"]})
    client.get("/webhooks")
    client.get(f"/webhooks/{webhook}")
    client.put(f"/webhooks/{webhook}", json=body | {"active": False})
    client.post(f"/webhooks/{webhook}/test")
    client.delete(f"/webhooks/{webhook}")
    client.get(f"/webhooks/{webhook}")


def walk_logs_and_figures(client: httpx.Client, flow: int) -> None:
    for path in ("/license/logs", f"/flows/{flow}/logs"):
        client.get(path)
    for counted in ("scores", "responses"):
        client.get(f"/flows/{flow}/marking-stats/{counted}")


def test_every_answer_is_as_the_description_says(
    control: Control, liu_wiseflow: httpx.Client, make_flow: Callable[..., int], openapi_path: Path
) -> None:
    client = liu_wiseflow
    control.set_rate_limit(second=1000)
    flow = make_flow(client)
    walk_look_ups(client)
    user = walk_people(client)
    walk_flow(client, flow)
    people = walk_participants(client, flow, user, control)
    for each in (flow, make_flow(client, people=5, type=8)):
        its = [row["participantId"] for row in client.get(f"/flows/{each}/participants").json()["data"]]
        walk_papers(client, each, its, control, f"{control.url}/storage")
    walk_staff(client, flow, user, people)
    walk_logs_and_figures(client, flow)
    walk_rooms_and_sources(client, flow, people)
    walk_webhooks(client)
    client.delete(f"/flows/{flow}/participants/{people[0]}")
    client.patch(f"/flows/{flow}/activate")
    client.patch(f"/flows/{flow}/activate")
    client.delete(f"/flows/{flow}/participants/{people[1]}")
    client.patch(f"/flows/{flow}/archive")
    control.end_marking(flow)
    client.patch(f"/flows/{flow}/archive")
    client.put(f"/flows/{flow}/metadata", json={"title": "x", "examinationType": "ORDINARY", "purpose": "MASTER"})
    client.patch(f"/flows/{flow}/unarchive")
    control.set_former_client(flow, "TDDE01||1", exported={people[1]: 2, people[2]: 3})
    client.get(f"/flow/{flow}/assessments")
    for path in (f"/flow/{flow}", f"/flows/{flow}/sources"):
        client.get(path)
    client.delete(f"/flows/{flow}")
    client.get(f"/flow/{flow}")
    client.patch(f"/flows/{flow}/reopen")
    client.patch("/flows/1/reopen")
    client.post(
        "/oauth2/token", data={"client_id": "liu", "client_secret": "liu-secret", "grant_type": "client_credentials"}
    )
    client.post("/oauth2/token", data={"client_id": "liu", "client_secret": "no", "grant_type": "client_credentials"})
    assert problems(control) == []
    called = {(row["method"], row["path"]) for row in control.received("wiseflow") if 200 <= row["status"] < 300}
    reached = {
        (method, "/".join(segments))
        for (method, _), templates in route._by_length.items()
        for segments, handler in templates
        if any(
            made == method and (found := route.find(method, path.removeprefix("/wiseflow/v1"))) and found[0] is handler
            for made, path in called
        )
    }
    every = {
        (method, "/".join(segments))
        for (method, _), templates in route._by_length.items()
        for segments, _handler in templates
    }
    assert every - reached == set()
