"""Faults on order: what may go wrong between two systems, switched on from the control for the next calls that fit.

| Kind | What the caller meets | Is the work done? |
|---|---|---|
| `latency` (seconds) | the answer late | yes, after the wait |
| `late_answer` (seconds) | the answer late | yes, before the wait |
| `status` (status, body, headers, after_work) | another status | only with after_work |
| `http_429` (retry_after) | 429 with Retry-After | no |
| `lost_answer` | the connection dropped | yes |
| `drop` (seconds) | the connection dropped, after a while | no |
| `html` (status, after_work) | a page in HTML | only with after_work |
| `not_json` (after_work) | broken JSON | only with after_work |
| `empty_body` (status) | nothing in the answer | yes |
| `cut_body` | half of the body, then the connection dropped | yes |
| `slow` (seconds) | the body, a little at a time | yes |
| `partial_errors` (count or identifiers, error_info) | Export: these people refused | for the others |
| `wrong_numbers` | Export: numbers that do not add up | yes |
| `strange_errors` | Export: an error for somebody who was not sent | yes |
| `empty_list` | lists and people empty | yes |
| `answer` (status, body, headers, after_work) | whatever is said | only with after_work |
| `by_hand` (action, arguments) | the answer; then somebody does what the control's action says | yes |
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ladokflow.sandbox.answers import Call, Reply

KINDS = frozenset(
    [
        "latency",
        "late_answer",
        "status",
        "http_429",
        "lost_answer",
        "drop",
        "html",
        "not_json",
        "empty_body",
        "cut_body",
        "slow",
        "partial_errors",
        "wrong_numbers",
        "strange_errors",
        "empty_list",
        "answer",
        "by_hand",
    ]
)
HTML = "<!doctype html><html><head><title>Driftstopp</title></head><body><h1>Planerat underhåll</h1></body></html>"


@dataclass
class Fault:
    """`times` counts down with each call that fits; below nought it lasts until it is cleared."""

    id: int
    system: str
    path_pattern: str
    kind: str
    times: int = 1
    method: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    used: int = 0

    def fits(self, system: str, call: Call) -> bool:
        return (
            self.times != 0
            and self.system in (system, "*")
            and self.method in ("", call.method)
            and fnmatchcase(call.parts.get("decoded", call.path), self.path_pattern)
        )


@dataclass
class Sending:
    """How an answer leaves: None drops the connection; `cut` sends half; `seconds` spreads it out."""

    reply: Reply | None
    cut: bool = False
    seconds: float = 0.0


class Faults:
    def __init__(self) -> None:
        self.rows: list[Fault] = []
        self.lock = threading.Lock()
        self.made = 0

    def add(self, system: str, path_pattern: str, kind: str, times: int, method: str, options: dict[str, Any]) -> Fault:
        if kind not in KINDS:
            raise ValueError(f"Unknown kind of fault: {kind}. There are: {', '.join(sorted(KINDS))}.")
        with self.lock:
            self.made += 1
            fault = Fault(self.made, system, path_pattern, kind, times, method, options)
            self.rows.append(fault)
            return fault

    def clear(self) -> None:
        with self.lock:
            self.rows = []

    def drop(self, caused: int) -> None:
        """Those of one cause (`causes.py`)."""
        with self.lock:
            self.rows = [row for row in self.rows if row.options.get("caused") != caused]

    def take(self, system: str, call: Call) -> Fault | None:
        """The first fault that fits, used up by one."""
        with self.lock:
            for fault in self.rows:
                if fault.fits(system, call):
                    fault.times -= 1 if fault.times > 0 else 0
                    fault.used += 1
                    return fault
        return None


def play(
    fault: Fault,
    call: Call,
    work: Callable[[], Reply],
    wait: Callable[[float], None],
    act: Callable[[str, dict[str, Any]], None],
) -> Sending:
    """Do what the fault says around the work."""
    options, kind = fault.options, fault.kind
    if kind == "latency":
        wait(float(options.get("seconds", 1)))
        return Sending(work())
    if kind == "late_answer":
        reply = work()
        wait(float(options.get("seconds", 1)))
        return Sending(reply)
    if kind == "drop":
        wait(float(options.get("seconds", 0)))
        return Sending(None)
    if kind in ("status", "http_429", "html", "not_json", "answer"):
        if options.get("after_work"):
            work()
        return Sending(_instead(kind, options))
    if kind == "partial_errors":
        return Sending(_refuse_some(call, work, options))
    reply = work()
    if kind == "by_hand":
        act(str(options["action"]), dict(options.get("arguments") or {}))
        return Sending(reply)
    if kind == "lost_answer":
        return Sending(None)
    if kind == "cut_body":
        return Sending(reply, cut=True)
    if kind == "slow":
        return Sending(reply, seconds=float(options.get("seconds", 2)))
    return Sending(_changed(kind, options, reply))


def _instead(kind: str, options: dict[str, Any]) -> Reply:
    headers = {str(name): str(value) for name, value in (options.get("headers") or {}).items()}
    if kind == "http_429":
        return Reply(
            429, {"message": "API rate limit exceeded"}, {"Retry-After": str(options.get("retry_after", 1))} | headers
        )
    if kind == "html":
        return Reply(int(options.get("status", 200)), HTML, headers, "text/html; charset=utf-8")
    if kind == "not_json":
        return Reply(int(options.get("status", 200)), '{"gradeExports": [', headers, "application/json; charset=utf-8")
    status = int(options.get("status", 500 if kind == "status" else 200))
    body = options.get("body", {"message": "Internal server error"} if kind == "status" else None)
    return Reply(status, body, headers, "text/plain; charset=utf-8" if isinstance(body, str) else "application/json")


def _changed(kind: str, options: dict[str, Any], reply: Reply) -> Reply:
    body = reply.body
    if kind == "empty_body":
        return Reply(int(options.get("status", reply.status)), None, reply.headers)
    if kind == "wrong_numbers" and isinstance(body, dict):
        reply.body = body | {"numberOfSuccess": body.get("numberOfSuccess", 0) + int(options.get("off", 1))}
    if kind == "strange_errors" and isinstance(body, dict):
        stranger = {
            "userId": options.get("identifier", "nobody-0000"),
            "errorInfo": "Studenten finns inte på tillfället.",
        }
        reply.body = body | {
            "numberOfSuccess": max(0, body.get("numberOfSuccess", 0) - 1),
            "numberOfErrors": body.get("numberOfErrors", 0) + 1,
            "errors": [*body.get("errors", []), stranger],
        }
    if kind == "empty_list":
        reply.body = _emptied(body)
    return reply


def _emptied(body: Any) -> Any:
    if isinstance(body, list):
        return []
    if isinstance(body, dict):
        emptied = {key: [] if isinstance(value, list) else value for key, value in body.items()}
        return emptied | ({"pagination": body["pagination"] | {"total": 0}} if "pagination" in body else {})
    return body


def _refuse_some(call: Call, work: Callable[[], Reply], options: dict[str, Any]) -> Reply:
    """Take some people out of the body before Ladok sees it, and answer as if Ladok had refused them."""
    body = json.loads(call.content)
    rows = body["gradeExports"]
    wanted = set(options.get("identifiers") or [])
    named = [
        next(str(value) for key, value in row.items() if key in ("studentUid", "liUID", "federeradIdentitet"))
        for row in rows
    ]
    count = int(options.get("count", 1))
    out = {place for place, name in enumerate(named) if (name in wanted if wanted else place < count)}
    kept = [row for place, row in enumerate(rows) if place not in out]
    errors = [
        {"userId": named[place], "errorInfo": options.get("error_info", "Studenten är inte registrerad på momentet.")}
        for place in sorted(out)
    ]
    if not kept:
        return Reply(200, {"numberOfSuccess": 0, "numberOfErrors": len(errors), "errors": errors})
    call.content = json.dumps(body | {"gradeExports": kept}).encode()
    reply = work()
    if reply.status != 200:
        return reply
    said = reply.body
    return Reply(
        200,
        {
            "numberOfSuccess": said["numberOfSuccess"],
            "numberOfErrors": said["numberOfErrors"] + len(errors),
            "errors": [*errors, *said["errors"]],
        },
    )
