"""The export right: one rule at every university, for whatever decides what Ladok gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from exports.attempts import adoption
from exports.attempts.findings import deal_with
from exports.attempts.marks import mark_as_absent, mark_as_exported, marked, seen_of, take_back, unsettled
from exports.attempts.place import change_place
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades.word import say_how
from exports.models import ExportAttempt, ExportItem
from exports.pages.lists import memberships_by_source, rows_of, with_exports
from exports.rules.states import refresh_states
from exports.rules.values import Asking
from ladokflow.ladok import UNIVERSITIES
from ladokflow.messages import Refused
from ladokflow.wiseflow.scales import Form
from sources.models import Flow
from tests.exports.world import World
from tests.factories import MembershipFactory

MakeFlow = Callable[..., Flow]
EVERYWHERE = pytest.mark.parametrize("university", sorted(UNIVERSITIES))


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.message.code


def failed(flow: Flow, world: World) -> None:
    world.answer = lambda call: (500, b"")
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    send_attempt(attempt.pk)
    flow.refresh_from_db()


@EVERYWHERE
def test_without_the_right_nothing_is_sent_and_nothing_is_marked(
    make_flow: MakeFlow, world: World, university: str, client: Client
) -> None:
    flow = make_flow(people=2, university=university)
    member = MembershipFactory(source=flow.source, can_export=False)
    by = member.user
    assert refused(lambda: start_export(flow=flow, requested_by=by)) == "export.no_right"
    failed(flow, world)
    first, second = unsettled(flow).order_by("pk")
    say = {"flow": flow, "by": by, "reason": "Syns i Ladok"}
    assert mark_as_exported(flow=flow, by=flow.created_by, reason="Syns", seen={second.pk: seen_of(second)}) == 1
    [done] = marked(flow)
    before = list(ExportItem.objects.order_by("pk").values("pk", "state", "message"))
    for act in (
        lambda: retry_export(flow=flow, requested_by=by),
        lambda: mark_as_exported(**say, seen={first.pk: seen_of(first)}),
        lambda: mark_as_absent(**say, seen={first.pk: seen_of(first)}),
        lambda: take_back(flow=flow, by=by, seen={done.pk: seen_of(done)}),
        lambda: adoption.say(adoption.Which.NONE, flow=flow, by=by, reason="Inga är exporterade"),
        lambda: say_how(flow=flow, form=Form.SHOWN, by=by),
        lambda: change_place(flow=flow, goes_to="each", was=flow.grade_goes_to, by=by),
        lambda: deal_with(flow=flow, kind="late", keys=[1], by=by),
    ):
        assert refused(act) == "export.no_right"
    person = ["--person", first.organisation_id]
    for command in (["export"], ["retry"], ["mark", "--reason", "Syns", *person], ["mark", "--undo"]):
        with pytest.raises(CommandError, match="export right|exporträtt"):
            call_command(*command, "--flow", flow.pk, "--by", by.email)
    client.force_login(by)
    words = {"item": f"{first.pk}:{seen_of(first)}", "shown": first.pk, "reason": "Syns", "word": "there"}
    shown = client.post(f"/exports/flows/{flow.pk}/mark/", words, headers={"accept-language": "en"})
    assert "only managers with the export right" in shown.text
    assert 'name="word"' not in shown.text
    refresh_states(flow)
    [row] = rows_of(with_exports(Flow.objects.all()), memberships_by_source(by), {})
    assert (row.why_not is not None, row.can_be_marked, row.can_be_chosen) == (True, False, False)
    preview = preview_export(flow=flow, user=by, asking=Asking.RETRY)
    assert preview.refusal is not None
    assert preview.refusal.code == "export.no_right"
    assert list(ExportItem.objects.order_by("pk").values("pk", "state", "message")) == before
    assert ExportAttempt.objects.count() == 1


@EVERYWHERE
def test_with_it_all_of_that_can_be_done(make_flow: MakeFlow, world: World, university: str) -> None:
    flow = make_flow(people=1, university=university)
    failed(flow, world)
    [item] = unsettled(flow)
    by = MembershipFactory(source=flow.source).user
    mark_as_exported(flow=flow, by=by, reason="Syns i Ladok", seen={item.pk: seen_of(item)})
    [item] = marked(flow)
    take_back(flow=flow, by=by, seen={item.pk: seen_of(item)})
    assert len(retry_export(flow=flow, requested_by=by)) == 1


@EVERYWHERE
@pytest.mark.parametrize("has_left", [False, True])
def test_what_goes_by_itself_goes_in_the_name_of_who_made_the_flow(
    make_flow: MakeFlow, university: str, has_left: bool
) -> None:
    """Where nobody is named to Ladok, a flow goes on when its maker has left."""
    flow = make_flow(people=1, university=university, exports_when_marking_ends=True)
    members = flow.source.memberships.filter(user=flow.created_by)
    if has_left:
        members.delete()
    else:
        members.update(can_export=False)
    if has_left and not flow.source.rules.names_sender:
        assert len(start_export(flow=flow, trigger=ExportAttempt.Trigger.MARKING_END)) == 1
    else:
        start = lambda: start_export(flow=flow, trigger=ExportAttempt.Trigger.MARKING_END)  # noqa: E731
        assert refused(start) == "export.no_right"


def test_who_has_left_sends_nothing_that_was_waiting(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=1)
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    flow.source.memberships.all().delete()
    send_attempt(attempt.pk)
    assert ExportAttempt.objects.get().message["code"] == "attempt.right_gone"
