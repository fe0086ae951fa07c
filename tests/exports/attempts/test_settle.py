from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import timezone, translation

from exports.attempts import outcomes, transitions
from exports.attempts.answer import ItemOutcome, Reading
from exports.attempts.marks import mark_as_exported, seen_of
from exports.attempts.send import send_attempt
from exports.attempts.settle import QUIET, Settled, check_with_ladok, flows_to_settle
from exports.attempts.start import preview_export, retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import sweep
from exports.rules.values import Asking
from ladokflow.dates import moment_in_words
from ladokflow.http import RemoteError
from ladokflow.messages import Refused, Trait, message
from sources.models import AuditEntry, Flow, Source
from tests.exports.attempts.test_several_codes import on_both
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, ExportItemFactory, in_hours

MakeFlow = Callable[..., Flow]


@pytest.fixture
def unknown_flow(make_flow: MakeFlow, world: World) -> Flow:
    """Three people were sent, the connection was cut, and Ladok has been asked once, long ago, and had none of them."""
    flow = make_flow(people=3, source={"can_read_back": True})
    world.answer = lambda call: None
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    missing_since(in_hours(-1))
    flow.refresh_from_db()
    return flow


def missing_since(at: dt.datetime | None) -> None:
    """Ladok was first asked then for what is unknown, and did not have it; None where it has never been asked."""
    ExportItem.objects.filter(state="unknown").update(absent_at=at)


def in_ladok(flow: Flow, *grades: str | None) -> list[dict[str, Any]]:
    people = ExportItem.objects.filter(attempt__flow=flow).order_by("pk")
    return [
        {"studentUid": each.unique_exam_id.upper(), "grade": {"grade": grade}}
        for each, grade in zip(people, grades, strict=True)
        if grade
    ]


def mark(item: ExportItem, flow: Flow, reason: str = "Syns i Ladok", **given: Any) -> None:
    mark_as_exported(flow=flow, seen={item.pk: seen_of(item)}, by=flow.created_by, reason=reason, **given)


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
    attempt = ExportAttemptFactory(flow=flow, state="failed", sent_count=3, unknown_count=3, sending_at=in_hours(-2))
    for person in flow.participants.order_by("pk"):
        ExportItemFactory(attempt=attempt, participant=person, grade="VG", points=42, state="unknown")
    missing_since(in_hours(-1))
    people = ExportItem.objects.order_by("pk").values_list("organisation_id", flat=True)
    world.registered = [
        {"federeradIdentitet": each, "grade": {"betyg": "VG", "poang": points}}
        for each, points in zip(people, (40, "42,0", None), strict=True)
    ]
    assert check_with_ladok(flow=flow) == Settled(exported=2, failed=1)
    assert states(flow) == ["failed", "exported", "exported"]
    told = ExportItem.objects.order_by("pk")[0].message
    assert told == {"code": "settle.other_points", "params": {"found": "40", "sent": "42"}}


def test_another_grade_that_ladok_shows_is_heeded_in_whatever_is_sent_next(make_flow: MakeFlow, world: World) -> None:
    """It may be of an earlier sending: that the newest one is not there is no reason to forget it."""
    flow = make_flow(people=0, codes=["A", "B"], source={"can_read_back": True})
    on_both(flow, world)
    world.answer = lambda call: None
    for start in (start_export, retry_export):
        (attempt,) = start(flow=flow, requested_by=flow.created_by, enqueue=False)
        send_attempt(attempt.pk)
    missing_since(in_hours(-1))
    item = ExportItem.objects.get(state="unknown")
    world.registered = [{"studentUid": item.unique_exam_id, "grade": {"grade": "3"}}]
    assert check_with_ladok(flow=flow) == Settled(exported=0, failed=1)
    (shown,) = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY).to_send
    assert (shown.is_unknown, shown.choices) == (True, ())
    with pytest.raises(Refused):
        retry_export(flow=flow, requested_by=flow.created_by, leaves_unknown=True)


def test_a_user_name_alone_does_not_make_anothers_grade_ones_own(make_flow: MakeFlow, world: World) -> None:
    """Two have exchanged their user names since they were sent, and only one of them is in Ladok."""
    flow = make_flow(people=2, grade="VG", university="boras", source={"can_read_back": True})
    attempt = ExportAttemptFactory(flow=flow, state="failed", sent_count=2, unknown_count=2, sending_at=in_hours(-2))
    for person in flow.participants.order_by("pk"):
        ExportItemFactory(attempt=attempt, participant=person, grade="VG", state="unknown")
    missing_since(in_hours(-1))
    first, second = ExportItem.objects.order_by("pk")
    of_second = {"studentUID": second.external_user_id, "personnummer": second.national_id}
    world.registered = [{"federeradIdentitet": first.organisation_id, **of_second, "grade": {"betyg": "VG"}}]
    assert check_with_ladok(flow=flow) == Settled(exported=1, failed=1)
    assert states(flow) == ["failed", "exported"]


