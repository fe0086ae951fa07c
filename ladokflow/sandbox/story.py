"""An exam administrator's week in a minute: what `make demo` shows is brought about by the same jobs as in production.

Flows are made by the worker, graded by the sandbox's assessors, exported by the worker; no row is written here. A second
start goes on where the first one stopped.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import django
from django.utils import translation

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from ladokflow.sandbox.control import Control
    from sources.models import Flow

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Chapter:
    """What happens to one exam, which was held `days` from today. `rejects` only where marking has ended."""

    source: str
    code: str
    manager: str
    days: int
    leaves_ungraded: int = 0
    marking_ends: bool = True
    rejects: int = 0
    is_instant: bool = False
    papers: tuple[str, ...] = ()  # how the last of its people hand in
    by_items: bool = False  # marked question by question, by two assessors

    @property
    def name(self) -> str:
        return f"{self.source} {self.code}"


CHAPTERS = (
    Chapter("liu", "TDDE01-TEN1-1001", "anna@liu.example", -24, rejects=2),
    Chapter("oru", "DT116G-0101-1001", "olle@oru.example", -26),
    Chapter("boras", "21SD1A-1510-1001", "bodil@boras.example", -34, by_items=True),
    Chapter(
        "liu",
        "TDDD17-DIT1-1001",
        "anna@liu.example",
        -8,
        leaves_ungraded=3,
        marking_ends=False,
        papers=("nothing", "blank", "late", "opened"),
    ),
    Chapter("liu", "TDDD17-DIT1-1002", "anna@liu.example", -25),
    Chapter("oru", "RV101G-0110-1002", "olle@oru.example", -10, marking_ends=False),
    Chapter("oru", "DT116G-0101-1002", "olle@oru.example", -5, leaves_ungraded=5, marking_ends=False, is_instant=True),
    Chapter("boras", "22FE2C-0110-1001", "bodil@boras.example", -33, rejects=2),
)
REJECTIONS = ("Studenten är inte registrerad på momentet", "Studenten saknar tillgodoräknad förkunskap")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Stuck(Exception):
    """A chapter cannot go on; the page of its flow tells why."""


def wait_until(done: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise Stuck(what)
        time.sleep(0.3)


def answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def have_wiseflow_call() -> None:
    """Register each university's webhook, as a licence admin does in admin."""
    from sources.models import Source
    from sources.webhooks.register import register

    for source in Source.objects.all():
        one_step(f"{source.slug} webhook", partial(register, source=source))


def begin(chapter: Chapter, control: Control) -> Flow:
    """The chapter's flow: the one there is, or a new one for the worker to make, of an exam that has been held."""
    from sources.flows.request import request_flow
    from sources.models import Flow, Source

    flow = Flow.objects.filter(source__slug=chapter.source, codes__code=chapter.code, codes__removed_at=None).first()
    if flow is not None:
        return flow
    control.move_exam(chapter.source, chapter.code, chapter.days)
    source = Source.objects.get(slug=chapter.source)
    return request_flow(
        source=source, codes=[chapter.code], requested_by=user(chapter.manager), instant_export=chapter.is_instant
    )


def user(email: str) -> User:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(username=email)


def go_on(chapter: Chapter, flow: Flow, control: Control) -> None:
    from exports.attempts.start import start_export
    from exports.grades.collect import collect_grades
    from sources.papers.read import read_papers

    wait_until(lambda: is_made(flow), "the worker has not made the flow")
    if flow.attempts.exists() or flow.wiseflow_id is None:
        return
    write_and_grade(chapter, flow, flow.wiseflow_id, control)
    if not chapter.marking_ends:
        if not chapter.is_instant:  # WISEflow's webhook tells of each grade, and that is what sends it
            collect_grades(flow)
            read_papers(flow)
        return
    rejected = rejections(chapter, flow)
    for identifier, reason in rejected.items():
        control.reject(chapter.source, identifier, reason)
    control.end_marking(flow.wiseflow_id)
    collect_grades(flow)
    flow.refresh_from_db()
    start_export(flow=flow, requested_by=user(chapter.manager))
    wait_until(lambda: is_exported(flow), "the worker has not exported the flow")
    for identifier in rejected:  # somebody has put it right in Ladok: a retry will go well
        control.reject(chapter.source, identifier, None)


def rejections(chapter: Chapter, flow: Flow) -> dict[str, str]:
    """Whom Ladok rejects, by the identifier that the university gets, and in what words."""
    people = flow.participants.filter(is_from_source=True).order_by("pk")[: chapter.rejects]
    return {
        person.unique_exam_id or person.organisation_id: reason
        for person, reason in zip(people, REJECTIONS[: chapter.rejects], strict=True)
    }


