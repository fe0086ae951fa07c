"""Each fault, met by a plain client: what it gets, and whether the work was done."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ladokflow.sandbox.control import Control, ControlError
from ladokflow.sandbox.server import Sandbox
from tests.running import wait_until

Ask = Callable[..., httpx.Response]


@pytest.fixture
def send(ladok: Ask, control: Control) -> Callable[[], httpx.Response]:
    """Export the grades of three people on one exam, the code of which is hard on URLs."""
    code = control.add_exam("liu", 3, examCode="FEL/Å 1")
    people = control.exam("liu", code)["participants"]
    rows = [{"studentUid": person["uniqueExamId"], "grade": {"grade": "4"}} for person in people]

    def once() -> httpx.Response:
        return ladok("liu", "POST", "/exams/FEL%2F%C3%85%201/grades", json={"gradeExports": rows})

    return once


def registered(control: Control) -> int:
    return len(control.registrations("liu"))


@pytest.mark.parametrize(
    ("kind", "options", "status", "body", "work"),
    [
        ("status", {"status": 503}, 503, "Internal server error", 0),
        ("status", {"status": 500, "after_work": True}, 500, "Internal server error", 3),
        ("http_429", {"retry_after": 7}, 429, "rate limit", 0),
        ("html", {}, 200, "<h1>Planerat underhåll</h1>", 0),
        ("html", {"status": 502, "after_work": True}, 502, "<h1>", 3),
        ("not_json", {"after_work": True}, 200, '{"gradeExports": [', 3),
        ("empty_body", {"status": 204}, 204, "", 3),
        ("empty_body", {}, 200, "", 3),
        (
            "answer",
            {"status": 207, "body": {"numberOfSuccess": "3"}, "after_work": True},
            207,
            '"numberOfSuccess": "3"',
            3,
        ),
        ("wrong_numbers", {}, 200, '"numberOfSuccess": 4', 3),
        ("strange_errors", {}, 200, "nobody-0000", 3),
        ("partial_errors", {"count": 2, "error_info": "Nej."}, 200, '"numberOfErrors": 2', 1),
        ("partial_errors", {"count": 3}, 200, '"numberOfSuccess": 0', 0),
        ("slow", {"seconds": 0.2}, 200, '"numberOfSuccess": 3', 3),
        ("latency", {"seconds": 0.1}, 200, '"numberOfSuccess": 3', 3),
        ("late_answer", {"seconds": 0.1}, 200, '"numberOfSuccess": 3', 3),
    ],
)
def test_fault_gives_another_answer_once(
    send: Callable[[], httpx.Response],
    control: Control,
    kind: str,
    options: dict[str, Any],
    status: int,
    body: str,
    work: int,
) -> None:
    control.fault("liu", "/exams/*/grades", kind, **options)
    started = time.monotonic()
    answer = send()
    assert (answer.status_code, registered(control)) == (status, work)
    assert body in answer.text
    assert time.monotonic() - started >= options.get("seconds", 0)
    assert send().json() == {"numberOfSuccess": 3, "numberOfErrors": 0, "errors": []}


@pytest.mark.parametrize(("kind", "work"), [("lost_answer", 3), ("drop", 0), ("cut_body", 3)])
def test_fault_breaks_the_connection(
    send: Callable[[], httpx.Response], control: Control, kind: str, work: int
) -> None:
    control.fault("liu", "*", kind)
    with pytest.raises(httpx.RemoteProtocolError):
        send()
    assert registered(control) == work
    assert send().status_code == 200


def test_a_client_that_gives_up_does_not_undo_the_work(ladok: Ask, control: Control) -> None:
    code = control.add_exam("liu", 1)
    row = {"studentUid": control.exam("liu", code)["participants"][0]["uniqueExamId"], "grade": {"grade": "4"}}
    control.fault("liu", "*/grades", "late_answer", seconds=60)
    patience = httpx.Timeout(60, read=0.3)
    with pytest.raises(httpx.ReadTimeout):
        ladok("liu", "POST", f"/exams/{code}/grades", json={"gradeExports": [row]}, timeout=patience)
    # It may have given up before the work was begun.
    wait_until(lambda: registered(control), 60, "The work was not done.")
    assert registered(control) == 1


def test_partial_errors_may_name_the_people(send: Callable[[], httpx.Response], control: Control) -> None:
    exam_id = control.exam("liu", "FEL/Å 1")["participants"][1]["uniqueExamId"]
    control.fault("liu", "*/grades", "partial_errors", identifiers=[exam_id], error_info="Redan attesterat.")
    assert send().json()["errors"] == [{"userId": exam_id, "errorInfo": "Redan attesterat."}]


def test_empty_list_empties_lists_and_people(ladok: Ask, control: Control, liu_wiseflow: httpx.Client) -> None:
    control.fault("*", "*", "empty_list", times=-1)
    assert ladok("liu", "GET", "/exams", params={"courseCode": "TDDE01"}).json() == []
    assert ladok("liu", "GET", "/exams/TDDE01-TEN1-1001").json()["participants"] == []
    assert liu_wiseflow.get("/license/rooms").json()["pagination"]["total"] == 0


def test_fault_fits_its_system_path_and_method_for_so_many_times(
    ladok: Ask, control: Control, liu_wiseflow: httpx.Client
) -> None:
    control.fault("wiseflow", "/license/*", "status", times=2, method="GET", status=503)
    assert ladok("liu", "GET", "/exams/TDDE01-TEN1-1001").status_code == 200
    assert liu_wiseflow.post("/users/search", json={}).status_code == 200
    assert [liu_wiseflow.get("/license/roles").status_code for _ in range(3)] == [503, 503, 200]
    assert control.faults()[0]["used"] == 2
    control.fault("wiseflow", "*", "status", times=-1)
    control.clear_faults()
    assert liu_wiseflow.get("/license/roles").status_code == 200


def test_unknown_fault_is_refused(control: Control) -> None:
    with pytest.raises(ControlError, match="Unknown kind of fault: gremlin"):
        control.fault("liu", "*", "gremlin")


def test_every_request_is_kept_with_what_was_answered(send: Callable[[], httpx.Response], control: Control) -> None:
    control.fault("liu", "*", "lost_answer")
    with pytest.raises(httpx.RemoteProtocolError):
        send()
    send()
    lost, answered = control.received("liu")
    assert (lost["status"], answered["status"]) == (0, 200)
    assert lost["path"] == "/liu/exams/FEL%2F%C3%85%201/grades"
    assert lost["body"] == answered["body"]
    assert answered["headers"]["authorization"] == "Bearer liu-ladok"
    assert '"numberOfSuccess": 3' in answered["answer"]
    control.clear_received()
    assert control.received("liu") == []


def test_a_request_that_is_cut_off_on_its_way_is_no_request(sandbox: Sandbox, control: Control) -> None:
    head = "POST /liu/exams/TDDE01-TEN1-1001/grades HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer liu-ladok\r\nContent-Length: 500\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port)) as connection:
        connection.sendall(head.encode() + b'{"gradeExports": [')
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert control.received("liu") == []


def test_by_hand_somebody_acts_once_the_call_has_its_answer(control: Control, liu_wiseflow: httpx.Client) -> None:
    flow = control.flows("liu")[0]
    fields = {"title": "För hand"}
    arguments = {"flow_id": flow["id"], "fields": fields}
    control.fault("wiseflow", "/flows/*/metadata", "by_hand", action="set_metadata_by_hand", arguments=arguments)
    answers = [liu_wiseflow.get(f"/flows/{flow['id']}/metadata").json()["data"]["title"] for _ in range(2)]
    assert answers == [flow["title"], "För hand"]
    with pytest.raises(ControlError, match="Unknown action: gremlin"):
        control.fault("wiseflow", "*", "by_hand", action="gremlin")
