"""The list of who assesses whom of a flow that is there: changing it, and how it stands."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from ladokflow.messages import Refused, message
from sources import audit
from sources.flows.request import save_list
from sources.models import Flow, SyncRun
from sources.models.flow import AssessorAllocation
from sources.sync.lease import alone_with
from sources.sync.run import request_sync
from sources.sync.staff import name_staff

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """How the list stands to the flow's people, as they were at the last synchronisation."""

    pairs: Sequence[tuple[str, str]]
    shares: Sequence[tuple[str, int]]  # assessor, number of participants
    forgotten: Sequence[str]  # on the flow, not on the list
    absent: Sequence[str]  # on the list, not on the flow


def standing_of(flow: Flow) -> Standing:
    pairs = list(flow.allocation_lines.values_list("organisation_id", "assessor"))
    people = flow.participants.filter(is_from_source=True, is_active=True).exclude(organisation_id="")
    here = {one.casefold(): one for one in people.order_by("organisation_id").values_list("organisation_id", flat=True)}
    listed = {participant.casefold(): participant for participant, _ in pairs}
    counts = Counter(assessor for participant, assessor in pairs if participant.casefold() in here)
    return Standing(
        pairs=pairs,
        shares=[(assessor, counts[assessor]) for assessor in sorted({assessor for _, assessor in pairs})],
        forgotten=[one for key, one in here.items() if key not in listed],
        absent=[one for key, one in listed.items() if key not in here],
    )


def assessors_of(flow: Flow) -> set[str]:
    """The organisation ids (casefolded) of the assessors whom we put on the flow."""
    return {str(one.get("organisation_id", "")).casefold() for one in flow.staff if one.get("role") == "assessor"}


def change_list(
    *,
    flow: Flow,
    pairs: Sequence[tuple[str, str]],
    by: AbstractBaseUser,
    address: str | None = None,
    enqueue: bool = True,
) -> SyncRun:
    """Put the list in the place of the one there is, with its new assessors, and ask for the synchronisation that gives it.

    An empty list ends it. What has been given in WISEflow is not taken away. Refused once participation has ended.
    """
    if flow.state not in Flow.STATES_BEFORE_MARKING:
        raise Refused(message("sources.list_after_marking"))
    with alone_with(flow.pk) as fresh:
        known = assessors_of(fresh)
        new = {assessor.casefold(): assessor for _, assessor in pairs if assessor.casefold() not in known}
        named = name_staff(fresh.source, by, [{"role": "assessor", "organisation_id": one} for one in new.values()])
        fresh.staff = [*fresh.staff, *(one for one in named if one["role"] == "assessor")]
        fresh.assessor_allocation = AssessorAllocation.LIST if pairs else AssessorAllocation.NONE
        fresh.save(update_fields=["staff", "assessor_allocation"])
        count = save_list(fresh, pairs)
        told = message("sources.audit.list_changed", count=count)
        audit.record(message=told, source=fresh.source, flow=fresh, actor=by, address=address)
        run = request_sync(flow=fresh, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
    logger.info("flow.list.changed flow=%s lines=%s", flow.pk, count)
    return run
