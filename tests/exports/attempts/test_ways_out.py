"""An unknown outcome can always be brought to an end, whatever has become of its code, its flow and its source since."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone, translation

from exports.attempts.send import send_attempt
from exports.attempts.settle import QUIET, check_with_ladok
from exports.attempts.start import preview_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import sweep
from exports.rules.states import refresh_states
from exports.rules.values import Asking
from ladokflow.http import RemoteError
from sources.models import Credential, Flow, FlowSource, Registration
from tests.cases import Cases
from tests.exports.world import World
from tests.factories import FlowFactory, ParticipantFactory, in_hours
from tests.filling import press
from tests.pages.exporting import exported, manager_of, page, signed_in

MakeFlow = Callable[..., Flow]
Change = Callable[[Flow, World], None]


def code_removed(flow: Flow, world: World) -> None:
    now = timezone.now()
    FlowSource.objects.filter(flow=flow).update(removed_at=now)
    Flow.objects.filter(pk=flow.pk).update(export_ended_at=now)


def on_another_flow(flow: Flow, world: World) -> None:
    """With the same people, who have other accounts there."""
    code = flow.codes.get().code
    code_removed(flow, world)
    second = FlowFactory(source=flow.source, state=Flow.State.CONCLUDED, codes=[code], collected_at=in_hours(-1))
    for person in flow.participants.all():
        known = {name: getattr(person, name) for name in ("organisation_id", "external_user_id", "unique_exam_id")}
        ParticipantFactory(flow=second, grade="5", **known)


def deleted_in_wiseflow(flow: Flow, world: World) -> None:
    world.wiseflow_status = 404


def source_switched_off(flow: Flow, world: World) -> None:
    Credential.objects.update(enabled=False)


def exam_gone_in_ladok(flow: Flow, world: World) -> None:
    world.list_status = world.read_back_status = 404


def people_off_the_list(flow: Flow, world: World) -> None:
    Registration.objects.update(is_listed=False, gone_at=timezone.now())
    world.listed.clear()


def people_deactivated(flow: Flow, world: World) -> None:
    flow.participants.update(is_active=False, is_activation_manual=True)


def grades_taken_away(flow: Flow, world: World) -> None:
    world.grades.clear()
    for person in flow.participants.all():
        person.assessment.delete()


def marking_reopened(flow: Flow, world: World) -> None:
    Flow.objects.filter(pk=flow.pk).update(state=Flow.State.PARTICIPATION_ENDED)


def archived(flow: Flow, world: World) -> None:
    Flow.objects.filter(pk=flow.pk).update(state=Flow.State.ARCHIVED)


CHANGES: dict[str, Change] = {"as it was": lambda flow, world: None} | {
    change.__name__: change
    for change in (
        code_removed, on_another_flow, deleted_in_wiseflow, source_switched_off, exam_gone_in_ladok,
        people_off_the_list, people_deactivated, grades_taken_away, marking_reopened, archived,
    )
}  # fmt: skip
# In these Ladok cannot be asked, and only somebody's own look ends the doubt.
SILENT = (source_switched_off, exam_gone_in_ladok)


@pytest.fixture
def unknown_flow(make_flow: MakeFlow, world: World) -> Flow:
    """Two people were sent long ago, and the connection was cut."""
    flow = make_flow(people=2, source={"can_read_back": True})
    world.answer = lambda call: None
    assert exported(flow).unknown_count == 2
    ExportAttempt.objects.update(finished_at=in_hours(-2))
    return flow


def states(flow: Flow) -> list[str]:
    return list(ExportItem.objects.filter(attempt__flow=flow).order_by("pk").values_list("state", flat=True))


def changed(flow: Flow, change: Change, world: World) -> Flow:
    change(flow, world)
    fresh = Flow.objects.get(pk=flow.pk)
    refresh_states(fresh)
    return fresh


def test_a_manager_says_what_ladok_has_and_what_not(
    unknown_flow: Flow, world: World, client: Client, cases: Cases
) -> None:
    def say_after(change: Change) -> None:
        flow = changed(unknown_flow, change, world)
        signed_in(client, manager_of(flow))
        there, absent = ExportItem.objects.filter(attempt__flow=flow).order_by("pk")
        # The dashboard leads to the page, and so does the flow's own.
        address = f"/exports/flows/{flow.pk}/mark/"
        for start in ("/exports/?tab=failed", f"/flows/{flow.pk}/"):
            assert f'href="{address}' in page(client, start)
        for item, word in ((there, "there"), (absent, "absent")):
            shown = f"{address}?item={item.pk}"
            response = press(client, shown, address, reason="Sett i Ladok i dag", word=word)
            assert response.status_code == 302, response.content.decode()
        assert states(flow) == ["exported", "failed"]
        flow.refresh_from_db()
        assert flow.attempts.get().unknown_count == 0
        assert len(world.exported) == 1

    cases.try_each(CHANGES, say_after, world.kept)


def test_ladok_is_asked_wherever_it_can_be(unknown_flow: Flow, world: World, client: Client, cases: Cases) -> None:
    def ask_after(change: Change) -> None:
        flow = changed(unknown_flow, change, world)
        signed_in(client, manager_of(flow))
        first = ExportItem.objects.filter(attempt__flow=flow).order_by("pk")[0]
        world.registered = [{"studentUid": first.unique_exam_id, "grade": {"grade": first.grade}}]
        for _ in range(2):
            assert f"/exports/flows/{flow.pk}/check/" in page(client, "/exports/?tab=failed")
            client.post(f"/exports/flows/{flow.pk}/check/")
            ExportItem.objects.filter(state="unknown").update(absent_at=in_hours(-1))
        assert states(flow) == (["unknown"] * 2 if change in SILENT else ["exported", "failed"])

    cases.try_each(CHANGES, ask_after, world.kept)


def test_the_sweeper_asks_it_by_itself(unknown_flow: Flow, world: World, cases: Cases) -> None:
    def sweep_after(change: Change) -> None:
        flow = changed(unknown_flow, change, world)
        first = ExportItem.objects.filter(attempt__flow=flow).order_by("pk")[0]
        world.registered = [{"studentUid": first.unique_exam_id, "grade": {"grade": first.grade}}]
        ExportAttempt.objects.update(finished_at=timezone.now() - QUIET)
        assert sweep().settled == 1
        ExportItem.objects.filter(state="unknown").update(absent_at=in_hours(-1))
        assert sweep().settled == 1
        assert states(flow) == ["exported", "failed"]

    cases.try_each({name: change for name, change in CHANGES.items() if change not in SILENT}, sweep_after, world.kept)


def test_what_cannot_be_sent_again_is_told_with_the_way_that_is_left(
    unknown_flow: Flow, world: World, cases: Cases
) -> None:
    """The advice to send again is given only where that can come about, as far as our own rows tell. What has been found out is said."""

    def told_after(change: Change) -> None:
        flow = changed(unknown_flow, change, world)
        preview = preview_export(flow=flow, user=flow.created_by, asking=Asking.RETRY)
        can_be_sent = bool(preview.to_send) and preview.refusal is None
        person = flow.participants.order_by("pk")[0]
        for language, again, says in (("sv", "skickas igen", "ange det"), ("en", "sent again", "say so")):
            for reason in (person.export_reason, flow.export_reason):
                assert reason
                with translation.override(language):
                    assert (again in reason.todo, says in reason.todo) == (can_be_sent, True), str(reason)

    cases.try_each(CHANGES, told_after, world.kept)


# --- One of several codes


def test_a_code_that_ladok_knows_no_more_keeps_no_other_from_being_settled(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"], source={"can_read_back": True})
    for code in flow.codes.order_by("position"):
        world.grades[ParticipantFactory(flow=flow, grade="5", codes=[code]).wiseflow_id] = "5"
    world.answer = lambda call: None
    for attempt in start_export(flow=flow, requested_by=flow.created_by, enqueue=False):
        send_attempt(attempt.pk)
    world.unreadable = {"A"}
    world.registered = [
        {"studentUid": item.unique_exam_id, "grade": {"grade": "5"}} for item in ExportItem.objects.all()
    ]
    settled = check_with_ladok(flow=flow)
    assert (settled.exported, settled.unknown) == (1, 1)
    assert [each.code for each in settled.unread] == ["ladok.nothing_to_read_back"]
    assert [*ExportItem.objects.order_by("pk").values_list("state", flat=True)] == ["unknown", "exported"]
    with pytest.raises(RemoteError):
        check_with_ladok(flow=flow)
