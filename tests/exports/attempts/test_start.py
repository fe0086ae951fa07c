from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from exports.attempts import outcomes, transitions
from exports.attempts.body import idempotency_key
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades.word import say_how
from exports.models import ExportAttempt, ExportItem
from exports.rules.cases import load_case
from exports.rules.values import Asking
from ladokflow.messages import Refused, message
from ladokflow.wiseflow.scales import Form
from sources.models import Flow, Source
from tests.exports.world import World
from tests.factories import (
    AssessmentFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowSourceFactory,
    ParticipantFactory,
)

MakeFlow = Callable[..., Flow]


def refusal(flow: Flow, **kwargs: object) -> str:
    with pytest.raises(Refused) as caught:
        start_export(flow=flow, requested_by=flow.created_by, **kwargs)
    return caught.value.message.code


def test_start_writes_one_attempt_and_one_item_per_grade(make_flow: MakeFlow) -> None:
    flow = make_flow(people=3)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert attempt.state == "queued"
    assert attempt.items.count() == attempt.sent_count == 3
    assert set(attempt.items.values_list("grade", "state")) == {("5", "live")}
    flow.refresh_from_db()
    assert (flow.export_state, flow.export_message["code"]) == ("pending", "export.waiting")


@pytest.mark.parametrize("state", ["queued", "claimed", "reading", "sending"])
def test_second_start_while_one_is_open_is_refused(make_flow: MakeFlow, state: str) -> None:
    flow = make_flow()
    ExportAttemptFactory(flow=flow, state=state)
    assert refusal(flow) == "export.under_way"
    assert ExportAttempt.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "claimed", "reading", "sending"])
def test_the_database_itself_refuses_a_second_open_attempt(make_flow: MakeFlow, state: str) -> None:
    flow = make_flow()
    ExportAttemptFactory(flow=flow, state=state)
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportAttemptFactory(flow=flow, state="queued")


@pytest.mark.parametrize("state", ["live", "exported", "unknown"])
def test_the_database_itself_refuses_a_second_held_grade_of_a_person(make_flow: MakeFlow, state: str) -> None:
    flow = make_flow(people=1)
    person = flow.participants.get()
    ExportItemFactory(attempt=ExportAttemptFactory(flow=flow, state="failed"), participant=person, state=state)
    other = ExportAttemptFactory(flow=flow, state="failed")
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportItemFactory(attempt=other, participant=person, state="live")


@pytest.mark.parametrize(
    ("state", "code"),
    [("exported", "export.all_exported"), ("unknown", "export.some_unknown"), ("failed", "export.only_retry")],
)
def test_what_has_been_sent_is_not_started_again(make_flow: MakeFlow, state: str, code: str) -> None:
    flow = make_flow(people=1)
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    ExportItemFactory(attempt=attempt, participant=flow.participants.get(), state=state)
    assert refusal(flow) == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"synced_at": None}, "export.not_synced"),
        ({"state": 3}, "export.marking_ends_at"),
        ({"state": 3, "marking_end_at": None}, "export.marking_not_ended"),
        ({"setup_state": "creating"}, "export.not_created"),
        ({"codes": []}, "export.ended"),
    ],
)
def test_a_flow_that_breaks_a_rule_is_refused(make_flow: MakeFlow, fields: dict[str, object], code: str) -> None:
    assert refusal(make_flow(people=1, **fields)) == code
    assert not ExportAttempt.objects.exists()


def test_people_without_a_grade_are_not_sent(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2)
    ungraded = ParticipantFactory(flow=flow)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert ungraded.pk not in attempt.items.values_list("participant", flat=True)
    assert attempt.sent_count == 2


