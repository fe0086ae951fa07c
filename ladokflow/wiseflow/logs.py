"""WISEflow's own logs: raw entries, kept for 16 weeks, of one flow or of the whole licence."""

from __future__ import annotations

from collections.abc import Mapping

from ladokflow.wiseflow.connection import Connection
from ladokflow.wiseflow.schemas import LogEntry
from ladokflow.wiseflow.wire import Rows

PAGE = 10_000  # the most that may be asked for
KEPT_WEEKS = 16


class Logs(Connection):
    def licence_logs(self, *, offset: int | None = None, limit: int = PAGE) -> list[LogEntry]:
        """GET /license/logs: a page, the oldest first. `offset` is a moment in unix milliseconds; None: from the oldest there is."""
        return self._page("/license/logs", offset, limit)

    def flow_logs(self, flow_id: int, *, offset: int | None = None, limit: int = PAGE) -> list[LogEntry]:
        """GET /flows/{flowId}/logs, as `licence_logs`."""
        return self._page(f"/flows/{flow_id:d}/logs", offset, limit)

    def _page(self, path: str, offset: int | None, limit: int) -> list[LogEntry]:
        params: Mapping[str, int] = {"limit": limit} | ({} if offset is None else {"offset": offset})
        return list(self.get(path, Rows[LogEntry], params=params))
