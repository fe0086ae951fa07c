"""Those who work with a flow on their way onto it, and who assesses whom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sources.sync.apply.work import Work
from sources.sync.plan.allocations import assessor_key
from sources.sync.plan.values import Change, WantedStaff
from sources.sync.staff import save_staff_user


class Appointing:
    def __init__(self, work: Work) -> None:
        self.work = work
        self._user_ids: dict[str, int] = {}
        self._assessor_ids: dict[int | None, int] | None = None

    def apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "staff.remove":
                remove = getattr(self.work.client, f"remove_{change.data['role']}")
                self.work.attempt(change, partial(remove, self.work.flow_id, change.data["staff_id"]))
            elif change.kind == "staff.allocate":
                self._allocate_assessor(change)
            else:
                staff = change.data["staff"]
                self.work.attempt(change, partial(self._add_staff, staff), key=f"{staff.role} {staff.user_id}")

    def _add_staff(self, staff: WantedStaff) -> None:
        user_id = staff.user_id if staff.user_id is not None else save_staff_user(self.work.licence, staff)
        options = {"can_decide_on_final_grade": True} if staff.can_decide else {}
        getattr(self.work.client, f"add_{staff.role}")(self.work.flow_id, user_id, **options)
        self.work.result.staff.append((staff.role, user_id))
        self._user_ids[assessor_key(staff)] = user_id

    def _allocate_assessor(self, change: Change) -> None:
        staff: WantedStaff = change.data["staff"]
        user_id = staff.user_id if staff.user_id is not None else self._user_ids.get(assessor_key(staff))
        if self._assessor_ids is None:
            self._assessor_ids = {row.user_id: row.id for row in self.work.client.assessors(self.work.flow_id)}
        assessor_id = self._assessor_ids.get(user_id)
        participants = self.work.ids_of(change.data["keys"])
        if assessor_id is None or not participants:
            return  # refused further up, and told there
        give = partial(self.work.client.allocate_assessor, self.work.flow_id, assessor_id, participants)
        if self.work.attempt(change, give, key=assessor_key(staff)):
            self.work.result.allocations[assessor_key(staff)] = participants
