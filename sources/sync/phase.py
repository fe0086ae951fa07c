"""WISEflow's phase of a flow and its periods, as they stand in the flow's row.

Synchronisations, collections of grades and calls of WISEflow's write them, each some time after it has read them: who finds that somebody
else has written meanwhile leaves that, or reads once more.
"""

from __future__ import annotations

from typing import Any

from ladokflow.wiseflow.schemas import FlowInfo
from sources.models import Flow
from sources.sync.plan.changes import DATE_FIELDS

COLUMNS = ("state", *DATE_FIELDS)

Phase = dict[str, Any]


def phase_of(flow: Flow) -> Phase:
    """As the row has it that was read."""
    return {name: getattr(flow, name) for name in COLUMNS}


def phase_told(info: FlowInfo) -> Phase:
    """As WISEflow tells it: a period that it does not tell is none that it has taken away."""
    periods = {name: value for name in DATE_FIELDS if (value := getattr(info, name)) is not None}
    return {"state": info.state, **periods}