def is_made(flow: Flow) -> bool:
    flow.refresh_from_db()
    if flow.setup_state == flow.Setup.STOPPED:
        raise Stuck("the flow could not be made")
    return flow.setup_state == flow.Setup.READY and flow.synced_at is not None


def is_exported(flow: Flow) -> bool:
    """Whether it has come to an end, well or not."""
    flow.refresh_from_db()
    return flow.export_state in ("exported", "failed")


def write_and_grade(chapter: Chapter, flow: Flow, wiseflow_id: int, control: Control) -> None:
    """The students write and the assessors grade, in the sandbox's WISEflow, as far as it has not been done before. By its dates the
    exam is over, so an active flow is in marking, or behind it."""
    told = control.flow(wiseflow_id)
    if told["state"] < flow.State.PARTICIPATION_NOT_STARTED:
        control.activate(wiseflow_id)
    control.write_exam(wiseflow_id)
    if not any(person["assessment"] for person in told["participants"]):
        hand_in_otherwise(chapter, flow, wiseflow_id, control)
        graded = flow.participants.order_by("pk").values_list("wiseflow_id", flat=True)[chapter.leaves_ungraded :]
        scale = flow.grades or ["G"]
        grades = {number: scale[number % len(scale)] for number in graded if number}
        if chapter.by_items:
            share_out(flow, wiseflow_id, control)
        control.grade(wiseflow_id, grades, points="random" if chapter.by_items else None)


def share_out(flow: Flow, wiseflow_id: int, control: Control) -> None:
    """Two assessors have half of the people each."""
    from sources.universities.clients import wiseflow_for

    with wiseflow_for(flow) as client:
        for name in ("ett", "två"):
            found = control.add_user(flow.source.slug, {"organisation_id": f"{name}@{flow.source.slug}.example"})
            client.add_assessor(wiseflow_id, found)
        people = [row.id for row in client.participants(wiseflow_id)]
        for place, assessor in enumerate(client.assessors(wiseflow_id)[-2:]):
            client.allocate_assessor(wiseflow_id, assessor.id, people[place::2])


def hand_in_otherwise(chapter: Chapter, flow: Flow, wiseflow_id: int, control: Control) -> None:
    """Everybody hands in a paper, but for a few of those who come last."""
    last = list(flow.participants.order_by("-pk").values_list("wiseflow_id", flat=True)[: len(chapter.papers)])
    ways = {number: way for number, way in zip(last, chapter.papers, strict=False) if number}
    if ways:
        control.hand_in(wiseflow_id, ways)


def tell(port: int, sandbox_port: int) -> None:
    from ladokflow.sandbox.control import Control

    wait_until(lambda: answers(sandbox_port) and answers(port), "the sandbox and the pages do not answer")
    control = Control(f"http://{HOST}:{sandbox_port}")
    have_wiseflow_call()
    begun = [
        (chapter, flow) for chapter in CHAPTERS if (flow := one_step(chapter.name, partial(begin, chapter, control)))
    ]
    for chapter, flow in begun:
        one_step(chapter.name, partial(go_on, chapter, flow, control))
        flow.refresh_from_db()
        reason = f": {flow.export_reason}" if flow.export_reason else ""
        say(f"{chapter.name} is {flow.get_export_state_display()}{reason}")
    one_step("logs and statistics", keep_logs_and_figures)


def keep_logs_and_figures() -> None:
    """As each night: the logs and the marking are read by the worker, and the statistics worked out."""
    from exports.statistics import marking
    from exports.statistics.refresh import refresh_due
    from sources.logs.read import want_due

    want_due()
    refresh_due()
    marking.want_due()


def one_step(name: str, step: Callable[[], Any]) -> Any:
    """What the step gives, or None where it was refused: the others go on, and the screen says why."""
    from ladokflow.http import RemoteError
    from ladokflow.messages import Refused

    try:
        return step()
    except (Refused, RemoteError, Stuck) as error:
        say(f"{name} stopped: {error}")
        return None


def main() -> None:
    port, sandbox_port = int(sys.argv[1]), int(sys.argv[2])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ladokflow.settings")
    django.setup()
    translation.activate("en")
    try:
        tell(port, sandbox_port)
    except Stuck as error:
        say(f"Stopped: {error}.")
    from ladokflow.sandbox.demo import welcome

    say(welcome(port=port, sandbox_port=sandbox_port))
    signal.pause()  # if it ended, all the others would be stopped


if __name__ == "__main__":
    main()