def test_people_added_by_hand_go_only_where_the_source_takes_them(make_flow: MakeFlow) -> None:
    for accepts, count in ((True, 2), (False, 1)):
        flow = make_flow(people=1, source={"accepts_manual_participants": accepts})
        ParticipantFactory(flow=flow, is_from_source=False, unique_exam_id="", grade="4")
        (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
        assert attempt.sent_count == count


def test_a_grade_outside_the_scale_holds_the_flow_and_once_a_manager_has_looked_itself(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, grades=["U", "3", "4", "5"])
    stranger = ParticipantFactory(flow=flow, grade="VG")
    preview = preview_export(flow=flow, user=flow.created_by)
    assert preview.refusal
    assert preview.refusal.code == "export.grades_not_on_the_scale"
    with pytest.raises(Refused):
        start_export(flow=flow, requested_by=flow.created_by)
    say_how(flow=flow, form=Form.SHOWN, by=flow.created_by)
    preview = preview_export(flow=flow, user=flow.created_by)
    assert preview.refusal is None
    assert [(held.participant, held.message.code) for held in preview.held_back] == [
        (stranger, "export.not_on_the_scale")
    ]
    start_export(flow=flow, requested_by=flow.created_by)
    stranger.refresh_from_db()
    assert stranger.export_message["code"] == "export.not_on_the_scale"


def test_an_alternative_grade_stands_in_the_grades_place(make_flow: MakeFlow) -> None:
    flow = make_flow(people=0)
    person = ParticipantFactory(flow=flow)
    AssessmentFactory(participant=person, grade="3", alternative_grade="4")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert attempt.items.values_list("grade", "is_alternative").get() == ("4", True)


def test_two_codes_give_two_attempts_and_each_person_one_grade(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, codes=["A", "B"])
    first, second = flow.codes.all()
    ParticipantFactory(flow=flow, codes=[second], grade="3")
    ParticipantFactory(flow=flow, codes=[first, second], grade="4")
    attempts = start_export(flow=flow, requested_by=flow.created_by)
    assert [(attempt.code.code, attempt.sent_count) for attempt in attempts] == [("A", 2), ("B", 1)]


def test_a_removed_code_ends_export_for_its_people(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1)
    gone = FlowSourceFactory(flow=flow, code="GONE", removed_at=flow.synced_at)
    person = ParticipantFactory(flow=flow, codes=[gone], grade="5")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert attempt.sent_count == 1
    person.refresh_from_db()
    assert person.export_message["code"] == "export.code_removed"


@pytest.mark.parametrize(
    ("state", "http_status", "code"), [("failed", 200, "B"), ("failed", None, "B"), ("unknown", None, "")]
)
def test_who_is_on_another_exam_in_ladok_since_is_retried_there(
    make_flow: MakeFlow, state: str, http_status: int | None, code: str
) -> None:
    """Turned away under A for being on B: A would turn the person away for ever. What may be under A is not sent to B."""
    flow = make_flow(people=0, codes=["A", "B"])
    first, second = flow.codes.all()
    person = ParticipantFactory(flow=flow, codes=[first, second], grade="5")
    attempt = ExportAttemptFactory(flow=flow, code=first, state="failed", http_status=http_status, sent_count=1)
    ExportItemFactory(attempt=attempt, participant=person, state=state)
    # On both: the one it was sent under.
    assert [line.code for line in preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY).to_send] == [
        first
    ]
    person.registrations.filter(code=first).update(is_listed=False, gone_at=timezone.now())
    if not code:
        # A's list has the person no more: nor is it sent there again.
        with pytest.raises(Refused) as caught:
            retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
        assert caught.value.message.code == "export.not_listed"
        return
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert retry.code.code == code


def test_boras_wants_a_manager_with_the_export_right(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, university="boras")
    flow.source.memberships.update(can_export=False)
    assert refusal(flow) == "export.no_right"
    flow.source.memberships.update(can_export=True, organisation_id="")
    assert refusal(flow) == "export.sender_without_id"
    flow.source.memberships.update(organisation_id="bodil@boras.example")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by)
    assert attempt.managers == ["bodil@boras.example"]


def test_instant_export_never_takes_an_alternative_grade(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, state=3, instant_export=True)
    AssessmentFactory(participant=ParticipantFactory(flow=flow), grade="3", alternative_grade="4")
    (attempt,) = start_export(flow=flow, trigger="instant")
    assert attempt.items.values_list("grade", flat=True).get() == "5"
    assert refusal(flow) == "export.marking_ends_at"


def test_retry_takes_what_failed_and_what_is_unknown(make_flow: MakeFlow) -> None:
    flow = make_flow(people=4)
    people = list(flow.participants.order_by("pk"))
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    for person, state in zip(people, ["exported", "failed", "unknown"], strict=False):
        ExportItemFactory(attempt=attempt, participant=person, state=state)
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by)
    assert retry.is_retry
    assert set(retry.items.values_list("participant", flat=True)) == {people[1].pk, people[2].pk}
    assert list(attempt.items.order_by("pk").values_list("state", flat=True)) == ["exported", "failed", "superseded"]


def test_retry_without_anything_failed_is_refused(make_flow: MakeFlow) -> None:
    flow = make_flow()
    with pytest.raises(Refused) as caught:
        retry_export(flow=flow, requested_by=flow.created_by)
    assert caught.value.message.code == "export.nothing_to_retry"


