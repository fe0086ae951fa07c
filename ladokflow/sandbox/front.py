"""The page at `/` and one for each flow: what is served here, buttons for what people would do, and for what may go wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from ladokflow.sandbox import causes, diary, grading, hands
from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.front_pages import LIFE, flow_page, front_page, refusal_page

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

STATIC = Path(__file__).parents[2] / "static"
# The product's own, so that the sandbox looks like it.
FILES = {"/style.css": ("ladokflow.css", "text/css; charset=utf-8"), "/mark.svg": ("mark.svg", "image/svg+xml")}
# No page of another site may press a button here.
HEADERS = {"Content-Security-Policy": "default-src 'self'; form-action 'self'; frame-ancestors 'none'"}


def answer(sandbox: Sandbox, call: Call) -> Reply:
    if call.method == "POST" and call.path in ("/do", "/cause", "/end"):
        return _done(sandbox, call)
    if call.method != "GET":
        return Reply(404, {"message": "Not found"})
    if call.path in FILES:
        name, kind = FILES[call.path]
        return Reply(200, (STATIC / name).read_bytes(), kind=kind)
    with sandbox.state.lock:
        if call.path == "/":
            return _page(200, front_page(sandbox))
        if call.path.startswith("/flows/"):
            try:
                return _page(200, flow_page(sandbox, call.path.removeprefix("/flows/").strip("/")))
            except ValueError as error:
                return _page(404, refusal_page(str(error)))
    return Reply(404, {"message": "Not found"})


def _page(status: int, text: str) -> Reply:
    return Reply(status, text, dict(HEADERS), "text/html; charset=utf-8")


def _done(sandbox: Sandbox, call: Call) -> Reply:
    """Do what the form says, and lead back to the page it was on: a flow's, or the front."""
    form = {key: values[0] for key, values in parse_qs(call.content.decode("utf-8", "replace")).items()}
    work: Callable[..., None] = {"/do": _live, "/cause": _cause, "/end": _end}[call.path]
    try:
        with sandbox.state.lock:
            work(sandbox, form)
            sandbox.state.is_changed = True
    except KeyError:
        return _page(400, refusal_page("No button here asks for that"))
    except ValueError as error:
        return _page(409, refusal_page(str(error)))
    back = form.get("back", "")
    return Reply(303, None, {"Location": f"/flows/{back}/" if back.isdecimal() else "/"})


def _live(sandbox: Sandbox, form: dict[str, str]) -> None:
    """What people do with a flow in WISEflow."""
    name, flow_id = form["action"], int(form["flow"])
    if name not in LIFE:
        raise KeyError(name)
    if name != "grade":
        getattr(hands, name)(sandbox, flow_id)
        if name == "end_participation":
            diary.write_exam(sandbox, flow_id)
        return
    has_points = hands.flow_of(sandbox.state, flow_id)["licence"] == "boras"
    more: dict[str, Any] = {"points": "random"} if has_points else {}
    grading.grade(sandbox, flow_id, grades="random", **more)


def _cause(sandbox: Sandbox, form: dict[str, str]) -> None:
    kind = form["kind"]
    if kind == "down":
        causes.take_down(sandbox, form["system"])
    elif kind in causes.OF_AN_EXAM:
        causes.cause_for_exam(sandbox, kind, form["university"], form["code"])
    else:
        person = (form["university"], form["code"], form["person"])
        causes.cause_for_person(sandbox, kind, *person, reason=form.get("reason", ""))


def _end(sandbox: Sandbox, form: dict[str, str]) -> None:
    causes.end(sandbox, int(form["id"]))
