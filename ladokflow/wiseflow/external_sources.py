"""External sources: where a flow comes from, and the button with which a manager asks for a synchronisation."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from ladokflow.wiseflow.connection import Connection, chunks
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import ExternalSource

NOT_FOUND = 404
CONFLICT = 409


class ExternalSources(Connection):
    def external_sources(self, flow_id: int) -> list[ExternalSource]:
        """GET /flows/{flowId}/external-sources"""
        sources: list[ExternalSource] = self.get(f"/flows/{flow_id:d}/external-sources", list[ExternalSource])
        return sources

    def add_external_source(self, flow_id: int, reference: str, description: str = "") -> int:
        """POST /flows/{flowId}/external-sources. Gives its id, also where it was on the flow already.

        `reference` must match ^[a-zA-Z0-9-_]+$ and be at most 255 long.
        """
        body = {"reference": reference, "description": description}
        try:
            made: ExternalSource = self.write("POST", f"/flows/{flow_id:d}/external-sources", body, ExternalSource)
        except WiseflowError as error:
            if error.status != CONFLICT:
                raise
            for present in self.external_sources(flow_id):
                if present.reference == reference:
                    return present.id
            raise
        return made.id

    def delete_external_source(self, flow_id: int, external_source_id: int) -> bool:
        """DELETE /flows/{flowId}/external-sources/{flowExternalSourceId}; False where it was gone."""
        try:
            self.write("DELETE", f"/flows/{flow_id:d}/external-sources/{external_source_id:d}")
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True

    def sync_done(self, flow_id: int, reference: str) -> None:
        """POST /flows/{flowId}/external-sources/{flowExternalSourceReference}/sync/done"""
        self.write("POST", f"/flows/{flow_id:d}/external-sources/{quote(reference, safe='')}/sync/done")

    def sync_fail(self, flow_id: int, reference: str) -> None:
        """POST /flows/{flowId}/external-sources/{flowExternalSourceReference}/sync/fail"""
        self.write("POST", f"/flows/{flow_id:d}/external-sources/{quote(reference, safe='')}/sync/fail")

    def allocate_to_source(self, flow_id: int, external_source_id: int, participant_ids: Sequence[int]) -> None:
        """POST /flows/{flowId}/external-sources/{flowExternalSourceId}/allocations/participants: who comes from where."""
        path = f"/flows/{flow_id:d}/external-sources/{external_source_id:d}/allocations/participants"
        self.side_by_side(
            lambda part: self.write("POST", path, {"participantIds": list(part)}), chunks(participant_ids)
        )

    def deallocate_from_source(self, flow_id: int, external_source_id: int, participant_id: int) -> bool:
        """DELETE /flows/{flowId}/external-sources/{flowExternalSourceId}/allocations/participants/{participantId}

        False where the participant was not there.
        """
        path = f"/flows/{flow_id:d}/external-sources/{external_source_id:d}/allocations/participants/{participant_id:d}"
        try:
            self.write("DELETE", path)
        except WiseflowError as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return True

    def source_allocations(self, flow_id: int, participant_id: int) -> list[ExternalSource]:
        """GET /flows/{flowId}/external-sources/participants/{participantId}: which sources a participant comes from."""
        path = f"/flows/{flow_id:d}/external-sources/participants/{participant_id:d}"
        sources: list[ExternalSource] = self.get(path, list[ExternalSource])
        return sources
