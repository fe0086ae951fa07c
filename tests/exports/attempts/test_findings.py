"""What comes out when everybody has gone on: a late answer, or a grade that is in Ladok twice. Each is found, whatever has become of the
person meanwhile, and told until a manager has dealt with it. Over HTTP: all of it happens while Ladok has the first request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from exports.attempts import outcomes
from exports.attempts.findings import deal_with
from exports.attempts.marks import mark_as_exported, seen_of
from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok
from exports.attempts.start import retry_export, start_export
from exports.models import DigestEntry, ExportAttempt, ExportItem, Finding
from exports.reporting import flow_status
from exports.rules.sendings import Sending, registered_twice, stands_after_all
from ladokflow.messages import Refused, message
from sources.models import AuditEntry, Flow
from tests.exports.world import Call, World
from tests.factories import FlowFactory, in_hours

MakeFlow = Callable[..., Flow]
Answer = tuple[int, bytes] | None

pytestmark = pytest.mark.django_db(transaction=True)


def rejecting(call: Call) -> Answer:
    people = call.body["gradeExports"]
    errors = [{"userId": each["studentUid"], "errorInfo": "Nej"} for each in people]
    return 200, json.dumps({"numberOfSuccess": 0, "numberOfErrors": len(people), "errors": errors}).encode()


def registering(call: Call) -> Answer:
    return 200, json.dumps({"numberOfSuccess": len(call.body["gradeExports"]), "errors": []}).encode()


def in_the_meantime(world: World, work: Callable[[], None], answer: Callable[[Call], Answer] = registering) -> None:
    """Ladok answers the first request so when `work` has been done, which may send others."""

    def first(call: Call) -> Answer:
        world.answer = registering
        try:
            work()
        finally:
            connection.close()
        return answer(call)

    world.answer = first


def lost(attempt: ExportAttempt) -> None:
    attempt.refresh_from_db()
    assert attempt.token
    assert outcomes.lose(attempt.pk, message("attempt.worker_died"), token=attempt.token, expired=False)


def retried(flow: Flow, world: World, answer: Callable[[Call], Answer] | None, list_status: int = 200) -> ExportAttempt:
    """The retry is answered so; None where it is left in the queue."""
    (retry,) = retry_export(flow=Flow.objects.get(pk=flow.pk), requested_by=flow.created_by, enqueue=False)
    if answer is not None:
        world.answer, world.list_status = answer, list_status
        send_attempt(retry.pk)
        world.answer, world.list_status = registering, 200
    return retry


# What the people are when the answer comes, that they are registered: how the flow stands, and what is found.
MEANWHILE: dict[str, tuple[str, set[str]]] = {
    "unknown": ("exported", {"finding.late_registered"}),
    "marked": ("exported", set()),
    "not found": ("exported", {"finding.late_registered"}),
    "retried, exported": ("exported", {"finding.twice"}),
    "retried, rejected": ("exported", {"finding.late_registered"}),
    "retried, unknown": ("failed", {"finding.late_sent_again"}),
    "retried, not sent": ("exported", {"finding.late_registered"}),
    "retried, waiting": ("pending", {"finding.late_sent_again"}),
}


def do(meanwhile: str, attempt: ExportAttempt, world: World) -> None:
    flow = attempt.flow
    lost(attempt)
    if meanwhile == "marked":
        seen = {item.pk: seen_of(item) for item in attempt.items.all()}
        mark_as_exported(flow=flow, seen=seen, by=flow.created_by, reason="Syns i Ladok")
    elif meanwhile == "not found":
        ExportItem.objects.update(absent_at=in_hours(-1))
        check_with_ladok(flow=flow)
    elif meanwhile.startswith("retried"):
        answers: dict[str, Callable[[Call], Answer] | None] = {
            "exported": registering,
            "rejected": rejecting,
            "unknown": lambda call: None,
            "not sent": registering,
            "waiting": None,
        }
        end = meanwhile.removeprefix("retried, ")
        retried(flow, world, answers[end], list_status=500 if end == "not sent" else 200)


def late(make_flow: MakeFlow, world: World, meanwhile: str, answer: Callable[[Call], Answer] = registering) -> Flow:
    flow = make_flow(people=2, source={"can_read_back": True})
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    in_the_meantime(world, lambda: do(meanwhile, attempt, world), answer)
    send_attempt(attempt.pk)
    flow.refresh_from_db()
    return flow


def codes_of(flow: Flow) -> list[str]:
    return list(Finding.objects.open().filter(flow=flow).values_list("message__code", flat=True))


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_what_a_late_answer_registered_is_found_whatever_has_become_of_the_people(
    make_flow: MakeFlow, world: World, meanwhile: str
) -> None:
    flow = late(make_flow, world, meanwhile)
    state, found = MEANWHILE[meanwhile]
    assert flow.export_state == state
    assert codes_of(flow) == list(found) * 2
    check_rows(flow)
    if state == "exported":
        # Nothing of it can be sent once more by a retry.
        with pytest.raises(Refused):
            retry_export(flow=flow, requested_by=flow.created_by)


def check_rows(flow: Flow) -> None:
    """Each person holds the place once, and each attempt's numbers add up."""
    for attempt in flow.attempts.exclude(state__in=ExportAttempt.OPEN):
        states = list(attempt.items.exclude(state="superseded").values_list("state", flat=True))
        assert attempt.exported_count == states.count("exported")
        assert attempt.exported_count + attempt.failed_count + attempt.unknown_count == attempt.sent_count