def test_a_grade_changed_after_export_goes_again_only_where_the_source_allows_and_a_manager_asks(
    make_flow: MakeFlow,
) -> None:
    flow = make_flow(people=1)
    item = ExportItemFactory(
        attempt=ExportAttemptFactory(flow=flow, state="exported"),
        participant=flow.participants.get(),
        state="exported",
        grade="3",
    )
    assert refusal(flow) == "export.some_changed"
    assert refusal(flow, overwrite=True) == "export.no_overwriting"
    flow.source.__class__.objects.update(allows_overwriting=True)
    assert refusal(flow) == "export.some_changed"
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, overwrite=True)
    item.refresh_from_db()
    assert item.state == "superseded"
    assert attempt.items.values_list("grade", "generation").get() == ("5", 1)


def test_an_exported_alternative_grade_is_locked(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, source={"allows_overwriting": True})
    ExportItemFactory(
        attempt=ExportAttemptFactory(flow=flow, state="exported"), participant=flow.participants.get(),
        state="exported", grade="3", is_alternative=True,
    )  # fmt: skip
    with pytest.raises(Refused) as caught:
        start_export(flow=flow, requested_by=flow.created_by, overwrite=True, only=[flow.participants.get().pk])
    assert caught.value.message.code == "export.alternative_locked"


def test_the_idempotency_key_stays_while_the_outcome_is_unknown_and_changes_with_the_content(
    make_flow: MakeFlow,
) -> None:
    flow = make_flow(people=2)
    (first,) = start_export(flow=flow, requested_by=flow.created_by)
    ExportAttempt.objects.filter(pk=first.pk).update(state="failed", finished_at=first.created_at)
    first.items.update(state="unknown")
    (second,) = retry_export(flow=flow, requested_by=flow.created_by)
    assert second.idempotency_key == first.idempotency_key
    ExportAttempt.objects.filter(pk=second.pk).update(state="failed", finished_at=first.created_at)
    second.items.update(state="unknown")
    person = flow.participants.first()
    assert person
    person.assessment.grade = "3"
    person.assessment.save()
    (third,) = retry_export(flow=flow, requested_by=flow.created_by)
    assert third.idempotency_key != first.idempotency_key


def test_the_preview_shows_the_body_with_masked_personnummer(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, university="boras")
    preview = preview_export(flow=flow, user=flow.created_by)
    assert preview.refusal is None
    ((code, body),) = preview.bodies()
    assert code == flow.codes.get().code
    assert "19900101-****" in body
    assert flow.participants.get().national_id not in body


def test_the_preview_masks_a_personnummer_without_its_century(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, university="boras")
    flow.participants.get().registrations.update(national_id="9001011234")
    ((_code, body),) = preview_export(flow=flow, user=flow.created_by).bodies()
    assert '"900101-****"' in body


def test_the_preview_of_a_retry_shows_who_failed(make_flow: MakeFlow) -> None:
    flow = make_flow(people=2)
    person = flow.participants.first()
    assert person
    ExportItemFactory(attempt=ExportAttemptFactory(flow=flow, state="failed"), participant=person, state="failed")
    preview = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY)
    assert [line.participant for line in preview.to_send] == [person]


def test_each_start_is_on_record(make_flow: MakeFlow, world: World) -> None:
    from sources.models import AuditEntry

    flow = make_flow()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, address="192.0.2.7")
    entry = AuditEntry.objects.get(attempt_id=attempt.pk)
    assert (entry.actor, entry.address, entry.message["code"]) == (flow.created_by, "192.0.2.7", "audit.export_started")
    assert ExportItem.objects.count() == 2


def test_an_alternative_grade_has_a_key_of_its_own(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1)
    keys = []
    for is_alternative in (False, True):
        (each,) = load_case(flow).people
        line = dataclasses.replace(each.facts.line, is_alternative=is_alternative)
        assert each.code
        keys.append(idempotency_key(flow, each.code, [(line, 0)]))
    assert keys[0] != keys[1]


def test_an_overwriting_that_failed_is_retried_only_while_overwriting_is_allowed(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, source={"allows_overwriting": True})
    person = flow.participants.get()
    ExportItemFactory(
        attempt=ExportAttemptFactory(flow=flow, state="exported"), participant=person, state="exported", grade="3"
    )
    for _ in range(2):  # the retry of the retry remembers it too
        ask = retry_export if ExportItem.objects.filter(state="failed").exists() else start_export
        (attempt,) = ask(
            flow=flow, requested_by=flow.created_by, **({} if ask is retry_export else {"overwrite": True})
        )
        assert attempt.items.get().replaces_exported
        token = transitions.claim(attempt.pk)
        assert token
        outcomes.drop(attempt.pk, token, message("attempt.too_late"))
    Source.objects.update(allows_overwriting=False)
    with pytest.raises(Refused) as caught:
        retry_export(flow=Flow.objects.get(pk=flow.pk), requested_by=flow.created_by)
    assert caught.value.message.code == "export.no_overwriting"
