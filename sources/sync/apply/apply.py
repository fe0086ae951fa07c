"""Doing what a plan says, in an order that is safe to be cut off anywhere: what is left then is planned again.

Additions come before removals. People are handled in bulk where WISEflow has a bulk call, else a few at a time. What WISEflow
refuses for one person is told, and the rest goes on; when WISEflow itself fails, everything stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ladokflow.wiseflow.client import WiseflowClient
from sources.sync.apply.flow_data import set_dates, set_grading_scale, set_texts
from sources.sync.apply.new_participants import Admitting
from sources.sync.apply.participants import Updating
from sources.sync.apply.rooms import Seating
from sources.sync.apply.staff import Appointing
from sources.sync.apply.work import Applied, Work
from sources.sync.gather import Gathered
from sources.sync.lease import Lease
from sources.sync.plan.changes import (
    AddParticipant,
    ParticipantChange,
    Plan,
    RoomChange,
    SetDates,
    SetGradingScale,
    SetText,
    StaffChange,
)

__all__ = ["Applied", "Applying"]

C = TypeVar("C")


class Applying:
    """One plan on its way into WISEflow. `into` holds what was done, also when it fails half-way.

    `on_section` is told which section has been done: metadata, dates, scale, people, staff, rooms.
    """

    def __init__(
        self,
        gathered: Gathered,
        plan: Plan,
        client: WiseflowClient,
        lease: Lease,
        *,
        into: Applied | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
        on_section: Callable[[str], None] = lambda section: None,
        room_wait_seconds: float = 30.0,
    ) -> None:
        self.on_section = on_section
        self.room_wait_seconds = room_wait_seconds
        self.work = Work(gathered, plan, client, lease, into if into is not None else Applied(), on_progress)

    def apply(self) -> Applied:
        work, changes = self.work, self.work.plan.changes
        texts = [change for change in changes if isinstance(change, SetText)]
        dates = [change for change in changes if isinstance(change, SetDates)]
        scales = [change for change in changes if isinstance(change, SetGradingScale)]
        people = [change for change in changes if isinstance(change, ParticipantChange)]
        staff = [change for change in changes if isinstance(change, StaffChange)]
        rooms = [change for change in changes if isinstance(change, RoomChange)]
        self._do("metadata", partial(set_texts, work), texts)
        self._do("dates", partial(set_dates, work), dates)
        self._do("scale", partial(set_grading_scale, work), scales)
        self._do("people", partial(_change_people, work), people)
        self._do("staff", Appointing(work).apply, staff)
        self._do("rooms", Seating(work, wait_seconds=self.room_wait_seconds).apply, rooms)
        return work.result

    def _do(self, section: str, do: Callable[[Sequence[C]], None], changes: Sequence[C]) -> None:
        if changes:
            self.work.lease.keep()
            do(changes)
        self.on_section(section)


def _change_people(work: Work, changes: Sequence[ParticipantChange]) -> None:
    Admitting(work).apply([change for change in changes if isinstance(change, AddParticipant)])
    Updating(work).apply([change for change in changes if not isinstance(change, AddParticipant)])