@pytest.mark.parametrize(
    ("answer", "state", "found"),
    [(registering, "exported", "finding.twice"), (rejecting, "exported", "finding.late_registered")],
    ids=["registered", "rejected"],
)
def test_what_waited_when_the_answer_came_is_weighed_when_it_ends(
    make_flow: MakeFlow, world: World, answer: Callable[[Call], Answer], state: str, found: str
) -> None:
    flow = late(make_flow, world, "retried, waiting")
    before = set(Finding.objects.values_list("pk", flat=True))
    world.answer = answer
    send_attempt(flow.attempts.get(state="queued").pk)
    flow.refresh_from_db()
    assert (flow.export_state, codes_of(flow)) == (state, [found] * 2)
    # What is known now is another row: a page that shows what was known before cannot answer it.
    assert not before & set(Finding.objects.open().values_list("pk", flat=True))
    check_rows(flow)


@pytest.mark.parametrize("meanwhile", ["unknown", "marked"])
def test_what_a_late_answer_rejected_is_told_by_name(make_flow: MakeFlow, world: World, meanwhile: str) -> None:
    """The sender stood still, the manager marked all as exported, and some were rejected."""
    flow = make_flow(people=6)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    rejected = list(attempt.items.order_by("pk")[:2])
    errors = [{"userId": each.unique_exam_id, "errorInfo": "Nej"} for each in rejected]
    body = {"numberOfSuccess": 4, "numberOfErrors": 2, "errors": errors}
    in_the_meantime(world, lambda: do(meanwhile, attempt, world), lambda call: (200, json.dumps(body).encode()))
    send_attempt(attempt.pk)
    failed = Finding.objects.filter(message__code="finding.late_failed")
    assert set(failed.values_list("item", flat=True)) == {each.pk for each in rejected}
    assert Finding.objects.count() == (2 if meanwhile == "marked" else 6)
    assert all("Nej" in str(each.what) for each in failed)


def test_ladoks_own_record_that_has_a_grade_twice_is_found_and_once_only(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=3, source={"can_read_back": True})
    world.answer = lambda call: None
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    people = [item.unique_exam_id for item in attempt.items.order_by("pk")]
    world.registered = [
        {"studentUid": person, "grade": {"grade": grade}}
        for person, grade in ((people[0], "5"), (people[0], "5"), (people[1], "5"), (people[1], "3"), (people[2], "5"))
    ]
    assert check_with_ladok(flow=flow).exported == 3
    (found,) = Finding.objects.all()
    assert (found.item.unique_exam_id, found.kind) == (people[0], "twice")
    ExportItem.objects.filter(unique_exam_id=people[2]).update(state="unknown")
    ExportAttempt.objects.update(state="failed", exported_count=2, unknown_count=1)
    deal_with(flow=flow, kind="twice", keys=[found.pk], by=flow.created_by, reason="Rättat")
    check_with_ladok(flow=flow)
    assert Finding.objects.count() == 1


