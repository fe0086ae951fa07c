"""Participants of a flow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from ladokflow.messages import message
from ladokflow.wiseflow.connection import Connection, chunks
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.flows import seconds
from ladokflow.wiseflow.schemas import AddResult, FlowDates, FlowParticipant, NewParticipant, RowError, Wire

PAGE = 100
NOT_FOUND = 404


class _BulkDates(Wire):
    errors: tuple[RowError, ...] | None = ()


class Participants(Connection):
    def participants(self, flow_id: int) -> list[FlowParticipant]:
        """GET /flows/{flowId}/participants, all pages. Somebody who moves between pages meanwhile comes once."""
        rows = self.get_all(f"/flows/{flow_id:d}/participants", FlowParticipant, limit=PAGE)
        return list({row.id: row for row in rows}.values())

    def add_participants(self, flow_id: int, people: Sequence[NewParticipant]) -> list[AddResult]:
        """POST /flows/{flowId}/participants. The results stand in the order of `people`; adding twice is harmless.

        A call that fails half-way has added the chunks before it: read the participants again.
        """
        results: list[AddResult] = []
        for part in chunks(people):
            body = [_new(person) for person in part]
            rows: list[AddResult] = self.write("POST", f"/flows/{flow_id:d}/participants", body, list[AddResult])
            if len(rows) != len(part):
                reason = message("wiseflow.unexpected", detail=f"{len(rows)} of {len(part)} rows", reference="-")
                raise WiseflowError(reason, permanent=True)
            results += rows
        return results

    def remove_participant(self, flow_id: int, participant_id: int) -> bool:
        """DELETE /flows/{flowId}/participants/{participantId}; False where it was gone. Refused on an active flow."""
        try:
            self.write("DELETE", f"/flows/{flow_id:d}/participants/{participant_id:d}")
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True

    def set_activated(self, flow_id: int, participant_id: int, activated: bool) -> None:
        """PUT /flows/{flowId}/participants/{participantId}/activated"""
        self.write("PUT", f"/flows/{flow_id:d}/participants/{participant_id:d}/activated", {"activated": activated})

    def set_unique_exam_id(self, flow_id: int, participant_id: int, unique_exam_id: str) -> None:
        """PUT, or DELETE where it is empty, /flows/{flowId}/participants/{participantId}/unique-exam-id

        Refused (403) on a flow with a source of WISEflow's own integration.
        """
        path = f"/flows/{flow_id:d}/participants/{participant_id:d}/unique-exam-id"
        if unique_exam_id:
            self.write("PUT", path, {"uniqueExamId": unique_exam_id})
        else:
            self.write("DELETE", path)

    def participant_dates(self, flow_id: int, participant_id: int) -> FlowDates:
        """GET /flows/{flowId}/participants/{participantId}/dates: the person's own, else the flow's. No marking start."""
        dates: FlowDates = self.get(f"/flows/{flow_id:d}/participants/{participant_id:d}/dates", FlowDates)
        return dates

    def patch_participant_dates(
        self, flow_id: int, rows: Sequence[tuple[int, dt.datetime | None, dt.datetime]]
    ) -> list[RowError]:
        """PATCH /flows/{flowId}/participants/dates, with (participant id, start or None to leave it, end).

        The same value as the flow's own puts the person back on the flow's. Gives the rows that were refused.
        """
        errors: list[RowError] = []
        for part in chunks(rows):
            body = {"participants": [_individual(*row) for row in part]}
            response: _BulkDates | None = self.write(
                "PATCH", f"/flows/{flow_id:d}/participants/dates", body, _BulkDates | None
            )
            errors += (response and response.errors) or ()
        return errors


def _new(person: NewParticipant) -> dict[str, Any]:
    row: dict[str, Any] = {"email": person.email} if person.user_id is None else {"userId": person.user_id}
    return row | {"uniqueExamId": person.unique_exam_id} if person.unique_exam_id else row


def _individual(participant_id: int, start: dt.datetime | None, end: dt.datetime) -> dict[str, Any]:
    window = {"end": seconds(end)} if start is None else {"start": seconds(start), "end": seconds(end)}
    return {"id": participant_id, "participation": window}
