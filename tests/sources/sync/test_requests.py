"""How many requests a synchronisation of N people takes, and how many queries: written down, so that nobody adds one unseen."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from math import ceil
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Participant, Source, SyncRun
from sources.sync.run import request_sync, run_sync
from sources.universities.clients import wiseflow_for

PEOPLE = 250
MOST_QUERIES = 40
CHUNK = 100  # rows of a page, of a search and of a bulk call


def asked(sandbox: Sandbox) -> Counter[str]:
    """Calls to WISEflow by method and path, without the token's; and those to Ladok."""
    calls: Counter[str] = Counter()
    for system in ("wiseflow", "liu"):
        for row in sandbox.control.received(system):
            path = re.sub(r"(?<=/)\d+(?=/|$)", "N", row["path"].removeprefix("/wiseflow/v1"))
            path = re.sub(r"(sources|exams)/[^/]*[A-Z][^/]+", r"\1/CODE", path)
            calls[f"{row['method']} {path}"] += 1
    del calls["POST /oauth2/token"]
    return calls


@pytest.fixture
def flow(liu: Source, anna: Any, sandbox: Sandbox) -> Flow:
    """With people whom WISEflow does not know, each with a single identifier, which is searched for in lower and upper case."""
    people = [{"LiUId": f"ny{n:04}@liu.example", "firstname": "Ny", "lastname": f"Student {n}"} for n in range(PEOPLE)]
    code = sandbox.control.add_exam("liu", people=people, exact=True, campus="")
    with wiseflow_for(liu) as client:
        client.webhooks()  # whatever signing in takes is not counted
    sandbox.control.clear_received()
    return create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)


def synced(flow: Flow) -> SyncRun:
    return run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.NIGHT, enqueue=False).pk)


def test_a_flow_of_n_new_people_takes_a_call_for_each_and_one_for_each_hundred(flow: Flow, sandbox: Sandbox) -> None:
    assert flow.participants.count() == PEOPLE
    assert asked(sandbox) == {
        "GET /liu/exams/CODE": 2,  # once when it was asked for
        # The licence
        "GET /license/info": 1,
        "GET /license/user-data-types": 1,
        "GET /license/flow-types": 1,
        "GET /license/grading-scales": 2,
        "GET /license/roles": 1,
        # The flow itself
        "POST /license/create/flow": 1,
        "POST /flows/N/external-sources": 1,
        "GET /flow/N": 2,
        "GET /flows/N/metadata": 3,
        "PUT /flows/N/metadata": 2,
        "GET /flows/N/dates": 2,
        "PATCH /flows/N/dates": 1,
        "GET /flows/N/grading-scale": 1,
        "GET /flows/N/managers": 1,
        "GET /flows/N/participants": 1,
        "POST /flows/N/external-sources/CODE/sync/done": 1,
        # The people: their users, and those of the staff
        "POST /users/search": ceil(2 * PEOPLE / CHUNK) + 1,
        "POST /license/user": PEOPLE,
        "POST /flows/N/participants": ceil(PEOPLE / CHUNK),
        "POST /flows/N/external-sources/N/allocations/participants": ceil(PEOPLE / CHUNK),
    }


def test_synchronising_n_people_anew_takes_a_call_for_each_hundred_and_writes_nothing(
    flow: Flow, sandbox: Sandbox
) -> None:
    sandbox.control.clear_received()
    run = synced(flow)
    assert (run.state, run.unchanged, run.changes) == ("success", PEOPLE, [])
    assert asked(sandbox) == {
        "GET /liu/exams/CODE": 1,
        "GET /license/info": 1,
        "GET /license/user-data-types": 1,
        "GET /license/grading-scales": 1,
        "GET /flow/N": 1,
        "GET /flows/N/metadata": 1,
        "GET /flows/N/dates": 1,
        "GET /flows/N/grading-scale": 1,
        "GET /flows/N/managers": 1,
        "GET /flows/N/participants": ceil(PEOPLE / CHUNK),
        "POST /users/search": 1,  # of the staff
    }


def test_it_takes_as_many_queries_as_for_one_and_changes_no_row_of_a_person(flow: Flow) -> None:
    synced(flow)  # the first one afterwards
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.NIGHT, enqueue=False)
    with CaptureQueriesContext(connection) as queries:
        run_sync(run.pk)
    asked = [query["sql"] for query in queries]
    assert len(asked) <= MOST_QUERIES
    tables = {match[1] for sql in asked if (match := re.match(r'(?:UPDATE|INSERT INTO|DELETE FROM) "(\w+)"', sql))}
    assert tables == {"sources_flow", "sources_flowsource", "sources_syncrun", "sources_auditentry"}
    for table, most in (("sources_participant", 1), ("sources_registration", 1)):
        reads = [sql for sql in asked if f'FROM "{table}"' in sql and not sql.startswith("SELECT COUNT")]
        assert len(reads) <= most, reads


def test_what_flows_show_is_worked_out_only_where_something_has_changed(flow: Flow) -> None:
    synced(flow)
    somebody = flow.participants.first()
    assert somebody is not None
    shown = somebody.export_message

    def after(**changes: Any) -> Any:
        """What the person shows after a synchronisation that began with something else there."""
        Participant.objects.filter(pk=somebody.pk).update(export_message={}, **changes)
        synced(flow)
        return Participant.objects.get(pk=somebody.pk).export_message

    assert after() == {}
    assert after(first_name="Another") == shown
    # A worker that died before it could tell that something had changed.
    SyncRun.objects.filter(flow=flow).update(is_told=False)
    assert after() == shown
    Flow.objects.filter(pk=flow.pk).update(title="Another")
    assert after() == shown
    # Marking has ended since.
    Flow.objects.filter(pk=flow.pk).update(synced_at=timezone.now() - dt.timedelta(days=400))
    assert after() == {}
