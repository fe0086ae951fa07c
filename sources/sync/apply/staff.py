"""Those who work with a flow on their way onto it, and who assesses whom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import assert_never

from sources.sync.apply.work import Work
from sources.sync.plan.changes import AddStaff, AllocateAssessor, RemoveStaff, StaffChange
from sources.sync.plan.values import WantedStaff
from sources.sync.staff import make_account


class Appointing:
    def __init__(self, work: Work) -> None:
        self.work = work
        self._user_ids: dict[str, int] = {}
        self._assessor_ids: dict[int | None, int] | None = None

    def apply(self, changes: Sequence[StaffChange]) -> None:
        for change in changes:
            match change:
                case AddStaff():
                    self.work.attempt(change, partial(self._add, change.staff))
                case RemoveStaff():
                    remove = getattr(self.work.client, f"remove_{change.role}")
                    self.work.attempt(change, partial(remove, self.work.flow_id, change.staff_id))
                case AllocateAssessor():
                    self._allocate(change)
                case _:
                    assert_never(change)

    def _add(self, staff: WantedStaff) -> None:
        work = self.work
        user_id = staff.user_id or make_account(work.gathered.flow, work.licence, staff)
        options = {"can_decide_on_final_grade": True} if staff.can_decide else {}
        getattr(work.client, f"add_{staff.role}")(work.flow_id, user_id, **options)
        work.result.staff.append((staff.role, user_id))
        self._user_ids[staff.key] = user_id

    def _allocate(self, change: AllocateAssessor) -> None:
        staff = change.staff
        user_id = staff.user_id if staff.user_id is not None else self._user_ids.get(staff.key)
        if self._assessor_ids is None:
            self._assessor_ids = {row.user_id: row.id for row in self.work.client.assessors(self.work.flow_id)}
        assessor_id = self._assessor_ids.get(user_id)
        participants = self.work.ids_of(change.keys)
        if assessor_id is None or not participants:
            return  # refused further up, and told there
        give = partial(self.work.client.allocate_assessor, self.work.flow_id, assessor_id, participants)
        if self.work.attempt(change, give):
            self.work.result.allocations[staff.key] = participants
