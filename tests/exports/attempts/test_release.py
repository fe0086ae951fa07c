"""Letting a flow go, in every phase, against the sandbox: the code is free, and what was sent is known wherever it comes to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from exports.attempts.marks import mark_as_exported, seen_of, unknown
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from ladokflow.fingerprints import NotAsShown
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from sources.flows.adoption import adopt, check, flows_in
from sources.flows.adoption_table import Pair
from sources.flows.create import create_flow
from sources.flows.release import Way, refusal_of, release, releases_of, standing_of
from sources.flows.request import request_flow, resume_flow
from sources.models import AuditEntry, Flow, Source, SyncRun
from sources.sync.run import request_sync, run_sync
from tests.by_hand import flow_by_hand, written
from tests.factories import ExportAttemptFactory


@pytest.fixture
def code(sandbox: Any) -> str:
    return str(sandbox.control.add_exam("liu", people=3))


@pytest.fixture
def flow(sandbox: Any, liu: Source, anna: User, code: str) -> Flow:
    made = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    assert made.setup_state == "ready"
    sandbox.control.clear_received()
    return made


def ways(flow: Flow) -> list[str]:
    return [each.way.value for each in releases_of(flow, standing_of(flow))]


def told(flow: Flow, way: Way) -> set[str]:
    (found,) = (each for each in releases_of(flow, standing_of(flow)) if each.way is way)
    return {each.code.removeprefix("sources.") for each in found.consequences}


def let_go(flow: Flow, way: Way, by: User) -> Flow:
    (found,) = (each for each in releases_of(flow, standing_of(flow)) if each.way is way)
    release(flow=flow, way=way, by=by, seen=str(found.fingerprint))
    flow.refresh_from_db()
    assert (flow.released_as, flow.setup_state, flow.wiseflow_id) == (way, "stopped", None)
    assert not flow.codes.filter(removed_at__isnull=True).exists()
    assert flow.participant_count == flow.participants.count()
    assert (flow.sync_token, flow.instant_export, flow.exports_when_marking_ends) == (None, False, False)
    assert AuditEntry.objects.filter(flow=flow, actor=by, message__code=f"sources.audit.released_{way}").count() == 1
    return flow


def graded(sandbox: Any, flow: Flow, grade: str = "5") -> None:
    people = [row.wiseflow_id for row in flow.participants.all()]
    sandbox.control.grade(flow.wiseflow_id, dict.fromkeys(people, grade))
    sandbox.control.end_marking(flow.wiseflow_id)
    run_sync(request_sync(flow=flow, trigger="manager", enqueue=False).pk)
    flow.refresh_from_db()
    collect_grades(flow)


# --- The ways, in every phase ----------------------------------------------------------------------------------------------


def test_one_made_by_mistake_is_deleted_in_wiseflow_too(sandbox: Any, anna: User, flow: Flow, code: str) -> None:
    number = flow.wiseflow_id
    assert ways(flow) == ["deleted", "kept"]
    let_go(flow, Way.DELETED, anna)
    assert written(sandbox) == [("DELETE", f"/flows/{number}")]
    assert sandbox.control.flow(number)["is_deleted"]
    again = create_flow(request_flow(source=flow.source, codes=[code], requested_by=anna, enqueue=False).pk)
    assert again.setup_state == "ready"
    assert resume_flow(flow, anna).setup_state == "stopped"


PHASES = ("setup", "activate", "start_participation", "end_participation", "end_marking", "archive")


@pytest.mark.parametrize("phase", PHASES)
def test_in_every_phase_it_is_kept_in_wiseflow_without_our_reference(
    sandbox: Any, anna: User, flow: Flow, code: str, phase: str
) -> None:
    number = flow.wiseflow_id or 0
    if phase != "setup":
        getattr(sandbox.control, phase)(number)
    before = sandbox.control.flow(number)
    assert ways(flow) == (["deleted", "kept"] if phase == "setup" else ["kept"])
    with pytest.raises(Refused):
        release(flow=flow, way=Way.GONE, by=anna)
    let_go(flow, Way.KEPT, anna)
    now = sandbox.control.flow(number)
    assert now["sources"] == (before["sources"] if phase == "archive" else [])
    for same in ("participants", "title", "dates", "managers", "is_deleted", "is_active"):
        assert now[same] == before[same], same
    stays = AuditEntry.objects.filter(flow=flow, message__code="sources.reference_stays")
    assert stays.exists() == (phase == "archive")
    # It can be taken over again, and its own code is free for that.
    rows = flows_in(check(flow.source, [Pair(str(number), code)]))[number]
    again = create_flow(adopt(rows, flow.source, by=anna, enqueue=False).pk)
    assert (again.setup_state, again.wiseflow_id) == ("ready", number)


def test_one_that_was_deleted_in_wiseflow_is_told_and_let_go(sandbox: Any, anna: User, flow: Flow, code: str) -> None:
    restore = f"{sandbox.url}/wiseflow/v1/flows/{flow.wiseflow_id}/reopen"
    for comes_back in (True, False):
        sandbox.control.delete_flow(flow.wiseflow_id)
        run_sync(request_sync(flow=flow, trigger="manager", enqueue=False).pk)
        flow.refresh_from_db()
        assert flow.is_gone
        if comes_back:  # a licence admin has restored it in WISEflow
            assert httpx.patch(restore, headers={"x-api-key": "liu-key"}).is_success
            assert run_sync(request_sync(flow=flow, trigger="manager", enqueue=False).pk).state == "success"
            flow.refresh_from_db()
            assert not flow.is_gone
    sandbox.control.clear_received()
    with pytest.raises(Refused) as caught:
        request_flow(source=flow.source, codes=[code], requested_by=anna)
    assert caught.value.message.code == "sources.code_on_gone_flow"
    assert ways(flow) == ["gone"]
    let_go(flow, Way.GONE, anna)
    assert written(sandbox) == []
    assert create_flow(request_flow(source=flow.source, codes=[code], requested_by=anna, enqueue=False).pk).wiseflow_id


def test_a_creation_that_has_stopped_is_let_go_and_nobody_goes_on_with_it(
    sandbox: Any, liu: Source, anna: User, code: str
) -> None:
    flow = request_flow(source=liu, codes=[code], requested_by=anna, flow_type="FLOWno", enqueue=False)
    assert refusal_of(flow).code == "sources.release.being_made"
    with pytest.raises(Refused):
        release(flow=flow, way=Way.GONE, by=anna)
    flow = create_flow(flow.pk)
    assert (flow.setup_state, ways(flow)) == ("stopped", ["gone"])
    assert told(flow, Way.GONE) == {"release.unmade", "release.codes_free"}
    let_go(flow, Way.GONE, anna)
    assert not flow.is_unmade
    other = request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False)
    assert other.pk != flow.pk


def test_a_flow_of_others_is_never_deleted(sandbox: Any, liu: Source, anna: User, code: str) -> None:
    number = flow_by_hand(sandbox, liu)
    rows = flows_in(check(liu, [Pair(str(number), code)]))[number]
    flow = create_flow(adopt(rows, liu, by=anna, enqueue=False).pk)
    assert ways(flow) == ["kept"]
    with pytest.raises(Refused) as caught:
        release(flow=flow, way=Way.DELETED, by=anna)
    assert caught.value.message.code == "sources.release.not_this_way"


def test_where_wiseflow_cannot_be_asked_it_is_let_go_all_the_same(sandbox: Any, anna: User, flow: Flow) -> None:
    flow.source.credentials.filter(system="wiseflow").update(enabled=False)
    assert "release.references_stay" in told(flow, Way.KEPT)
    let_go(flow, Way.KEPT, anna)
    assert written(sandbox) == []


# --- What happens meanwhile ------------------------------------------------------------------------------------------------


def test_one_that_is_activated_meanwhile_is_not_deleted(sandbox: Any, anna: User, flow: Flow) -> None:
    seen = {each.way: str(each.fingerprint) for each in releases_of(flow, standing_of(flow))}
    sandbox.control.activate(flow.wiseflow_id)
    for way in seen:
        with pytest.raises(NotAsShown):
            release(flow=flow, way=way, by=anna, seen=seen[way])
    for old in ("", "0" * 32):
        with pytest.raises(NotAsShown):
            release(flow=flow, way=Way.KEPT, by=anna, seen=old)
    flow.refresh_from_db()
    assert not flow.is_released
    assert flow.sync_token is None
    assert written(sandbox) == []


def test_one_that_is_activated_at_the_last_moment_is_not_deleted(sandbox: Any, anna: User, flow: Flow) -> None:
    arguments = {"flow_id": flow.wiseflow_id}
    seen = next(str(each.fingerprint) for each in releases_of(flow, standing_of(flow)))
    sandbox.control.fault("wiseflow", f"/flow/{flow.wiseflow_id}", "by_hand", action="activate", arguments=arguments)
    with pytest.raises(NotAsShown):
        release(flow=flow, way=Way.DELETED, by=anna, seen=seen)
    assert written(sandbox) == []


def test_a_deletion_that_wiseflow_refuses_or_does_not_answer(sandbox: Any, anna: User, flow: Flow) -> None:
    path = f"/flows/{flow.wiseflow_id}"
    sandbox.control.fault("wiseflow", path, "status", method="DELETE", status=403)
    with pytest.raises(RemoteError):
        release(flow=flow, way=Way.DELETED, by=anna)
    flow.refresh_from_db()
    assert (flow.is_released, flow.sync_token) == (False, None)
    sandbox.control.fault("wiseflow", path, "lost_answer", method="DELETE")
    let_go(flow, Way.DELETED, anna)


def test_an_export_under_way_is_ended_first(anna: User, flow: Flow) -> None:
    attempt = ExportAttemptFactory(flow=flow, state="queued")
    with pytest.raises(Refused) as caught:
        release(flow=flow, way=Way.KEPT, by=anna)
    assert caught.value.message.code == "release.export_under_way"
    attempt.delete()
    run = request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, enqueue=False)
    let_go(flow, Way.KEPT, anna)
    run.refresh_from_db()
    assert (run.state, run.reason.code) == ("failed", "sources.released.kept")
    assert run_sync(run.pk).state == "failed"
    with pytest.raises(Refused):
        release(flow=flow, way=Way.KEPT, by=anna)


# --- What was sent -----------------------------------------------------------------------------------------------------------


def test_what_was_exported_stays_to_be_read_and_is_not_sent_from_another_flow(
    sandbox: Any, liu: Source, anna: User, flow: Flow, code: str
) -> None:
    graded(sandbox, flow)
    (attempt,) = start_export(flow=flow, requested_by=anna, enqueue=False)
    assert send_attempt(attempt.pk) == ExportAttempt.State.EXPORTED
    flow.refresh_from_db()
    let_go(flow, Way.KEPT, anna)
    assert (flow.export_state, flow.exported_count, flow.export_reason.code) == ("exported", 3, "export.released")
    assert flow.participants.filter(export_state="exported").count() == 3
    with pytest.raises(Refused) as caught:
        start_export(flow=flow, requested_by=anna)
    assert caught.value.message.code == "export.released"

    second = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    graded(sandbox, second)
    held = {line.message.code for line in preview_export(flow=second, user=anna).held_back}
    assert held == {"export.elsewhere"}
    assert len(sandbox.control.grades("liu")) == 3


def test_what_is_not_known_is_told_first_and_settled_afterwards(
    sandbox: Any, anna: User, flow: Flow, code: str
) -> None:
    graded(sandbox, flow)
    sandbox.control.fault("liu", f"/exams/{code}/grades", "lost_answer", method="POST")
    (attempt,) = start_export(flow=flow, requested_by=anna, enqueue=False)
    send_attempt(attempt.pk)
    flow.refresh_from_db()
    assert ExportItem.objects.of_flow(flow).filter(state="unknown").count() == 3
    assert {"release.unknown", "release.not_exported"} <= told(flow, Way.KEPT)
    let_go(flow, Way.KEPT, anna)
    assert (flow.export_state, flow.failed_count) == ("failed", 3)
    items = list(unknown(flow))
    mark_as_exported(flow=flow, seen={item.pk: seen_of(item) for item in items}, by=anna, reason="Sett i Ladok")
    flow.refresh_from_db()
    assert (flow.export_state, flow.exported_count) == ("exported", 3)
