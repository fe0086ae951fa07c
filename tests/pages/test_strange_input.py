"""Whatever somebody types, sends along or makes up in an address: an answer that says what is wrong, and never a page that is broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ladokflow.messages import message
from sources.models import Flow, Source
from tests.environment import ROOT
from tests.factories import AuditEntryFactory, UserFactory
from tests.pages.everything import addresses

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]

TOGETHER = ("x", "a\0b", "99999999999999999999", "9" * 300, "²", "[" * 3000)
ASKED_BY_GET = {
    "q",
    "course",
    "make",
    "flow",
    "preset",
    "shared",
    "goes",
    "scale",
    "tick",
    "page",
    "tab",
    "source",
    "state",
    "sort",
}


def names_asked_for() -> list[str]:
    """What views read and forms send along, by whatever page."""
    found: set[str] = set()
    for folder in ("ladokflow/pages", "sources", "exports"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            found |= set(re.findall(r'(?:GET|POST)\.(?:get|getlist)\("([\w-]+)"', text))
            found |= set(re.findall(r"^    (\w+)(?:: [\w.]+)? = forms\.\w+\(", text, re.MULTILINE))
    for path in (ROOT / "templates").rglob("*.html"):
        found |= set(re.findall(r'name="([\w-]+)"', path.read_text()))
    return sorted(found - {"csrfmiddlewaretoken", "password"})


NAMES = names_asked_for()


def test_the_names_are_found() -> None:
    assert {"q", "page", "item", "next", "flow", "code", "reason", "source"} <= set(NAMES)


def test_no_page_breaks(sign_in: SignIn, anna: User, flows: list[Flow]) -> None:
    client = sign_in(anna)
    client.raise_request_exception = False
    broken = []
    for name, address in addresses(flows[-1]):
        plain = address.partition("?")[0]
        for value in TOGETHER if name != "logout" else ():
            for method in (client.get, client.post):
                if method(plain, dict.fromkeys(NAMES, value)).status_code >= 500:
                    broken.append(f"{method.__name__} {plain} {value[:20]!r}")
    assert broken == []


def test_no_page_of_the_wizard_breaks_over_one_value_alone(sign_in: SignIn, anna: User, liu: Source) -> None:
    """All of them at once may be refused before each has been looked at."""
    client = sign_in(anna)
    client.raise_request_exception = False
    broken = []
    places = [reverse(f"flows:{name}", args=[liu.slug]) for name in ("from_list", "preview", "settings", "from_code")]
    for place in [reverse("flows:list"), reverse("exports:dashboard"), *places]:
        for name in (*sorted(set(NAMES) & ASKED_BY_GET), "code"):
            query: dict[str, Any] = {"code": "TDDE01-TEN1-1001"} if name != "code" else {}
            for value in ("a\0b", "99999999999999999999"):
                if client.get(place, query | {name: value}).status_code >= 500:
                    broken.append(f"{place} {name}={value!r}")
    assert broken == []


# --- The administration


@pytest.fixture
def as_root(sign_in: SignIn, liu: Source) -> Client:
    AuditEntryFactory(source=liu, message=message("admin.export_body_changed").to_json())
    client = sign_in(UserFactory(is_staff=True, is_superuser=True))
    client.raise_request_exception = False
    return client


def changelists() -> dict[str, type[Model]]:
    names = {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist": model for model in admin.site._registry
    }
    return {reverse(name): model for name, model in names.items()}


def test_no_list_of_the_administration_breaks(as_root: Client) -> None:
    """Whatever is chosen for its actions, and whatever stands in its address."""
    broken = []
    for place in changelists():
        for key in ("x", "99999999999999999999", "a\0b"):
            page = {"action": "delete_selected", "_selected_action": key, "index": "0"}
            for action in ("delete_selected", "download", "enable", "resubmit_task"):
                if as_root.post(place, page | {"action": action}).status_code >= 500:
                    broken.append(f"{place} {action} {key!r}")
            asked = {"q": key, "p": key, "o": key, "after": key, "before": key}
            for query in (
                asked,
                {"role__exact": key},
                {"source__id__exact": key},
                {"at__year": key},
                {"username": key},
            ):
                if as_root.get(place, query).status_code >= 500:
                    broken.append(f"{place} {query}")
            if as_root.get(f"{place}{quote(key)}/change/").status_code >= 500:
                broken.append(f"{place}{key!r}")
    assert broken == []


def test_a_number_without_bounds_is_told_as_wrong(as_root: Client, liu: Source) -> None:
    place = reverse("admin:sources_source_change", args=[liu.pk])
    for field in ("brake_people", "settling_minutes"):
        answer = as_root.post(place, {field: "99999999999999999999"})
        assert field in answer.context["adminform"].form.errors
    answer = as_root.post(reverse("admin:sources_flowpreset_add"), {"template_flow_id": "9" * 30})
    assert answer.status_code == 200