def test_a_changed_grade_that_is_written_over_the_first_is_not_there_twice(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2, source={"can_read_back": True, "allows_overwriting": True})
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    for person in flow.participants.all():
        person.assessment.grade = world.grades[person.wiseflow_id] = "3"
        person.assessment.save()
    (over,) = start_export(flow=flow, requested_by=flow.created_by, overwrite=True, enqueue=False)
    world.answer = lambda call: None
    send_attempt(over.pk)
    sent = [line for call in world.exported for line in call.body["gradeExports"]]
    world.registered = sent  # a record that keeps its history
    assert check_with_ladok(flow=flow).exported == 2
    assert not Finding.objects.exists()


def test_whoever_was_written_to_is_written_to_again(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=2)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)

    def work() -> None:
        do("retried, exported", attempt, world)
        for each in flow.attempts.all():
            DigestEntry.objects.create(user=flow.created_by, attempt=each, told_at=in_hours(0))

    in_the_meantime(world, work)
    send_attempt(attempt.pk)
    twice = Finding.objects.all()[0].item.attempt_id
    assert not DigestEntry.objects.filter(attempt=twice).exists()
    assert AuditEntry.objects.filter(attempt_id=twice, message__code="audit.found_twice").exists()


# --- Dealing with it


def test_a_manager_says_what_was_corrected_and_it_is_on_record(make_flow: MakeFlow, world: World) -> None:
    flow = late(make_flow, world, "retried, exported")
    assert [each["kind"] for each in flow_status(flow)["findings"]] == ["twice", "twice"]
    keys = list(Finding.objects.values_list("pk", flat=True))
    given: dict[str, Any] = {"flow": flow, "kind": "twice", "by": flow.created_by}
    with pytest.raises(Refused) as caught:
        deal_with(**given, keys=keys, reason=" ")
    assert caught.value.message.code == "finding.reason_missing"
    assert deal_with(**given, keys=keys[:1], reason="Borttaget i dag", address="192.0.2.7") == 1
    # All or none: one of them has been dealt with since the page was shown; or it is of another kind, or of another flow.
    for wrong in (
        {"keys": keys},
        {"keys": keys[1:], "kind": "late"},
        {"keys": keys[1:], "flow": FlowFactory(source=flow.source)},
    ):
        with pytest.raises(Refused) as caught:
            deal_with(**given | wrong, reason="Igen")
        assert caught.value.message.code == "finding.not_open"
    assert len(flow_status(flow)["findings"]) == 1
    entry = AuditEntry.objects.get(message__code="audit.twice_corrected")
    assert (entry.actor, entry.address, entry.message["params"]["reason"]) == (
        flow.created_by,
        "192.0.2.7",
        "Borttaget i dag",
    )
    done = Finding.objects.get(handled_at__isnull=False)
    assert (done.handled_by, done.reason) == (flow.created_by, "Borttaget i dag")


# --- What several sendings amount to

REGISTERED, REGISTERED_OVER = Sending(0, True, False, False), Sending(0, True, True, False)
OVER, OPEN, FAILED_OVER = Sending(0, False, False, True), Sending(0, False, False, False), Sending(0, False, True, True)
AMOUNT: list[tuple[tuple[Sending, ...], int | None, tuple[int, int] | None]] = [
    ((REGISTERED,), None, None),
    ((REGISTERED, OVER), 0, None),
    ((REGISTERED, OPEN), None, None),
    ((OVER, REGISTERED), None, None),
    ((REGISTERED, REGISTERED), None, (0, 1)),
    ((REGISTERED, OPEN, REGISTERED), None, (0, 2)),
    ((REGISTERED, REGISTERED, OVER), 1, (0, 1)),
    ((REGISTERED, REGISTERED_OVER), None, None),
    ((REGISTERED, REGISTERED_OVER, REGISTERED_OVER), None, None),
    ((REGISTERED, FAILED_OVER), None, None),
    ((OPEN, OVER, OPEN), None, None),
]


@pytest.mark.parametrize(("sendings", "stands", "twice"), AMOUNT)
def test_what_several_sendings_amount_to(
    sendings: tuple[Sending, ...], stands: int | None, twice: tuple[int, int] | None
) -> None:
    numbered = [Sending(pk, each.is_registered, each.replaces, each.is_over) for pk, each in enumerate(sendings)]
    assert stands_after_all(numbered) == stands
    assert registered_twice(numbered) == twice
