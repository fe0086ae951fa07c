"""*It is the same person*, or somebody else: on the flow's page, for the managers of its university."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.ladok.base import Person
from ladokflow.messages import message
from sources.models import Flow, Registration
from sources.sync.claims import claim_of
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory
from tests.pages.walking import main_text

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def doubted(flow: Flow, **now: Any) -> Registration:
    """Somebody on the flow whose registration may be somebody else's now."""
    person = ParticipantFactory(flow=flow, first_name="Eva", last_name="Öberg", national_id="199001011234")
    row = person.registrations.get()
    names = {"name": "Ny Öberg", "organisation_id": "x", "other": str(person), "other_id": "x"}
    row.doubt = message("sources.doubt.organisation_id", **names).to_json()
    row.claim = claim_of(
        Person(
            organisation_id=row.organisation_id,
            national_id="198502022345",
            first_name="Ny",
            last_name="Öberg",
            external_user_id="new-number",
            **now,
        )
    )
    row.save()
    return row


def form_of(client: Client, flow: Flow) -> dict[str, Any]:
    (question,) = client.get(reverse("flows:detail", args=[flow.pk])).context["questions"]
    return {"registration": question.registration.pk, "seen": question.seen}


def test_before_and_now_stand_side_by_side_without_the_last_digits(sign_in: SignIn) -> None:
    flow = FlowFactory()
    doubted(flow)
    page = sign_in(MembershipFactory(source=flow.source).user).get(reverse("flows:detail", args=[flow.pk])).text
    for shown in ("Is it the same person?", "19900101-****", "19850202-****", "new-number", "Different", "Eva", "Ny"):
        assert shown in main_text(page), shown
    assert "199001011234" not in page
    assert "198502022345" not in page
    assert (
        "Is it the same person?"
        not in sign_in(MembershipFactory(source=flow.source).user)
        .get(reverse("flows:detail", args=[FlowFactory(source=flow.source).pk]))
        .text
    )


@pytest.mark.parametrize(
    ("answer", "told", "is_listed"),
    [
        ("same", "Eva Öberg is the same person.", True),
        ("other", "It is somebody else: Eva Öberg is no longer on Ladok", False),
    ],
)
def test_an_answer_is_done_and_told(sign_in: SignIn, answer: str, told: str, is_listed: bool) -> None:
    flow = FlowFactory()
    row = doubted(flow)
    client = sign_in(MembershipFactory(source=flow.source).user)
    address = reverse("flows:who_is_it", args=[flow.pk])
    page = client.post(address, {**form_of(client, flow), "answer": answer}, follow=True).text
    assert told in page
    assert "Is it the same person?" not in page
    row.refresh_from_db()
    assert (row.is_listed, row.doubt, row.external_user_id == "new-number") == (is_listed, {}, is_listed)


def test_what_has_changed_since_is_shown_instead(sign_in: SignIn) -> None:
    flow = FlowFactory()
    row = doubted(flow)
    client = sign_in(MembershipFactory(source=flow.source).user)
    shown = form_of(client, flow)
    row.claim = claim_of(Person(organisation_id=row.organisation_id, external_user_id="another-number"))
    row.save()
    page = client.post(reverse("flows:who_is_it", args=[flow.pk]), {**shown, "answer": "same"}, follow=True).text
    assert "has changed since you opened the page" in page
    assert "another-number" in page
    row.refresh_from_db()
    assert row.doubt


def test_only_the_universitys_managers_answer_and_only_what_is_asked(sign_in: SignIn, client: Client) -> None:
    flow = FlowFactory()
    row = doubted(flow)
    address = reverse("flows:who_is_it", args=[flow.pk])
    manager = sign_in(MembershipFactory(source=flow.source).user)
    shown = {**form_of(manager, flow), "answer": "same"}
    assert sign_in(MembershipFactory().user).post(address, shown).status_code == 404
    assert client.post(address, shown).status_code == 302
    assert manager.get(address).status_code == 405
    keys = ("x", "", str(2**80), "9" * 5000)
    for wrong in ({"answer": "perhaps"}, *({"registration": key} for key in keys)):
        assert manager.post(address, {**shown, **wrong}).status_code == 404
    row.refresh_from_db()
    assert row.doubt
