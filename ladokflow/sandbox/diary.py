"""What the control does to WISEflow's logs: entries of any kind, and how pages of them behave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ladokflow.sandbox.hands import flow_of
from ladokflow.sandbox.wiseflow import logs

if TYPE_CHECKING:
    from ladokflow.sandbox.server import Sandbox

ACTIONS = ("write_exam", "add_logs", "set_log_pages", "logs_of")


def write_exam(sandbox: Sandbox, flow_id: int) -> None:
    """Everybody on the flow has written, and the log has it."""
    logs.write_exam(sandbox.state, flow_of(sandbox.state, flow_id))


def add_logs(sandbox: Sandbox, entries: list[dict[str, Any]], licence: str = "", flow_id: int | None = None) -> None:
    """`entries` are {source, at, late, context, key}: what they say, their moment in unix seconds, and by how much they come late."""
    flow = None if flow_id is None else flow_of(sandbox.state, flow_id)
    for entry in entries:
        said = dict(entry)
        source = said.pop("source", {})
        logs.add(sandbox.state, licence or (flow or {}).get("licence", ""), source, flow=flow, **said)


def set_log_pages(sandbox: Sandbox, most: int = logs.MOST, leaves_offset_out: bool = False) -> None:
    """How many entries a page has at most, and whether the moment that is asked for is itself among them."""
    sandbox.state.data["wiseflow"] |= {"log_page": most, "log_offset_is_left_out": leaves_offset_out}


def logs_of(sandbox: Sandbox, licence: str) -> list[dict[str, Any]]:
    return logs.logs_of(sandbox.state, licence)
