"""What has come out about grades is told on the flow, its attempts, the dashboard, Home and by e-mail until a manager has dealt with it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from exports.models import DigestReader, ExportAttempt, Finding
from exports.operation import digest
from ladokflow.messages import message
from sources.models import Flow
from tests.factories import ExportAttemptFactory, ExportItemFactory, FlowFactory, MembershipFactory, ParticipantFactory
from tests.pages.exporting import manager_of, page, signed_in, stranger

pytestmark = pytest.mark.django_db

TOLD = {
    "twice": (message("finding.twice", grades="5 + 5", codes="TEN1"), "2 grades are in Ladok twice."),
    "late": (message("finding.late_registered"), "What became of 2 grades came out late."),
}
SWEDISH = {"twice": "2 betyg finns dubbelt i Ladok.", "late": "För 2 betyg kom beskedet sent."}


def found(kind: str, **fields: Any) -> Flow:
    """An exported flow with two such grades."""
    flow: Flow = FlowFactory(state=Flow.State.CONCLUDED, export_state="exported", exported_count=2, **fields)
    attempt = ExportAttemptFactory(flow=flow, state="exported", sent_count=2, exported_count=2)
    ExportAttempt.objects.filter(pk=attempt.pk).update(finished_at=timezone.now() - dt.timedelta(days=30))
    for _ in range(2):
        item = ExportItemFactory(attempt=attempt, participant=ParticipantFactory(flow=flow), state="exported")
        Finding.objects.create(flow=flow, item=item, kind=kind, message=TOLD[kind][0].to_json())
    return flow


def places(flow: Flow) -> list[str]:
    return [
        "/",
        "/exports/?tab=failed",
        "/exports/?tab=exported",
        reverse("flows:detail", args=[flow.pk]),
        reverse("flows:participants", args=[flow.pk]),
        reverse("flows:exports", args=[flow.pk]),
        reverse("exports:attempt", args=[flow.attempts.get().pk]),
    ]


def here(flow: Flow) -> str:
    return reverse("exports:findings", args=[flow.pk])


def deal_with(client: Client, flow: Flow, kind: str, keys: list[int] | None = None, **fields: Any) -> str:
    keys = list(Finding.objects.open().filter(flow=flow).values_list("pk", flat=True)) if keys is None else keys
    data = {"kind": kind, "finding": keys, **fields}
    return client.post(here(flow), data, follow=True, headers={"accept-language": "en"}).text


@pytest.mark.parametrize("kind", TOLD)
def test_it_is_told_everywhere_until_a_manager_has_dealt_with_it(client: Client, kind: str) -> None:
    flow = found(kind)
    user = manager_of(flow)
    signed_in(client, user)
    for address in places(flow):
        text = page(client, address)
        assert TOLD[kind][1] in text, address
        assert here(flow) in text, address
    listed = page(client, here(flow))
    assert escape(TOLD[kind][0].what) in listed
    assert all(str(person) in listed for person in flow.participants.all())
    assert "dealt with" in deal_with(client, flow, kind, reason="Removed one of them today")
    assert set(Finding.objects.values_list("handled_by", flat=True)) == {user.pk}
    for address in places(flow):
        assert TOLD[kind][1] not in page(client, address), address
    after = page(client, here(flow))
    assert "Nothing to look into" in after
    assert str(user) in after
    assert ("Removed one of them today" in after) is (kind == "twice")


@pytest.mark.parametrize("kind", TOLD)
def test_it_is_told_in_swedish(client: Client, kind: str) -> None:
    flow = found(kind)
    signed_in(client, manager_of(flow))
    for address in places(flow):
        assert SWEDISH[kind] in client.get(address, headers={"accept-language": "sv"}).text, address


@pytest.mark.parametrize("kind", TOLD)
def test_another_university_is_told_nothing(client: Client, kind: str) -> None:
    flow = found(kind)
    signed_in(client, stranger())
    for address in ("/", "/exports/", "/exports/?tab=exported"):
        assert flow.title not in page(client, address)
        assert here(flow) not in page(client, address)
    assert client.get(here(flow)).status_code == 404
    keys = list(Finding.objects.values_list("pk", flat=True))
    assert client.post(here(flow), {"kind": kind, "finding": keys, "reason": "Mine"}).status_code == 404
    assert Finding.objects.open().count() == 2


def test_that_it_is_corrected_needs_a_word_and_that_it_is_seen_does_not(client: Client) -> None:
    twice, late = found("twice"), found("late")
    user: User = manager_of(twice)
    MembershipFactory(source=late.source, user=user)
    signed_in(client, user)
    assert "This field is required." in deal_with(client, twice, "twice", reason="  ")
    assert "I have corrected it in Ladok" in page(client, here(twice))
    assert "I have seen it" in page(client, here(late))
    deal_with(client, late, "late")
    assert list(Finding.objects.open().values_list("kind", flat=True)) == ["twice", "twice"]


@pytest.mark.parametrize("wrong", ["handled", "other kind", "other flow", "gone"])
def test_what_is_not_as_it_was_shown_is_shown_and_not_dealt_with(client: Client, wrong: str) -> None:
    flow = found("twice")
    signed_in(client, manager_of(flow))
    first, second = Finding.objects.open().values_list("pk", flat=True)
    keys, kind = [first, second], "twice"
    if wrong == "handled":
        Finding.objects.filter(pk=first).update(handled_at=timezone.now(), handled_by=flow.created_by)
    elif wrong == "other kind":
        kind = "late"
    elif wrong == "other flow":
        found("twice")
        keys = list(Finding.objects.open().values_list("pk", flat=True))
    else:
        Finding.objects.filter(pk=first).delete()
    before = Finding.objects.open().count()
    assert "has changed since the page was shown" in deal_with(client, flow, kind, keys, reason="Removed")
    assert Finding.objects.open().count() == before


def test_only_the_chosen_are_dealt_with(client: Client) -> None:
    flow = found("twice")
    signed_in(client, manager_of(flow))
    assert "Choose at least one person first." in deal_with(client, flow, "twice", [], reason="Removed")
    key = Finding.objects.values_list("pk", flat=True)[0]
    deal_with(client, flow, "twice", [key], reason="Removed")
    assert Finding.objects.open().exclude(pk=key).count() == 1


# --- By e-mail


def wrote(now: dt.datetime) -> int:
    DigestReader.objects.update(sent_at=None)  # the distance between two e-mails has passed
    return digest.send_digests(now)


@pytest.mark.parametrize("kind", TOLD)
def test_an_e_mail_tells_it_and_again_every_day_what_is_in_ladok_twice(mailoutbox: Any, kind: str) -> None:
    flow = found(kind)
    MembershipFactory(source=flow.source, user=flow.created_by, language="sv")
    now = timezone.now()
    assert wrote(now) == 1
    (mail,) = mailoutbox
    (line,) = [line for line in mail.body.splitlines() if line.startswith("- ")]
    assert SWEDISH[kind] in line
    assert line.endswith(here(flow))
    assert wrote(now + dt.timedelta(hours=23)) == 0
    assert wrote(now + dt.timedelta(hours=25)) == (kind == "twice")
    assert wrote(now + dt.timedelta(hours=26)) == 0
    Finding.objects.update(handled_at=now, handled_by=flow.created_by)
    assert wrote(now + dt.timedelta(days=3)) == 0
