"""What the libraries keep is shown in our words: sign-ins, tries, and the queue."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override
from django_q.models import Failure, OrmQ, Schedule, Success

ENTRY = {"username": "lars", "ip_address": "10.0.0.1", "user_agent": "Firefox", "http_accept": "x", "path_info": "/"}
THEIRS = ("Attempt Time", "Failed Logins", "Remaining", "Clean up", "Last_run", "Axes", "Locked Out", "Path", ">None<")


@pytest.fixture
def rows(db: None) -> list[Any]:
    now = timezone.now()
    task = {"name": "t", "func": "f", "started": now, "stopped": now}
    return [
        AccessAttempt.objects.create(failures_since_start=3, **ENTRY),
        AccessLog.objects.create(**ENTRY),
        Schedule.objects.create(name="nightly", func="f", schedule_type="I", minutes=5),
        Success.objects.create(id="1" * 32, success=True, **task),
        Failure.objects.create(id="2" * 32, success=False, result="It broke", **task),
        OrmQ.objects.create(key="exports", payload="", lock=now),
    ]


def _english(client: Client, address: str) -> str:
    answer = client.get(address, headers={"accept-language": "en"})
    assert answer.status_code == 200
    return answer.text


def test_lists_and_rows_of_libraries_are_in_our_words_and_only_to_read(as_root: Client, rows: list[Any]) -> None:
    for row in rows:
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
        for address in (reverse(f"{name}_changelist"), reverse(f"{name}_change", args=[row.pk])):
            text = _english(as_root, address)
            assert [word for word in THEIRS if word in text] == [], address
            assert 'name="_save"' not in text, address


def test_headings_of_the_libraries_are_ours(as_root: Client) -> None:
    headings = re.findall(r'class="section"[^>]*>\s*([^<]+?)\s*<', _english(as_root, reverse("admin:index")))
    assert {"Accounts", "Signing in", "Queue"} <= set(headings)
    assert {"Axes", "Authentication and Authorization"}.isdisjoint(headings)


def test_no_two_lists_have_the_same_name() -> None:
    """A catalogue holds one Swedish word for each of English: a name of ours that a library has as well would read as the library's."""
    with override("sv"):
        names = [str(model._meta.verbose_name_plural) for model in admin.site._registry]
    assert len(names) == len(set(names))
