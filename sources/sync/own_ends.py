"""Who has an end of their own in WISEflow: asked where the flow's dates move, for WISEflow tells it person by person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from sources.models import Flow
from sources.sync.plan.flow_data import plan_flow
from sources.sync.plan.times import is_same_moment, times_after, times_of
from sources.sync.plan.values import Memory, Present, Wanted


def read_own_ends(
    flow: Flow, client: WiseflowClient, wanted: Wanted, present: Present, memory: Memory
) -> dict[int, dt.datetime]:
    """Participant id -> the end that is not the flow's: of everybody where the dates have moved since the last synchronisation or
    are to move now, else of those only whose end contradicted then."""
    if memory.is_first or not memory.has_individual_dates:
        return {}
    after = times_after(plan_flow(wanted, present, memory).changes, present)
    here = [row.id for row in present.participants if row.activated]
    outside = set(memory.followed.get("outside", ()))
    asked = [pk for pk in here if pk in outside] if after.are_same(times_of(flow)) else here
    general = present.dates.participation_end_at
    return {pk: end for pk, end in _ends(flow, client, asked) if not is_same_moment(end, general)}


def _ends(flow: Flow, client: WiseflowClient, ids: Iterable[int]) -> list[tuple[int, dt.datetime]]:
    def end_of(participant_id: int) -> dt.datetime | None:
        try:
            return client.participant_dates(flow.wiseflow_id or 0, participant_id).participation_end_at
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            return None

    ids = list(ids)
    return [(pk, end) for pk, end in zip(ids, client.side_by_side(end_of, ids), strict=True) if end is not None]
