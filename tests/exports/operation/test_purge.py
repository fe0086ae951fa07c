"""Students go some days after their grades are in, and never before."""

from __future__ import annotations

import datetime as dt
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.grades.collect import collect_grades
from exports.models import Assessment, ExportAttempt, ExportItem, Finding
from exports.operation import purging
from exports.rules.states import refresh_states
from ladokflow.messages import Refused, message
from sources.models import AuditEntry, Flow, FlowSource, Membership, Participant, Registration, SyncRun, WebhookEvent
from sources.sync.run import request_sync
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)
from tests.pages.everything import ACTIONS, CLOSED, ELSEWHERE, addresses

pytestmark = pytest.mark.django_db
OLD = timezone.now() - dt.timedelta(days=400)


def done_flow(**facts: Any) -> Flow:
    """Concluded and exported, more than a year ago, at a university that keeps students for a year."""
    member = MembershipFactory(can_archive=True)
    member.source.retention_days = 365
    member.source.save()
    flow: Flow = FlowFactory(
        **{
            "source": member.source, "created_by": member.user, "state": Flow.State.CONCLUDED, "marking_end_at": OLD, "graded_count": 1,
            "exported_count": 1, "participant_count": 1, "export_state": "exported", **facts,
        }
    )  # fmt: skip
    person = ParticipantFactory(flow=flow, last_name="Zebrafink", grade="5", export_state="exported")
    attempt = ExportAttemptFactory(flow=flow, state="exported", answer="Zebrafink", exported_count=1, finished_at=OLD)
    ExportItemFactory(attempt=attempt, participant=person, state="exported")
    SyncRunFactory(
        flow=flow, state="success", finished_at=OLD, changes=[{"code": "x", "params": {"name": "Zebrafink"}}]
    )
    return flow


def purged() -> int:
    return sum(purging.purge())


def test_a_flow_that_is_done_long_enough_is_emptied_and_its_counts_stay() -> None:
    flow = done_flow()
    assert purged() == 1
    flow.refresh_from_db()
    assert flow.purged_at is not None
    assert (flow.participant_count, flow.graded_count, flow.exported_count, flow.export_state) == (1, 1, 1, "exported")
    assert not Assessment.objects.exists()
    for table in (Participant, Registration, ExportItem, ExportAttempt, SyncRun, Flow):
        for row in table.objects.all():
            values = str({field.name: getattr(row, field.attname) for field in table._meta.concrete_fields})
            assert "Zebrafink" not in values
            assert "stude" not in values
            assert "19900101" not in values
    assert AuditEntry.objects.get().message == {"code": "audit.purged", "params": {"count": 1}}
    assert purged() == 0


@pytest.mark.parametrize(
    "unfinished",
    [
        lambda flow: Flow.objects.filter(pk=flow.pk).update(marking_end_at=timezone.now()),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(state=Flow.State.PARTICIPATION_ENDED),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(export_state="failed"),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(export_state="pending"),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(graded_count=2),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(adoption=Flow.Adoption.UNSAID),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(asked=[{"code": "x"}]),
        lambda flow: Flow.objects.filter(pk=flow.pk).update(scale_message={"code": "x"}),
        lambda flow: ExportItem.objects.filter(attempt__flow=flow).update(state="unknown"),
        lambda flow: ExportItem.objects.filter(attempt__flow=flow).update(state="failed"),
        lambda flow: ExportAttempt.objects.filter(flow=flow).update(finished_at=timezone.now()),
        lambda flow: ExportAttemptFactory(flow=flow, state="queued"),
        lambda flow: Participant.objects.filter(flow=flow).update(export_state="failed"),
        lambda flow: Participant.objects.filter(flow=flow).update(export_state="pending"),
        lambda flow: Finding.objects.create(flow=flow, item=ExportItem.objects.get(), kind="late"),
        lambda flow: SyncRunFactory(flow=flow, state="queued"),
        lambda flow: SyncRunFactory(flow=flow, state="success", finished_at=timezone.now()),
        lambda flow: FlowSource.objects.filter(flow=flow).update(removed_at=OLD),
        lambda flow: WebhookEvent.objects.create(source=flow.source, call_id="1", wiseflow_flow_id=flow.wiseflow_id),
        lambda flow: Registration.objects.filter(participant__flow=flow).update(doubt={"code": "x"}, claim="x"),
        lambda flow: type(flow.source).objects.filter(pk=flow.source_id).update(retention_days=None),
        lambda flow: type(flow.source).objects.filter(pk=flow.source_id).update(retention_days=500),
    ],
)
def test_nothing_is_emptied_while_anything_is_open_unknown_or_young(unfinished: Any) -> None:
    unfinished(done_flow())
    assert purged() == 0
    assert Participant.objects.exclude(last_name="").exists()


def test_a_preview_tells_and_changes_nothing_and_the_command_does_it() -> None:
    flow, out = done_flow(), io.StringIO()
    call_command("purge", "--preview", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert [row["flow"] for row in told["flows"]] == [flow.pk]
    assert Participant.objects.exclude(last_name="").exists()
    call_command("purge", "--source", flow.source.slug, stdout=(out := io.StringIO()))
    assert out.getvalue() == "1 students of 1 flows emptied.\n"


def test_an_emptied_flow_can_be_read_and_is_never_filled_again() -> None:
    flow = done_flow()
    purged()
    flow.refresh_from_db()
    client = Client(headers={"accept-language": "en"})
    client.force_login(flow.created_by)
    Membership.objects.update(can_see_logs=True)
    for name, address in addresses(flow):
        if name not in ACTIONS | CLOSED | ELSEWHERE:
            answer = client.get(address, follow=True)
            assert answer.status_code == 200, address
            assert b"Zebrafink" not in answer.getvalue()
    assert "were emptied on" in client.get(reverse("flows:detail", args=[flow.pk])).text
    for act in (lambda: collect_grades(flow), lambda: request_sync(flow=flow, trigger="manager")):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.message == message("sources.purged")
    refresh_states(flow)
    flow.refresh_from_db()
    assert (flow.graded_count, flow.exported_count) == (1, 1)
