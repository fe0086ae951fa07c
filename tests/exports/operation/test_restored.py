"""A backup that is restored knows nothing of what was exported since it was made: by the written way nothing of it goes a second time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from exports.attempts.adoption import Which, offer_of
from exports.attempts.adoption import say as say_adoption
from exports.attempts.automatic import collect_and_export
from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok
from exports.attempts.start import retry_export, start_export
from exports.models import ExportAttempt, ExportItem, Heartbeat
from exports.operation.sweep import sweep
from ladokflow.messages import Refused
from sources.models import AuditEntry, Flow
from tests.exports.world import Call, World
from tests.factories import FlowFactory, in_hours

MakeFlow = Callable[..., Flow]
pytestmark = pytest.mark.django_db(transaction=True)


def command(*arguments: Any) -> str:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out)
    return out.getvalue()


def sent(world: World) -> list[str]:
    return sorted(line["studentUid"] for call in world.exported for line in call.body["gradeExports"])


def work(flow: Flow) -> None:
    """What goes on by itself: the sweeper, the clock and the workers."""
    sweep()
    collect_and_export(Flow.objects.get(pk=flow.pk))
    for pk in ExportAttempt.objects.filter(state="queued").values_list("pk", flat=True):
        send_attempt(pk)
    Heartbeat.objects.all().delete()


def rejecting_one(call: Call) -> tuple[int, bytes]:
    first, *others = [line["studentUid"] for line in call.body["gradeExports"]]
    errors = [{"userId": first, "errorInfo": "Nej"}]
    return 200, json.dumps({"numberOfSuccess": len(others), "numberOfErrors": 1, "errors": errors}).encode()


@pytest.mark.parametrize("stood", ["pending", "waiting", "failed"])
def test_what_was_sent_since_is_sent_no_second_time(
    make_flow: MakeFlow, world: World, tmp_path: Path, stood: str
) -> None:
    flow = make_flow(people=3, source={"can_read_back": True}, exports_when_marking_ends=True)
    if stood != "pending":
        (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    if stood == "failed":
        world.answer = rejecting_one
        send_attempt(attempt.pk)
        world.answer = lambda call: (200, b"")
    far = {"state": Flow.State.NOT_ACTIVATED, "participation_start_at": in_hours(24), "source": flow.source}
    FlowFactory(**far)
    Heartbeat.objects.all().delete()
    command("backup", tmp_path / "backup")
    if stood == "failed":
        retry_export(flow=flow, requested_by=flow.created_by)
    work(flow)
    done = sent(world)
    assert len(done) == (4 if stood == "failed" else 3)
    world.registered = [line for call in world.exported for line in call.body["gradeExports"]]

    command("restore", tmp_path / "backup", "--replace")
    for count in (1, 2):
        assert [row["flow"] for row in json.loads(command("holdexports", "--json"))["flows"]] == [flow.pk]
        assert AuditEntry.objects.filter(flow=flow, message__code="audit.held_after_restore").count() == count
    work(flow)
    flow.refresh_from_db()
    for start in (start_export, retry_export):
        with pytest.raises(Refused) as refused:
            start(flow=flow, requested_by=flow.created_by)
        assert refused.value.message.code == "export.adoption_unsaid"
    seen = str(offer_of(flow).fingerprint)
    said = say_adoption(Which.LADOK, flow=flow, by=flow.created_by, reason="sett", seen=seen)
    assert said == (3 if stood == "pending" else 0)
    work(flow)
    if stood != "pending":
        assert check_with_ladok(flow=flow).unknown == 0
    flow.refresh_from_db()
    assert (sent(world), flow.export_state, flow.exported_count) == (done, "exported", 3)


def test_what_was_not_sent_after_all_goes_once_it_is_said(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(source={"can_read_back": True})
    world.answer = lambda call: (400, b"{}")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    command("holdexports")
    assert list(ExportItem.objects.values_list("state", flat=True)) == ["unknown"] * 2
    flow.refresh_from_db()
    say_adoption(Which.NONE, flow=flow, by=flow.created_by, reason="sett")
    for _ in range(2):
        check_with_ladok(flow=flow)
        ExportItem.objects.update(absent_at=in_hours(-1))
    assert list(ExportItem.objects.values_list("state", flat=True)) == ["failed"] * 2
    world.answer = lambda call: (200, b"")
    (again,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert send_attempt(again.pk) == "exported"


def test_what_ladok_had_already_stays_told(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1)
    said = json.dumps(
        {
            "numberOfSuccess": 0,
            "numberOfErrors": 1,
            "errors": [{"userId": flow.participants.get().unique_exam_id, "errorInfo": "Resultatet finns redan"}],
        }
    )
    world.answer = lambda call: (200, said.encode())
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    command("holdexports")
    assert ExportItem.objects.get().is_there_already
