from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from exports.attempts import outcomes, transitions
from exports.attempts.answer import ItemOutcome, Reading
from exports.attempts.send import send_attempt
from exports.attempts.settle import QUIET, Settled, check_with_ladok, mark_as_exported
from exports.attempts.start import retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import sweep
from ladokflow.http import RemoteError
from ladokflow.messages import Refused, message
from sources.models import AuditEntry, Flow, Source
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, ExportItemFactory, in_hours

MakeFlow = Callable[..., Flow]


@pytest.fixture
def unknown_flow(make_flow: MakeFlow, world: World) -> Flow:
    """Three people were sent, the connection was cut, and Ladok can be asked."""
    flow = make_flow(people=3, source={"can_read_back": True})
    world.answer = lambda call: None
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    quiet()
    flow.refresh_from_db()
    return flow


def quiet() -> None:
    """The quiet minute after the sending has passed."""
    ExportAttempt.objects.update(sending_at=in_hours(-0.1))


def in_ladok(flow: Flow, *grades: str | None) -> list[dict[str, Any]]:
    people = ExportItem.objects.filter(attempt__flow=flow).order_by("pk")
    return [
        {"studentUid": each.unique_exam_id.upper(), "grade": {"grade": grade}}
        for each, grade in zip(people, grades, strict=True)
        if grade
    ]


def states(flow: Flow) -> list[str]:
    return list(ExportItem.objects.filter(attempt__flow=flow).order_by("pk").values_list("state", flat=True))


def test_ladoks_own_record_settles_each_person(unknown_flow: Flow, world: World) -> None:
    world.registered = in_ladok(unknown_flow, "5", None, "3")
    assert check_with_ladok(flow=unknown_flow, by=unknown_flow.created_by) == Settled(exported=1, failed=2)
    assert states(unknown_flow) == ["exported", "failed", "failed"]
    codes = set(ExportItem.objects.values_list("message__code", flat=True))
    assert codes == {"settle.registered", "settle.not_registered", "settle.other_grade"}
    attempt = ExportAttempt.objects.get()
    assert (attempt.state, attempt.exported_count, attempt.failed_count, attempt.unknown_count) == ("failed", 1, 2, 0)
    assert (unknown_flow.export_state, unknown_flow.exported_count) == ("failed", 1)
    assert len(world.exported) == 1


def test_a_grade_that_is_there_with_other_points_is_not_the_one_that_was_sent(
    make_flow: MakeFlow, world: World
) -> None:
    """VG with 40 points was exported, VG with 42 was sent over it: the grade alone does not tell which of them is there."""
    flow = make_flow(people=3, grade="VG", university="boras", source={"can_read_back": True})
    attempt = ExportAttemptFactory(flow=flow, state="failed", sent_count=3, unknown_count=3, sending_at=in_hours(-0.1))
    for person in flow.participants.order_by("pk"):
        ExportItemFactory(attempt=attempt, participant=person, grade="VG", points=42, state="unknown")
    people = ExportItem.objects.order_by("pk").values_list("organisation_id", flat=True)
    world.registered = [
        {"federeradIdentitet": each, "grade": {"betyg": "VG", "poang": points}}
        for each, points in zip(people, (40, "42,0", None), strict=True)
    ]
    assert check_with_ladok(flow=flow) == Settled(exported=2, failed=1)
    assert states(flow) == ["failed", "exported", "exported"]
    told = ExportItem.objects.order_by("pk")[0].message
    assert told == {"code": "settle.other_points", "params": {"found": "40", "sent": "42"}}


def test_everything_in_ladok_makes_the_attempt_and_the_flow_exported(unknown_flow: Flow, world: World) -> None:
    world.registered = in_ladok(unknown_flow, "5", "5", "5")
    check_with_ladok(flow=unknown_flow)
    assert ExportAttempt.objects.get().state == "exported"
    assert unknown_flow.export_state == "exported"


