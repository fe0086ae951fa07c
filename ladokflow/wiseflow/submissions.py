"""What was handed in, and what was to be answered. Read only; files are behind links of their own (`download` in `ladokflow/http.py`)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.errors import FORBIDDEN, WiseflowError
from ladokflow.wiseflow.schemas import Assignment, AssignmentLinks, StoredFile, Submission
from ladokflow.wiseflow.wire import Rows

NOT_FOUND = 404


class Submissions(Connection):
    def submissions(self, flow_id: int) -> list[Submission]:
        """GET /flows/{flowId}/submissions. It takes no offset, and tells of no participant: `FlowParticipant.submission_id` does."""
        return list(self.get(f"/flows/{flow_id:d}/submissions", Rows[Submission]))

    def submission(self, flow_id: int, submission_id: int) -> Submission | None:
        """GET /flows/{flowId}/submissions/{submissionId}; None where it is not there, or we may not see it."""
        path = f"/flows/{flow_id:d}/submissions/{submission_id:d}"
        found: Submission | None = self._or_none(path, Submission)
        return found

    def files(self, flow_id: int, submission_id: int) -> list[StoredFile] | None:
        """GET /flows/{flowId}/submissions/{submissionId}/files, with fresh links; None as of `submission`."""
        path = f"/flows/{flow_id:d}/submissions/{submission_id:d}/files"
        found: tuple[StoredFile, ...] | None = self._or_none(path, Rows[StoredFile])
        return None if found is None else list(found)

    def file(self, flow_id: int, submission_id: int, file_id: int) -> StoredFile | None:
        """GET /flows/{flowId}/submissions/{submissionId}/files/{fileId}: a link that has ended is made anew by it."""
        path = f"/flows/{flow_id:d}/submissions/{submission_id:d}/files/{file_id:d}"
        found: StoredFile | None = self._or_none(path, StoredFile)
        return found

    def responses(self, flow_id: int, submission_id: int) -> Any:
        """GET /flows/{flowId}/submissions/{submissionId}/responses, as it is; None where the flow is none that is answered item by item."""
        return self._or_none(f"/flows/{flow_id:d}/submissions/{submission_id:d}/responses", Any)

    def assignments(self, flow_id: int) -> list[Assignment]:
        """GET /flow/{flowId}/assignments"""
        return list(self._or_none(f"/flow/{flow_id:d}/assignments", Rows[Assignment]) or ())

    def assignment_links(self, flow_id: int, reference: str) -> AssignmentLinks | None:
        """GET /flows/{flowId}/assignments/{publishedReference}: the question paper of a flow that is answered item by item."""
        path = f"/flows/{flow_id:d}/assignments/{quote(reference, safe='')}"
        found: AssignmentLinks | None = self._or_none(path, AssignmentLinks)
        return found

    def _or_none(self, path: str, model: Any) -> Any:
        try:
            return self.get(path, model, expected=FORBIDDEN)
        except WiseflowError as error:
            if error.status not in (FORBIDDEN, NOT_FOUND):
                raise
            return None
