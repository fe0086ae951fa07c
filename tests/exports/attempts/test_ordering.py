"""Of a flow with many people the button only orders the export: a worker starts it, by the same rules, held to what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from exports.attempts import ordering, transitions
from exports.attempts.send import send_attempt
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import sweep
from exports.rules.states import refresh_states
from sources.models import AuditEntry, Flow
from tests.exports.attempts.test_once import at_once
from tests.exports.world import World
from tests.factories import FlowFactory, FlowSourceFactory, ParticipantFactory, in_hours
from tests.filling import form_on

MakeFlow = Callable[..., Flow]


@pytest.fixture(autouse=True)
def nobody_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "MOST_AT_ONCE", 0)  # the setting of a limit, not our code


@pytest.fixture
def flow(make_flow: MakeFlow) -> Flow:
    flow = make_flow(people=3)
    refresh_states(flow)
    return flow


@pytest.fixture
def manager(client: Client, flow: Flow) -> Client:
    client.force_login(flow.created_by)
    return client


def preview_of(flow: Flow) -> str:
    return reverse("exports:preview", args=[flow.pk])


def send_form(client: Client, flow: Flow, query: str = "") -> Callable[[], Any]:
    """Open the preview; what presses its button later."""
    address = reverse("exports:send", args=[flow.pk])
    fields = form_on(client.get(preview_of(flow) + query).content.decode(), address)
    return lambda: client.post(address, fields, headers={"accept-language": "en"})


def several_form(client: Client, flow: Flow) -> Callable[[], Any]:
    """The same of the preview of several flows."""
    address, other = reverse("exports:send_chosen"), FlowFactory(source=flow.source)
    shown = client.get(reverse("exports:preview_chosen"), {"flow": [flow.pk, other.pk]})
    fields = form_on(shown.content.decode(), address)
    return lambda: client.post(address, fields, follow=True, headers={"accept-language": "en"})


def give_another_grade(flow: Flow, world: World) -> None:
    """As many people have one as before."""
    world.grades[flow.participants.latest("pk").wiseflow_id or 0] = "3"
    collect_grades(flow)


def ordered() -> ExportAttempt:
    attempt = ExportAttempt.objects.latest("created_at")
    assert attempt.order
    assert (attempt.state, attempt.items.count()) == ("queued", 0)
    return attempt


FORMS = pytest.mark.parametrize("form", [send_form, several_form], ids=["one", "several"])


@FORMS
def test_what_was_seen_is_started_by_the_worker_and_sent(manager: Client, flow: Flow, world: World, form: Any) -> None:
    form(manager, flow)()
    attempt = ordered()
    assert OrmQ.objects.count() == 1
    page = manager.get(
        reverse("exports:attempt", args=[attempt.pk]), headers={"accept-language": "en"}
    ).content.decode()
    assert "orking out whose grades to send" in page
    assert "0 grades" not in page
    assert send_attempt(attempt.pk) == "exported"
    attempt.refresh_from_db()
    assert (attempt.order, attempt.sent_count, attempt.exported_count) == ({}, 3, 3)
    assert len(world.exported) == 1
    told = AuditEntry.objects.filter(attempt_id=attempt.pk).order_by("pk").values_list("message__code", flat=True)
    assert list(told)[:3] == ["audit.export_ordered", "audit.export_claimed", "audit.export_started"]


@FORMS
def test_the_press_itself_reads_no_person(manager: Client, flow: Flow, form: Any) -> None:
    press_it = form(manager, flow)
    with CaptureQueriesContext(connection) as queries:
        press_it()
    assert [query["sql"] for query in queries if '"sources_participant"."organisation_id"' in query["sql"]] == []


@FORMS
@pytest.mark.parametrize("change", ["grade", "newcomer"])
def test_what_changes_before_the_worker_comes_is_not_sent(
    manager: Client, flow: Flow, world: World, form: Any, change: str
) -> None:
    form(manager, flow)()
    attempt = ordered()
    if change == "grade":
        give_another_grade(flow, world)
    else:
        world.grades[ParticipantFactory(flow=flow, grade="5").wiseflow_id] = "5"
    refresh_states(flow)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert attempt.order == {}
    assert attempt.reason is not None
    assert "Something has changed" in str(attempt.reason) or "what the preview showed" in str(attempt.reason)
    assert not world.exported
    assert not ExportItem.objects.exists()
    flow.refresh_from_db()
    assert (flow.export_state, flow.export_message["code"]) == ("pending", "export.ready")
    form(manager, flow)()
    assert send_attempt(ordered().pk) == "exported"


def test_a_form_without_what_was_seen_starts_nothing(manager: Client, flow: Flow) -> None:
    manager.post(reverse("exports:send", args=[flow.pk]), {"asking": "first"})
    assert not ExportAttempt.objects.exists()


def test_what_the_rules_say_of_the_flow_is_said_at_once(manager: Client, flow: Flow) -> None:
    press_it = send_form(manager, flow)
    Flow.objects.filter(pk=flow.pk).update(export_ended_at=in_hours(0))
    press_it()
    assert not ExportAttempt.objects.exists()


def test_what_they_say_to_the_worker_is_said_on_the_attempt(manager: Client, flow: Flow, world: World) -> None:
    send_form(manager, flow)()
    Flow.objects.filter(pk=flow.pk).update(export_ended_at=in_hours(0))
    attempt = ordered()
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert attempt.reason is not None
    assert "The Ladok code was removed" in str(attempt.reason)
    assert not world.exported


def test_two_presses_order_one_export(transactional_db: None, manager: Client, flow: Flow) -> None:
    def press_it() -> Any:
        client = Client()
        client.force_login(flow.created_by)
        return send_form(client, flow)

    forms = [press_it() for _ in range(6)]
    at_once(lambda: forms.pop()(), 6)
    assert ExportAttempt.objects.count() == 1


def test_a_worker_that_dies_before_it_has_started_it_is_followed_by_another(
    manager: Client, flow: Flow, world: World
) -> None:
    send_form(manager, flow)()
    attempt = ordered()
    assert transitions.claim(attempt.pk)
    ExportAttempt.objects.update(lease_until=in_hours(-1))
    assert sweep().put_back == 1
    assert send_attempt(attempt.pk) == "exported"
    assert len(world.exported) == 1


def test_who_has_lost_the_claim_starts_nothing(flow: Flow, manager: Client) -> None:
    send_form(manager, flow)()
    token = transitions.claim(ordered().pk)
    assert token
    attempt = ExportAttempt.objects.get()
    ExportAttempt.objects.update(token="0" * 32)
    assert ordering.carry_out(attempt) is None
    assert not ExportItem.objects.exists()


def test_a_retry_is_ordered_too_and_sends_what_failed(manager: Client, flow: Flow, world: World) -> None:
    world.answer = lambda call: (400, b"")
    send_form(manager, flow)()
    assert send_attempt(ordered().pk) == "failed"
    world.answer = lambda call: (200, b"")
    send_form(manager, flow, "?asking=retry")()
    attempt = ordered()
    assert attempt.is_retry
    assert send_attempt(attempt.pk) == "exported"
    assert len(world.exported) == 2


def test_each_code_gets_an_attempt_of_its_own(manager: Client, flow: Flow, world: World) -> None:
    code = FlowSourceFactory(flow=flow)
    for _ in range(2):
        world.grades[ParticipantFactory(flow=flow, codes=[code], grade="5").wiseflow_id] = "5"
    refresh_states(flow)
    send_form(manager, flow)()
    assert send_attempt(ordered().pk) == "exported"
    first, second = ExportAttempt.objects.order_by("created_at")
    assert (first.state, first.sent_count, second.state, second.sent_count) == ("exported", 3, "queued", 2)
    assert send_attempt(second.pk) == "exported"
