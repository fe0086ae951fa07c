"""Which flows are asked for and when: each once, the sources in turn, and a WISEflow that is down ever more seldom."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from exports.grades import asking
from exports.models import Collection
from exports.tasks import collect_all, collect_flow
from sources.flows.change import Change, change_flow
from sources.models import Flow
from tests.exports.world import World
from tests.factories import FlowFactory, MembershipFactory, SourceFactory, in_hours

MakeFlow = Callable[..., Flow]


def entries() -> list[int]:
    """The flows that are in the queue, in its order."""
    rows = OrmQ.objects.order_by("pk")
    return [int(row.task["args"][0]) for row in rows if row.task["func"] == Collection.TASK]


def due_flow(**fields: Any) -> Flow:
    return FlowFactory(state=Flow.State.CONCLUDED, **({"collected_at": None} | fields))


@pytest.mark.django_db
def test_what_is_asked_for_is_not_asked_for_again() -> None:
    flow = due_flow()
    for _ in range(3):
        collect_all()
    assert entries() == [flow.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("state", [Flow.State.PARTICIPATION_ENDED, Flow.State.CONCLUDED, Flow.State.ARCHIVED])
def test_what_a_wrong_clock_has_written_keeps_no_flow_from_being_collected(state: int) -> None:
    flow = FlowFactory(state=state, collected_at=in_hours(24 * 365))
    resting = due_flow()
    Collection.objects.create(flow=resting, failures=1, rests_until=in_hours(24 * 365))
    patient = due_flow()
    Collection.objects.create(flow=patient, failures=9, rests_until=in_hours(1))
    assert asking.ask_for_due() == 2
    assert set(entries()) == {flow.pk, resting.pk}


@pytest.mark.django_db
def test_the_sources_take_turns_and_none_fills_the_queue() -> None:
    large, small = SourceFactory(), SourceFactory()
    ago = dt.timedelta(hours=2)
    many = [due_flow(source=large, collected_at=timezone.now() - ago - dt.timedelta(minutes=n)) for n in range(5)]
    one = due_flow(source=small)
    longest_first = [flow.pk for flow in reversed(many)]
    assert asking.ask_for_due(most=3) == 4
    assert entries() == [longest_first[0], one.pk, *longest_first[1:3]]
    assert asking.ask_for_due(most=3) == 0
    asking.end(longest_first[1], is_done=False)
    assert asking.ask_for_due(most=3) == 1
    assert entries()[4:] == longest_first[3:4]


def test_an_entry_that_comes_twice_reads_once(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    Flow.objects.update(collected_at=None)
    collect_all()
    read = []
    for _ in range(2):
        collect_flow(str(flow.pk))
        read.append(Flow.objects.get().collected_at)
    assert read[0] is not None
    assert read[1] == read[0]
    assert not Collection.objects.asked().exists()
    collect_all()
    assert len(entries()) == 1


def test_a_wiseflow_that_is_down_is_asked_ever_more_seldom(make_flow: MakeFlow, world: World) -> None:
    flow = make_flow()
    Flow.objects.update(collected_at=None)
    world.wiseflow_status = 403
    rests = []
    for _ in range(9):
        collect_all()
        collect_flow(str(flow.pk))
        row = Collection.objects.get()
        # In minutes begun: some of the first may have gone by already.
        rests.append(math.ceil((row.rests_until - timezone.now()).total_seconds() / 60))
        collect_all()
        assert len(entries()) == len(rests)
        Collection.objects.update(rests_until=timezone.now())
    assert rests == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    world.wiseflow_status = 200
    collect_all()
    collect_flow(str(flow.pk))
    assert (Collection.objects.get().failures, Collection.objects.get().rests_until) == (0, None)


@pytest.mark.django_db
def test_switching_instant_export_on_has_a_worker_look_at_once() -> None:
    flow = FlowFactory()
    manager = MembershipFactory(source=flow.source).user
    for name, is_asked in (("exports_when_marking_ends", False), ("instant_export", True)):
        change_flow(flow=flow, change=Change({name: True}), by=manager, names=(name,))
        assert asking.is_asked(flow.pk) is is_asked
