"""Who exported what, when, from where, and what Ladok said of it: on the attempt's page, in the administration, and to take away."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from exports.attempts.send import send_attempt
from exports.models import ExportAttempt
from sources.models import AuditEntry, Flow, Membership
from tests.exports.world import World
from tests.factories import ExportAttemptFactory, MembershipFactory, UserFactory
from tests.filling import press

MakeFlow = Callable[..., Flow]
LOG = "admin:sources_auditentry_changelist"


@pytest.fixture
def attempt(make_flow: MakeFlow, world: World, client: Client) -> ExportAttempt:
    """Exported from the page, and refused by Ladok."""
    flow = make_flow()
    world.answer = lambda call: (400, json.dumps({"message": "Fel kod för 19900101-1234"}).encode())
    client.force_login(flow.created_by)
    press(client, reverse("exports:preview", args=[flow.pk]), reverse("exports:send", args=[flow.pk]))
    attempt = ExportAttempt.objects.get()
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    return attempt


@pytest.fixture
def as_admin(attempt: ExportAttempt) -> Client:
    lars = UserFactory(email="lars@liu.example", is_staff=True)
    MembershipFactory(source=attempt.flow.source, user=lars, role=Membership.Role.LICENCE_ADMIN)
    client = Client(headers={"accept-language": "en"})
    client.force_login(lars)
    return client


def read(client: Client, address: str, **data: Any) -> str:
    answer = client.get(address, data, headers={"accept-language": "en"})
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def entries(attempt: ExportAttempt) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(attempt_id=attempt.pk).order_by("pk"))


def test_the_attempts_page_tells_it_all(attempt: ExportAttempt, client: Client) -> None:
    page = read(client, reverse("exports:attempt", args=[attempt.pk]))
    assert len(entries(attempt)) == 4
    for entry in entries(attempt):
        assert str(entry) in page
    person = attempt.flow.created_by
    assert (person.get_full_name() or person.get_username()) in page
    assert "127.0.0.1" in page
    assert "Fel kod för" in page
    assert "19900101-1234" not in page


def test_the_administration_tells_it_all_and_changes_nothing(attempt: ExportAttempt, as_admin: Client) -> None:
    one = reverse("admin:exports_exportattempt_change", args=[attempt.pk])
    page = read(as_admin, one)
    assert "Fel kod för" in page
    assert "19900101-1234" not in page
    assert as_admin.post(one, {"state": "exported"}).status_code == 403
    assert as_admin.post(reverse("admin:exports_exportattempt_delete", args=[attempt.pk])).status_code == 403
    found = as_admin.get(reverse(LOG), {"q": str(attempt.pk)}).context["cl"].result_list
    assert {entry.pk for entry in found} == {entry.pk for entry in entries(attempt)}


def test_the_log_is_taken_away_with_who_when_what_and_from_where(attempt: ExportAttempt, as_admin: Client) -> None:
    keys = [entry.pk for entry in entries(attempt)]
    answer = as_admin.post(reverse(LOG), {"action": "download", "_selected_action": keys})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["attempt"] for row in rows] == [str(attempt.pk)] * 4
    (first,) = [row for row in rows if row["from"]]
    assert (first["who"], first["from"]) == (attempt.flow.created_by.get_username(), "127.0.0.1")
    assert dt.datetime.fromisoformat(first["when"]).tzinfo is not None
    assert first["what"]


def test_an_attempt_is_called_by_the_time_at_its_university(make_flow: MakeFlow) -> None:
    flow = make_flow(people=0, title="Optik", source={"timezone": "Europe/Stockholm"})
    attempt = ExportAttemptFactory(flow=flow, state="failed")
    attempt.created_at = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
    with translation.override("en"):
        assert str(attempt) == "Optik 2 Jul 2026, 00:30"
