"""Ladok's and WISEflow's answers with something strange in one of them, in the middle of each kind of work.

Whatever they say, the work ends as work does that met an error it knows: with a reason, and never with a fault of ours; and no grade
goes to Ladok twice.
"""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client
from django.urls import reverse
from hypothesis import strategies as st

from exports.attempts.send import send_attempt
from exports.attempts.start import start_export
from exports.grades.collect import collect_grades
from exports.statistics.marking import read_marking
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from ladokflow.sandbox import grading, hands, registers
from ladokflow.sandbox.answers import Call, Reply
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.logs.read import read_log, want
from sources.models import Flow, LogReading
from sources.papers.read import read_papers
from sources.sync.run import request_sync, run_sync
from tests.fuzz.strange import CHANGES, changed
from tests.owner.base import Base, OwnSandbox, make_base

Work = Callable[[Flow, Base], Any]


class StrangeSandbox(OwnSandbox):
    """`strange` may give another answer than the one there is, to the call of this number."""

    strange: Callable[[int, Reply], Reply] | None = None
    count = 0

    def work(self, system: str, call: Call) -> Reply:
        reply = super().work(system, call)
        with self.state.lock:
            self.count += 1
            return self.strange(self.count, reply) if self.strange else reply


class Faults(logging.Handler):
    """What was not foreseen is logged with its traceback, whatever is made of it besides."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, RemoteError | Refused):
            self.found.append(f"{record.getMessage()}: {type(error).__name__}: {error}")


@contextmanager
def watched(case: Any) -> Iterator[None]:
    """Fails where something was not foreseen meanwhile."""
    faults = Faults()
    named = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    heard = [logging.root, *(each for each in named if not each.propagate)]
    for logger in heard:
        logger.addHandler(faults)
    try:
        yield
    finally:
        for logger in heard:
            logger.removeHandler(faults)
    assert faults.found == [], (case, faults.found)


def _create(flow: Flow, base: Base) -> None:
    asked = request_flow(source=flow.source, codes=base.codes[1:], requested_by=flow.created_by, enqueue=False)
    create_flow(asked.pk)


def _sync(flow: Flow, _base: Base) -> None:
    run_sync(request_sync(flow=flow, trigger="manual", enqueue=False).pk)


def _export(flow: Flow, _base: Base) -> None:
    collect_grades(flow)
    for attempt in start_export(flow=flow, requested_by=flow.created_by, enqueue=False):
        send_attempt(attempt.pk)


def _logs(flow: Flow, _base: Base) -> None:
    want(flow.source, flow, enqueue=False)
    read_log(LogReading.objects.get(flow=flow).pk)


def _page(address: Callable[[Flow, Base], str]) -> Work:
    def look(flow: Flow, base: Base) -> None:
        client = Client()
        client.force_login(flow.created_by)
        client.get(address(flow, base))

    return look


WORKS: dict[str, Work] = {
    "create": _create,
    "synchronise": _sync,
    "collect": lambda flow, _base: collect_grades(flow),
    "export": _export,
    "papers": lambda flow, _base: read_papers(flow),
    "logs": _logs,
    "marking": lambda flow, _base: read_marking(flow.pk),
    "list": _page(lambda flow, _base: reverse("flows:from_list", args=[flow.source.slug]) + "?course=TDDE01"),
    "code": _page(lambda flow, base: reverse("flows:preview", args=[flow.source.slug]) + f"?code={base.codes[1]}"),
    "change": _page(lambda flow, _base: reverse("flows:change", args=[flow.pk])),
    "staff": _page(lambda flow, _base: reverse("flows:staff", args=[flow.pk])),
    "take over": _page(lambda flow, _base: reverse("flows:adopt_list", args=[flow.source.slug]) + "?title=T"),
}
AFTERWARDS = ("flows:detail", "flows:participants", "flows:statistics", "exports:preview", "exports:papers")


class Answers:
    """A university's flow whose grades are there; every case begins with it anew."""

    def __init__(self, sandbox: StrangeSandbox, slug: str) -> None:
        self.sandbox, self.ends = sandbox, Counter[str]()
        self.base = make_base(sandbox, slug, size=3, on_flow=1)
        with sandbox.state.lock:
            self._grade()
            self.base.state = pickle.dumps(sandbox.state.data)
        self.calls = {name: self._calls_of(work) for name, work in WORKS.items()}

    def _grade(self) -> None:
        number = self.base.wiseflow_id
        for step in (hands.activate, hands.start_participation, hands.end_participation):
            step(self.sandbox, number)
        grading.grade(self.sandbox, number, "random", points="random")
        hands.end_marking(self.sandbox, number)

    def _calls_of(self, work: Work) -> int:
        with self.base.set_back(self.base.state), self._answering(None):
            self._do(work)
            return self.sandbox.count

    @contextmanager
    def _answering(self, strange: Callable[[int, Reply], Reply] | None) -> Iterator[None]:
        with self.sandbox.state.lock:
            self.sandbox.count, self.sandbox.strange = 0, strange
        try:
            yield
        finally:
            self.sandbox.strange = None

    def _do(self, work: Work) -> str:
        try:
            work(Flow.objects.select_related("source", "created_by").get(pk=self.base.flow_pk), self.base)
        except (RemoteError, Refused) as told:
            return told.message.code
        return "done"

    def play(self, name: str, data: st.DataObject) -> None:
        which = data.draw(st.integers(1, max(1, self.calls[name])), "call")
        place, change = data.draw(st.integers(0, 400), "place"), data.draw(CHANGES, "change")

        def strange(count: int, reply: Reply) -> Reply:
            if count != which or reply.kind != "application/json":
                return reply
            return Reply(reply.status, changed(reply.body, place, change), reply.headers)

        with self.base.set_back(self.base.state), watched((name, which, place, change)):
            with self._answering(strange):
                self.ends[self._do(WORKS[name])] += 1
            self._judge()

    def _judge(self) -> None:
        flow = Flow.objects.select_related("created_by").get(pk=self.base.flow_pk)
        client = Client()
        client.force_login(flow.created_by)
        for page in AFTERWARDS:
            status = client.get(reverse(page, args=[flow.pk])).status_code
            assert status == 200, f"{page}: {status}"
        with self.sandbox.state.lock:
            rows = registers.grades(self.sandbox, self.base.slug)
        assert [row for row in rows if row["times"] > 1] == [], "a grade came twice"
