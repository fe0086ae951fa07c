"""What has happened to the flows: synchronisations, WISEflow's calls and the audit log, each written inside the database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection
from django.db.models import CharField, F, JSONField, Model, QuerySet, UUIDField, Value
from django.db.models.functions import MD5, Cast, Concat, JSONObject

from exports.models import ExportAttempt
from ladokflow.messages import message
from sources.models import AuditEntry, Flow, SyncRun, WebhookEvent

DAY = dt.timedelta(days=1)
FAILED_EVERY = 11  # one night of so many fails, and the next makes it good
SHORT = dt.timedelta(seconds=4)


def add_history(flows: QuerySet[Flow], *, runs: int, events: int, seed: int) -> None:
    """`runs` and `events` of each flow that is in WISEflow; the newest run is the one the flow tells of."""
    made = flows.order_by("pk").filter(synced_at__isnull=False)
    for back in range(runs - 1, -1, -1):
        _add_runs(made, back, runs, seed)
    for back in range(events):
        _add_events(made, back)
    for entry in _audit_of_attempts(ExportAttempt.objects.filter(flow__in=flows).order_by("created_at", "pk")):
        _insert(AuditEntry, *entry)
    ends = {"source_id": F("source_id"), "flow_id": F("pk"), "at": F("created_at")}
    created = _told("sources.audit.flow_created", wiseflow=F("wiseflow_id"))
    _insert(AuditEntry, made, {**ends, "actor_id": F("created_by_id"), "message": created})


def _add_runs(flows: QuerySet[Flow], back: int, runs: int, seed: int) -> None:
    """The run `back` nights before the last one; the first of all has created the flow."""
    is_failed = 0 < back < runs - 1 and back % FAILED_EVERY == 1
    is_first = back == runs - 1
    state = SyncRun.State.FAILED if is_failed else SyncRun.State.SUCCESS
    trigger = SyncRun.Trigger.CREATION if is_first else SyncRun.Trigger.NIGHT
    told = message("sources.sync_gave_up", times=3).to_json() if is_failed else {}
    at = F("synced_at") - back * DAY
    people = F("participant_count")
    _insert(
        SyncRun,
        flows,
        {
            "id": _key("run", seed, back),
            "flow_id": F("pk"),
            "trigger": Value(trigger.value),
            "state": Value(state.value),
            "message": _json(told),
            "added": people if is_first else Value(0),
            "unchanged": Value(0) if is_first or is_failed else people,
            "created_at": at - SHORT,
            "started_at": at - SHORT,
            "finished_at": at,
            "claims": Value(1),
        },
    )


def _add_events(flows: QuerySet[Flow], back: int) -> None:
    at = F("synced_at") - back * DAY
    _insert(
        WebhookEvent,
        flows,
        {
            "source_id": F("source_id"),
            "call_id": Concat(Value(f"generated-{back}-"), Cast("pk", CharField())),
            "event": Value("FLOW_STATE_CHANGED"),
            "wiseflow_flow_id": F("wiseflow_id"),
            "received_at": at,
            "handled_at": at,
            "claims": Value(1),
            "outcome": _json(message("sources.webhook.looked").to_json()),
        },
    )


def _audit_of_attempts(attempts: QuerySet[ExportAttempt]) -> list[tuple[QuerySet[Any], dict[str, Any]]]:
    attempts = attempts.filter(finished_at__isnull=False)
    common = {"source_id": F("flow__source_id"), "flow_id": F("flow_id"), "attempt_id": F("pk")}
    counts = {name: F(f"{name}_count") for name in ("exported", "failed", "unknown")}
    started = _told("audit.export_started", count=F("sent_count"), code=F("code__code"))
    recorded = _told("audit.export_recorded", **counts, status=F("http_status"))
    answered, lost = attempts.filter(http_status__isnull=False), attempts.filter(http_status__isnull=True)
    return [
        (attempts, {**common, "at": F("created_at"), "actor_id": F("requested_by_id"), "message": started}),
        (attempts, {**common, "at": F("claimed_at"), "message": _told("audit.export_claimed")}),
        (attempts, {**common, "at": F("sending_at"), "message": _told("audit.export_sending")}),
        (answered, {**common, "at": F("finished_at"), "message": recorded}),
        (lost, {**common, "at": F("finished_at"), "message": _told("audit.export_lost")}),
    ]


def _told(code: str, /, **params: Any) -> Any:
    """As `message(code, **params).to_json()`, of columns."""
    message(code)
    return JSONObject(code=Value(code), params=JSONObject(**params))


def _json(value: Any) -> Value:
    return Value(value, output_field=JSONField())


def _key(what: str, seed: int, number: int) -> Cast:
    """A UUID for each flow, always the same."""
    return Cast(MD5(Concat(Value(f"{what}:{seed}:{number}:"), Cast("pk", CharField()))), UUIDField())


def _insert(model: type[Model], rows: QuerySet[Any], values: dict[str, Any]) -> None:
    """A row of `model` for each of `rows`; columns that `values` does not name have the model's own default."""
    for field in model._meta.local_concrete_fields:
        if field.column in values or field.primary_key:
            continue
        default = field.get_default()
        values[field.column] = Value(default, output_field=field) if default is not None else Value(None, field)
    sql, params = rows.values_list(*values.values()).query.sql_with_params()
    columns = ", ".join(map(connection.ops.quote_name, values))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({columns}) {sql}", params)