def test_while_ladok_may_be_at_work_what_is_not_there_stays_unknown(unknown_flow: Flow, world: World) -> None:
    ExportAttempt.objects.update(sending_at=in_hours(0))
    world.registered = in_ladok(unknown_flow, "5", None, None)
    assert check_with_ladok(flow=unknown_flow) == Settled(exported=1, unknown=2)
    # Asking again at once, when the attempt has got another sentence, changes nothing.
    assert check_with_ladok(flow=unknown_flow) == Settled(unknown=2)
    quiet()
    assert check_with_ladok(flow=unknown_flow) == Settled(failed=2)


def test_the_quiet_minute_is_counted_to_before_ladok_was_asked(unknown_flow: Flow, world: World) -> None:
    """What Ladok registers while it is being asked is not in its answer."""
    ExportAttempt.objects.update(sending_at=timezone.now() - QUIET + dt.timedelta(seconds=1))
    world.read_back_delay = 1.5
    assert check_with_ladok(flow=unknown_flow) == Settled(unknown=3)


def test_the_quiet_minute_is_counted_by_the_clock_that_wrote_when_it_was_sent(
    unknown_flow: Flow, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database's: a web machine whose clock is ahead would call failed what Ladok is still at work on."""
    ExportAttempt.objects.update(sending_at=in_hours(0))
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime.now(dt.UTC) + 2 * QUIET)
    assert check_with_ladok(flow=unknown_flow) == Settled(unknown=3)


def test_whatever_came_back_the_quiet_minute_is_kept(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1, source={"can_read_back": True})
    world.answer = lambda call: (502, b"")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    assert check_with_ladok(flow=flow) == Settled(unknown=1)
    quiet()
    assert check_with_ladok(flow=flow) == Settled(failed=1)


