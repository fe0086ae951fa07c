"""The phases of a flow as a timeline."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Text
from sources.models import Flow


@dataclass(frozen=True)
class Phase:
    """`mark` is "done", "current" or "" for what is to come."""

    name: Text
    mark: str
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None


# Each phase with the states of WISEflow that are in it.
PHASES = (
    (_("Setup"), (None, Flow.State.NOT_ACTIVATED)),
    (_("Participation"), (Flow.State.PARTICIPATION_NOT_STARTED, Flow.State.PARTICIPATION_STARTED)),
    (_("Marking"), (Flow.State.PARTICIPATION_ENDED,)),
    (_("Concluding"), (Flow.State.CONCLUDED,)),
    (_("Archived"), (Flow.State.ARCHIVED,)),
)


def phases(flow: Flow) -> list[Phase]:
    current = next(index for index, (_name, states) in enumerate(PHASES) if flow.state in states)
    times = {
        1: (flow.participation_start_at, flow.participation_end_at),
        2: (flow.marking_start_at, flow.marking_end_at),
    }
    timeline = []
    for index, (name, _states) in enumerate(PHASES):
        mark = "done" if index < current else "current" if index == current else ""
        timeline.append(Phase(name, mark, *times.get(index, (None, None))))
    return timeline
