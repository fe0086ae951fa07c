"""Days that nobody means, wherever one may be asked for: told, or left aside, and never an error of ours."""

from __future__ import annotations

import itertools
from importlib import import_module
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ladokflow.form_fields import DayField, within_bounds
from sources.models import AuditEntry
from tests.factories import FlowFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
DAYS = ("0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31", "2026-02-31", "x")
GOOD = "2026-11-20"
# Every address of ours that takes a day, and by which names.
PLACES = {
    "/logs/?source=uni&kind=csv": ("first", "last"),
    "/flows/new/uni/list/?course=TDDE01": ("first", "last"),
}
MOMENTS = ("-62135596800000", "253402300799000", "99999999999999999999", "x", "-1e400")


@pytest.fixture
def client(sign_in: Any) -> Client:
    user: User = UserFactory()
    MembershipFactory(user=user, source__slug="uni", role="licence_admin")
    FlowFactory(source=user.memberships.get().source)
    signed: Client = sign_in(user)
    return signed


@pytest.mark.parametrize(("place", "day"), list(itertools.product(PLACES, DAYS)))
def test_no_address_takes_a_day_that_is_none(client: Client, place: str, day: str) -> None:
    for name in PLACES[place]:
        days = dict.fromkeys(PLACES[place], GOOD) | {name: day}
        answer = client.get(place + "".join(f"&{key}={value}" for key, value in days.items()))
        assert answer.status_code == 200
        assert 'class="errorlist"' in answer.text
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_that_is_none_is_left_aside(client: Client, moment: str) -> None:
    assert client.get(reverse("exports:dashboard"), {"since": moment}).status_code == 200


def test_every_day_in_a_form_is_held_to_the_same_bounds() -> None:
    def forms_of(kind: type) -> set[type]:
        return {kind}.union(*(forms_of(each) for each in kind.__subclasses__()))

    import_module(settings.ROOT_URLCONF)  # and with it all pages
    ours = [
        each for each in forms_of(forms.BaseForm) if each.__module__.startswith(("sources.", "exports.", "ladokflow."))
    ]
    fields = [field for form in ours for field in getattr(form, "base_fields", {}).values()]
    days = [field for field in fields if isinstance(field, forms.DateField | forms.DateTimeField)]
    assert len([field for field in days if isinstance(field, DayField)]) >= 5
    assert all(within_bounds in field.validators for field in days)
