"""The log entries that are kept, page by page, and a student's timeline."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from ladokflow.messages import by_row, message
from sources.models import AccessEntry, AuditEntry, LogEntry, LogGap, LogReading
from tests.api.conftest import as_role
from tests.factories import AuditEntryFactory, FlowFactory, ParticipantFactory

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 11, 20, 11, tzinfo=dt.UTC)


@pytest.fixture
def api(ours: Any) -> Any:
    as_role(ours.membership, "licence admin")
    return ours.api


def log(of: Any, count: int, *, at: dt.datetime = NOON, **fields: Any) -> None:
    facts = {
        "flow": of.flow,
        "wiseflow_participant_id": of.person.wiseflow_id,
        "kind": "wrote",
        "action": "SAVED",
    } | fields
    begun = LogEntry.objects.count()
    for number in range(begun, begun + count):
        LogEntry.objects.create(source=of.source, key=f"k{number}", sort=number, at=at, **facts)


def keys(api: Any, **query: Any) -> list[str]:
    found: list[str] = []
    after: dict[str, Any] = {}
    while True:
        page = api.get("/logs", limit=2, **query, **after).json()
        found += [row["entry"] for row in page["items"]]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def test_entries_are_gone_through_page_by_page_by_days_and_by_flow(api: Any, ours: Any, theirs: Any) -> None:
    log(ours, 3)  # of one millisecond
    log(ours, 1, at=NOON + dt.timedelta(days=1))
    log(ours, 1, flow=FlowFactory(source=ours.source))
    log(theirs, 1)
    assert keys(api) == ["k0", "k1", "k2", "k4", "k3"]
    assert keys(api, flow=ours.flow.pk, last="2026-11-20") == ["k0", "k1", "k2"]
    assert keys(api, first="2026-11-21") == ["k3"]
    row = api.get("/logs").json()["items"][0]
    assert (row["kind"], row["action"], row["flow"]) == ("wrote", "SAVED", ours.flow.pk)
    assert row["wiseflowParticipant"] == ours.person.wiseflow_id
    assert api.get("/logs", flow=theirs.flow.pk).status_code == 404


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-31", "x"])
@pytest.mark.parametrize("name", ["first", "last"])
@pytest.mark.parametrize("path", ["/logs", "/exams/with-flow", "/exams/without-flow"])
def test_a_day_that_is_none_is_told(api: Any, path: str, name: str, day: str) -> None:
    answer = api.get(path, **{name: day})
    assert (answer.status_code, answer.json()["code"]) == (422, "api.invalid")
    assert not AuditEntry.objects.exists()


def test_who_reads_entries_is_on_record_once_in_the_audit_log_and_always_in_the_access_log(api: Any, ours: Any) -> None:
    log(ours, 5)
    keys(api, flow=ours.flow.pk)
    entry = AuditEntry.objects.get()
    assert (entry.message["code"], entry.actor, entry.flow) == (
        "log.downloaded_flow",
        ours.membership.user,
        ours.flow,
    )
    seen = AccessEntry.objects.get()
    assert (seen.kind, seen.flow, seen.user) == (AccessEntry.Kind.FILE, ours.flow, ours.membership.user)
    AccessEntry.objects.all().delete()
    api.get("/logs", after=LogEntry.objects.first().pk)
    assert AccessEntry.objects.count() == 1


def test_a_timeline_is_told_with_its_gaps_and_is_on_record(api: Any, ours: Any) -> None:
    log(ours, 3)
    said = message("audit.paper_accepted", person=by_row(ours.person.pk), grade="5", reason="Muntlig 900101-1234")
    AuditEntryFactory(source=ours.source, flow=ours.flow, actor=ours.membership.user, message=said.to_json())
    reading = LogReading.objects.create(source=ours.source, flow=ours.flow, read_to=timezone.now())
    told = message("log.not_kept", weeks=16).to_json()
    LogGap.objects.create(reading=reading, first_at=NOON, last_at=NOON + dt.timedelta(hours=1), message=told)
    path = f"/flows/{ours.flow.pk}/participants/{ours.person.pk}/timeline"
    timeline = api.get(path).json()
    assert (timeline["participant"], timeline["isCut"], len(timeline["gaps"])) == (ours.person.pk, False, 1)
    (wrote,) = [moment for moment in timeline["moments"] if moment["system"] == "WISEflow"]
    assert (wrote["kind"], wrote["count"], wrote["raw"]) == ("wrote", 3, "SAVED")
    (done,) = [moment for moment in timeline["moments"] if moment["kind"] == "done"]
    assert "Muntlig" in done["text"]
    assert "1234" not in done["text"]
    seen = AccessEntry.objects.get()
    assert (seen.kind, seen.participant_id) == (AccessEntry.Kind.STUDENT, ours.person.pk)
    assert AuditEntry.objects.filter(message__code="log.timeline_seen", actor=ours.membership.user).count() == 1


def test_the_timeline_of_another_flows_student_is_not_there(api: Any, ours: Any, theirs: Any) -> None:
    elsewhere = ParticipantFactory(flow=FlowFactory(source=ours.source))
    for flow, person in ((ours.flow, elsewhere), (theirs.flow, theirs.person), (ours.flow, theirs.person)):
        assert api.get(f"/flows/{flow.pk}/participants/{person.pk}/timeline").status_code == 404
    assert not AccessEntry.objects.exists()
