"""Where the grade of somebody on several codes goes can be changed until a grade has been sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exports.attempts.place import change_place, may_change_place
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, start_export
from ladokflow.messages import Refused
from sources.models import AuditEntry, Flow, Source
from tests.exports.attempts.test_several_codes import on_both
from tests.exports.world import World

MakeFlow = Callable[..., Flow]


def change(flow: Flow, goes_to: str, was: str | None = None) -> bool:
    return change_place(flow=flow, goes_to=goes_to, was=was or flow.grade_goes_to, by=flow.created_by)


def test_before_anything_is_sent_it_is_changed_and_on_record(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    on_both(flow, world)
    assert len(preview_export(flow=flow, user=flow.created_by).to_send) == 1
    assert change(flow, "each")
    flow.refresh_from_db()
    assert len(preview_export(flow=flow, user=flow.created_by).to_send) == 2
    assert not change(flow, "each")
    assert change(flow, "one")
    codes = AuditEntry.objects.filter(flow=flow, actor=flow.created_by).order_by("pk")
    assert list(codes.values_list("message__code", flat=True)) == [
        "sources.audit.grade_goes_to_each",
        "sources.audit.grade_goes_to_one",
    ]


@pytest.mark.parametrize("how", ["queued", "sent", "lost", "not sent"])
def test_once_a_grade_has_been_sent_it_stays(make_flow: MakeFlow, world: World, how: str) -> None:
    flow = make_flow(people=0, codes=["A", "B"])
    on_both(flow, world)
    if how == "lost":
        world.answer = lambda call: None
    if how == "not sent":
        world.list_status = 500
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    if how != "queued":
        send_attempt(attempt.pk)
    # What has never left us has gone nowhere.
    assert may_change_place(flow) == (how == "not sent")
    if how == "not sent":
        assert change(flow, "each")
        return
    with pytest.raises(Refused) as caught:
        change(flow, "each")
    assert caught.value.message.code == "place.sent"
    flow.refresh_from_db()
    assert flow.grade_goes_to == "one"


def test_what_somebody_else_has_changed_meanwhile_is_shown(make_flow: MakeFlow) -> None:
    flow = make_flow(people=1, codes=["A", "B"])
    change(flow, "each")
    with pytest.raises(Refused) as caught:
        change(flow, "each", was="one")
    assert caught.value.message.code == "place.seen_otherwise"
    assert Source.objects.count() == 1
