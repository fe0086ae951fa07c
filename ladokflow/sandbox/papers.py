"""How students hand in, in the sandbox's WISEflow, and the store of its files: behind links that end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.crypto import constant_time_compare

from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.hands import flow_of, participant_of
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.calls import tell
from ladokflow.sandbox.wiseflow.handed_in import (
    LINK_SECONDS,
    STORAGE,
    is_handed_in,
    paper_of,
    question_of,
    signature,
    submission_of,
)

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS = ("hand_in", "publish_assignment", "set_links", "set_papers")

# "opened": there is a submission, and nothing was handed in; with "nothing" there is none.
WAYS = ("paper", "late", "blank", "opened", "nothing")


def hand_in(sandbox: Sandbox, flow_id: int, ways: dict[str, str]) -> None:
    """How each of these participants has handed in, by id: one of WAYS; "group:ID" makes it one with that participant's."""
    row = flow_of(sandbox.state, flow_id)
    for key, way in ways.items():
        if way not in WAYS and not way.startswith("group:"):
            raise ValueError(f"There is no such way to hand in: {way}")
        person = participant_of(row, key)
        person["paper"] = {"way": way, "at": int(sandbox.state.now())}
        if is_handed_in(sandbox.state, row, person):
            told = {"participantId": person["id"], "submissionId": submission_of(sandbox.state, row, person)}
            tell(sandbox.state, row, "PAPER_SUBMITTED", told, person["id"])


def publish_assignment(sandbox: Sandbox, flow_id: int, lines: list[str]) -> None:
    """The question paper, anew."""
    row = flow_of(sandbox.state, flow_id)
    row["question"] = lines
    tell(sandbox.state, row, "ASSIGNMENT", {"flowId": row["id"]})


def set_links(sandbox: Sandbox, seconds: float = LINK_SECONDS) -> None:
    """How long a link to a file is good for from now on."""
    sandbox.state.data["wiseflow"]["link_seconds"] = seconds


def set_papers(sandbox: Sandbox, flow_id: int, padding: int = 0, quarantined: list[int] | None = None) -> None:
    """Every paper of the flow is so many bytes larger; those of these participants are in quarantine."""
    row = flow_of(sandbox.state, flow_id)
    row["paper_padding"], row["quarantined"] = padding, quarantined or []


# --- The store ----------------------------------------------------------------------------------------------------


def answer(state: State, call: Call) -> Reply:
    """What the store answers: the file, or as such stores do once a link has ended."""
    path, ends = STORAGE + call.path, call.query.get("expires", "")
    if not ends.isdecimal() or not constant_time_compare(
        signature(state, path, int(ends)), call.query.get("signature", "")
    ):
        return _denied("SignatureDoesNotMatch")
    if state.now() > int(ends):
        return _denied("Request has expired")
    flow = state.data["wiseflow"]["flows"].get(call.path.strip("/").split("/")[0])
    try:
        return Reply(200, _content(flow, call.path.strip("/").split("/")[1:]), kind="application/pdf")
    except (KeyError, TypeError, ValueError):
        return Reply(404, "<Error><Code>NoSuchKey</Code></Error>", kind="application/xml")


def _denied(why: str) -> Reply:
    return Reply(403, f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>", kind="application/xml")


def _content(flow: dict[str, Any], what: list[str]) -> bytes:
    kind, *rest = what
    if kind == "paper":
        participant, number = divmod(int(rest[0]), 10)
        return paper_of(flow, flow["participants"][str(participant)], number)
    return question_of(flow, int(rest[0]))
