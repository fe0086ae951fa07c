"""Figures for Prometheus, behind a token. All from rows, when they are asked for: whichever process answers says the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from exports.models import Heartbeat, Tally
from exports.operation import facts, health
from ladokflow import __version__, tallies
from sources.models import Source

# What is counted, as Prometheus has it: name without `_total`, what it tells, what one of ours is of its unit
COUNTERS = {
    tallies.REMOTE_ANSWERS: ("ladokflow_remote_answers", "Answers of Ladok and WISEflow, or why none came.", 1),
    tallies.LIMIT_WAITS: ("ladokflow_wiseflow_limit_waits", "Calls to WISEflow that waited for their turn.", 1),
    tallies.LIMIT_MILLISECONDS: ("ladokflow_wiseflow_limit_wait_seconds", "Seconds that they waited in all.", 1000),
    tallies.WEBHOOK_CALLS: (
        "ladokflow_webhook_calls",
        "Calls by WISEflow, by what became of them when they came in.",
        1,
    ),
}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """404 where no token is set: then there is no such page. 401 without the token."""
    if not settings.METRICS_TOKEN:
        raise Http404
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        text = "Send the token of METRICS_TOKEN: Authorization: Bearer ...\n"
        return HttpResponse(text, status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(_Rows())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type)


class _Rows(Collector):
    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        yield _gauge("ladokflow_info", "The version that answers.", ["version"], {(__version__,): 1})
        yield from _queue(now)
        yield from _exports_and_syncs()
        rows = facts.counted()
        sources = {source.pk: source for source in Source.objects.all()}
        yield from _nights(sources, now)
        yield from _counters(rows, sources)
        yield _remote_ages(rows, sources, now)
        yield _credentials(now)


def _queue(now: dt.datetime) -> Iterator[Metric]:
    try:
        entries = facts.entries_by_queue()
    except facts.BrokerFailed:
        entries = {}
    yield _gauge("ladokflow_broker_up", "Whether the queue's broker answers.", [], {(): bool(entries)})
    yield _gauge("ladokflow_queue_entries", "Entries that no worker has taken.", ["queue"], _by(entries))
    waiting = facts.waiting()
    rows = {(each.kind,): each.count for each in waiting}
    yield _gauge("ladokflow_waiting", "What waits for a worker.", ["kind"], rows)
    ages = {(each.kind,): _age(each.oldest, now) for each in waiting if each.oldest}
    yield _gauge("ladokflow_oldest_waiting_seconds", "For how long the first of them has waited.", ["kind"], ages)
    beats = {(name,): _age(at, now) for name, at in Heartbeat.objects.values_list("name", "at") if name in _ALIVE}
    yield _gauge("ladokflow_heartbeat_age_seconds", "Since a sign of life.", ["process"], beats)
    queue = health.queue_facts()
    yield _gauge(
        "ladokflow_queue_stalled", "Whether the queue stands still, as /health judges.", [], {(): queue.is_stalled}
    )
    yield _gauge(
        "ladokflow_attempts_left_behind",
        "Exports whose worker has died, and that no sweep has come to.",
        [],
        {(): queue.left_behind},
    )
    yield _gauge(
        "ladokflow_clock_difference_seconds",
        "The database's clock less the machine's.",
        [],
        {(): queue.clock_difference},
    )


_ALIVE = {*Heartbeat.NAMES.values(), "sweep", "prune"}


def _exports_and_syncs() -> Iterator[Metric]:
    yield _gauge("ladokflow_export_attempts", "Attempts to send grades.", ["state"], _by(facts.attempts_by_state()))
    unknown = {(): facts.unknown_outcomes()}
    yield _gauge("ladokflow_unknown_outcomes", "Grades that may or may not be in Ladok.", [], unknown)
    told = "Synchronisations that were asked for within a day."
    yield _gauge("ladokflow_sync_runs_last_day", told, ["trigger", "state"], facts.runs_by_state())


def _nights(sources: dict[int, Source], now: dt.datetime) -> Iterator[Metric]:
    nights = facts.nights(sources.values())
    ages = {(night.source.slug,): _age(night.due, now) for night in nights}
    yield _gauge("ladokflow_night_age_seconds", "Since a source's last night was due.", ["source"], ages)
    names = ("done", "failed", "asked", "under_way", "left")
    runs = {(night.source.slug, name): getattr(night, name) for night in nights for name in names}
    yield _gauge("ladokflow_night_flows", "What became of its flows.", ["source", "result"], runs)
    late = {(night.source.slug,): night.is_late for night in nights}
    yield _gauge("ladokflow_night_late", "Whether flows have waited for hours for the night.", ["source"], late)


def _counters(rows: list[Tally], sources: dict[int, Source]) -> Iterator[Metric]:
    for name, (metric, told, unit) in COUNTERS.items():
        labels = tallies.NAMES[name]
        family = CounterMetricFamily(metric, told, labels=labels)
        for row in rows:
            if row.name == name:
                family.add_metric(_labels(row, labels, sources), row.value / unit)
        yield family


def _labels(row: Tally, labels: tuple[str, ...], sources: dict[int, Source]) -> list[str]:
    values = dict(zip(labels, row.label.split(" "), strict=False))
    key = values.get("source", "")
    if key.isdecimal():
        values["source"] = sources[int(key)].slug if int(key) in sources else key
    return [values.get(label, "") for label in labels]


def _remote_ages(rows: list[Tally], sources: dict[int, Source], now: dt.datetime) -> Metric:
    last = facts.last_answers(rows).items()
    ages = {(sources[pk].slug, system): _age(at, now) for (pk, system), at in last if pk in sources}
    return _gauge(
        "ladokflow_remote_last_answer_seconds", "Since it last answered anything.", ["source", "system"], ages
    )


def _credentials(now: dt.datetime) -> Metric:
    rows = [row for row in facts.credentials_in_use() if row.expires_at]
    left = {(row.source.slug, row.system): (row.expires_at - now).total_seconds() for row in rows}
    told = "Until the credential in use stops working, where that is known."
    return _gauge("ladokflow_credential_expires_seconds", told, ["source", "system"], left)


def _gauge(name: str, told: str, labels: list[str], values: Mapping[Any, float]) -> Metric:
    """`values`: the values of the labels, a tuple -> the figure."""
    family = GaugeMetricFamily(name, told, labels=labels)
    for key, value in values.items():
        family.add_metric(list(key), float(value))
    return family


def _by(counts: dict[str, int]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}


def _age(moment: dt.datetime | None, now: dt.datetime) -> float:
    return 0.0 if moment is None else abs((now - moment).total_seconds())
