"""A student's timeline on a tablet, on a phone and on paper."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from ladokflow.messages import by_row, message
from sources.models import LogEntry, LogReading, Paper, Participant
from tests.factories import (
    AssessmentFactory,
    AuditEntryFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    in_hours,
)
from tests.pages.browsing import Open, signed_in
from tests.pages.layout import faults

pytestmark = pytest.mark.django_db(transaction=True)
PAPER = 717  # pixels: A4 within chromium's margins
OUTSIDE = """() => [...document.querySelectorAll("main :is(th, td)")].map((cell) => cell.getBoundingClientRect())
  .filter((box) => box.right > document.documentElement.clientWidth + 1 || box.left < -1).length"""
BROKEN_DATES = """() => [...document.querySelectorAll("main tbody time")].filter((one) => one.getClientRects().length > 1).length"""
DISPLAYS = """() => [...new Set([...document.querySelectorAll("main tbody tr")].map((row) => getComputedStyle(row).display))]"""


@pytest.fixture
def person(live_server: Any) -> Participant:
    """Somebody to whom all happened that a timeline can tell."""
    flow = FlowFactory(participation_start_at=in_hours(-60), papers_read_at=in_hours(-40))
    manager = MembershipFactory(source=flow.source, role="licence_admin").user
    person: Participant = ParticipantFactory(flow=flow)
    LogReading.objects.create(source=flow.source, flow=flow, read_to=in_hours(-1))
    for number, (kind, action, context) in enumerate(
        (
            ("opened", "FLOW_OPENED", "participant"),
            ("wrote", "PAPER_SAVED", "participant"),
            ("wrote", "PAPER_SAVED", "participant"),
            ("handed_in", "PAPER_HANDED_IN", "participant"),
            ("marked", "assessor.audit.log.finalized.grade", "assessor"),
        )
    ):
        facts = {"wiseflow_participant_id": person.wiseflow_id, "kind": kind, "action": action, "context": context}
        LogEntry.objects.create(
            source=flow.source, flow=flow, key=str(number), sort=number, at=in_hours(number - 60), **facts
        )
    Paper.objects.create(participant=person, state="handed_in", handed_in_at=in_hours(-57), is_late=True, similarity=12)
    AssessmentFactory(participant=person, grade="5", grade_at=in_hours(-56))
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    attempt = ExportAttemptFactory(
        flow=flow, state="failed", requested_by=manager, sending_at=in_hours(-2), finished_at=in_hours(-1), message=told
    )
    ExportItemFactory(attempt=attempt, participant=person, state="failed", message=told)
    said = message("audit.paper_accepted", person=by_row(person.pk), grade="5", reason="Muntlig omtentamen. " * 8)
    AuditEntryFactory(source=flow.source, flow=flow, actor=manager, message=said.to_json())
    recorded = message("audit.export_recorded", exported=0, failed=1, unknown=0, status="-")
    AuditEntryFactory(source=flow.source, flow=flow, attempt_id=attempt.pk, message=recorded.to_json())
    return person


def page_of(open_page: Open, person: Participant, width: int, language: str) -> Any:
    admin = person.flow.source.memberships.get(role="licence_admin").user
    return signed_in(open_page(language=language, viewport={"width": width, "height": 1100}), admin)


@pytest.mark.parametrize("language", ["sv", "en"])
@pytest.mark.parametrize("name", ["flows:timeline", "student"])
def test_no_column_is_cut_on_paper(open_page: Open, person: Participant, name: str, language: str) -> None:
    page = page_of(open_page, person, PAPER, language)
    page.goto(reverse(name, args=[person.flow_id, person.pk] if name == "flows:timeline" else [person.pk]))
    page.emulate_media(media="print")
    assert page.evaluate(OUTSIDE) == 0
    if name == "flows:timeline":
        assert page.evaluate(BROKEN_DATES) == 0
    assert page.evaluate(DISPLAYS) == ["table-row"]
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"


@pytest.mark.parametrize(("width", "display"), [(375, "grid"), (768, "block"), (1280, "table-row")])
def test_on_a_narrow_screen_each_moment_stands_by_itself(
    open_page: Open, person: Participant, width: int, display: str
) -> None:
    page = page_of(open_page, person, width, "sv")
    page.goto(reverse("flows:timeline", args=[person.flow_id, person.pk]))
    assert page.evaluate(DISPLAYS) == [display]
    assert page.evaluate(OUTSIDE) == 0
    assert page.evaluate(BROKEN_DATES) == 0
    assert faults(page) == []
