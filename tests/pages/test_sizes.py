"""The main pages on every screen, at 200 % zoom, and for those who want nothing to move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from ladokflow.messages import message
from sources.models import Flow, Membership
from tests.factories import (
    PASSWORD,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)

# Width and height in CSS pixels, and device pixels to each: 200 % zoom of a 1280 pixels wide screen leaves 640.
SCREENS = {"320": (320, 700, 1), "768": (768, 1000, 1), "1440": (1440, 900, 1), "200 percent": (640, 400, 2)}
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
        f"/exports/?tab=pending&watch={attempt.pk}",
        reverse("exports:attempt", args=[attempt.pk]),
        reverse("exports:preview", args=[flow.pk]) + "?asking=retry",
        "/flows/new/",
        "/glossary/",
        "/styleguide/",
    ]


@pytest.fixture(params=list(SCREENS.values()), ids=list(SCREENS))
def page(request: pytest.FixtureRequest, chromium: Any, live_server: Any, membership: Membership) -> Iterator[Any]:
    width, height, scale = request.param
    context = chromium.new_context(
        base_url=live_server.url,
        locale="sv-SE",
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        reduced_motion="reduce",
    )
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    opened.goto("/sign-in/")
    opened.fill("#id_username", membership.user.username)
    opened.fill("#id_password", PASSWORD)
    opened.press("#id_password", "Enter")
    opened.wait_for_url("**/")
    yield opened
    context.close()


def test_no_main_page_scrolls_sideways_or_moves(page: Any, places: list[str]) -> None:
    found = []
    for place in places:
        assert page.goto(place).status == 200, place
        for closed in page.locator("main details:not([open]) > summary").all():
            closed.click()
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{place} scrolls sideways")
        if page.evaluate(MOVING):
            found.append(f"{place} moves")
        if page.locator("h1").bounding_box()["width"] < 100:
            found.append(f"{place} squeezes its heading")
    assert found == []


def test_motion_is_there_for_those_who_have_not_asked_for_stillness(chromium: Any, live_server: Any) -> None:
    """Or the test above would find nothing whatever the pages did."""
    context = chromium.new_context(base_url=live_server.url, reduced_motion="no-preference")
    try:
        opened = context.new_page()
        opened.goto("/styleguide/")
        assert opened.evaluate(MOVING) > 0
    finally:
        context.close()
