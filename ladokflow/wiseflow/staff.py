"""Managers, assessors, reviewers, invigilators and authors of a flow, and who assesses whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import Staff as StaffMember
from ladokflow.wiseflow.schemas import _ParticipantIds

ASSESSOR_PAGE = 50
NOT_FOUND = 404
# What is answered when somebody has the role already differs between roles, and between what is written and what is seen.
MAY_MEAN_ALREADY = frozenset({400, 403, 409})


class Staff(Connection):
    def managers(self, flow_id: int) -> list[StaffMember]:
        """GET /flows/{flowId}/managers"""
        return self._staff(flow_id, "managers")

    def assessors(self, flow_id: int) -> list[StaffMember]:
        """GET /flows/{flowId}/assessors"""
        return self.get_all(f"/flows/{flow_id:d}/assessors", StaffMember, limit=ASSESSOR_PAGE)

    def reviewers(self, flow_id: int) -> list[StaffMember]:
        """GET /flows/{flowId}/reviewers"""
        return self._staff(flow_id, "reviewers")

    def invigilators(self, flow_id: int) -> list[StaffMember]:
        """GET /flows/{flowId}/invigilators"""
        return self._staff(flow_id, "invigilators")

    def head_invigilators(self, flow_id: int) -> list[StaffMember]:
        """GET /flows/{flowId}/invigilators: those who lead the others."""
        return [row for row in self.invigilators(flow_id) if row.is_head_invigilator]

    def authors(self, flow_id: int) -> list[StaffMember]:
        """GET /flows/{flowId}/authors"""
        return self._staff(flow_id, "authors")

    # Each add_... is True where the person was added, and False where they had the role already.

    def add_manager(self, flow_id: int, user_id: int) -> bool:
        """POST /flows/{flowId}/managers"""
        return self._add(flow_id, "managers", {"userId": user_id})

    def add_assessor(self, flow_id: int, user_id: int) -> bool:
        """POST /flows/{flowId}/assessors"""
        return self._add(flow_id, "assessors", {"userId": user_id})

    def add_reviewer(
        self,
        flow_id: int,
        user_id: int,
        *,
        is_allocated_to_all: bool = True,
        has_access_to_assessment_information: bool = True,
        can_decide_on_final_grade: bool = False,
    ) -> bool:
        """POST /flows/{flowId}/reviewers. Deciding on the final grade needs a flow set up for reviewer approval."""
        body = {
            "userId": user_id,
            "isAllocatedToAll": is_allocated_to_all,
            "hasAccessToAssessmentInformation": has_access_to_assessment_information,
            "canDecideOnFinalGrade": can_decide_on_final_grade,
        }
        return self._add(flow_id, "reviewers", body)

    def change_reviewer(
        self,
        flow_id: int,
        reviewer_id: int,
        *,
        is_allocated_to_all: bool,
        has_access_to_assessment_information: bool,
        can_decide_on_final_grade: bool,
    ) -> None:
        """PATCH /flows/{flowId}/reviewers/{reviewerId}: all three are said. `reviewer_id` is that of the row (Staff.id)."""
        body = {
            "isAllocatedToAll": is_allocated_to_all,
            "hasAccessToAssessmentInformation": has_access_to_assessment_information,
            "canDecideOnFinalGrade": can_decide_on_final_grade,
        }
        self.write("PATCH", f"/flows/{flow_id:d}/reviewers/{reviewer_id:d}", body)

    def add_invigilator(self, flow_id: int, user_id: int, *, is_head_invigilator: bool = False) -> bool:
        """POST /flows/{flowId}/invigilators"""
        return self._add(flow_id, "invigilators", {"userId": user_id, "isHeadInvigilator": is_head_invigilator})

    def add_head_invigilator(self, flow_id: int, user_id: int) -> bool:
        """As `add_invigilator`; who is one already is put at the head: PATCH /flows/{flowId}/invigilators/{invigilatorId}"""
        if self.add_invigilator(flow_id, user_id, is_head_invigilator=True):
            return True
        below = [row for row in self.invigilators(flow_id) if row.user_id == user_id and not row.is_head_invigilator]
        for row in below:
            self._lead(flow_id, row.id, is_head=True)
        return bool(below)

    def add_author(self, flow_id: int, user_id: int) -> bool:
        """POST /flows/{flowId}/authors"""
        return self._add(flow_id, "authors", {"userId": user_id})

    # Each remove_... takes the id of the row (Staff.id), and is False where it was gone.

    def remove_manager(self, flow_id: int, manager_id: int) -> bool:
        """DELETE /flows/{flowId}/managers/{managerId}"""
        return self._remove(flow_id, "managers", manager_id)

    def remove_assessor(self, flow_id: int, assessor_id: int) -> bool:
        """DELETE /flows/{flowId}/assessors/{assessorId}"""
        return self._remove(flow_id, "assessors", assessor_id)

    def remove_reviewer(self, flow_id: int, reviewer_id: int) -> bool:
        """DELETE /flows/{flowId}/reviewers/{reviewerId}"""
        return self._remove(flow_id, "reviewers", reviewer_id)

    def remove_invigilator(self, flow_id: int, invigilator_id: int) -> bool:
        """DELETE /flows/{flowId}/invigilators/{invigilatorId}"""
        return self._remove(flow_id, "invigilators", invigilator_id)

    def remove_head_invigilator(self, flow_id: int, invigilator_id: int) -> bool:
        """PATCH /flows/{flowId}/invigilators/{invigilatorId}: an invigilator like the others from then on."""
        try:
            self._lead(flow_id, invigilator_id, is_head=False)
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True

    def remove_author(self, flow_id: int, author_id: int) -> bool:
        """DELETE /flows/{flowId}/authors/{authorId}"""
        return self._remove(flow_id, "authors", author_id)

    # --- Who assesses whom ---------------------------------------------------------------------------------------

    def assessor_allocations(self, flow_id: int, assessor_id: int) -> list[int]:
        """GET /flows/{flowId}/assessors/{assessorId}/allocations: participant ids."""
        allocated: _ParticipantIds | None = self.get(_allocations(flow_id, assessor_id), _ParticipantIds | None)
        return list(allocated.participant_ids) if allocated else []

    def allocate_assessor(self, flow_id: int, assessor_id: int, participant_ids: Sequence[int]) -> int:
        """POST /flows/{flowId}/assessors/{assessorId}/allocations, or one by one where there are some already.

        Safe to run again; gives how many were new.
        """
        present = self.assessor_allocations(flow_id, assessor_id)
        missing = [pk for pk in dict.fromkeys(participant_ids) if pk not in set(present)]
        path = _allocations(flow_id, assessor_id)
        if missing and not present:
            self.write("POST", path, {"participantIds": missing})
        else:
            for participant_id in missing:
                self.write("POST", f"{path}/participants/{participant_id:d}")
        return len(missing)

    def deallocate_assessor(self, flow_id: int, assessor_id: int, participant_id: int) -> None:
        """DELETE /flows/{flowId}/assessors/{assessorId}/allocations/participants/{participantId}"""
        self.write("DELETE", f"{_allocations(flow_id, assessor_id)}/participants/{participant_id:d}")

    # --- The same for every role ---------------------------------------------------------------------------------

    def _staff(self, flow_id: int, role: str) -> list[StaffMember]:
        rows: list[StaffMember] = self.get(f"/flows/{flow_id:d}/{role}", list[StaffMember])
        return rows

    def _add(self, flow_id: int, role: str, body: dict[str, Any]) -> bool:
        try:
            self.write("POST", f"/flows/{flow_id:d}/{role}", body)
        except WiseflowError as error:
            if error.status not in MAY_MEAN_ALREADY:
                raise
            # The same status is given for an archived flow: whether the person is there is seen on the list only.
            present = self.assessors(flow_id) if role == "assessors" else self._staff(flow_id, role)
            if body["userId"] not in {member.user_id for member in present}:
                raise
            return False
        return True

    def _lead(self, flow_id: int, invigilator_id: int, *, is_head: bool) -> None:
        path = f"/flows/{flow_id:d}/invigilators/{invigilator_id:d}"
        self.write("PATCH", path, {"isHeadInvigilator": is_head})

    def _remove(self, flow_id: int, role: str, row_id: int) -> bool:
        try:
            self.write("DELETE", f"/flows/{flow_id:d}/{role}/{row_id:d}")
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True


def _allocations(flow_id: int, assessor_id: int) -> str:
    return f"/flows/{flow_id:d}/assessors/{assessor_id:d}/allocations"