@pytest.mark.parametrize("changed", ["federeradIdentitet", "studentUID", "personnummer"])
def test_whoever_has_one_identifier_anew_is_found_by_the_others(
    make_flow: MakeFlow, world: World, changed: str
) -> None:
    flow = make_flow(people=1, grade="VG", university="boras", source={"can_read_back": True})
    attempt = ExportAttemptFactory(flow=flow, state="failed", sent_count=1, unknown_count=1, sending_at=in_hours(-2))
    ExportItemFactory(attempt=attempt, participant=flow.participants.get(), grade="VG", state="unknown")
    item = ExportItem.objects.get()
    known = {
        "federeradIdentitet": item.organisation_id,
        "studentUID": item.external_user_id,
        "personnummer": item.national_id,
    }
    world.registered = [{**known, changed: "198502022345", "grade": {"betyg": "VG"}}]
    assert check_with_ladok(flow=flow) == Settled(exported=1)


@pytest.mark.parametrize(
    ("shown", "grades", "after"), [("vg ", ["U", "VG"], "exported"), ("vg", ["vg", "VG"], "failed")]
)
def test_a_grade_in_other_letters_is_the_same_unless_the_scale_has_both(
    make_flow: MakeFlow, world: World, shown: str, grades: list[str], after: str
) -> None:
    flow = make_flow(people=1, grade="VG", source={"can_read_back": True}, grades=grades)
    attempt = ExportAttemptFactory(flow=flow, state="failed", sent_count=1, unknown_count=1, sending_at=in_hours(-2))
    ExportItemFactory(attempt=attempt, participant=flow.participants.get(), grade="VG", state="unknown")
    missing_since(in_hours(-1))
    world.registered = in_ladok(flow, shown)
    check_with_ladok(flow=flow)
    assert states(flow) == [after]


def test_everything_in_ladok_makes_the_attempt_and_the_flow_exported(unknown_flow: Flow, world: World) -> None:
    world.registered = in_ladok(unknown_flow, "5", "5", "5")
    check_with_ladok(flow=unknown_flow)
    assert ExportAttempt.objects.get().state == "exported"
    assert unknown_flow.export_state == "exported"


# --- Not there: once is not enough


# When it was first missing, in minutes before now; None where nobody has asked. What a second "not there" makes of it.
LOOKS: dict[str, tuple[float | None, str]] = {
    "never asked": (None, "unknown"),
    "just now": (0, "unknown"),
    "a minute too early": (14, "unknown"),
    "long enough": (15.1, "failed"),
    "hours ago": (300, "failed"),
    "by a clock that was ahead": (-60, "unknown"),
}


