"""Every index of ours is used by something that we do, with many rows; one that nothing uses only costs.

What is done is done by the product's own code; the plan of each query of it is read.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.attempts.settle import flows_to_settle
from exports.models import (
    Collection,
    ExportAttempt,
    Finding,
    FlowSummary,
    Heartbeat,
    Package,
    PackagePerson,
)
from exports.operation import pruning, sweep
from exports.pages.findings import found_in
from exports.rules.elsewhere import others_of
from exports.statistics.refresh import due
from ladokflow.federation.subject import Asserted, Subject
from ladokflow.messages import message
from sources.identity.federated import take_once
from sources.logs.files import entries_of, rows_of
from sources.models import (
    AccessEntry,
    ApiCall,
    Delivery,
    Flow,
    LogEntry,
    Participant,
    Registration,
    SeenAssertion,
    Source,
    WebhookEvent,
)
from sources.sync.failures import runs_to_tell
from sources.webhooks import handle
from tests.factories import (
    AuditEntryFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's")

MANY = 20_000
CURSOR = re.compile(r"^DECLARE .*? FOR (?=SELECT)", re.DOTALL)  # of a question whose answer is read bit by bit
TODAY = timezone.localdate()
NEVER = 4_000_000_000  # as Unix time
SOURCES = 20


@dataclass(frozen=True)
class World:
    flow: Flow
    person: Participant
    package: Package
    client: Client  # a manager's, of one university, who is a superuser as well

    def get(self, name: str, *keys: Any, query: str = "") -> None:
        assert self.client.get(reverse(name, args=keys) + query).status_code == 200, name


def pruned(world: World) -> None:
    Heartbeat.objects.filter(name=pruning.NAME).delete()
    pruning.prune()


# What is done to find rows by each index
USES: Mapping[str, Callable[[World], object]] = {
    "flow_dashboard": lambda world: world.get("exports:dashboard"),
    "flow_phase": lambda world: (
        Flow.objects.filter(source=world.flow.source).ending_within(dt.timedelta(days=7)).count()
    ),
    "flow_newest": lambda world: world.get("flows:list"),
    "flow_exam": lambda world: world.get("flows:list", query="?week=on"),
    "flow_released": lambda world: world.get("flows:list", query="?phase=released"),
    "flow_to_export": lambda world: world.get("home"),
    "flow_asks": lambda world: world.get("home"),
    "flow_export_code": lambda world: sweep.refresh_stale(),
    "flow_source_normal_code": lambda world: others_of(world.flow, world.flow.codes.all()),
    "participant_by_name": lambda world: world.get("flows:participants", world.flow.pk),
    "participant_organisation_id": lambda world: world.get("flows:list", query="?q=person-77@liu.example"),
    "registration_uncertain": lambda world: world.get("home"),
    "sync_run_newest": lambda world: world.get("flows:syncs", world.flow.pk),
    "sync_run_failed": lambda world: runs_to_tell(since=timezone.now() - dt.timedelta(days=7), now=timezone.now()),
    "sync_run_age": lambda world: world.get("admin:sources_syncrun_changelist"),
    "attempt_newest": lambda world: world.get("flows:exports", world.flow.pk),
    "attempt_flow": lambda world: world.get("home"),
    "attempt_age": lambda world: world.get("admin:exports_exportattempt_changelist"),
    "attempt_ended": lambda world: world.get("exports:weeks"),
    "collection_asked": lambda world: sweep.enqueue_collections(),
    "item_unknown": lambda world: flows_to_settle(),
    "finding_open": lambda world: found_in(Flow.objects.filter(source=world.flow.source)),
    "webhook_event_age": lambda world: world.get("admin:sources_webhookevent_changelist"),
    "webhook_event_open": lambda world: handle.is_looked_after(WebhookEvent.objects.first()),
    "audit.attempt_id": lambda world: world.get("exports:attempt", ExportAttempt.objects.earliest("created_at").pk),
    "audit.at": lambda world: world.get("admin:sources_auditentry_changelist"),
    "access_age": lambda world: world.get("admin:sources_accessentry_changelist"),
    "api_call_age": pruned,
    "delivery_age": pruned,
    "delivery_open": lambda world: Delivery.objects.enqueue_again(),
    "flow_papers_asked": lambda world: world.get("home"),
    "flow_by_itself": lambda world: world.get("home"),
    "log_entry_age": pruned,
    "log_entry_of_flow": lambda world: world.get("flows:timeline", world.flow.pk, world.person.pk),
    "log_entry_of_source": lambda world: next(
        rows_of(entries_of(world.flow.source, TODAY - dt.timedelta(days=14), TODAY), "liu")
    ),
    "package_newest": lambda world: world.get("exports:archive", world.flow.pk),
    "package_person_left": lambda world: world.package.people.filter(is_done=False).exists(),
    "seenassertion.expires_at": lambda world: take_once(
        Asserted(subject=Subject("saml", "", ""), digest="x" * 64, ends_at=NEVER)
    ),
    "summary_age": lambda world: due(timezone.now()),
    "summary_grouped": lambda world: world.get("statistics", query=f"?source={world.flow.source.slug}&term=2016-1"),
}

# Those that no model names (`sources/migrations/0030_search.py`, `sources/migrations/0032_search_people.py`)
SEARCHED = (
    "flow_title_words",
    "flow_subtitle_words",
    "flow_source_code_words",
    "participant_first_name",
    "participant_last_name",
    "participant_by_organisation_id",
    "participant_by_student_number",
    "participant_by_exam_id",
)


def names() -> dict[str, str]:
    """Of each index of ours, in the database, by what it is called here. Those of foreign keys and of promises are not among them."""
    found: dict[str, str] = {}
    for model in apps.get_models():
        if model._meta.app_label not in ("sources", "exports"):
            continue
        found |= {index.name: index.name for index in model._meta.indexes}
        fields: list[Any] = list(model._meta.local_fields)
        for field in fields:
            if field.db_index and not field.is_relation and not field.unique:
                short = model._meta.model_name.removesuffix("entry")
                found[f"{short}.{field.name}"] = f"{model._meta.db_table}_{field.column}"
    return found


def test_every_index_has_a_use() -> None:
    assert set(names()) == set(USES)


def multiply(row: models.Model, times: int, **new: str) -> None:
    """So many more rows like this one; `new` are columns as SQL, of the row `o` and its number `n`."""
    key = row._meta.pk.column
    columns = [field.column for field in row._meta.local_concrete_fields if field.column != key or key in new]
    values = ", ".join(new.get(column, f'o."{column}"') for column in columns).replace("%", "%%")
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(connection.ops.quote_name, columns))}) SELECT {values} "  # noqa: S608 - names of ours only
            f"FROM {table} o, generate_series(1, {times}) n WHERE o.{key} = %s",
            [row.pk],
        )


@pytest.fixture
def world(transactional_db: None, client: Client) -> World:
    """Twenty thousand of everything, at twenty universities; those that a use looks for are few among them."""
    member = MembershipFactory(user=UserFactory(is_staff=True, is_superuser=True), source__can_read_back=True)
    sources = [member.source, *(MembershipFactory().source for _ in range(SOURCES - 1))]
    first = sources[0].pk
    flow = FlowFactory(source=member.source)
    code, person = flow.codes.get(), ParticipantFactory(flow=flow)
    attempt = ExportAttemptFactory(flow=flow, code=code, state="exported")
    item = ExportItemFactory(attempt=attempt, participant=person, state="exported")
    run = SyncRunFactory(flow=flow)
    entry = AuditEntryFactory(source=flow.source, flow=flow, message=message("audit.export_claimed").to_json())
    event = WebhookEvent.objects.create(source=flow.source, call_id="0", event="FINAL_GRADE", handled_at=timezone.now())
    finding = Finding.objects.create(
        item=item, flow=flow, kind="late", handled_at=timezone.now(), handled_by=member.user
    )
    collection = Collection.objects.create(flow=flow)

    earlier = "now() - n * interval '5 minutes'"
    key, fresh = "1000000 + n", "gen_random_uuid()"
    multiply(
        flow, MANY, id=key, source_id=f"{first} + n % {SOURCES}", setup_mark="'m' || n", wiseflow_id=key, created_at=earlier,
        marking_end_at="now() + (n % 700 - 600) * interval '1 day'", state="n % 6",
        export_state="(ARRAY['exported','exported','pending','failed'])[1 + n % 4]",
    )  # fmt: skip
    multiply(
        code, MANY, id=key, flow_id=key, source_id=f"{first} + n % {SOURCES}", code="'C' || n", normal_code="'c' || n"
    )
    people = {
        "wiseflow_id": key,
        "organisation_id": "'person-' || n || '@liu.example'",
        "external_user_id": "'user-' || n",
        "last_name": "'Name ' || n % 977",
    }
    multiply(person, MANY, id=key, flow_id=f"CASE WHEN n % 2 = 0 THEN {flow.pk} ELSE {key} END", **people)
    multiply(
        Registration.objects.get(),
        MANY,
        participant_id=key,
        code_id=f"CASE WHEN n % 2 = 0 THEN {code.pk} ELSE {key} END",
    )
    attempts = {"id": "md5('a' || n)::uuid", "created_at": earlier, "flow_id": key, "code_id": key}
    multiply(attempt, MANY, finished_at="now() - n * interval '2 hours'", **attempts)
    # Of one attempt in twenty nobody knows what became of it.
    outcome = "CASE WHEN n % 20 = 0 THEN 'unknown' ELSE 'exported' END"
    multiply(item, MANY, id=key, attempt_id="md5('a' || n)::uuid", participant_id=key, state=outcome)
    multiply(run, MANY, id=fresh, flow_id=key, created_at=earlier, finished_at=earlier)
    multiply(entry, MANY, at=earlier, attempt_id="md5('a' || n)::uuid")
    multiply(
        event, MANY, call_id="n::text", source_id=f"{first} + n % {SOURCES}", received_at=earlier, wiseflow_flow_id="n"
    )
    multiply(finding, MANY, flow_id=key, item_id=key)
    multiply(collection, MANY, flow_id=key)
    member.can_archive = member.can_see_logs = True
    member.save()
    access = AccessEntry.objects.create(
        source=flow.source, user=member.user, kind="student", flow=flow, participant=person, key="0"
    )
    multiply(access, MANY, at=earlier, key="'k' || n", participant_id=key)
    call = ApiCall.objects.create(source=flow.source, caller="token 1", key="0", request_hash="0")
    multiply(call, MANY, key="'k' || n", created_at="now() - n * interval '20 seconds'")
    done = DeliveryFactory(subscription__source=flow.source, ended_at=timezone.now(), is_delivered=True)
    multiply(done, MANY, id=fresh, created_at=earlier, due_at=earlier)
    logged = LogEntry.objects.create(source=flow.source, flow=flow, key="0", sort=0, at=timezone.now())
    # As a night's reading writes them: those of a source together
    nightly = {
        "at": "now() - (n % 1000) * interval '100 minutes'",
        "source_id": f"{first} + (n - 1) * {SOURCES} / {MANY}",
    }
    multiply(logged, MANY, key="'k' || n", flow_id=key, **nightly)
    package = Package.objects.create(flow=flow, trigger="manager", store="disk", place="0", state="ready")
    multiply(package, MANY, id=fresh, flow_id=key, place="'p' || n", created_at=earlier)
    archived = PackagePerson.objects.create(package=package, participant=person, folder="0", is_done=True)
    multiply(archived, MANY, folder="'f' || n", participant_id=key)
    SeenAssertion.objects.bulk_create(
        SeenAssertion(digest=f"{n}", expires_at=timezone.now() + dt.timedelta(minutes=n)) for n in range(1, MANY)
    )
    summary = FlowSummary.objects.create(flow=flow, source=flow.source, term="2026-2", course="C0")
    multiply(
        summary,
        MANY,
        flow_id=key,
        source_id=f"{first} + n % {SOURCES}",
        course="'C' || n % 500",
        computed_at="now()",
        term="2000 + n % 20 || '-1'",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")  # as the database does by itself when it has time
    client.force_login(member.user)
    return World(flow, person, package, client)


def plans_of(use: Callable[[World], object], world: World) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        use(world)
    plans = []
    with connection.cursor() as cursor:
        for query in queries:
            sql = CURSOR.sub("", query["sql"])
            if sql.lstrip("( ").upper().startswith(("SELECT", "DELETE")):
                cursor.execute(f"EXPLAIN {sql}".replace("%", "%%"), [])
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans


@pytest.mark.timeout(900)
def test_every_index_is_used_where_there_are_many_rows(world: World) -> None:
    in_database, unused = names(), {}
    for name, use in USES.items():
        plans = plans_of(use, world)
        if not any(in_database[name] in plan for plan in plans):
            unused[name] = "\n\n".join(plans)
    searching = "\n\n".join(plans_of(lambda world: world.get("search", query="?q=C7777"), world))
    unused |= {name: searching for name in SEARCHED if name not in searching}
    assert not unused, "\n\n".join(f"=== {name}\n{plans}" for name, plans in unused.items())


@pytest.mark.timeout(900)
def test_the_chips_count_all_flows_without_reading_their_rows(world: World) -> None:
    """For somebody who sees every university. What an index has of a flow is enough; a row is two thousand bytes."""
    user = User.objects.get(is_superuser=True)
    for source in Source.objects.exclude(memberships__user=user):
        MembershipFactory(user=user, source=source)
    pages = (lambda world: world.get("flows:list"), lambda world: world.get("exports:dashboard", query="?tab=exported"))
    plans = [plan for page in pages for plan in plans_of(page, world)]
    of_standings = [plan.partition("CASE WHEN")[2] for plan in plans if "CASE WHEN" in plan]
    assert len(of_standings) == len(pages)
    for plan in of_standings:
        assert "Index Only Scan using flow_dashboard" in plan, plan
        assert "Seq Scan on sources_flow " not in plan, plan
