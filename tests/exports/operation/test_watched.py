"""What monitors, Prometheus and the operator are told, and that it costs the same however much there is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from exports.models import Tally
from exports.operation import facts, health
from exports.operation.tallies import write_down
from ladokflow import tallies
from ladokflow.http import RemoteError
from ladokflow.pages import overview
from sources.models import Credential, Source
from sources.models.queued import Queued
from sources.sync.nightly import due_at
from sources.universities.clients import ladok_for, wiseflow_for
from tests.factories import (
    CredentialFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    SourceFactory,
    SyncRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
TOKEN = "only-for-tests-0123456789"


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    tallies.take()


def a_night(source: Source) -> None:
    """Four flows: done, failed, one that asks, and one that nobody has come to."""
    day = timezone.now() - dt.timedelta(days=3)
    for state, asks in (("success", False), ("failed", False), ("failed", True), (None, False)):
        flow = FlowFactory(source=source)
        type(flow).objects.filter(pk=flow.pk).update(created_at=day)
        if state:
            SyncRunFactory(flow=flow, trigger="night", state=state, asks=asks)


def scraped(client: Client) -> dict[tuple[str, ...], float]:
    """(name, values of its labels, in the order of their names ...) -> value."""
    answer = client.get("/metrics/", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
        for family in families
        for each in family.samples
    }


def test_the_figures_are_those_of_the_rows(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    source = SourceFactory(slug="ours", sync_at=(timezone.localtime() - dt.timedelta(minutes=5)).time())
    a_night(source)
    attempt = ExportAttemptFactory(state="failed", flow__source=source, unknown_count=1)
    ExportItemFactory(attempt=attempt, state="unknown")
    ExportAttemptFactory(state="queued", flow__source=source)
    CredentialFactory(source=source, expires_at=timezone.now() + dt.timedelta(days=10))
    health.beat("sweep")
    tallies.count_answer(f"{source.pk} wiseflow", 429)
    tallies.count_answer(f"{source.pk} wiseflow", "timeout")
    tallies.count(tallies.LIMIT_MILLISECONDS, by=2500)
    tallies.count(tallies.WEBHOOK_CALLS, "again")
    write_down()
    found = scraped(client)
    assert found["ladokflow_broker_up",] == 1
    assert found["ladokflow_export_attempts", "failed"] == found["ladokflow_export_attempts", "queued"] == 1
    assert found["ladokflow_export_attempts", "exported"] == 0
    assert found["ladokflow_unknown_outcomes",] == 1
    assert found["ladokflow_waiting", "exports"] == 1
    assert found["ladokflow_oldest_waiting_seconds", "exports"] < 60
    assert found["ladokflow_heartbeat_age_seconds", "sweep"] < 60
    assert found["ladokflow_sync_runs_last_day", "failed", "night"] == 2
    assert [found["ladokflow_night_flows", name, "ours"] for name in ("done", "failed", "asked", "left")] == [
        1,
        1,
        1,
        1,
    ]
    assert 0 < found["ladokflow_night_age_seconds", "ours"] < 3600
    assert found["ladokflow_remote_answers_total", "ours", "429", "wiseflow"] == 1
    assert found["ladokflow_remote_answers_total", "ours", "timeout", "wiseflow"] == 1
    assert found["ladokflow_remote_last_answer_seconds", "ours", "wiseflow"] < 60
    assert found["ladokflow_wiseflow_limit_wait_seconds_total",] == 2.5
    assert found["ladokflow_webhook_calls_total", "again"] == 1
    assert 9 * 86400 < found["ladokflow_credential_expires_seconds", "ours", "ladok"] < 10 * 86400


@pytest.mark.parametrize("given", ["", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer another", f"Bearer {TOKEN}x"])
def test_nobody_reads_them_without_the_token(client: Client, settings: Any, given: str) -> None:
    answer = client.get("/metrics/", headers={"authorization": given})
    assert answer.status_code == 404
    settings.METRICS_TOKEN = TOKEN
    answer = client.get("/metrics/", headers={"authorization": given})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert b"ladokflow_" not in answer.content
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    assert client.get("/metrics/").status_code == 401


@pytest.mark.parametrize("address", ["/metrics/", "/health/", "/admin/overview/"])
def test_it_costs_the_same_however_many_sources_there_are(client: Client, settings: Any, address: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    client.force_login(UserFactory(is_superuser=True, is_staff=True))

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(address, headers={"authorization": f"Bearer {TOKEN}"}).status_code in (200, 503)
        return len(captured)

    def more() -> None:
        for _ in range(3):
            source = SourceFactory()
            CredentialFactory(source=source, expires_at=timezone.now())
            SyncRunFactory(flow__source=source, trigger="night")
            tallies.count_answer(f"{source.pk} ladok", 200)
        write_down()

    more()
    few = queries()
    more()
    assert queries() == few
    assert few < 40


# --- Health -------------------------------------------------------------------------------------------------------


def test_a_broker_that_does_not_answer_is_told_and_takes_no_page_away(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    settings.Q_CLUSTER = {name: value for name, value in settings.Q_CLUSTER.items() if name != "orm"}
    answer = client.get("/health/")
    assert (answer.status_code, answer.json()["status"]) == (503, "failed")
    assert answer.json()["broker"] == {"status": "failed", "entries": {}}
    assert client.get("/ready/").status_code == 200
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    page = client.get("/admin/overview/", headers={"accept-language": "en"})
    assert "The broker does not answer" in page.content.decode()


def test_entries_in_redis_are_counted_by_queue(redis_url: str, settings: Any) -> None:
    import redis

    settings.REDIS_URL = redis_url
    settings.Q_CLUSTER = {name: value for name, value in settings.Q_CLUSTER.items() if name != "orm"}
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
        client.rpush("django_q:exports:q", "1", "2")
        assert facts.entries_by_queue() == {"ladokflow": 0, "exports": 2}
        client.flushdb()


@pytest.mark.parametrize(("hours", "late"), [(1, False), (5, True)])
def test_a_night_that_has_left_flows_for_hours_is_a_warning_and_no_failure(
    client: Client, hours: int, late: bool
) -> None:
    source = SourceFactory(sync_at=(timezone.localtime() - dt.timedelta(hours=hours)).time().replace(microsecond=0))
    if source.sync_at.hour == 2:
        source.sync_at = dt.time(1, 59)
        source.save()
    a_night(source)
    type(source.flows.first()).objects.update(created_at=due_at(source, timezone.now()) - dt.timedelta(hours=1))
    answer = client.get("/health/")
    assert answer.status_code == 200
    assert answer.json()["night"] == {"done": 1, "failed": 1, "asked": 1, "underWay": 0, "left": 1, "late": int(late)}
    assert answer.json()["status"] == ("warning" if late else "ok")


# --- Counting -----------------------------------------------------------------------------------------------------


def test_what_ladok_and_wiseflow_answer_is_counted_by_source_and_of_a_test_for_nobody(liu: Source) -> None:
    with wiseflow_for(liu) as client:
        client.flow_types()
    row = Credential.objects.get(source=liu, system="ladok")
    row.secret = "wrong"
    with ladok_for(liu, row) as client, pytest.raises(RemoteError):
        liu.rules.list_exams(client, "TDDE01")
    write_down()
    labels = set(Tally.objects.filter(name=tallies.REMOTE_ANSWERS).values_list("label", flat=True))
    assert labels - {f"wiseflow {liu.pk} 401"} == {f"wiseflow {liu.pk} 200", "- - 401"}  # a token of before is renewed
    last = facts.last_answers(facts.counted())
    assert set(last) == {(liu.pk, "wiseflow")}


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_down_is_written_later_and_sums_go_on() -> None:
    tallies.count(tallies.LIMIT_WAITS, by=2)
    write_down()
    tallies.count(tallies.LIMIT_WAITS)
    with connection.execute_wrapper(_no_database):
        write_down()
    tallies.count(tallies.LIMIT_WAITS)
    write_down()
    write_down()
    assert Tally.objects.get().value == 4


def _no_database(*_args: Any) -> None:
    from django.db import OperationalError

    raise OperationalError("the connection is lost")


# --- The operator's page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["sv", "en"])
def test_the_operator_sees_how_it_is(client: Client, language: str) -> None:
    source = SourceFactory(name="Vårt universitet")
    a_night(source)
    CredentialFactory(source=source, label="2026", expires_at=timezone.now() + dt.timedelta(days=10))
    tallies.count_answer(f"{source.pk} ladok", 200)
    write_down()
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    page = client.get("/admin/overview/", headers={"accept-language": language}).content.decode()
    assert "Vårt universitet" in page
    assert "2026" in page
    assert "sources 00" in page
    assert ("WISEflow: none in use" in page) is (language == "en")
    index = client.get("/admin/", headers={"accept-language": language}).content.decode()
    assert 'href="/admin/overview/"' in index


def test_nobody_else_has_such_a_page(client: Client) -> None:
    assert client.get("/admin/overview/").status_code == 302
    admin = MembershipFactory(role="licence_admin", user__is_staff=True).user
    client.force_login(admin)
    assert client.get("/admin/overview/").status_code == 404
    assert "/admin/overview/" not in client.get("/admin/").content.decode()


def test_every_kind_of_row_that_the_queue_works_for_is_counted_and_called_something() -> None:
    queued = {model for model in apps.get_models() if issubclass(model, Queued)}
    assert {model for model, _ in facts.KINDS.values()} == queued
    assert overview.KINDS.keys() == facts.KINDS.keys()
    assert [each.kind for each in facts.waiting()] == [*facts.KINDS]
