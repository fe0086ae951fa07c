"""Doing what a plan says, in an order that is safe to be cut off anywhere: what is left then is planned again.

Additions come before removals. People are handled in bulk where WISEflow has a bulk call, else a few at a time. What WISEflow
refuses for one person is told, and the rest goes on; when WISEflow itself fails, everything stops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from sources.sync.apply.new_participants import Admitting
from sources.sync.apply.participants import Updating
from sources.sync.apply.rooms import Seating
from sources.sync.apply.staff import Appointing
from sources.sync.apply.work import Applied, Work
from sources.sync.gather import Gathered, is_about_one_row
from sources.sync.lease import Lease
from sources.sync.plan.values import SECTIONS, Change

__all__ = ["Applied", "Applying"]


class Applying:
    """One plan on its way into WISEflow. `into` holds what was done, also when it fails half-way."""

    def __init__(
        self,
        gathered: Gathered,
        client: WiseflowClient,
        lease: Lease,
        *,
        into: Applied | None = None,
        on_progress: Callable[[int], None] = lambda done: None,
        on_section: Callable[[str], None] = lambda section: None,
        room_wait_seconds: float = 30.0,
    ) -> None:
        self.on_section = on_section
        self.work = Work(gathered, client, lease, into if into is not None else Applied(), on_progress)
        self._appointing = Appointing(self.work)
        self._seating = Seating(self.work, wait_seconds=room_wait_seconds)

    def apply(self) -> Applied:
        for section in SECTIONS:
            changes = [change for change in self.work.gathered.plan.changes if change.section == section]
            if changes:
                self.work.lease.keep()
                getattr(self, f"_{section}")(changes)
            self.on_section(section)
        return self.work.result

    def _people(self, changes: Sequence[Change]) -> None:
        by_verb: dict[str, list[Change]] = {}
        for change in changes:
            by_verb.setdefault(change.kind.partition(".")[2], []).append(change)
        Admitting(self.work).apply(by_verb.get("add", []))
        Updating(self.work).apply(by_verb)

    def _staff(self, changes: Sequence[Change]) -> None:
        self._appointing.apply(changes)

    def _rooms(self, changes: Sequence[Change]) -> None:
        self._seating.apply(changes)

    # --- The flow's own data -------------------------------------------------------------------------------------

    def _metadata(self, changes: Sequence[Change]) -> None:
        """Title and subtitle together, the flow code by itself: should WISEflow not like it, the others are written."""
        texts = [change for change in changes if change.kind != "metadata.code"]
        for part in (texts, [change for change in changes if change.kind == "metadata.code"]):
            if part:
                self._write_metadata(part)

    def _write_metadata(self, changes: Sequence[Change]) -> None:
        values = {change.kind.partition(".")[2]: change.data["value"] for change in changes}
        try:
            self.work.client.put_metadata(
                self.work.flow_id, self.work.client.metadata(self.work.flow_id).changed(**values)
            )
        except WiseflowError as error:
            if not is_about_one_row(error):
                raise
            for change in changes:
                self.work.refused(change, error)
            return
        self.work.done(*changes)

    def _dates(self, changes: Sequence[Change]) -> None:
        for change in changes:
            data = change.data
            participation = (data["participation_start_at"], data["participation_end_at"])
            marking = (data["marking_start_at"], data["marking_end_at"])
            do = partial(self.work.client.patch_dates, self.work.flow_id, participation=participation, marking=marking)
            self.work.attempt(change, do)

    def _scale(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.work.attempt(
                change, partial(self.work.client.put_grading_scale, self.work.flow_id, change.data["scale_id"])
            )
