"""What WISEflow says now of a flow's phase and of each participant's grade, points and approval. Nothing is written."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models.functions import Now

from ladokflow.messages import Refused, message
from ladokflow.threads import Threads
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.grades import is_approved_by_reviewer
from ladokflow.wiseflow.schemas import FlowInfo, MarkingEvent, WiseflowAssessment
from sources.models import Flow
from sources.sync.gather import recognise

logger = logging.getLogger(__name__)


class Trails:
    """The marking audit trails of a flow's participants, each asked for once. May be used by several threads."""

    def __init__(self, flow_id: int, wiseflow: WiseflowClient) -> None:
        self._flow_id, self._wiseflow = flow_id, wiseflow
        self._kept: dict[int, tuple[MarkingEvent, ...]] = {}

    def of(self, participant_id: int, *, patience: float | None = None) -> tuple[MarkingEvent, ...]:
        """`patience` is as of `Connection`."""
        if participant_id not in self._kept:
            events = self._wiseflow.marking_events(self._flow_id, participant_id, patience=patience)
            self._kept[participant_id] = events
        return self._kept[participant_id]


@dataclass(frozen=True)
class Gathered:
    """`points` are by participant number; None where the university takes none. `unread` are those who were asked for, and
    whose points WISEflow did not give; who is in neither has not been asked for."""

    began_at: dt.datetime
    info: FlowInfo
    rows: Sequence[WiseflowAssessment]
    trails: Trails
    points: Mapping[int, Decimal | None] | None = None
    unread: frozenset[int] = frozenset()


def gather(flow: Flow, wiseflow: WiseflowClient) -> Gathered:
    """Read phase and grades, without points.

    Raises RemoteError where WISEflow cannot be asked; Refused where it is not the WISEflow that has the flow.
    """
    flow_id = number_of(flow)
    recognise(flow, wiseflow)
    began_at = database_now(flow)
    info, rows = wiseflow.flow(flow_id), wiseflow.assessments(flow_id)
    return Gathered(began_at, info, rows, Trails(flow_id, wiseflow))


def number_of(flow: Flow) -> int:
    """The flow's number in WISEflow. Refused while it has none."""
    if flow.setup_state != Flow.Setup.READY or flow.wiseflow_id is None:
        raise Refused(message("export.not_created"))
    if flow.purged_at is not None:
        raise Refused(message("sources.purged"))
    return flow.wiseflow_id


def database_now(flow: Flow) -> dt.datetime:
    """The database's clock: several machines agree on it."""
    now: dt.datetime = Flow.objects.filter(pk=flow.pk).values_list(Now(), flat=True).get()
    return now


def read_approved(flow: Flow, trails: Trails, people: Sequence[int]) -> set[int]:
    """Those of the participants whose grade a reviewer has approved, by their marking audit trails: one call for each.

    WISEflow does not say if its assessments hold grades before that. An approval that cannot be seen is none.
    """

    def has_approval(participant_id: int) -> bool:
        try:
            return is_approved_by_reviewer(trails.of(participant_id))
        except WiseflowError as error:
            logger.warning("export.approval.not_read flow=%s reason=%s", flow.pk, error.message.code)
            return False

    with Threads(settings.WISEFLOW_CONCURRENCY) as pool:
        return {each for each, is_approved in zip(people, pool.map(has_approval, people), strict=True) if is_approved}
