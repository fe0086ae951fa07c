"""Where a university hides its students' names, no work on a flow leaves one in any column, or in what it tells."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from ladokflow.sandbox.server import Sandbox
from sources.flows.change import Change, change_flow
from sources.flows.create import create_flow
from sources.flows.exams import fetch_several
from sources.flows.release import Way, release
from sources.flows.request import request_flow
from sources.logs.read import read_log, want
from sources.models import Flow, LogEntry, LogReading, Registration, Source, SyncRun
from sources.sync.run import preview_sync, request_sync, run_sync
from tests.test_house.test_repository import files

pytestmark = pytest.mark.django_db
NAME = "Zebrafink"


@pytest.fixture(params=[True, False], ids=["hidden", "shown"])
def hides(request: pytest.FixtureRequest, liu: Source) -> bool:
    """Where names are shown, they are found: what looks for them can fail."""
    Source.objects.filter(pk=liu.pk).update(protects_identity=request.param)
    liu.refresh_from_db()
    return bool(request.param)


@pytest.fixture
def code(liu: Source, sandbox: Sandbox) -> str:
    """An exam of five: two have one national id, one has an unreadable time and one no user name."""
    made = sandbox.control.add_exam("liu", people=5)
    people = sandbox.control.change_people("liu", made)
    for person in people:
        person["lastname"] = NAME
    people[1]["civicNumber"] = people[0]["civicNumber"]
    people[2]["endTime"] = "half past"
    people[3]["LiUId"] = ""
    sandbox.control.set_people("liu", made, people)
    return made


def tables_with_a_name() -> set[str]:
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            if NAME in str(cursor.fetchall()):
                found.add(table)
    return found


def created(source: Source, code: str, by: User) -> Flow:
    flow = request_flow(source=source, codes=[code], requested_by=by)
    create_flow(flow.pk)
    flow.refresh_from_db()
    assert flow.setup_state == Flow.Setup.READY
    return flow


def give_another_number(sandbox: Sandbox, code: str) -> None:
    """Somebody on the list may be another person now: that is told of whoever it is."""
    people = sandbox.control.change_people("liu", code)
    people[-1] |= {"civicNumber": "19700101-0011", "studentUID": "00000000-0000-4000-8000-000000000000"}
    sandbox.control.set_people("liu", code, people)


def test_creating_and_synchronising(hides: bool, code: str, liu: Source, anna: User, sandbox: Sandbox) -> None:
    flow = created(liu, code, anna)
    assert ("sources_syncrun" in tables_with_a_name()) is not hides
    SyncRun.objects.all().delete()
    sandbox.control.change_people("liu", code, remove=1, add=[{"lastname": NAME}])
    assert (NAME in str([change.message for change in preview_sync(flow).changes])) is not hides
    run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, enqueue=False).pk)
    assert ("sources_syncrun" in tables_with_a_name()) is not hides
    give_another_number(sandbox, code)
    run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, enqueue=False).pk)
    assert Registration.objects.exclude(doubt={}).exists()
    assert ("sources_registration" in tables_with_a_name()) is not hides
    assert not (hides and tables_with_a_name())


def test_the_list_that_is_read_before_grades_are_sent(
    hides: bool, code: str, liu: Source, anna: User, sandbox: Sandbox
) -> None:
    flow = created(liu, code, anna)
    control = sandbox.control
    for step in (control.activate, control.start_participation, control.end_participation):
        step(flow.wiseflow_id)
    control.grade(flow.wiseflow_id, "random")
    control.end_marking(flow.wiseflow_id)
    collect_grades(flow)
    (attempt,) = start_export(flow=Flow.objects.get(pk=flow.pk), requested_by=anna, enqueue=False)
    give_another_number(sandbox, code)
    send_attempt(attempt.pk)
    assert Registration.objects.exclude(doubt={}).exists()
    assert ("sources_registration" in tables_with_a_name()) is not hides
    assert not (hides and tables_with_a_name())


def test_what_is_wrong_with_exams_that_are_looked_at_together(hides: bool, code: str, liu: Source) -> None:
    """In threads."""
    exams = fetch_several(liu, [code, code])
    assert (NAME in str(exams[0].problems)) is not hides
    assert (NAME in str(exams[1].problems)) is not hides


def test_words_in_a_log_that_nobody_could_know_for_a_name(hides: bool, liu: Source, sandbox: Sandbox) -> None:
    said = {"action": "X", "device": f"{NAME}'s phone, 12"}
    sandbox.control.add_logs([{"source": said, "at": timezone.now().timestamp() - 60}], licence="liu")
    want(liu, enqueue=False)
    read_log(LogReading.objects.get().pk)
    detail = LogEntry.objects.get().detail
    assert (NAME in detail) is not hides
    assert "12" in detail


def synchronised(flow: Flow, by: User) -> str:
    run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, enqueue=False).pk)
    return f"{run.reason} {run.problems}"


def changed(flow: Flow, by: User) -> str:
    with pytest.raises(Refused) as told:
        change_flow(flow=flow, change=Change({"term": "HT26"}), by=by)
    return str(told.value.message)


def let_go(flow: Flow, by: User) -> str:
    with pytest.raises(RemoteError) as told:
        release(flow=flow, way=Way.DELETED, by=by)
    return str(told.value.message)


def collected(flow: Flow, by: User) -> str:
    Flow.objects.filter(pk=flow.pk).update(state=Flow.State.PARTICIPATION_ENDED)
    with pytest.raises(RemoteError) as told:
        collect_grades(Flow.objects.get(pk=flow.pk))
    return str(told.value.message)


def previewed(flow: Flow, by: User) -> str:
    with pytest.raises(RemoteError) as told:
        preview_sync(flow)
    return str(told.value.message)


WRITING, ANY = ("POST", "PUT", "DELETE"), ("",)
WORK = [
    (synchronised, "/license/user", ANY),  # in threads
    (synchronised, "*", WRITING),
    (changed, "*", WRITING),
    (let_go, "*", WRITING),
    (collected, "*", ANY),
    (previewed, "*", ANY),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("work", "path", "methods"), WORK)
def test_a_national_id_in_what_wiseflow_refuses_however_it_is_written(
    work: Callable[[Flow, User], str],
    path: str,
    methods: tuple[str, ...],
    liu: Source,
    anna: User,
    sandbox: Sandbox,
) -> None:
    code = sandbox.control.add_exam("liu", people=2)
    flow = created(liu, code, anna)
    number = Registration.objects.order_by("pk")[0].national_id.replace("-", "")
    refused = {"status": 400, "body": {"message": f"Is {number[:4]} {number[4:8]} {number[8:]} already."}}
    for method in methods:
        sandbox.control.fault("wiseflow", path, "status", times=-1, method=method, **refused)
    sandbox.control.change_people("liu", code, add=3)
    told = work(flow, anna)
    assert "already" in told
    assert number[8:] not in told


def test_whoever_asks_about_a_flow_gives_it_and_not_its_source() -> None:
    """Or nobody would know whose national ids are to be hidden in what is told."""
    asks = re.compile(r"(?:ladok|wiseflow)_for\([\w.]*flow\.source")
    assert asks.search("with wiseflow_for(attempt.flow.source, look) as client:")
    code = [path for path in files() if path.suffix == ".py" and "tests" not in path.parts]
    assert [path.name for path in code if asks.search(path.read_text())] == []
