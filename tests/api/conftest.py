from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from exports.models import ExportItem
from ladokflow.messages import message
from sources.models import ComingExam, Flow, Membership
from tests.api.calling import Caller
from tests.factories import (
    ApiTokenFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SourceFactory,
    SyncRunFactory,
    in_hours,
)

NATIONAL_ID = "199001011234"


def university(slug: str, **fields: Any) -> Any:
    """A university that nothing answers for, with a manager who may export, her token, and something of everything."""
    source = SourceFactory(slug=slug, **fields)
    membership = MembershipFactory(source=source)
    flow = FlowFactory(
        source=source,
        state=Flow.State.CONCLUDED,
        created_by=membership.user,
        codes=[f"{slug.upper()}-TEN1"],
        collected_at=in_hours(-1),
        sync_message=message("sources.flow_not_ready").to_json(),
    )
    told = message("remote.timeout", system=f"Ladok 900101-1234 {slug}", seconds=30).to_json()
    person = ParticipantFactory(
        flow=flow, grade="5", organisation_id=f"stude001@{slug}.example", national_id=NATIONAL_ID, export_message=told
    )
    attempt = ExportAttemptFactory(flow=flow, state="failed", failed_count=1, sent_count=1, message=told)
    item = ExportItemFactory(attempt=attempt, participant=person, state=ExportItem.State.FAILED, message=told)
    run = SyncRunFactory(flow=flow, problems=[told])
    exam = ComingExam.objects.create(source=source, code=f"{slug.upper()}-COMING", start_at=in_hours(48))
    token = ApiTokenFactory(membership=membership)
    return SimpleNamespace(
        source=source, membership=membership, flow=flow, person=person, attempt=attempt, item=item, run=run, exam=exam,
        token=token, api=Caller(token.secret),
    )  # fmt: skip


@pytest.fixture
def ours(db: None) -> Any:
    return university("ours")


@pytest.fixture
def theirs(db: None) -> Any:
    return university("theirs")


@pytest.fixture
def api(ours: Any) -> Caller:
    return ours.api


def as_role(membership: Membership, role: str) -> None:
    """As "manager", "without the right", "licence admin", "auditor" or "gone"."""
    if role == "gone":
        membership.user.is_active = False
        membership.user.save()
        return
    known = {"licence admin": Membership.Role.LICENCE_ADMIN, "auditor": Membership.Role.AUDITOR}
    membership.role = known.get(role, Membership.Role.MANAGER)
    membership.can_export = role not in ("without the right", "auditor")
    membership.save()
