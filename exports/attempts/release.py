"""What a manager is told of a flow's grades before the flow is let go, and why that has to wait."""

from __future__ import annotations

from exports.attempts.marks import unknown
from exports.models import ExportAttempt, Finding
from ladokflow.messages import Message, message
from sources.flows import release
from sources.models import Flow


def under_way(flow: Flow) -> Message | None:
    """An export that has begun is ended first: what comes of it is to be told where it was started."""
    is_open = flow.attempts.filter(state__in=ExportAttempt.OPEN).exists()
    return message("release.export_under_way") if is_open else None


def told(flow: Flow) -> list[Message]:
    left = flow.graded_count - flow.exported_count
    in_doubt = unknown(flow).count()
    found = Finding.objects.open().filter(flow=flow).count()
    return [
        *([message("release.not_exported", count=left)] if left > 0 else []),
        *([message("release.unknown", count=in_doubt)] if in_doubt else []),
        *([message("release.findings", count=found)] if found else []),
    ]


release.REFUSALS.append(under_way)
release.TOLD.append(told)
