"""A flow's settings that managers choose: anonymisation, description, time box, credits, allocation of assessors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.schemas import Anonymisation, AssessorGroup, TimeBox, _Allocation, _Description


class FlowSettings(Connection):
    def anonymisation(self, flow_id: int) -> Anonymisation:
        """GET /flows/{flowId}/anonymisation"""
        found: Anonymisation = self.get(f"/flows/{flow_id:d}/anonymisation", Anonymisation)
        return found

    def put_anonymisation(self, flow_id: int, *, by: str | int) -> None:
        """PUT /flows/{flowId}/anonymisation. `by` is "participantIndex", "uniqueExamId" or the id of a user data type."""
        body: dict[str, bool | int] = {by: True} if isinstance(by, str) else {"userDataTypeId": by}
        self.write("PUT", f"/flows/{flow_id:d}/anonymisation", body)

    def delete_anonymisation(self, flow_id: int) -> None:
        """DELETE /flows/{flowId}/anonymisation: names are shown from then on."""
        self.write("DELETE", f"/flows/{flow_id:d}/anonymisation")

    def description(self, flow_id: int) -> str:
        """GET /flows/{flowId}/description: HTML, as it was written."""
        found: _Description | None = self.get(f"/flows/{flow_id:d}/description", _Description | None)
        return found.description if found else ""

    def put_description(self, flow_id: int, text: str) -> None:
        """PUT /flows/{flowId}/description"""
        self.write("PUT", f"/flows/{flow_id:d}/description", {"description": text})

    def time_box(self, flow_id: int) -> TimeBox:
        """GET /flows/{flowId}/timebox"""
        found: TimeBox = self.get(f"/flows/{flow_id:d}/timebox", TimeBox)
        return found

    def put_time_box(self, flow_id: int, minutes: int | None) -> None:
        """PUT /flows/{flowId}/timebox: how long each participant has from their own start; None takes it off."""
        body = {"enabled": minutes is not None, "durationMinutes": minutes}
        self.write("PUT", f"/flows/{flow_id:d}/timebox", body)

    def put_credits(self, flow_id: int, credits: str | None) -> None:
        """PUT /flows/{flowId}/settings: ECTS credits as a decimal number, or None. No call tells what stands there."""
        self.write("PUT", f"/flows/{flow_id:d}/settings", {"settings": [{"name": "ECTS", "value": credits}]})

    def allocation_type(self, flow_id: int) -> str:
        """GET /flows/{flowId}/marking/assessor-allocation-type"""
        found: _Allocation = self.get(f"/flows/{flow_id:d}/marking/assessor-allocation-type", _Allocation)
        return found.kind

    def put_allocation_type(self, flow_id: int, kind: str) -> None:
        """PUT /flows/{flowId}/marking/assessor-allocation-type: SINGLE_ASSESSOR or GROUPED"""
        self.write("PUT", f"/flows/{flow_id:d}/marking/assessor-allocation-type", {"allocationType": kind})

    def assessor_groups(self, flow_id: int) -> list[AssessorGroup]:
        """GET /flows/{flowId}/assessor-groups: 403 where students are not given to groups."""
        groups: list[AssessorGroup] = self.get(f"/flows/{flow_id:d}/assessor-groups", list[AssessorGroup])
        return groups

    def add_assessor_group(self, flow_id: int, title: str, assessor_ids: Sequence[int]) -> None:
        """POST /flows/{flowId}/assessor-groups: 50 at most on a flow."""
        self.write("POST", f"/flows/{flow_id:d}/assessor-groups", _group(title, assessor_ids))

    def change_assessor_group(self, flow_id: int, group_id: int, title: str, assessor_ids: Sequence[int]) -> None:
        """PUT /flows/{flowId}/assessor-groups/{assessorGroupId}: all of its assessors are said."""
        self.write("PUT", f"/flows/{flow_id:d}/assessor-groups/{group_id:d}", _group(title, assessor_ids))

    def remove_assessor_group(self, flow_id: int, group_id: int) -> None:
        """DELETE /flows/{flowId}/assessor-groups/{assessorGroupId}: its students are nobody's from then on."""
        self.write("DELETE", f"/flows/{flow_id:d}/assessor-groups/{group_id:d}")


def _group(title: str, assessor_ids: Sequence[int]) -> dict[str, Any]:
    return {"title": title, "assessorIds": list(assessor_ids)}
