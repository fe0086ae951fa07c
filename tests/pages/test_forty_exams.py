"""Forty exams in one afternoon: what they cost an exam administrator, held against what they may cost.

    make         a flow of each of 40 exams, with the assessors (12 of them) that a spreadsheet says
    synchronise  all of them
    export       the 30 whose marking is over: Ladok turns down somebody on 4 of them, and its answer about one is lost
    settle       read who was turned down and why, have it put right in Ladok, send those again; look in Ladok for the lost ones
    look up      "where is my grade?"

`BEFORE` was counted on c549733 by the same hand on the same exams, every repetition done, by the shortest way that its pages had for
somebody who knew them:

    make         no list with assessors was taken, and one form gave all its flows the same ones: a form for each assessor, to which
                 the exams were added code by code (12 times 6 clicks, and 2 for each of the other 28 codes)
    synchronise  flow by flow: open it, press the button, back to the list (2 clicks and 2 keys each)
    export       the tab *Pending*: choose all on the page, send; the same once more, for a page has 25
    settle       the file of those who failed; choose all, retry; the flow, its attempts, the attempt, choose all, mark, say why, send
    look up      the list of flows by the whole organisation id, the flow, its participants

Codes, assessors and identifiers were copied in both, which is not counted; pasting is. What somebody reads or thinks is not, either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User

from exports.attempts.send import send_attempt
from exports.grades import asking
from exports.models import ExportAttempt
from exports.tasks import collect_flow
from ladokflow.sandbox.control import Control
from ladokflow.sandbox.server import Sandbox
from sources.flows.batch import request_exam
from sources.flows.create import create_flow
from sources.models import BatchExam, Flow, Source, SyncRun
from sources.sync.run import run_sync
from tests.pages.browsing import Open, signed_in
from tests.pages.counting import Count, CountingMouse, total

pytestmark = pytest.mark.timeout(1200)
EXAMS, GRADED, REJECTED, ASSESSORS, PEOPLE = 40, 30, 4, 12, 2
LESS = 5  # times fewer clicks than before

ERRANDS = {
    "make": "40 flows with their assessors, from a spreadsheet",
    "synchronise": "synchronise them",
    "export": "export the 30 that are graded",
    "settle": "settle 4 that Ladok turned down in part, and 1 that nobody knows of",
    "look up": "where is this student's grade?",
}
BEFORE = {
    "make": Count(clicks=128, keys=92, pages=116, waited=29),
    "synchronise": Count(clicks=82, keys=80, pages=162, waited=30),
    "export": Count(clicks=6, keys=0, pages=4, waited=3),
    "settle": Count(clicks=11, keys=13, pages=7, waited=2),
    "look up": Count(clicks=4, keys=1, pages=3, waited=1),
}
# What each may cost now. Whoever makes a page better lowers it, and says `make docs`.
NOW = {
    "make": Count(clicks=5, keys=1, pages=4, waited=2),
    "synchronise": Count(clicks=4, keys=0, pages=2, waited=1),
    "export": Count(clicks=5, keys=0, pages=3, waited=3),
    "settle": Count(clicks=9, keys=13, pages=6, waited=2),
    "look up": Count(clicks=0, keys=3, pages=1, waited=1),
}


@dataclass(frozen=True)
class Line:
    """Of the spreadsheet."""

    code: str
    assessor: str


@pytest.fixture
def sheet(sandbox: Sandbox, liu: Source) -> list[Line]:
    """Exams of a course each, whose people and assessors are users in WISEflow already."""
    control = sandbox.control
    assessors = [f"assessor{number}@liu.example" for number in range(ASSESSORS)]
    for assessor in assessors:
        control.add_user("liu", {"organisation_id": assessor})
    lines = []
    for number in range(EXAMS):
        course = f"TAMS{number:02}"
        named = {"courseCode": course, "courseName": f"Statistik {number}", "examCode": f"{course}-TEN1-0116"}
        code = control.add_exam("liu", people=PEOPLE, gradeScale="U-3-4-5", **named)
        control.add_users_of("liu", code)
        lines.append(Line(code, assessors[number % ASSESSORS]))
    return lines


@pytest.fixture
def hand(open_page: Open, anna: User) -> CountingMouse:
    page = signed_in(open_page(accept_downloads=True, viewport={"width": 1440, "height": 900}), anna)
    page.goto("/")
    return CountingMouse(page)


def test_forty_exams_take_a_fifth_of_the_clicks(hand: CountingMouse, sheet: list[Line], sandbox: Sandbox) -> None:
    make(hand, sheet)
    synchronise(hand)
    flows = list(Flow.objects.order_by("codes__code"))
    teachers_grade(flows[:GRADED], sandbox.control)
    rejected, lost = ladok_is_difficult(flows, sandbox.control)
    export(hand)
    settle(hand, rejected, lost, sandbox.control)
    each_grade_is_in_ladok_once(flows, sandbox.control)
    look_up(hand, flows[GRADED - 1])
    print(*(f"{name:12}{count}" for name, count in (hand.counts | {"all": total(hand.counts)}).items()), sep="\n")
    assert {name: count for name, count in hand.counts.items() if not count.fits(NOW[name])} == {}
    assert total(NOW).clicks * LESS <= total(BEFORE).clicks


def make(hand: CountingMouse, sheet: list[Line]) -> None:
    text = "\n".join(f"{line.code}\t{line.assessor}" for line in [Line("Kod", "Bedömare"), *sheet])
    with hand.errand("make"):
        hand.press('main a[href="/flows/new/"]')
        hand.press('main a[href="/flows/new/liu/exams/"]')
        hand.paste("#id_table", text)
        hand.press("main button[name=step][value=check]")
        hand.press("main button[name=step][value=make]")
    for exam in BatchExam.objects.filter(flow=None):
        create_flow(request_exam(exam.pk).flow_id)
    made = {
        (flow.codes.get().code, person["organisation_id"])
        for flow in Flow.objects.filter(setup_state=Flow.Setup.READY)
        for person in flow.staff
        if person["role"] == "assessor"
    }
    assert made == {(line.code, line.assessor) for line in sheet}


def synchronise(hand: CountingMouse) -> None:
    with hand.errand("synchronise"):
        hand.press('nav a[href="/flows/"]')
        choose_all(hand)
        hand.press("#sync-chosen")
    asked = SyncRun.objects.filter(trigger=SyncRun.Trigger.MANAGER)
    for run in asked:
        run_sync(run.pk)
    assert list(asked.values_list("state", flat=True)) == [SyncRun.State.SUCCESS] * EXAMS


def choose_all(hand: CountingMouse) -> None:
    """On all pages of a list."""
    hand.tick("#all")
    hand.click("#choose-all")
    hand.page.locator("#choose-all").wait_for(state="hidden")


def teachers_grade(flows: list[Flow], control: Control) -> None:
    for flow in flows:
        people = flow.participants.values_list("wiseflow_id", flat=True)
        control.end_participation(flow.wiseflow_id)
        control.grade(flow.wiseflow_id, dict.fromkeys(people, "5"))
        control.end_marking(flow.wiseflow_id)
        assert asking.ask(flow.pk)
        collect_flow(str(flow.pk))


def ladok_is_difficult(flows: list[Flow], control: Control) -> tuple[list[str], Flow]:
    """Whom it will turn down, by organisation id, and the flow of which its answer will be lost."""
    *some, lost = flows[: REJECTED + 1]
    people = [flow.participants.earliest("pk") for flow in some]
    for person in people:
        control.reject("liu", person.unique_exam_id)
    control.fault("liu", f"/exams/{lost.codes.get().code}/grades", "lost_answer", method="POST")
    return [person.organisation_id for person in people], lost


def send() -> None:
    for attempt in ExportAttempt.objects.filter(state=ExportAttempt.State.QUEUED):
        send_attempt(attempt.pk)


def export(hand: CountingMouse) -> None:
    with hand.errand("export"):
        hand.press('nav a[href="/exports/"]')
        choose_all(hand)
        hand.press("#export-chosen")
        hand.press("#send")
    assert ExportAttempt.objects.count() == GRADED
    send()
    assert Flow.objects.filter(export_state="exported").count() == GRADED - REJECTED - 1


def settle(hand: CountingMouse, rejected: list[str], lost: Flow, control: Control) -> None:
    with hand.errand("settle"):
        hand.press("#tab-failed")
        told = hand.download('main a[href*="errors.csv"]')
        assert [person for person in rejected if person not in told] == []
        control.clear_rejections("liu")
        hand.tick("#all")
        hand.press("#retry-chosen")
        hand.press("#send")
        send()
        hand.press("#tab-failed")
        hand.press(f"#mark-{lost.pk}")
        hand.write("#id_reason", "Sedda i Ladok")
        hand.press("main button[name=word][value=there]")
    assert Flow.objects.filter(export_state="exported").count() == GRADED


def each_grade_is_in_ladok_once(flows: list[Flow], control: Control) -> None:
    times = [row["times"] for flow in flows for row in control.grades("liu", flow.codes.get().code)]
    assert times == [1] * GRADED * PEOPLE


def look_up(hand: CountingMouse, flow: Flow) -> None:
    student = flow.participants.latest("pk")
    with hand.errand("look up"):
        hand.press_key("/")
        hand.paste("#bar-search", student.organisation_id)
        hand.press_enter()
    exams = hand.page.locator("main tbody tr")
    assert exams.count() == 1
    assert exams.locator("strong").inner_text() == "5"
    assert exams.locator(".badge--ok", has_text=re.compile("Export")).count() == 1
