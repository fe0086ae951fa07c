"""Every page: one h1, valid HTML, its language, nothing inline, and errors that are pages too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ladokflow.pages import errors
from sources.models import Flow
from sources.universities.permissions import PAGES, Access
from tests.factories import (
    ExportAttemptFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)
from tests.pages.walking import filled, patterns, problems_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


@pytest.fixture
def full_flow() -> Flow:
    flow = FlowFactory(state=Flow.State.CONCLUDED, codes=["A", "B"])
    ParticipantFactory.create_batch(3, flow=flow, grade="5")
    return flow


def addresses(flow: Flow) -> dict[str, str]:
    run = SyncRunFactory(flow=flow)
    attempt = ExportAttemptFactory(flow=flow, state="exported")
    slug = flow.source.slug
    found = {
        name: reverse(f"flows:{name}", args=[flow.pk])
        for name in ("detail", "participants", "codes", "syncs", "exports", "change")
    }
    found |= {name: reverse(f"flows:{name}", args=[slug]) for name in ("way", "from_list", "from_code")}
    found |= {name: reverse(name) for name in ("home", "glossary", "manual", "styleguide", "flows:list", "flows:new")}
    return found | {
        "sync_run": reverse("flows:sync_run", args=[flow.pk, run.pk]),
        "dashboard": reverse("exports:dashboard"),
        "dashboard pending": reverse("exports:dashboard") + "?tab=pending",
        "attempt": reverse("exports:attempt", args=[attempt.pk]),
        "preview of the export": reverse("exports:preview", args=[flow.pk]),
        "settings": reverse("flows:settings", args=[slug]) + "?code=X",
        "source data": reverse("flows:preview", args=[slug]) + "?code=X",
        "change of several": reverse("flows:change_many") + f"?flow={flow.pk}",
        "nowhere": "/nowhere/",
    }


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_page_is_valid_html_with_one_heading_in_its_language(
    sign_in: SignIn, full_flow: Flow, language: str
) -> None:
    user = MembershipFactory(source=full_flow.source).user
    client = sign_in(user, **{"accept-language": language})
    for name, address in addresses(full_flow).items():
        answer = client.get(address, follow=True)
        page = answer.content.decode()
        assert answer.status_code == (404 if name == "nowhere" else 200), name
        assert problems_of(page) == [], name
        assert len(re.findall(r"<h1[ >]", page)) == 1, name
        assert f'<html lang="{language}">' in page, name
        assert "<title> ·" not in page, name
        assert not re.search(r'\sstyle="|<style|\son[a-z]+="|<script(?![^>]*src=)|href="#"', page), name
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert sorted(set(ids)) == sorted(ids), name


def test_the_content_security_policy_allows_our_own_files_only(client: Client) -> None:
    policy = client.get("/sign-in/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert "https:" not in policy


def test_every_address_of_ours_asks_for_a_sign_in(client: Client) -> None:
    open_to_all = {name for name, needed in PAGES.items() if Access.ANYBODY in needed}
    no_key = "00000000-0000-0000-0000-000000000000"
    values = {"pk": 1, "uuid:pk": no_key, "run_pk": no_key, "code_pk": 1, "slug": "liu", "kind": "csv"}
    values |= {"batch_pk": no_key, "person_pk": 1, "rule_pk": 1, "package_pk": no_key, "file_pk": 1, "archived_pk": 1}
    checked = 0
    for pattern, name in patterns():
        if name in open_to_all:
            continue
        path = filled(pattern, values)
        answer = client.get(path)
        assert answer.status_code in (302, 405), path
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/sign-in/?next="), path
        else:
            assert client.post(path).headers["Location"].startswith("/sign-in/?next="), path
        checked += 1
    assert checked > 25


def test_a_fault_of_ours_is_a_page_with_a_reference_that_stands_in_the_log(
    rf: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("ERROR", logger="ladokflow.pages.errors"):
        answer = errors.broken(rf.get("/flows/"))
    page = answer.content.decode()
    assert answer.status_code == 500
    assert problems_of(page) == []
    reference = re.search(r"<code>(\w+)</code>", page)
    assert reference


def test_a_form_that_has_grown_too_old_says_so() -> None:
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    answer = client.post("/sign-in/", {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "Nothing was changed." in answer.content.decode()
    assert problems_of(answer.content.decode()) == []


def test_the_htmx_settings_are_json_and_keep_to_the_policy(client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    found = re.search(r"name=\"htmx-config\" content='([^']+)'", page)
    assert found
    chosen = json.loads(found[1])
    assert chosen == {"includeIndicatorStyles": False, "allowEval": False, "historyCacheSize": 0}
