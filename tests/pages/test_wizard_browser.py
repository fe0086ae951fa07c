"""The wizard in a real browser: a long list that is filtered while one types, several flows and their progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from sources.flows.batch import request_exam
from sources.flows.create import create_flow
from sources.models import BatchExam, Flow, FlowBatch, Source
from tests.factories import FlowFactory, ParticipantFactory
from tests.pages.axe import violations
from tests.pages.test_states import LANGUAGES, look_at

Open = Callable[..., Any]
LIST = "/flows/new/liu/list/?course=TDDE01"


def signed_in(page: Any, user: User, address: str) -> Any:
    """The page in a browser that has a session of the user's."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
    return page


def ticked(page: Any) -> set[str]:
    boxes = page.locator('input[name="code"]:checked').all()
    return {box.get_attribute("value") for box in boxes}


def test_a_list_follows_what_is_typed_and_all_that_is_shown_is_ticked_at_once(
    open_page: Open, anna: User, live_server: Any
) -> None:
    page = signed_in(open_page(language="en-GB"), anna, live_server.url)
    page.goto(LIST)
    page.check('input[value="TDDE01-TEN1-1001"]')
    # On a slow machine it is asked for more than once meanwhile: the last answer counts.
    with page.expect_response(lambda answer: "q=utan" in answer.url):
        page.locator("#id_filter").press_sequentially("utan")
    page.wait_for_selector("#kept-1")
    page.locator("#exams tbody tr").nth(2).wait_for(state="detached")
    assert page.evaluate("document.activeElement.id") == "id_filter"
    assert page.locator("#exams tbody tr").count() == 2
    page.check("#all")
    assert ticked(page) == {"TDDE01-TEN1-1001", "TDDE01-UTAN-ID", "TDDE01-UTAN-DATUM"}
    page.uncheck("#all")
    assert ticked(page) == {"TDDE01-TEN1-1001"}
    page.check('input[value="TDDE01-UTAN-ID"]')
    page.fill("#id_filter", "")
    page.wait_for_selector("#kept-1", state="detached")
    assert ticked(page) == {"TDDE01-TEN1-1001", "TDDE01-UTAN-ID"}
    page.reload()
    page.click("button[formaction]")
    page.wait_for_selector("#people")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no_scripts"])
def test_several_exams_become_a_flow_each_and_their_progress_is_seen(
    open_page: Open,
    anna: User,
    scripts: bool,
    live_server: Any,
) -> None:
    page = signed_in(open_page(java_script_enabled=scripts), anna, live_server.url)
    page.goto(f"{LIST}&q=utan")
    if scripts:
        page.check("#all")
    else:
        with page.expect_navigation():  # to a page that has the button below as well
            page.click("button[name=tick]")
    page.click("button[formaction]")
    page.click('a[href*="/settings/"] >> nth=0')
    page.click("form.form button:not([name])")
    page.wait_for_url("**/flows/batches/*/")
    assert page.locator("#made tbody tr").count() == 2
    for exam in BatchExam.objects.all():
        create_flow(request_exam(exam.pk).flow_id)
    # Without JavaScript the page loads itself anew as long as something is under way.
    page.wait_for_selector("#made .badge--ok")
    page.wait_for_selector("#made:not([hx-get])", state="attached")
    page.click("#made tbody a >> nth=0")
    page.wait_for_selector("#sync-now")


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_the_pages_of_several_flows(
    open_page: Open,
    anna: User,
    liu: Source,
    language: str,
    live_server: Any,
) -> None:
    """Each page in each language, in light in the one and in dark in the other."""
    flow = FlowFactory(source=liu, codes=["X1"], state=Flow.State.NOT_ACTIVATED, assessor_allocation="list")
    person = ParticipantFactory(flow=flow)
    flow.allocation_lines.create(organisation_id="nobody1", assessor="asse1")
    assert person.organisation_id != "nobody1"
    batch = FlowBatch.objects.create(source=liu, requested_by=anna)
    told = {"code": "sources.code_taken", "params": {"code": "X1", "title": "T", "flow": flow.pk}}
    for position, row in enumerate([{"flow": flow}, {}, {"message": told}]):
        BatchExam.objects.create(batch=batch, position=position, code=f"X{position}", **row)
    page = signed_in(open_page(language=language), anna, live_server.url)
    codes = "code=TDDE01-UTAN-ID&code=FINNS-INTE&code=TDDE01-UTAN-DATUM&code=X1"
    wrong = []
    places = (
        f"{LIST}&q=utan&code=X9",
        f"/flows/new/liu/preview/?{codes}",
        f"/flows/new/liu/preview/?{codes}&make=one",
        f"/flows/new/liu/settings/?{codes}",
        "/flows/new/liu/",
        f"/flows/batches/{batch.pk}/",
        f"/flows/{flow.pk}/assessors/",
    )
    for number, address in enumerate(places):
        page.emulate_media(color_scheme=look_at(number, language).scheme)
        page.goto(address)
        if "settings" in address:
            page.check('input[name="assessor_allocation"][value="list"]')
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true }")
        wrong += [f"{address}: {one['id']} {one['nodes'][0]['html'][:120]}" for one in violations(page)]
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong.append(f"{address}: wider than {width}")
    assert wrong == []