@pytest.mark.parametrize(("minutes", "after"), LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("found", [None, "3"], ids=["nothing", "another grade"])
def test_what_is_not_there_is_believed_the_second_time_and_late_enough(
    unknown_flow: Flow, world: World, found: str | None, minutes: float | None, after: str
) -> None:
    missing_since(None if minutes is None else in_hours(-minutes / 60))
    world.registered = in_ladok(unknown_flow, "5", found, found)
    settled = check_with_ladok(flow=unknown_flow)
    assert states(unknown_flow) == ["exported", after, after]
    assert settled == (Settled(exported=1, failed=2) if after == "failed" else Settled(exported=1, unknown=2))
    assert (settled.again_at is None) is (after == "failed")


def test_between_the_two_looks_everything_says_when_to_ask_again(unknown_flow: Flow, world: World) -> None:
    missing_since(None)
    settled = check_with_ladok(flow=unknown_flow)
    assert settled.again_at
    first_at = ExportItem.objects.values_list("absent_at", flat=True)[0]
    assert first_at
    assert dt.timedelta(minutes=15) <= settled.again_at - first_at < dt.timedelta(minutes=16)
    told = [*ExportItem.objects.all(), *ExportAttempt.objects.all()]
    unknown_flow.refresh_from_db()
    for language in ("sv", "en"):
        with translation.override(language):
            at = moment_in_words(settled.again_at, unknown_flow.source.tz)
            assert all(at in row.reason.todo for row in told if row.reason)
            assert unknown_flow.export_reason
            assert at in unknown_flow.export_reason.todo
    # Asking too early moves nothing: the first look stays the first.
    check_with_ladok(flow=unknown_flow)
    assert set(ExportItem.objects.values_list("absent_at", flat=True)) == {first_at}


@pytest.mark.parametrize("minutes", [1, 15, 240])
def test_how_far_apart_the_looks_are_is_the_sources(unknown_flow: Flow, world: World, minutes: int) -> None:
    Source.objects.update(settling_minutes=minutes)
    for since, after in ((minutes - 0.5, "unknown"), (minutes + 0.1, "failed")):
        missing_since(in_hours(-since / 60))
        check_with_ladok(flow=Flow.objects.get(pk=unknown_flow.pk))
        assert states(unknown_flow) == [after] * 3


def test_what_ladok_registers_after_the_first_look_is_found_by_the_second(unknown_flow: Flow, world: World) -> None:
    """Registered 100 s after the request, asked after 60 s: nothing said that it was not exported."""
    missing_since(None)
    assert check_with_ladok(flow=unknown_flow) == Settled(unknown=3)
    assert unknown_flow.export_reason
    assert not unknown_flow.export_reason.has(Trait.READY)
    world.registered = in_ladok(unknown_flow, "5", "5", "5")
    assert check_with_ladok(flow=unknown_flow) == Settled(exported=3)
    assert len(world.exported) == 1


def test_the_looks_are_told_apart_by_when_ladok_was_asked_not_by_when_it_answered(
    unknown_flow: Flow, world: World
) -> None:
    """What Ladok registers while it is being asked is not in its answer."""
    missing_since(timezone.now() - dt.timedelta(minutes=15, seconds=-8))  # so long the asking may take to begin
    world.read_back_delay = 8.5
    assert check_with_ladok(flow=unknown_flow) == Settled(unknown=3)


def test_the_looks_are_told_apart_by_the_databases_clock(unknown_flow: Flow, world: World) -> None:
    """A web machine whose clock is ahead would call failed what Ladok is still at work on."""
    missing_since(in_hours(0))
    with time_machine.travel(timezone.now() + dt.timedelta(hours=5)):
        assert check_with_ladok(flow=unknown_flow) == Settled(unknown=3)


def test_a_look_that_came_to_nothing_is_none(unknown_flow: Flow, world: World) -> None:
    missing_since(None)
    for status, registered in ((500, []), (200, [{"grade": {"grade": "5"}}]), (200, [{"studentUid": "x"}])):
        world.read_back_status, world.registered = status, registered
        with pytest.raises(RemoteError):
            check_with_ladok(flow=unknown_flow)
    assert set(ExportItem.objects.values_list("absent_at", flat=True)) == {None}


def test_a_retry_has_looks_of_its_own(unknown_flow: Flow, world: World) -> None:
    """That the first sending is not there says nothing of the second."""
    (retry,) = retry_export(flow=unknown_flow, requested_by=unknown_flow.created_by, enqueue=False)
    send_attempt(retry.pk)
    flow = Flow.objects.get(pk=unknown_flow.pk)
    assert check_with_ladok(flow=flow) == Settled(unknown=3)
    assert list(retry.items.values_list("state", flat=True)) == ["unknown"] * 3


def test_after_a_retry_that_was_not_sent_ladok_is_asked_again(unknown_flow: Flow, world: World) -> None:
    Source.objects.update(ladok_url="http://127.0.0.1:9/ladok")
    (retry,) = retry_export(flow=unknown_flow, requested_by=unknown_flow.created_by, enqueue=False)
    send_attempt(retry.pk)
    Source.objects.update(ladok_url=f"{world.url}/ladok")
    missing_since(in_hours(-1))
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


def test_the_sweeper_asks_ladok_after_a_quiet_minute_and_once_more_when_it_counts(
    unknown_flow: Flow, world: World
) -> None:
    missing_since(None)
    world.registered = in_ladok(unknown_flow, "5", "5", None)
    assert sweep().settled == 0
    assert set(ExportItem.objects.values_list("absent_at", flat=True)) == {None}
    ExportAttempt.objects.update(finished_at=timezone.now() - QUIET)
    assert sweep().settled == 2
    assert flows_to_settle() == []  # nothing is asked in between
    assert sweep().settled == 0
    missing_since(in_hours(-0.3))
    assert sweep().settled == 1
    assert states(unknown_flow) == ["exported", "exported", "failed"]
    assert len(world.exported) == 1
    assert flows_to_settle() == []


@pytest.mark.parametrize("minutes", [0, -1, 1441])
def test_how_long_ladok_may_work_is_from_a_minute_to_a_day(unknown_flow: Flow, minutes: int) -> None:
    source = unknown_flow.source
    source.settling_minutes = minutes
    with pytest.raises(ValidationError):
        source.full_clean()


def test_a_managers_word_settles_an_unknown_outcome_and_is_on_record(unknown_flow: Flow) -> None:
    for item in ExportItem.objects.all():
        mark(item, unknown_flow, address="192.0.2.7")
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
        mark(ExportItem.objects.all()[0], unknown_flow, "  ")
    assert caught.value.message.code == "settle.reason_missing"


def test_what_is_sent_again_meanwhile_cannot_be_marked(unknown_flow: Flow) -> None:
    item = ExportItem.objects.all()[0]
    retry_export(flow=unknown_flow, requested_by=unknown_flow.created_by)
    with pytest.raises(Refused) as caught:
        mark(item, unknown_flow)
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
    mark(attempt.items.get(state="failed"), flow)
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
    missing_since(in_hours(-1))
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
        mark(item, unknown_flow)
        attempt = ExportAttempt.objects.get()
        assert attempt.unknown_count == unknown
        assert bool(attempt.reason and attempt.reason.effect) is bool(unknown)
