"""The list of who assesses whom of a flow that is there: changing it, and how it stands."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser

from ladokflow.fingerprints import Fingerprint, fingerprint, require_seen
from ladokflow.identifiers import normal
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

    @property
    def fingerprint(self) -> Fingerprint:
        return fingerprint("sources.assessor_list", sorted(map(list, self.pairs)))


def standing_of(flow: Flow) -> Standing:
    pairs = list(flow.allocation_lines.values_list("organisation_id", "assessor"))
    people = flow.participants.filter(is_from_source=True, is_active=True).exclude(organisation_id="")
    here = {
        normal(organisation_id): organisation_id
        for organisation_id in people.order_by("organisation_id").values_list("organisation_id", flat=True)
    }
    listed = {normal(participant): participant for participant, _ in pairs}
    counts = Counter(assessor for participant, assessor in pairs if normal(participant) in here)
    return Standing(
        pairs=pairs,
        shares=[(assessor, counts[assessor]) for assessor in sorted({assessor for _, assessor in pairs})],
        forgotten=[organisation_id for key, organisation_id in here.items() if key not in listed],
        absent=[organisation_id for key, organisation_id in listed.items() if key not in here],
    )


def assessors_of(flow: Flow) -> set[str]:
    """The organisation ids (in their normal form) of the assessors whom we put on the flow."""
    return {normal(str(person.get("organisation_id", ""))) for person in flow.staff if person.get("role") == "assessor"}


def change_list(
    *,
    flow: Flow,
    pairs: Sequence[tuple[str, str]],
    by: AbstractBaseUser,
    new_users: Collection[str] = (),
    seen: str | None = None,
    address: str | None = None,
    enqueue: bool = True,
) -> SyncRun:
    """Put the list in the place of the one there is, with its new assessors, and ask for the synchronisation that gives it.

    An empty list ends it. What has been given in WISEflow is not taken away. Refused once participation has ended. `new_users`:
    the new assessors (organisation ids) of whom it was confirmed that they become users in WISEflow.
    `seen`: the fingerprint of the `Standing` that a manager was shown; NotAsShown where the list is another by now.
    """
    if flow.state not in Flow.STATES_BEFORE_MARKING:
        raise Refused(message("sources.list_after_marking"))
    with alone_with(flow.pk) as fresh:
        require_seen(seen, standing_of(fresh).fingerprint)
        known = assessors_of(fresh)
        new = {normal(assessor): assessor for _, assessor in pairs if normal(assessor) not in known}
        confirmed = set(map(normal, new_users))
        assessors = [
            {"role": "assessor", "organisation_id": assessor, "is_new": key in confirmed}
            for key, assessor in new.items()
        ]
        named = name_staff(fresh.source, by, assessors)
        fresh.staff = [*fresh.staff, *(person for person in named if person["role"] == "assessor")]
        fresh.assessor_allocation = AssessorAllocation.LIST if pairs else AssessorAllocation.NONE
        fresh.save(update_fields=["staff", "assessor_allocation"])
        count = save_list(fresh, pairs)
        changed = message("sources.audit.list_changed", count=count)
        audit.record(message=changed, source=fresh.source, flow=fresh, actor=by, address=address)
        run = request_sync(flow=fresh, trigger=SyncRun.Trigger.MANAGER, requested_by=by, enqueue=enqueue)
    logger.info("flow.list.changed flow=%s lines=%s", flow.pk, count)
    return run
