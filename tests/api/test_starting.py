"""What can be started: the same as on the pages, once, and on record."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from exports.models import Collection, ExportAttempt, ExportItem
from ladokflow.messages import Message
from sources.models import ApiCall, AuditEntry, Flow, SyncRun
from tests.api.calling import Caller
from tests.factories import ApiTokenFactory, ExportItemFactory, FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def fresh(ours: Any) -> Flow:
    """A flow with two graded people of whom nothing has been sent."""
    flow: Flow = FlowFactory(
        source=ours.source,
        state=Flow.State.CONCLUDED,
        created_by=ours.membership.user,
        collected_at=ours.flow.collected_at,
    )
    for grade in ("4", "5"):
        ParticipantFactory(flow=flow, grade=grade)
    return flow


def told() -> list[str]:
    return [str(Message.from_json(entry.message)) for entry in AuditEntry.objects.order_by("pk")]


# --- Each of them


def test_a_synchronisation_is_asked_for_and_is_the_one_that_is_under_way(api: Caller, ours: Any, fresh: Flow) -> None:
    first = api.post(f"/flows/{fresh.pk}/synchronise")
    assert (first.status_code, first.json()["state"]) == (202, "queued")
    assert api.post(f"/flows/{fresh.pk}/synchronise", {}).json()["run"] == first.json()["run"]
    run = SyncRun.objects.get(flow=fresh)
    assert (run.requested_by, run.trigger) == (ours.membership.user, SyncRun.Trigger.MANAGER)
    wrong = api.post(f"/flows/{ours.flow.pk}/synchronise", {"seen": "something else"}).json()
    assert (wrong["status"], wrong["isNotAsShown"]) == (409, True)


def test_grades_are_collected_by_a_worker(api: Caller, fresh: Flow) -> None:
    answer = api.post(f"/flows/{fresh.pk}/collect")
    assert (answer.status_code, answer.json()["isCollecting"]) == (202, True)
    assert Collection.objects.asked().filter(flow=fresh).exists()
    Flow.objects.filter(pk=fresh.pk).update(setup_state="stopped")
    assert api.post(f"/flows/{fresh.pk}/collect").status_code == 409


def test_what_was_shown_is_exported_in_the_name_of_the_member(api: Caller, ours: Any, fresh: Flow) -> None:
    shown = api.post(f"/flows/{fresh.pk}/export-preview").json()
    assert sorted(line["grade"] for line in shown["send"]) == ["4", "5"]
    assert (shown["held"], shown["message"]) == ([], "")
    answer = api.post(f"/flows/{fresh.pk}/export", {"seen": shown["fingerprint"]})
    assert answer.status_code == 202
    (attempt,) = answer.json()["attempts"]
    assert (attempt["state"], attempt["sent"]) == ("queued", 2)
    row = ExportAttempt.objects.get(pk=attempt["attempt"])
    assert (row.requested_by, row.trigger) == (ours.membership.user, "manager")
    called = AuditEntry.objects.filter(attempt_id=row.pk, actor=ours.membership.user, address="127.0.0.1")
    assert any(f"{ours.token.label}: POST /api/v1/flows/{fresh.pk}/export." in str(entry) for entry in called)
    again = api.post(f"/flows/{fresh.pk}/export").json()
    assert (again["status"], again["code"]) == (409, "export.under_way")
    assert again["detail"]


def test_nothing_is_exported_that_is_not_as_it_was_shown(api: Caller, fresh: Flow) -> None:
    shown = api.post(f"/flows/{fresh.pk}/export-preview").json()
    ParticipantFactory(flow=fresh, grade="3")
    refused = api.post(f"/flows/{fresh.pk}/export", {"seen": shown["fingerprint"]}).json()
    assert (refused["status"], refused["isNotAsShown"], refused["who"]) == (409, True, "You, as manager")
    assert not fresh.attempts.exists()


def test_only_those_who_are_named_are_sent(api: Caller, fresh: Flow) -> None:
    first, other = fresh.participants.order_by("pk")
    body = {"participants": [first.pk]}
    assert [line["participant"] for line in api.post(f"/flows/{fresh.pk}/export-preview", body).json()["send"]] == [
        first.pk
    ]
    assert api.post(f"/flows/{fresh.pk}/export", body).json()["attempts"][0]["sent"] == 1
    assert not ExportItem.objects.filter(participant=other).exists()


def test_an_export_of_many_people_is_only_ordered(api: Caller, fresh: Flow) -> None:
    Flow.objects.filter(pk=fresh.pk).update(participant_count=5000)
    seen = api.post(f"/flows/{fresh.pk}/export-preview").json()["fingerprint"]
    assert api.post(f"/flows/{fresh.pk}/export", {"seen": seen}).status_code == 202
    assert fresh.attempts.get().order["seen"] == seen


def test_a_retry_leaves_out_what_may_be_in_ladok(api: Caller, ours: Any) -> None:
    unsure = ParticipantFactory(flow=ours.flow, grade="4")
    ExportItemFactory(attempt=ours.attempt, participant=unsure, state=ExportItem.State.UNKNOWN)
    assert [
        line["participant"]
        for line in api.post(f"/flows/{ours.flow.pk}/export-preview", {"asking": "retry"}).json()["send"]
    ] == [ours.person.pk]
    with_unknown = api.post(f"/flows/{ours.flow.pk}/export-preview", {"asking": "retry", "includeUnknown": True}).json()
    assert {line["participant"]: line["mayBeInLadok"] for line in with_unknown["send"]} == {
        ours.person.pk: False,
        unsure.pk: True,
    }
    answer = api.post(f"/flows/{ours.flow.pk}/retry").json()
    assert (answer["attempts"][0]["isRetry"], answer["attempts"][0]["sent"]) == (True, 1)


def test_a_grade_is_said_to_be_in_ladok_and_that_is_taken_back(api: Caller, ours: Any) -> None:
    path, named = f"/flows/{ours.flow.pk}/mark", {"participants": [ours.person.pk]}
    assert api.post(path, {"word": "in-ladok", **named}).json()["code"] == "settle.reason_missing"
    assert api.post(path, {"word": "in-ladok", "reason": "Seen."}).json()["code"] == "settle.nobody_to_mark"
    marked = api.post(path, {"word": "in-ladok", "reason": "Seen in Ladok.", **named}).json()
    assert (marked["count"], marked["state"]) == (1, "exported")
    ours.item.refresh_from_db()
    assert (ours.item.state, ours.item.settled_by) == (ExportItem.State.EXPORTED, ours.membership.user)
    assert api.post(path, {"word": "take-back"}).json()["count"] == 1
    assert any("Seen in Ladok." in text for text in told())


# --- Once


def test_the_same_key_starts_nothing_twice(api: Caller, fresh: Flow) -> None:
    first = api.post(f"/flows/{fresh.pk}/export", {}, Idempotency_Key="night-1")
    again = api.post(f"/flows/{fresh.pk}/export", {}, Idempotency_Key="night-1")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert fresh.attempts.count() == 1
    assert len([text for text in told() if "/export" in text]) == 1


def test_a_key_is_for_one_request_of_one_token(api: Caller, ours: Any, fresh: Flow) -> None:
    assert api.post(f"/flows/{fresh.pk}/collect", Idempotency_Key="k").status_code == 202
    other = api.post(f"/flows/{fresh.pk}/synchronise", Idempotency_Key="k").json()
    assert (other["status"], other["code"]) == (422, "api.key_used_otherwise")
    somebody_else = Caller(ApiTokenFactory(membership=ours.membership).secret)
    assert somebody_else.post(f"/flows/{fresh.pk}/synchronise", Idempotency_Key="k").status_code == 202
    assert api.post(f"/flows/{fresh.pk}/collect", Idempotency_Key="å").status_code == 422


def test_what_was_refused_can_be_said_again_with_its_key(api: Caller, fresh: Flow) -> None:
    Flow.objects.filter(pk=fresh.pk).update(state=Flow.State.PARTICIPATION_ENDED)
    assert api.post(f"/flows/{fresh.pk}/export", Idempotency_Key="k").status_code == 409
    assert not ApiCall.objects.exists()
    Flow.objects.filter(pk=fresh.pk).update(state=Flow.State.CONCLUDED)
    assert api.post(f"/flows/{fresh.pk}/export", Idempotency_Key="k").status_code == 202


@pytest.mark.django_db(transaction=True)
def test_two_at_once_with_one_key_are_one(ours: Any, fresh: Flow) -> None:
    answers: list[Any] = []
    begin = threading.Barrier(3)

    def call() -> None:
        caller = Caller(ours.token.secret)
        begin.wait()
        answers.append(caller.post(f"/flows/{fresh.pk}/export", {}, Idempotency_Key="k"))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.content for answer in answers}) == 1
    assert fresh.attempts.count() == 1
