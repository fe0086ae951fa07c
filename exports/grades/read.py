"""What WISEflow says now of a flow's phase and of each participant's grade, points and approval. Nothing is written."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models.functions import Now

from ladokflow.messages import Refused, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import NoItems, WiseflowError
from ladokflow.wiseflow.grades import is_approved_by_reviewer
from ladokflow.wiseflow.schemas import FlowInfo, WiseflowAssessment
from sources.models import Flow
from sources.sync.gather import recognise

logger = logging.getLogger(__name__)

HUNDREDTHS = Decimal("0.01")  # as the columns keep points


@dataclass(frozen=True)
class Gathered:
    """`points` are by participant number; None where the university takes none."""

    began_at: dt.datetime
    info: FlowInfo
    rows: Sequence[WiseflowAssessment]
    points: Mapping[int, Decimal | None] | None = None


def gather(flow: Flow, wiseflow: WiseflowClient, *, only: Collection[int] | None = None) -> Gathered:
    """Read phase, grades, and points where they count. `only` limits the points to these participants.

    Raises RemoteError where WISEflow cannot be asked; Refused where it is not the WISEflow that has the flow.
    """
    flow_id = number_of(flow)
    recognise(flow, wiseflow)
    began_at = database_now(flow)
    info, rows = wiseflow.flow(flow_id), wiseflow.assessments(flow_id)
    if not flow.source.rules.sends_points:
        return Gathered(began_at, info, rows)
    graded = [row.participant_id for row in rows if row.grade or row.alternative_grade]
    return Gathered(began_at, info, rows, read_points(flow_id, wiseflow, graded if only is None else list(only)))


def number_of(flow: Flow) -> int:
    """The flow's number in WISEflow. Refused while it has none."""
    if flow.setup_state != Flow.Setup.READY or flow.wiseflow_id is None:
        raise Refused(message("export.not_created"))
    return flow.wiseflow_id


def database_now(flow: Flow) -> dt.datetime:
    """The database's clock: several machines agree on it."""
    now: dt.datetime = Flow.objects.filter(pk=flow.pk).values_list(Now(), flat=True).get()
    return now


def read_approved(flow: Flow, wiseflow: WiseflowClient, people: Sequence[int]) -> set[int]:
    """Those of the participants whose grade a reviewer has approved, by their marking audit trails: one call for each.

    WISEflow does not say if its assessments hold grades before that. An approval that cannot be seen is none.
    """
    flow_id = number_of(flow)

    def one(participant_id: int) -> bool:
        try:
            return is_approved_by_reviewer(wiseflow.marking_events(flow_id, participant_id))
        except WiseflowError as error:
            logger.warning("export.approval.not_read flow=%s reason=%s", flow.pk, error.message.code)
            return False

    with ThreadPoolExecutor(settings.WISEFLOW_CONCURRENCY) as pool:
        return {each for each, is_approved in zip(people, pool.map(one, people), strict=True) if is_approved}


def read_points(flow_id: int, wiseflow: WiseflowClient, people: Sequence[int]) -> dict[int, Decimal | None]:
    """The points of each of these participants, by number; None for who has none, or not yet.

    Only a flow that is marked item by item has any. No other call tells which does: the first person's answer does.
    """
    if not people:
        return {}
    first, *rest = people
    try:
        points = {first: _kept(wiseflow.item_based_points(flow_id, first))}
    except NoItems:
        return dict.fromkeys(people)

    def one(participant_id: int) -> Decimal | None:
        try:
            return _kept(wiseflow.item_based_points(flow_id, participant_id))
        except NoItems:
            return None

    with ThreadPoolExecutor(settings.WISEFLOW_CONCURRENCY) as pool:
        return points | dict(zip(rest, pool.map(one, rest), strict=True))


def _kept(points: Decimal | None) -> Decimal | None:
    """As the column keeps it: else the same number would be another one each time, and be written again and again."""
    return None if points is None else points.quantize(HUNDREDTHS)
