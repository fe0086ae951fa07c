"""The main pages at 200 % zoom, on paper, and for those who want nothing to move. Their widths: `test_states.py`."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from exports.pages.lists import moment_of
from ladokflow.messages import message
from sources.models import Flow, Membership
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)
from tests.pages.browsing import Open, signed_in

WHITE = ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
MOVING = """() => document.getAnimations().length + [...document.querySelectorAll("*")].filter((element) => {
  const style = getComputedStyle(element);
  return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => time !== "0s");
}).length"""


@pytest.fixture
def membership(live_server: Any) -> Membership:
    return MembershipFactory(user__first_name="Anna-Karin", user__last_name="Sjö-Berg af Ekenstam")


@pytest.fixture
def places(membership: Membership) -> list[str]:
    """The main pages with long words, charts, faults, and something under way."""
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    common = {"source": membership.source, "grades": ["U", "3", "4", "5"], "export_message": told}
    flow = FlowFactory(
        title="Förskollärarutbildningens_kunskapsprövning_i_matematikdidaktik " * 2,
        codes=["A-MYCKET-LÅNG-TENTAMENSKOD-UTAN-MELLANRUM-0001"],
        state=Flow.State.CONCLUDED,
        export_state="failed",
        participant_count=120,
        **common,
    )
    attempt = ExportAttemptFactory(flow=flow, state="failed", exported_count=1200, failed_count=3, message=told)
    for grade in ("5", "5", "3"):
        person = ParticipantFactory(flow=flow, grade=grade, export_state="failed", export_message=told)
        ExportItemFactory(attempt=attempt, participant=person, state="failed", message=told)
    SyncRunFactory(flow=flow, state="failed", asks=True, message=told, problems=[told], changes=[told])
    busy = FlowFactory(state=Flow.State.CONCLUDED, **common)
    ExportAttemptFactory(flow=busy, state="sending", sent_count=40)
    tabs = ("detail", "participants", "codes", "syncs", "exports")
    return [
        "/",
        "/flows/",
        *(reverse(f"flows:{name}", args=[flow.pk]) for name in tabs),
        "/exports/",
        f"/exports/?tab=pending&since={moment_of(attempt.finished_at)}",
        reverse("exports:attempt", args=[attempt.pk]),
        reverse("exports:preview", args=[flow.pk]) + "?asking=retry",
        "/flows/new/",
        "/glossary/",
        "/help/rejected/",
        "/styleguide/",
    ]


@pytest.fixture
def page(open_page: Open, membership: Membership) -> Any:
    """On a screen 1280 pixels wide 200 % zoom leaves 640, with two device pixels to each."""
    opened = open_page(viewport={"width": 640, "height": 400}, device_scale_factor=2, reduced_motion="reduce")
    return signed_in(opened, membership.user)


def test_no_main_page_scrolls_sideways_or_moves(page: Any, places: list[str]) -> None:
    found = []
    for place in places:
        assert page.goto(place).status == 200, place
        page.evaluate("document.querySelectorAll('main details').forEach((part) => { part.open = true; })")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{place} scrolls sideways")
        if page.evaluate(MOVING):
            found.append(f"{place} moves")
        if page.locator("h1").bounding_box()["width"] < 100:
            found.append(f"{place} squeezes its heading")
    assert found == []


def test_on_paper_there_are_no_buttons_and_everything_is_dark_on_white(page: Any, places: list[str]) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    for place in places:
        page.goto(place)
        assert page.locator("header.bar").is_hidden(), place
        assert page.locator("main .button:visible, nav.tabs:visible, .filters:visible").count() == 0, place
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") in WHITE, place
        assert page.locator("h1").is_visible(), place


def test_motion_is_there_for_those_who_have_not_asked_for_stillness(open_page: Open) -> None:
    """Or the test above would find nothing whatever the pages did."""
    opened = open_page(reduced_motion="no-preference")
    opened.goto("/styleguide/")
    assert opened.evaluate(MOVING) > 0
