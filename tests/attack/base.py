"""Where every attack begins: a flow whose people are graded and whose marking has ended (or one that has just been made), in a sandbox
whose Ladok can be told, byte by byte, how to answer an export.

It stands on the base of `tests/owner`: the flow is made by the product itself, and each attack leaves all as it was.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connections

from exports.attempts.place import change_place
from exports.grades.collect import collect_grades
from exports.models import ExportItem
from ladokflow.sandbox import grading, hands
from ladokflow.sandbox.answers import Call, Reply
from ladokflow.sandbox.faults import Sending
from ladokflow.sandbox.server import _Handler
from ladokflow.sandbox.universities import UNIVERSITIES, grades_of
from sources.flows.change import Change, change_flow
from sources.models import Flow
from tests.attack.freezing import Freezer
from tests.factories import MembershipFactory, UserFactory
from tests.owner.base import Base, OwnSandbox, make_base

if TYPE_CHECKING:
    from tests.attack.attacks import Kind

Trick = Callable[[Call, Callable[[], Reply]], Reply | None]


@dataclass
class Bytes(Reply):
    """An answer as it leaves, head and all; then the connection is closed."""

    wire: bytes = b""


class _Wire(_Handler):
    def _send(self, sending: Sending) -> None:
        if not isinstance(sending.reply, Bytes):
            super()._send(sending)
            return
        with contextlib.suppress(OSError):
            self.wfile.write(sending.reply.wire)
        self._drop()


class AttackSandbox(OwnSandbox):
    """`tricks`: by attempt, what Ladok does with its request; `freezer` is asked at each request if somebody stands still there.

    What it remembers: `sent_in`, by place in the ledger, the attempt; `doubts`, by attempt, the participants whose earlier
    sending was in doubt when the request came; `answered`, the attempts whose request was answered as it should be.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.server.RequestHandlerClass = _Wire
        self.is_committed = False  # then the database can be asked from any thread
        self.forget()

    def forget(self) -> None:
        self.tricks: dict[str, Trick] = {}
        self.freezer: Freezer | None = None
        self.unfinished: list[Callable[[], Reply]] = []
        self.sent_in: dict[int, str] = {}
        self.doubts: dict[str, set[int]] = {}
        self.answered: set[str] = set()
        self.received.clear()

    def work(self, system: str, call: Call) -> Any:
        """None drops the connection."""
        is_export = system != "wiseflow" and call.method != "GET"
        if not is_export:
            self._point(f"before {system} {call.method}")
            return super().work(system, call)
        attempt = call.headers.get("x-attempt-id", "")
        self._point("asked", lambda: self._ask(attempt))
        trick = self.tricks.pop(attempt, None)
        if trick is None:
            self.answered.add(attempt)
            reply: Reply | None = self._register(system, call)
        else:
            reply = trick(call, lambda: self._register(system, call))
        self._point("registered")
        return reply

    def _register(self, system: str, call: Call) -> Reply:
        with self.state.lock:
            ledger = self.state.data["ladok"][system]["registrations"]
            before = len(ledger)
            reply = super().work(system, call)
            attempt = call.headers.get("x-attempt-id", "")
            self.sent_in |= dict.fromkeys(range(before, len(ledger)), attempt)
            return reply

    def _ask(self, attempt: str) -> None:
        live = ExportItem.objects.filter(attempt_id=attempt, state=ExportItem.State.LIVE, may_be_in_ladok=True)
        self.doubts[attempt] = set(live.values_list("participant_id", flat=True))

    def _point(self, name: str, look: Callable[[], None] | None = None) -> None:
        if self.freezer is not None:
            self.freezer.at_request(name, look)
        elif look is not None and self.is_committed:
            look()
            connections.close_all()


def make(sandbox: AttackSandbox, kind: Kind) -> Base:
    """A flow that has just been made, for what people change in WISEflow before anybody writes; or where the kind `is_ready`, everybody has
    a grade, marking has ended unless grades go at once, and they have been collected."""
    base = make_base(sandbox, kind.slug, size=kind.size, on_flow=1 + kind.goes_to_each, is_reviewed=kind.is_reviewed)
    with sandbox.state.lock:
        sandbox.state.data["ladok"][kind.slug]["honours_idempotency"] = False
    if kind.is_ready:
        _make_ready(sandbox, base, kind)
    with sandbox.state.lock:
        base.state = pickle.dumps(sandbox.state.data)
    return base


def _make_ready(sandbox: AttackSandbox, base: Base, kind: Kind) -> None:
    finish(sandbox, base, is_over=not kind.is_instant, is_open=kind.is_open)
    if kind.is_reviewed:
        hold_back_one(sandbox, base)
    flow = Flow.objects.select_related("source", "created_by").get(pk=base.flow_pk)
    if kind.goes_to_each:
        change_place(flow=flow, goes_to=Flow.GradeGoesTo.EACH, was=flow.grade_goes_to, by=flow.created_by)
    if kind.is_instant:
        change = Change({"instant_export": True})
        change_flow(flow=flow, change=change, by=flow.created_by, names=change.names, enqueue=False)
        flow = Flow.objects.select_related("source", "created_by").get(pk=base.flow_pk)
    collect_grades(flow)


def finish(sandbox: AttackSandbox, base: Base, *, is_over: bool = True, is_open: bool = False) -> None:
    """The students write, and go on where it `is_open`, the assessor grades each, with points where Ladok takes any, and marking ends."""
    hands.activate(sandbox, base.wiseflow_id)
    if is_open:
        hands.start_participation(sandbox, base.wiseflow_id)
    else:
        hands.end_participation(sandbox, base.wiseflow_id)
    with sandbox.state.lock:
        people = hands.flow_of(sandbox.state, base.wiseflow_id)["participants"]
        scale = scale_of(sandbox, base)
        grades: dict[str, str | None] = {key: scale[place % len(scale)] for place, key in enumerate(people)}
        grading.grade(sandbox, base.wiseflow_id, grades, points="random" if base.slug == "boras" else None)
    if is_over:
        hands.end_marking(sandbox, base.wiseflow_id)


def hold_back_one(sandbox: AttackSandbox, base: Base) -> None:
    """Of the first one there is what the assessor thinks: the reviewer has not looked yet."""
    with sandbox.state.lock:
        first = next(iter(hands.flow_of(sandbox.state, base.wiseflow_id)["participants"]))
        grading.grade(sandbox, base.wiseflow_id, {first: scale_of(sandbox, base)[0]}, by="assessor")


def scale_of(sandbox: AttackSandbox, base: Base) -> tuple[str, ...]:
    fields = sandbox.state.data["ladok"][base.slug]["exams"][base.codes[0]]["fields"]
    return tuple(grades_of(fields[UNIVERSITIES[base.slug].scale]) or ())


def another_manager(base: Base) -> Any:
    """Somebody else of the same university, who may export."""
    source = Flow.objects.select_related("source").get(pk=base.flow_pk).source
    user = UserFactory()
    first = source.memberships.exclude(organisation_id="").first()
    MembershipFactory(source=source, user=user, organisation_id=first.organisation_id, can_export=True)
    return user
