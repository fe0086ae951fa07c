"""A flow of which nothing is another than when there was nothing to do: nobody is looked at, and no change is ever passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models
from django.utils import timezone

from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, FlowSource, IdentityAnswer, Participant, Registration, Source, SyncRun
from sources.sync.gather import gather
from sources.sync.memory import PEOPLE, SEATS
from sources.sync.rows import ROW_FIELDS
from sources.sync.run import request_sync, run_sync
from sources.universities.clients import wiseflow_for
from tests.cases import Cases

pytestmark = pytest.mark.django_db


def synced(flow: Flow) -> SyncRun:
    return run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.NIGHT, enqueue=False).pk)


def is_settled(flow: Flow) -> bool:
    fresh = Flow.objects.select_related("source").get(pk=flow.pk)
    with wiseflow_for(fresh.source) as client:
        return gather(fresh, client).is_settled


@pytest.fixture
def flow(liu: Source, anna: Any, sandbox: Sandbox) -> Flow:
    code = sandbox.control.add_exam("liu", people=3, campus="")
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    assert not is_settled(flow)
    synced(flow)
    synced(flow)
    assert is_settled(flow)
    return flow


def test_a_settled_flow_is_synchronised_as_any_other(flow: Flow) -> None:
    before = Flow.objects.get(pk=flow.pk), synced(flow)
    Flow.objects.filter(pk=flow.pk).update(settled_basis="")
    in_full = synced(flow)
    after = Flow.objects.get(pk=flow.pk)
    for name in ("state", "unchanged", "added", "updated", "removed", "deactivated", "changes", "problems", "asks"):
        assert getattr(before[1], name) == getattr(in_full, name), name
    volatile = {"synced_at"}
    for field in Flow._meta.concrete_fields:
        assert field.name in volatile or getattr(before[0], field.attname) == getattr(after, field.attname), field.name
    assert after.synced_at is not None
    assert before[0].synced_at is not None
    assert after.synced_at > before[0].synced_at


def test_the_synchronisation_after_its_creation_settles_a_flow(liu: Source, anna: Any, sandbox: Sandbox) -> None:
    code = sandbox.control.add_exam("liu", people=3)  # with a room, booked for a time that was said in Swedish time
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    assert flow.followed["rooms"]
    assert synced(flow).problems == []
    assert is_settled(flow)


def test_that_its_lists_were_read_is_written_down(flow: Flow) -> None:
    (before,) = flow.codes.values_list("list_read_at", flat=True)
    synced(flow)
    (after,) = flow.codes.values_list("list_read_at", flat=True)
    assert after > before


def of_ladok(change: Callable[[Any, str, str], Any]) -> Callable[[Flow, Sandbox], None]:
    def make(flow: Flow, sandbox: Sandbox) -> None:
        code = flow.codes.get().code
        change(sandbox.control, code, sandbox.control.exam("liu", code)["participants"][0]["LiUId"])

    return make


def of_wiseflow(change: Callable[[Any, int, int], Any]) -> Callable[[Flow, Sandbox], None]:
    def make(flow: Flow, sandbox: Sandbox) -> None:
        change(sandbox.control, flow.wiseflow_id or 0, flow.participants.order_by("pk")[0].wiseflow_id or 0)

    return make


def person(**fields: str) -> Callable[[Flow, Sandbox], None]:
    return of_ladok(lambda control, code, who: control.change_people("liu", code, change={who: fields}))


CHANGES: dict[str, Callable[[Flow, Sandbox], None]] = {
    "first name": person(firstname="Ny"),
    "national id": person(civicNumber="199001011234"),
    "e-mail": person(email="ny@example.org"),
    "exam id": person(uniqueExamId="NY-1"),
    "own end": person(endTime="21:30"),
    "somebody gone": of_ladok(lambda control, code, who: control.change_people("liu", code, remove=[who])),
    "title": of_ladok(lambda control, code, who: control.change_exam("liu", code, examTitle="Another")),
    "scale": of_ladok(lambda control, code, who: control.change_exam("liu", code, gradeScale="UG")),
    "deactivated by hand": of_wiseflow(lambda control, flow, who: control.set_activated_by_hand(flow, who, False)),
    "removed by hand": of_wiseflow(lambda control, flow, who: control.remove_participant_by_hand(flow, who)),
    "title by hand": of_wiseflow(lambda control, flow, who: control.set_metadata_by_hand(flow, title="By hand")),
    "phase": of_wiseflow(lambda control, flow, who: control.start_participation(flow)),
}


def test_whatever_changes_in_ladok_or_wiseflow_is_seen(flow: Flow, sandbox: Sandbox, cases: Cases) -> None:
    def look_after(change: Callable[[Flow, Sandbox], None]) -> None:
        change(Flow.objects.get(pk=flow.pk), sandbox)
        assert not is_settled(flow)

    cases.try_each(CHANGES, look_after)
    assert is_settled(flow)  # as it was before each


def another(field: models.Field[Any, Any], value: Any) -> Any:
    """What the column might hold instead."""
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.JSONField):
        return {"code": "sources.doubt.name"}
    return (value or 0) + 1000 if isinstance(field, models.IntegerField) else f"{value}x"


def test_whatever_somebody_changes_in_a_persons_row_is_seen(flow: Flow, cases: Cases) -> None:
    def look_after(name: str) -> None:
        row = flow.participants.order_by("pk")[0]
        value = another(Participant._meta.get_field(name), getattr(row, name))
        Participant.objects.filter(pk=row.pk).update(**{name: value})
        assert not is_settled(flow)

    cases.try_each({name: name for name in PEOPLE[1:]}, look_after)
    assert is_settled(flow)


def test_whatever_somebody_changes_in_a_registration_is_seen(flow: Flow, cases: Cases) -> None:
    def look_after(name: str) -> None:
        row = Registration.objects.filter(code__flow=flow).order_by("pk")[0]
        value = another(Registration._meta.get_field(name), getattr(row, name))
        values = {"is_listed": False, "gone_at": timezone.now()} if name in ("is_listed", "gone_at") else {name: value}
        Registration.objects.filter(pk=row.pk).update(**values)
        assert not is_settled(flow)

    cases.try_each({name: name for name in SEATS if not name.endswith("_id") or name in PEOPLE}, look_after)
    assert is_settled(flow)


def test_every_column_that_a_synchronisation_writes_is_among_them() -> None:
    assert set(ROW_FIELDS) <= set(PEOPLE)
    assert {field.attname for field in Registration._meta.concrete_fields} == {"id", *SEATS}


def test_a_row_more_or_less_is_seen(flow: Flow) -> None:
    Registration.objects.filter(code__flow=flow)[0].delete()
    assert not is_settled(flow)
    synced(flow)
    synced(flow)
    assert is_settled(flow)
    Participant.objects.create(flow=flow, wiseflow_id=1, is_from_source=False)
    assert not is_settled(flow)


def test_what_a_manager_says_of_a_registration_is_seen(flow: Flow, anna: Any) -> None:
    row = Registration.objects.filter(code__flow=flow)[0]
    IdentityAnswer.objects.create(registration=row, is_same=True, said_of="{}", known_as="{}", by=anna)
    assert not is_settled(flow)


@pytest.mark.parametrize("values", [{"brake_people": 99}, {"brake_percent": 99}], ids=str)
def test_the_sources_rules_are_seen(flow: Flow, values: dict[str, Any]) -> None:
    Source.objects.filter(pk=flow.source_id).update(**values)
    assert not is_settled(flow)


@pytest.mark.parametrize("values", [{"followed": {}}, {"unfollowed": {"title": {}}}, {"follows_dates": False}], ids=str)
def test_what_is_remembered_of_the_flow_is_seen(flow: Flow, values: dict[str, Any]) -> None:
    Flow.objects.filter(pk=flow.pk).update(**values)
    assert not is_settled(flow)


@pytest.mark.parametrize("values", [{"title": "x"}, {"grade_scale": "x"}, {"person_count": 9}], ids=str)
def test_what_is_remembered_of_a_code_is_seen(flow: Flow, values: dict[str, Any]) -> None:
    FlowSource.objects.filter(flow=flow).update(**values)
    assert not is_settled(flow)


def test_what_is_to_be_told_keeps_a_flow_from_being_settled(flow: Flow, sandbox: Sandbox) -> None:
    sandbox.control.change_exam("liu", flow.codes.get().code, gradeScale="Nobody knows it")
    told = [synced(flow).problems for _ in range(3)]
    assert told[0] == told[1] == told[2] != []
    assert not is_settled(flow)


def test_another_key_of_ours_sees_another_basis(flow: Flow, settings: Any) -> None:
    """What is stored cannot be tried out without the key."""
    settings.SECRET_KEY = "another-" + "y" * 50
    assert not is_settled(flow)
