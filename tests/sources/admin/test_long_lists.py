"""What grows for ever is gone through by key, from both ends, and is not counted to its end."""

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.models import ExportAttempt
from ladokflow.messages import message
from sources.admin.long_list import MOST_COUNTED
from sources.models import AuditEntry, SyncRun, WebhookEvent
from tests.factories import FlowFactory

ROWS = 230
LISTS = {
    "sources_syncrun": (SyncRun, "-created_at"),
    "exports_exportattempt": (ExportAttempt, "-created_at"),
    "sources_auditentry": (AuditEntry, "-at"),
    "sources_webhookevent": (WebhookEvent, "-received_at"),
}


@pytest.fixture(autouse=True)
def in_english(client: Client) -> None:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"


@pytest.fixture
def rows(cast: Any) -> Any:
    """Some at the same moment: only the key tells them apart."""
    flow, now = FlowFactory(source=cast.ours), timezone.now()
    at = [now - dt.timedelta(hours=number // 3) for number in range(ROWS)]
    SyncRun.objects.bulk_create(
        SyncRun(flow=flow, trigger="night", state="success", created_at=moment, finished_at=now) for moment in at
    )
    WebhookEvent.objects.bulk_create(
        WebhookEvent(source=cast.ours, call_id=str(number), event="FINAL_GRADE", received_at=moment, handled_at=now)
        for number, moment in enumerate(at)
    )
    told = message("audit.export_claimed").to_json()
    AuditEntry.objects.bulk_create(
        AuditEntry(source=cast.ours, flow=flow, attempt_id=uuid.uuid4(), message=told) for _ in at
    )
    code = flow.codes.get()
    ExportAttempt.objects.bulk_create(
        ExportAttempt(flow=flow, code=code, state="exported", finished_at=now) for _ in at
    )
    return flow


def keys(answer: Any) -> list[Any]:
    return [row.pk for row in answer.context["cl"].result_list]


def link(answer: Any, words: str) -> str:
    found = re.search(rf'href="(\?[^"]*)"[^>]*>{words}<', answer.content.decode())
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("name", LISTS)
def test_forwards_and_backwards_each_row_comes_once(as_admin: Client, rows: Any, name: str) -> None:
    model, newest = LISTS[name]
    place = reverse(f"admin:{name}_changelist")
    expected = list(model._default_manager.order_by(newest, "-pk").values_list("pk", flat=True))
    answer = as_admin.get(place)
    assert not link(answer, "Previous page")
    forwards = keys(answer)
    while onward := link(answer, "Next page"):
        answer = as_admin.get(place + onward)
        forwards += keys(answer)
    assert forwards == expected
    last = as_admin.get(place + link(as_admin.get(place), "Last page"))
    assert not link(last, "Next page")
    backwards, answer = keys(last), last
    while back := link(answer, "Previous page"):
        answer = as_admin.get(place + back)
        backwards = keys(answer) + backwards
    assert backwards == expected
    assert keys(as_admin.get(place + link(last, "First page"))) == expected[: len(keys(as_admin.get(place)))]


def test_a_filter_is_kept_on_the_way_and_a_new_one_begins_at_the_top(as_admin: Client, rows: Any) -> None:
    place = reverse("admin:sources_syncrun_changelist")
    second = as_admin.get(place + link(as_admin.get(place, {"state__exact": "success"}), "Next page"))
    assert "state__exact=success" in link(second, "Next page")
    assert "after=" not in link(second, "Succeeded")
    assert "after=" not in link(second, "Failed")


def test_a_row_that_is_gone_leads_to_the_top(as_admin: Client, rows: Any) -> None:
    place = reverse("admin:sources_webhookevent_changelist")
    top = keys(as_admin.get(place))
    for place_asked in ({"after": "999999999"}, {"before": "999999999"}, {"after": "x"}, {"before": "\0"}):
        assert keys(as_admin.get(place, place_asked)) == top


def test_a_row_of_another_university_is_no_place(as_admin: Client, cast: Any, rows: Any) -> None:
    theirs = WebhookEvent.objects.create(
        source=cast.theirs, call_id="theirs", received_at=timezone.now() - dt.timedelta(hours=40)
    )
    place = reverse("admin:sources_webhookevent_changelist")
    assert keys(as_admin.get(place, {"after": theirs.pk})) == keys(as_admin.get(place))


def test_sorted_by_what_rows_share_it_has_numbers_as_ever(as_admin: Client, rows: Any) -> None:
    place = reverse("admin:sources_syncrun_changelist")
    answer = as_admin.get(place, {"o": "1", "p": "2"})  # by flow
    assert not answer.context["cl"].is_keyed
    assert len(keys(answer)) == 100
    assert f"{ROWS} synchronisations" in answer.content.decode()


def test_many_are_not_counted_to_the_end_and_few_are_told(as_root: Client, cast: Any, rows: Any) -> None:
    place, now = reverse("admin:sources_syncrun_changelist"), timezone.now()
    assert f"{ROWS} results" in as_root.get(place).content.decode()
    SyncRun.objects.bulk_create(
        SyncRun(flow=rows, trigger="night", state="success", finished_at=now) for _ in range(MOST_COUNTED)
    )
    with CaptureQueriesContext(connection) as queries:
        answer = as_root.get(place)
    assert not re.search(r"\d results", answer.content.decode())
    counting = [each["sql"] for each in queries if "COUNT(" in each["sql"]]
    assert counting
    assert all(f"LIMIT {MOST_COUNTED + 1}" in sql or "sources_source" in sql for sql in counting)


def test_what_no_list_shows_is_not_read(as_root: Client, rows: Any) -> None:
    for name, columns in {"sources_syncrun": ("changes", "problems"), "exports_exportattempt": ("answer",)}.items():
        with CaptureQueriesContext(connection) as queries:
            as_root.get(reverse(f"admin:{name}_changelist"))
        assert not [each for each in queries for column in columns if f'"{column}"' in each["sql"]]
