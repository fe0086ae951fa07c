"""The page at `/`: what is served here, and buttons for what people would do."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ladokflow.sandbox import grading, hands
from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.universities import UNIVERSITIES
from ladokflow.sandbox.wiseflow.base import ENDED, NOT_ACTIVATED, NOT_STARTED, STARTED

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

BUTTONS = {
    "activate": "Activate",
    "end_participation": "Let the students write",
    "grade": "Grade everybody",
    "end_marking": "End marking",
    "request_sync": "Ask for synchronisation",
}
# Which of them there are in which state of a flow.
FITTING = {
    NOT_ACTIVATED: ("activate", "request_sync"),
    NOT_STARTED: ("end_participation", "request_sync"),
    STARTED: ("end_participation", "request_sync"),
    ENDED: ("grade", "end_marking", "request_sync"),
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1d2433}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5d9e2;vertical-align:top}
button{font:inherit;padding:.1rem .5rem;margin:.1rem}form{display:inline}code{background:#eef0f5;padding:0 .2rem}
"""


def answer(sandbox: Sandbox, call: Call) -> Reply:
    if call.path == "/" and call.method == "GET":
        return Reply(200, page(sandbox), kind="text/html; charset=utf-8")
    if call.path == "/do" and call.method == "POST":
        return _do(sandbox, call)
    return Reply(404, {"message": "Not found"})


def _do(sandbox: Sandbox, call: Call) -> Reply:
    form = {key: values[0] for key, values in parse_qs(call.content.decode("utf-8", "replace")).items()}
    name, flow_id = form.get("action", ""), form.get("flow", "")
    if name not in BUTTONS or not flow_id.isdecimal():
        return Reply(400, {"message": "Unknown action"})
    more: dict[str, Any] = {"grades": "random"} if name == "grade" else {}
    if name == "grade" and flow_id in sandbox.state.data["wiseflow"]["flows"]:
        more |= {"points": "random"} if sandbox.state.data["wiseflow"]["flows"][flow_id]["licence"] == "boras" else {}
    try:
        with sandbox.state.lock:
            handler: Any = grading.grade if name == "grade" else getattr(hands, name)
            handler(sandbox, int(flow_id), **more)
            sandbox.state.is_changed = True
    except ValueError as error:
        return Reply(409, {"message": str(error)})
    return Reply(303, None, {"Location": "/"})


def page(sandbox: Sandbox) -> str:
    with sandbox.state.lock:
        flows = hands.flows(sandbox)
        ladok = {
            slug: (len(side["exams"]), len(side["registrations"])) for slug, side in sandbox.state.data["ladok"].items()
        }
        clock = sandbox.state.moment().strftime("%Y-%m-%d %H:%M")
    rows = "".join(
        f"<tr><td>{html.escape(UNIVERSITIES[slug].name)}</td><td><code>{sandbox.url}/{slug}</code></td><td>{exams}</td><td>{grades}</td></tr>"
        for slug, (exams, grades) in ladok.items()
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>LadokFlow sandbox</title><style>{STYLE}</style></head><body><main><h1>LadokFlow sandbox</h1>"
        f"<p>Invented universities and an invented WISEflow. Time here: {clock}. WISEflow: <code>{sandbox.url}/wiseflow/v1</code></p>"
        "<h2>Ladok</h2><table><thead><tr><th scope='col'>University</th><th scope='col'>Address</th><th scope='col'>Exams</th>"
        f"<th scope='col'>Grades registered</th></tr></thead><tbody>{rows}</tbody></table>"
        "<h2>Flows in WISEflow</h2><p>The newest first. A flow is activated, the students write, the examiners grade, and marking ends: "
        "then LadokFlow sends the grades, and they are counted above.</p><table><thead><tr><th scope='col'>Flow</th><th scope='col'>Licence</th><th scope='col'>State</th>"
        "<th scope='col'>Participants</th><th scope='col'>Graded</th><th scope='col'>Do</th></tr></thead>"
        f"<tbody>{''.join(map(_row, reversed(flows)))}</tbody></table></main></body></html>"
    )


def _row(flow: dict[str, Any]) -> str:
    buttons = "".join(
        f"<form method='post' action='/do'><input type='hidden' name='flow' value='{flow['id']}'>"
        f"<button name='action' value='{name}'>{BUTTONS[name]}</button></form>"
        for name in FITTING.get(flow["state"], ())
    )
    title = f"{html.escape(flow['title'])}<br><small>{html.escape(flow['subtitle'] or '')}</small>"
    return (
        f"<tr><td>{title}</td><td>{flow['licence']}</td><td>{flow['stateName'].replace('_', ' ').lower()}</td>"
        f"<td>{flow['participants']}</td><td>{flow['graded']}</td><td>{buttons}</td></tr>"
    )
