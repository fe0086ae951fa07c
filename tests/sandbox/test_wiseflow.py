"""WISEflow's behaviour that clients trip over: sign-in, limits, pages, errors per row, 403 for "already", dates, states."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from types import SimpleNamespace

import httpx
import pytest

from ladokflow.sandbox.control import Control, ControlError
from ladokflow.sandbox.server import Sandbox
from ladokflow.sandbox.wiseflow import entry

MakeFlow = Callable[..., int]
DAY = 24 * 3600


def token(client: httpx.Client, licence: str = "liu", secret: str = "") -> httpx.Response:
    form = {"client_id": licence, "client_secret": secret or f"{licence}-secret", "grant_type": "client_credentials"}
    return client.post("/oauth2/token", data=form, headers={"x-api-key": ""})


def state(client: httpx.Client, flow: int) -> int:
    return int(client.get(f"/flow/{flow}").json()["state"])


# --- Sign-in and limits -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["Bearer", "bearer"])
def test_bearer_token_is_had_for_a_client_and_its_secret(liu_wiseflow: httpx.Client, word: str) -> None:
    granted = token(liu_wiseflow).json()
    assert granted["expires_in"] == 3599
    headers = {"x-api-key": "", "Authorization": f"{word} {granted['access_token']}"}
    assert liu_wiseflow.get("/license/roles", headers=headers).status_code == 200
    assert token(liu_wiseflow, secret="wrong").json()["error"] == "invalid_client"


@pytest.mark.parametrize("headers", [{"x-api-key": "wrong"}, {"x-api-key": "", "Authorization": "Bearer wrong"}])
def test_bad_credential_is_met_with_a_bare_text(liu_wiseflow: httpx.Client, headers: dict[str, str]) -> None:
    answer = liu_wiseflow.get("/flows/1/metadata", headers=headers)
    assert (answer.status_code, answer.json()) == (401, "Unauthorized")
    assert answer.headers["x-trace-id"]


def test_expired_and_disabled_credentials_are_refused(control: Control, liu_wiseflow: httpx.Client) -> None:
    headers = {"x-api-key": "", "Authorization": f"Bearer {token(liu_wiseflow).json()['access_token']}"}
    control.expire_tokens()
    assert liu_wiseflow.get("/license/roles", headers=headers).status_code == 401
    control.enable_credential("liu", "oauth_client", False)
    assert token(liu_wiseflow).status_code == 400
    control.enable_credential("liu", "api_key", False)
    assert liu_wiseflow.get("/license/roles").status_code == 401
    control.enable_credential("liu", "api_key", True)
    assert liu_wiseflow.get("/license/roles").status_code == 200


def test_a_licence_sees_nothing_of_another(wiseflow: Callable[[str], httpx.Client], make_flow: MakeFlow) -> None:
    flow = make_flow(wiseflow("liu"))
    assert wiseflow("oru").get(f"/flow/{flow}").status_code == 404
    assert flow not in [row["flowId"] for row in wiseflow("oru").post("/flows/search", json={}).json()["data"]]


def test_no_id_is_the_same_in_two_licences(wiseflow: Callable[[str], httpx.Client]) -> None:
    for path, key in (
        ("/license/user-data-types", "id"),
        ("/license/roles", "roleId"),
        ("/license/grading-scales", "id"),
    ):
        ids = [row[key] for licence in ("liu", "oru", "boras") for row in wiseflow(licence).get(path).json()["data"]]
        assert len(ids) == len(set(ids))


def test_too_many_requests_are_told_to_wait(
    control: Control, liu_wiseflow: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the middle of a minute: the count begins anew with each.
    monkeypatch.setattr(entry, "time", SimpleNamespace(monotonic=lambda: 60_000_000 + 30.25))
    control.set_rate_limit(minute=5)
    answers = [liu_wiseflow.get("/license/roles") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == answers[-1].headers["ratelimit-reset"] == "30"
    assert [answer.headers["x-ratelimit-minute-remaining"] for answer in answers[:5]] == ["4", "3", "2", "1", "0"]
    assert answers[0].headers["x-ratelimit-second-limit"] == "200"


# --- Errors and pages -----------------------------------------------------------------------------------------------


def test_older_paths_refuse_without_a_body_and_newer_ones_with_an_envelope(liu_wiseflow: httpx.Client) -> None:
    assert liu_wiseflow.get("/flow/1").content == b""
    newer = liu_wiseflow.get("/flows/1/metadata").json()
    assert newer == {"success": False, "error": {"code": 404, "message": "Flow not found", "errors": []}}


def test_nulls_are_sent_as_the_examples_have_them_where_switched_on(
    control: Control, liu_wiseflow: httpx.Client
) -> None:
    assert "error" not in liu_wiseflow.get("/license/roles").json()
    control.set_nulls(True)
    assert liu_wiseflow.get("/license/roles").json()["error"] is None


def test_participants_come_in_pages_of_at_most_a_hundred(liu_wiseflow: httpx.Client, make_flow: MakeFlow) -> None:
    flow = make_flow(liu_wiseflow, people=130)
    first, second = (
        liu_wiseflow.get(f"/flows/{flow}/participants", params={"offset": offset}).json() for offset in (0, 100)
    )
    assert (len(first["data"]), len(second["data"])) == (100, 30)
    assert second["pagination"] == {"limit": 100, "offset": 100, "total": 130}
    assert liu_wiseflow.get(f"/flows/{flow}/participants", params={"limit": 101}).status_code == 400


# --- People ---------------------------------------------------------------------------------------------------------


def save_user(client: httpx.Client, **more: object) -> httpx.Response:
    types = [row["id"] for row in client.get("/license/user-data-types").json()["data"]]
    role = client.get("/license/roles").json()["data"][0]["roleId"]
    ids = [{"userDataTypeId": types[0], "value": "ny@liu"}, {"userDataTypeId": types[1], "value": "20000101-T901"}]
    body = {"firstName": "Nils", "lastName": "Ny", "roles": [role], "emails": [], "externalIds": ids}
    return client.post("/license/user", json=body | more)


def test_user_is_created_once_and_then_updated(liu_wiseflow: httpx.Client) -> None:
    types = [row["id"] for row in liu_wiseflow.get("/license/user-data-types").json()["data"]]
    created = save_user(liu_wiseflow)
    more = [{"userDataTypeId": types[0], "value": "NY@liu"}, {"userDataTypeId": types[1], "value": "20000101-9810"}]
    updated = save_user(liu_wiseflow, lastName="Annan", emails=["nils@x.example"], externalIds=more)
    assert (created.status_code, updated.status_code) == (201, 200)
    assert created.json() == updated.json()
    (found,) = liu_wiseflow.post(
        "/users/search", json={"dataTypes": [{"id": types[1], "value": "20000101-9810"}]}
    ).json()["data"]
    assert (found["lastName"], found["emails"]) == ("Annan", ["nils@x.example"])
    assert [row["value"] for row in found["dataTypes"]] == ["ny@liu", "20000101-T901", "20000101-9810"]


@pytest.mark.parametrize("more", [{"roles": [1]}, {"externalIds": []}, {"firstName": ""}, {"emails": ["no address"]}])
def test_user_that_is_not_valid_is_refused(liu_wiseflow: httpx.Client, more: dict[str, object]) -> None:
    assert save_user(liu_wiseflow, **more).status_code == 400


def test_identifier_of_another_user_is_refused(control: Control, liu_wiseflow: httpx.Client) -> None:
    types = [row["id"] for row in liu_wiseflow.get("/license/user-data-types").json()["data"]]
    first, second = [user for user in control.users("liu") if len(user["data"]) == 3][:2]
    ids = [
        {"userDataTypeId": types[place], "value": user["data"][place]["value"]}
        for place, user in ((0, first), (1, second))
    ]
    assert save_user(liu_wiseflow, externalIds=ids).status_code == 400


def test_user_must_come_as_json(liu_wiseflow: httpx.Client) -> None:
    headers = {"Content-Type": "text/plain"}
    assert liu_wiseflow.post("/license/user", content=b"{}", headers=headers).status_code == 415
    assert (
        liu_wiseflow.post("/license/user", content=b"{", headers={"Content-Type": "application/json"}).status_code
        == 400
    )


def test_added_participants_are_answered_row_by_row(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow, people=1)
    on_flow = control.flow(flow)["participants"][0]
    type_id = liu_wiseflow.get("/license/user-data-types").json()["data"][0]["id"]
    rows = [
        {"userId": on_flow["userId"]},
        {"userData": {"id": type_id, "value": control.users("liu")[20]["data"][0]["value"]}},
        {"userId": 1},
        {"email": "not@unique.example"},
    ]
    said = liu_wiseflow.post(f"/flows/{flow}/participants", json=rows).json()["data"]
    assert [row.get("error") for row in said] == ["ALREADY_ON_FLOW", None, "USER_NOT_FOUND", "USER_NOT_FOUND"]
    assert said[0]["participant"]["id"] == on_flow["id"]
    assert len(control.flow(flow)["participants"]) == 2


# --- Flows ----------------------------------------------------------------------------------------------------------


def test_flow_is_found_by_a_part_of_its_title_and_by_its_source(
    liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow, subTitle="TEN1 [k7m2]")
    liu_wiseflow.post(f"/flows/{flow}/external-sources", json={"reference": "liu-x-1"})
    for metadata in ({"title": "maskin", "subtitle": "[K7M2]"}, {"externalSourceReference": "liu-x-1"}):
        found = liu_wiseflow.post("/flows/search", json={"metadata": metadata}).json()["data"]
        assert [row["flowId"] for row in found] == [flow]
    assert liu_wiseflow.post("/flows/search", json={"metadata": {"subtitle": "k7m3"}}).json()["data"] == []


def test_copied_flow_takes_the_templates_settings_but_nobody_on_it(
    control: Control, liu_wiseflow: httpx.Client
) -> None:
    template = control.flows("liu")[0]
    manager = control.users("liu")[0]["id"]
    made = liu_wiseflow.post(f"/flows/{template['id']}/copy", json={"managerUserIds": [manager], "title": "Ny"}).json()[
        "data"
    ]
    assert made[0]["flowType"] == "FLOWlock"
    copy = control.flow(made[0]["flowId"])
    assert (copy["title"], copy["participants"], copy["managers"][0]["userId"]) == ("Ny", [], manager)


def test_flow_needs_a_manager_that_exists(liu_wiseflow: httpx.Client) -> None:
    answer = liu_wiseflow.post("/license/create/flow", json={"title": "x", "type": 2, "managers": [1]})
    assert (answer.status_code, answer.content) == (400, b"")


def test_dates_that_leave_marking_behind_are_met_with_500_and_all_four_together_are_taken(
    liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    before = liu_wiseflow.get(f"/flows/{flow}/dates").json()["data"]
    late = before["marking"]["end"] + DAY
    moved = {"participation": {"start": late, "end": late + 3600}}
    assert liu_wiseflow.patch(f"/flows/{flow}/dates", json=moved).status_code == 500
    assert liu_wiseflow.get(f"/flows/{flow}/dates").json()["data"] == before
    four = moved | {"marking": {"start": late + 7200, "end": late + DAY}}
    assert liu_wiseflow.patch(f"/flows/{flow}/dates", json=four).status_code == 200
    wrong = moved | {"marking": {"start": late, "end": late + DAY}}
    assert liu_wiseflow.patch(f"/flows/{flow}/dates", json=wrong).status_code == 400


def test_own_end_time_is_set_in_bulk_and_taken_away_by_the_flows_own(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    first, second, _ = (person["id"] for person in control.flow(flow)["participants"])
    general = control.flow(flow)["dates"]["end"]
    rows = [
        {"id": first, "participation": {"end": general + 1800}},
        {"id": second, "participation": {"end": 1}},
        {"id": 1},
    ]
    said = liu_wiseflow.patch(f"/flows/{flow}/participants/dates", json={"participants": rows}).json()["data"]
    assert ([row["id"] for row in said["participants"]], [row["id"] for row in said["errors"]]) == (
        [first],
        [second, 1],
    )
    assert (
        liu_wiseflow.get(f"/flows/{flow}/dates").json()["data"]["participation"]["latestIndividualEnd"]
        == general + 1800
    )
    one = f"/flows/{flow}/participants/{first}/dates"
    assert (
        liu_wiseflow.patch(one, json={"participation": {"end": general}}).json()["data"]["participation"]["end"]
        == general
    )
    assert control.flow(flow)["participants"][0]["end"] is None


def test_states_follow_the_clock(control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow) -> None:
    flow = make_flow(liu_wiseflow)
    dates = control.flow(flow)["dates"]
    assert state(liu_wiseflow, flow) == 0
    assert liu_wiseflow.patch(f"/flows/{flow}/activate").status_code == 200
    seen = [state(liu_wiseflow, flow)]
    for edge in ("start", "end", "marking_end"):
        control.advance(dates[edge] + 60 - _now(control))
        seen.append(state(liu_wiseflow, flow))
    assert seen == [1, 2, 3, 4]


def _now(control: Control) -> float:
    return dt.datetime.fromisoformat(control.clock()).timestamp()


def test_people_can_push_a_flow_on_before_its_time(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    before = control.flow(flow)["dates"]
    assert [
        control.activate(flow),
        control.start_participation(flow),
        control.end_participation(flow),
        control.end_marking(flow),
    ] == [1, 2, 3, 4]
    assert control.flow(flow)["dates"] == before
    assert control.archive(flow) == 5


def test_already_is_403(liu_wiseflow: httpx.Client, control: Control, make_flow: MakeFlow) -> None:
    flow = make_flow(liu_wiseflow)
    manager = control.flow(flow)["managers"][0]["userId"]
    liu_wiseflow.patch(f"/flows/{flow}/activate")
    assert liu_wiseflow.patch(f"/flows/{flow}/activate").status_code == 403
    assert liu_wiseflow.post(f"/flows/{flow}/managers", json={"userId": manager}).status_code == 403
    assert liu_wiseflow.post(f"/flows/{flow}/assessors", json={"userId": manager}).status_code == 201
    control.set_already_assessor_status(400)
    assert liu_wiseflow.post(f"/flows/{flow}/assessors", json={"userId": manager}).status_code == 400


def test_participant_of_an_activated_flow_is_deactivated_not_deleted(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    first, second, _ = (person["id"] for person in control.flow(flow)["participants"])
    assert liu_wiseflow.delete(f"/flows/{flow}/participants/{first}").status_code == 200
    control.activate(flow)
    assert liu_wiseflow.delete(f"/flows/{flow}/participants/{second}").status_code == 403
    liu_wiseflow.put(f"/flows/{flow}/participants/{second}/activated", json={"activated": False})
    assert [person["is_activated"] for person in control.flow(flow)["participants"]] == [False, True]


def test_a_person_sits_in_one_room_only(control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow) -> None:
    flow = make_flow(liu_wiseflow)
    people = [person["id"] for person in control.flow(flow)["participants"]]
    bookings = [
        liu_wiseflow.post(f"/flows/{flow}/room-bookings", json={"roomId": room["id"], "from": 10, "to": 20}).json()[
            "data"
        ]["roomBookingId"]
        for room in control.rooms("liu")
    ]
    for booking, seated in zip(bookings, (people, people[:1]), strict=True):
        liu_wiseflow.put(f"/flows/{flow}/room-bookings/{booking}/participants", json={"participantIds": seated})
    left = [
        liu_wiseflow.get(f"/flows/{flow}/room-bookings/{booking}/participants").json()["data"] for booking in bookings
    ]
    assert left == [people[1:], people[:1]]


# --- Grades ---------------------------------------------------------------------------------------------------------


def test_grades_are_given_by_people_and_read_by_clients(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    first, second, third = (person["id"] for person in control.flow(flow)["participants"])
    control.grade(flow, {first: "5", second: "U"}, alternative={second: "Sjuk"})
    rows = {row["participantId"]: row for row in liu_wiseflow.get(f"/flow/{flow}/assessments").json()}
    assert [rows[key].get("grade") for key in (first, second, third)] == ["5", "U", None]
    assert rows[second]["adminGrade"] == "Sjuk"
    assert rows[third] == {"id": None, "participantId": third, "exportState": 0}
    control.grade(flow, {first: None})
    assert liu_wiseflow.get(f"/flow/{flow}/assessments/{first}").json()["data"]["id"] is None


def test_grade_that_is_not_on_the_flows_scale_is_given_only_by_force(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    first = control.flow(flow)["participants"][0]["id"]
    with pytest.raises(ControlError, match="VG is not on the scale U345"):
        control.grade(flow, {first: "VG"})
    control.grade(flow, {first: "VG"}, force=True)
    assert liu_wiseflow.get(f"/flow/{flow}/assessments/{first}").json()["data"]["grade"] == "VG"


def test_everybody_active_gets_a_grade_at_random(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow, people=30)
    control.set_activated_by_hand(flow, control.flow(flow)["participants"][0]["id"], False)
    assert control.grade(flow, "random") == 29
    assert {row["grade"] for row in liu_wiseflow.get(f"/flow/{flow}/assessments").json() if "grade" in row} == {
        "U",
        "3",
        "4",
        "5",
    }


def test_points_are_spread_over_items_that_add_up(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    first, second, _ = (person["id"] for person in control.flow(flow)["participants"])
    path = f"/flows/{flow}/participants/{first}/item-based-marks"
    assert liu_wiseflow.get(path).status_code == 403
    control.grade(flow, points={first: 42.5})
    assert sum(item["score"] for item in liu_wiseflow.get(path).json()["data"]) == 42.5
    other = liu_wiseflow.get(f"/flows/{flow}/participants/{second}/item-based-marks").json()["data"]
    assert [item["score"] for item in other] == [None] * 4


def test_new_grading_scale_takes_every_grade_away(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    control.grade(flow, "random")
    other = liu_wiseflow.get("/license/grading-scales").json()["data"][1]["id"]
    liu_wiseflow.put(f"/flows/{flow}/grading-scale", json={"gradingScaleId": other})
    assert all(row["id"] is None for row in liu_wiseflow.get(f"/flow/{flow}/assessments").json())


# --- By hand --------------------------------------------------------------------------------------------------------


def test_hands_change_what_they_change_in_wiseflow(
    control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    participant = control.add_participant_by_hand(flow, "hanna@liu.example", first_name="Hanna", last_name="Öman")
    control.set_metadata_by_hand(flow, title="Ändrad")
    control.set_dates_by_hand(flow, marking_end=4_000_000_000)
    shown = control.flow(flow)
    assert shown["participants"][-1]["id"] == participant
    assert (shown["participants"][-1]["organisationId"], shown["participants"][-1]["uniqueExamId"]) == (
        "hanna@liu.example",
        None,
    )
    assert (shown["title"], shown["dates"]["marking_end"]) == ("Ändrad", 4_000_000_000)
    with pytest.raises(ControlError, match="on the flow already"):
        control.add_participant_by_hand(flow, "HANNA@liu.example")


def test_front_page_shows_the_flows_and_its_buttons_work(
    sandbox: Sandbox, control: Control, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    flow = make_flow(liu_wiseflow)
    page = httpx.get(sandbox.url, timeout=60).text
    assert "TDDE01 Maskininlärning" in page
    assert shown_buttons(page) == {"activate", "request_sync"}
    control.end_participation(flow)
    assert shown_buttons(httpx.get(sandbox.url, timeout=60).text) == {"grade", "end_marking", "request_sync"}
    done = httpx.post(f"{sandbox.url}/do", data={"action": "grade", "flow": str(flow)}, timeout=60)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert control.flows("liu")[-1]["graded"] == 3
    reset = httpx.post(f"{sandbox.url}/do", data={"action": "reset", "flow": str(flow)}, timeout=60)
    assert reset.status_code == 400


def test_front_page_shows_the_newest_flow_first(
    sandbox: Sandbox, liu_wiseflow: httpx.Client, make_flow: MakeFlow
) -> None:
    make_flow(liu_wiseflow, title="Först gjord")
    make_flow(liu_wiseflow, title="Sist gjord")
    page = httpx.get(sandbox.url, timeout=60).text
    assert page.index("Sist gjord") < page.index("Först gjord")


def shown_buttons(page: str) -> set[str]:
    """Of the newest flow."""
    row = page.partition("Flows in WISEflow")[2].partition("<tbody>")[2].partition("</tr>")[0]
    return set(re.findall(r"name='action' value='(\w+)'", row))