def test_after_a_retry_that_was_not_sent_ladok_is_asked_again(unknown_flow: Flow, world: World) -> None:
    Source.objects.update(ladok_url="http://127.0.0.1:9/ladok")
    (retry,) = retry_export(flow=unknown_flow, requested_by=unknown_flow.created_by, enqueue=False)
    send_attempt(retry.pk)
    Source.objects.update(ladok_url=f"{world.url}/ladok")
    quiet()
    people = list(retry.items.order_by("pk"))
    world.registered = [{"studentUid": each.unique_exam_id, "grade": {"grade": "5"}} for each in people[:2]]
    flow = Flow.objects.get(pk=unknown_flow.pk)
    assert check_with_ladok(flow=flow) == Settled(exported=2, failed=1)
    assert not retry.items.filter(may_be_in_ladok=True).exists()
    # Settled: the next retry that does not arrive has nothing to be in doubt about.
    world.answer = lambda call: (400, b"")
    (again,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(again.pk)
    assert list(again.items.values_list("state", flat=True)) == ["failed"]


def test_a_source_that_cannot_be_read_back_says_so(unknown_flow: Flow) -> None:
    unknown_flow.source.can_read_back = False
    with pytest.raises(Refused) as caught:
        check_with_ladok(flow=unknown_flow)
    assert caught.value.message.code == "settle.cannot_read_back"


def test_a_ladok_that_cannot_tell_settles_nothing(unknown_flow: Flow, world: World) -> None:
    world.read_back_status = 500
    with pytest.raises(RemoteError):
        check_with_ladok(flow=unknown_flow)
    assert states(unknown_flow) == ["unknown"] * 3


def test_the_sweeper_asks_ladok_after_a_quiet_minute(unknown_flow: Flow, world: World) -> None:
    world.registered = in_ladok(unknown_flow, "5", "5", None)
    ExportAttempt.objects.update(sending_at=in_hours(0))
    assert sweep().settled == 0
    ExportAttempt.objects.update(sending_at=in_hours(-0.1), finished_at=in_hours(-0.1))
    assert sweep().settled == 3
    assert sweep().settled == 0


def test_a_managers_word_settles_an_unknown_outcome_and_is_on_record(unknown_flow: Flow) -> None:
    for item in ExportItem.objects.all():
        mark_as_exported(item=item, by=unknown_flow.created_by, reason="Syns i Ladok", address="192.0.2.7")
    attempt = ExportAttempt.objects.get()
    assert (attempt.state, attempt.exported_count, attempt.unknown_count) == ("exported", 3, 0)
    unknown_flow.refresh_from_db()
    assert unknown_flow.export_state == "exported"
    entry = AuditEntry.objects.filter(message__code="audit.marked_as_exported").first()
    assert entry
    assert (entry.actor, entry.address, entry.message["params"]["reason"]) == (
        unknown_flow.created_by,
        "192.0.2.7",
        "Syns i Ladok",
    )


def test_marking_wants_a_reason(unknown_flow: Flow) -> None:
    with pytest.raises(Refused) as caught:
        mark_as_exported(item=ExportItem.objects.all()[0], by=unknown_flow.created_by, reason="  ")
    assert caught.value.message.code == "settle.reason_missing"


def test_what_is_sent_again_meanwhile_cannot_be_marked(unknown_flow: Flow) -> None:
    item = ExportItem.objects.all()[0]
    retry_export(flow=unknown_flow, requested_by=unknown_flow.created_by)
    with pytest.raises(Refused) as caught:
        mark_as_exported(item=item, by=unknown_flow.created_by, reason="Syns i Ladok")
    assert caught.value.message.code == "settle.not_open"


def test_a_rejected_grade_that_was_registered_by_hand_can_be_marked(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    rejected = flow.participants.all()[0]
    body = {
        "numberOfSuccess": 1,
        "numberOfErrors": 1,
        "errors": [{"userId": rejected.unique_exam_id, "errorInfo": "Nej"}],
    }
    world.answer = lambda call: (200, json.dumps(body).encode())
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    send_attempt(attempt.pk)
    mark_as_exported(item=attempt.items.get(state="failed"), by=flow.created_by, reason="Inlagt i Ladok")
    attempt.refresh_from_db()
    flow.refresh_from_db()
    assert (attempt.state, attempt.failed_count, flow.export_state) == ("exported", 0, "exported")


@pytest.mark.parametrize("is_retried", [False, True])
def test_ladoks_own_answer_counts_more_than_that_nothing_was_found(
    make_flow: MakeFlow, world: World, is_retried: bool
) -> None:
    """A worker that was held up reads an answer after its outcome was taken for unknown, and Ladok had not shown it yet."""
    flow = make_flow(people=2, source={"can_read_back": True})
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    token = transitions.claim(attempt.pk)
    assert token
    assert transitions.mark(attempt.pk, token, method="POST", url="-", body_sha256="")
    keys = list(attempt.items.order_by("pk").values_list("pk", flat=True))
    outcomes.lose(attempt.pk, message("attempt.worker_died"), token=token, expired=False)
    quiet()
    assert check_with_ladok(flow=flow) == Settled(failed=2)
    if is_retried:
        (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
        assert send_attempt(retry.pk) == "exported"
    answer = Reading((ItemOutcome("exported"),) * 2, message("answer.exported", count=2))
    assert outcomes.record(attempt.pk, token, keys, answer, status=200)
    attempt.refresh_from_db()
    flow.refresh_from_db()
    assert flow.export_state == "exported"
    told = list(AuditEntry.objects.filter(attempt_id=attempt.pk).order_by("pk").values_list("message__code", flat=True))
    if is_retried:
        # They may be there twice: that is told, and the attempt does not say that it went well.
        assert (attempt.state, attempt.failed_count, attempt.message["code"]) == ("failed", 2, "settle.attempt")
        assert told[-1] == "audit.late_answer_superseded"
    else:
        assert (attempt.state, attempt.exported_count, attempt.failed_count) == ("exported", 2, 0)
        assert told[-1] == "audit.late_answer"


def test_while_some_are_still_unknown_the_attempt_says_that_they_may_be_in_ladok(unknown_flow: Flow) -> None:
    for item, unknown in zip(ExportItem.objects.order_by("pk"), (2, 1, 0), strict=True):
        mark_as_exported(item=item, by=unknown_flow.created_by, reason="Syns i Ladok")
        attempt = ExportAttempt.objects.get()
        assert attempt.unknown_count == unknown
        assert bool(attempt.reason and attempt.reason.effect) is bool(unknown)
