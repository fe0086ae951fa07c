"""Every state of every page: no violation of WCAG that axe knows, nothing that the eye stumbles over (`layout.py`), light and dark, in both languages.

By pairs: each page is looked at in each language, in light and in dark, and on each width, and each language in both and on each;
but not each page in each of the four, and on all widths in each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone

from exports.models import Heartbeat
from exports.operation.health import QUEUE
from ladokflow.pages import errors
from ladokflow.sandbox.causes import take_down
from ladokflow.sandbox.server import Sandbox
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, FlowPreset, Membership, MembershipRule, Source, SyncRun
from sources.sync.run import request_sync, run_sync
from tests.factories import (
    ApiTokenFactory,
    AuditEntryFactory,
    CredentialFactory,
    ExportAttemptFactory,
    FlowFactory,
    MembershipFactory,
    SourceFactory,
    SubscriptionFactory,
    SyncRunFactory,
    UserFactory,
)
from tests.pages.axe import violations
from tests.pages.browsing import Open, signed_in
from tests.pages.layout import faults
from tests.pages.states import TOLD, Place, all_places, sent

# Django's own templates do not follow every good practice that axe knows besides the standard.
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
OPEN_AND_STILL = """async () => {
  document.querySelectorAll("main details").forEach((part) => { part.open = true; });
  await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})));
}"""
LANGUAGES = ("sv-SE", "en-GB")
WIDTHS = (320, 375, 768, 1440)


@dataclass(frozen=True)
class Look:
    scheme: str
    widths: tuple[int, int]  # axe looks at the page on the first


LOOKS = (Look("light", (1440, 768)), Look("dark", (320, 375)))  # on a desk, and on a phone
pytestmark = pytest.mark.timeout(1200)  # some hundred pages


@pytest.fixture(params=LANGUAGES)
def page(request: pytest.FixtureRequest, open_page: Open) -> Any:
    return open_page(language=request.param, may_complain=True, reduced_motion="reduce")


def look_at(number: int, language: str) -> Look:
    """How the page of this number is looked at in the language; in the other language it is the other way."""
    return LOOKS[(number + LANGUAGES.index(language)) % len(LOOKS)]


def test_every_pair_of_page_language_look_and_width_is_met() -> None:
    met = {(number, language, look_at(number, language)) for number in range(2) for language in LANGUAGES}
    assert {(number, look) for number, _, look in met} == set(product(range(2), LOOKS))
    assert {(language, look) for _, language, look in met} == set(product(LANGUAGES, LOOKS))
    assert sorted(width for look in LOOKS for width in look.widths) == list(WIDTHS)


def looks(page: Any, number: int) -> Look:
    """Have the browser show the page of this number, and those that come after it, as it is to be looked at."""
    look = look_at(number, page.evaluate("navigator.language"))
    page.emulate_media(color_scheme=look.scheme)
    page.set_viewport_size({"width": look.widths[0], "height": 800})
    return look


def looked_at(page: Any, place: str, look: Look, options: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with the page that is shown."""
    page.evaluate(OPEN_AND_STILL)
    found = [f"{place} {look}: {one['id']} {one['nodes'][0]['html'][:200]}" for one in violations(page, options)]
    for width in look.widths:
        if width != look.widths[0]:
            page.set_viewport_size({"width": width, "height": 800})
        found += [f"{place} at {width}: {fault}" for fault in faults(page)]
    return found


def visited(page: Any, places: list[Place], options: dict[str, Any] | None = None) -> list[str]:
    found = []
    for number, place in enumerate(places):
        look = looks(page, number)
        status = page.goto(place.address).status
        if status != place.status:
            found.append(f"{place.address}: {status}")
        if place.act is not None:
            place.act(page)
        shown_as = f"{place.address}{' after it was sent' if place.act else ''}"
        found += looked_at(page, shown_as, look, options)
    return found


@pytest.fixture
def brake(liu: Source, anna: User, sandbox: Sandbox) -> Callable[[], Flow]:
    """A flow with students in WISEflow, most of whom have gone from Ladok: the synchronisation asks."""

    def made() -> Flow:
        code = sandbox.control.add_exam("liu", people=6)
        flow = request_flow(source=liu, codes=[code], requested_by=anna)
        create_flow(flow.pk)
        flow.refresh_from_db()
        sandbox.control.change_people("liu", code, remove=5)
        run = run_sync(request_sync(flow=flow, trigger=SyncRun.Trigger.MANAGER, enqueue=False).pk)
        assert run.asks
        return flow

    return made


def test_every_state_of_every_page(
    page: Any, anna: User, liu: Source, sandbox: Sandbox, brake: Callable[[], Flow]
) -> None:
    MembershipFactory(user=anna, source=SourceFactory(name="Örebro universitet"))  # so that there are sources to choose
    signed_in(page, anna)
    places = all_places(liu, anna, brake)
    take_down(sandbox, "oru")
    flow = sandbox.control.flows("liu")[-1]["id"]
    places += [
        Place(f"{sandbox.url}/"),
        Place(f"{sandbox.url}/flows/{flow}/"),
    ]  # the sandbox's own pages look like them
    assert visited(page, places) == []


def test_pages_of_somebody_who_has_nothing_yet(page: Any) -> None:
    for user in (UserFactory(), MembershipFactory().user):
        signed_in(page, user)
        places = [
            *("/", "/flows/", "/flows/new/", "/preferences/"),
            *(f"/exports/?tab={tab}" for tab in ("failed", "exported", "pending")),
        ]
        assert visited(page, [Place(address) for address in places]) == []


def test_the_banner_of_a_queue_that_stands_still(page: Any) -> None:
    membership: Membership = MembershipFactory()
    FlowFactory(source=membership.source)
    Heartbeat.objects.create(name=QUEUE, at=timezone.now() - dt.timedelta(hours=1))
    signed_in(page, membership.user)
    assert visited(page, [Place("/")]) == []
    assert page.locator("main .box--warn").count() == 1


def test_signing_in_and_what_can_go_wrong_with_it(page: Any) -> None:
    wrong = sent("main form button", username="anna@liu.example", password="wrong")

    def forgotten(page: Any) -> None:
        page.context.clear_cookies()
        wrong(page)

    places = [
        Place("/sign-in/"),
        Place("/sign-in/?next=/flows/"),
        Place("/sign-in/", wrong),
        Place("/sign-in/", forgotten),
        Place("/sign-in/forgotten/"),
        Place("/sign-in/forgotten/letter/"),
        Place("/sign-in/password/MQ/void/"),
    ]
    assert visited(page, places) == []
    AccessAttempt.objects.update(failures_since_start=30, attempt_time=timezone.now())
    page.goto("/sign-in/")
    wrong(page)
    assert page.locator("h1 >> text=/attempts|försök/").count() == 1
    assert looked_at(page, "locked out", looks(page, 0)) == []


def test_pages_of_a_licence_admin(page: Any, lars: User, liu: Source) -> None:
    """Django's admin, with our own colours and pages: presets, audit log, members, credentials, the test of a connection."""
    type(lars).objects.filter(pk=lars.pk).update(is_staff=True)
    FlowPreset.objects.create(source=liu, name="Salstentamen", flow_type="FLOWlock")
    AuditEntryFactory(source=liu, actor=lars, message=TOLD.to_json())
    attempt = ExportAttemptFactory(flow__source=liu, state="failed", message=TOLD.to_json())
    run = SyncRunFactory(flow=attempt.flow, state="failed", message=TOLD.to_json())
    source, own = f"/admin/sources/source/{liu.pk}/", "/admin/sources"
    places = [
        Place("/admin/"),
        Place(f"{own}/flowpreset/"),
        Place(f"{own}/flowpreset/add/", sent("[name=_save]")),
        Place(f"{own}/flowpreset/add/", sent("[name=_save]", name="Med okänd", assessors="okand99@liu.example")),
        *[
            Place(f"{own}/{name}")
            for name in (
                "",
                "source/",
                "credential/",
                "membership/",
                "signinscope/",
                "auditentry/",
                "syncrun/",
                "webhookevent/",
            )
        ],
        Place("/admin/exports/exportattempt/"),
        Place(f"{source}webhook/"),
        Place(f"{source}export-body/"),
        Place(f"{source}history/"),
        Place("/admin/password_change/"),
        Place(f"{own}/membership/add/", sent("[name=_save]", email="inte en adress")),
        Place(f"{own}/membership/{liu.memberships.get(user=lars).pk}/change/"),
        Place(f"{own}/credential/{liu.credentials.first().pk}/change/"),
        Place(f"{own}/credential/{liu.credentials.first().pk}/change/", sent("form.tool button")),
        Place(f"{own}/credential/add/", sent("[name=_save]")),
        Place(f"{source}licence/"),
        Place(f"{own}/syncrun/{run.pk}/change/"),
        Place(f"/admin/exports/exportattempt/{attempt.pk}/change/"),
        Place(f"{source}change/"),
        Place(f"{source}change/", sent("form.tool button")),
    ]
    signed_in(page, lars)
    assert visited(page, places, WCAG) == []


def test_pages_of_what_a_licence_admin_lets_in(page: Any, lars: User, liu: Source) -> None:
    """Rules of sign-in, tokens and webhooks, with names as long as they come."""
    type(lars).objects.filter(pk=lars.pk).update(is_staff=True)
    value = "urn:mace:swami.se:gmai:liu-ladokflow:examinationsadministratorer:tekniska-fakulteten"
    issuer = "https://idp.liu.example/idp/shibboleth/with/a/long/path"
    rule = MembershipRule.objects.create(
        source=liu, issuer=issuer, attribute="urn:oid:1.3.6.1.4.1.5923.1.1.1.7", value=value
    )
    token = ApiTokenFactory(membership=liu.memberships.get(user=lars), label="Utbildningsledningens rapport " * 3)
    webhook = SubscriptionFactory(source=liu, url=f"{issuer}/and/longer/than/any/screen/is/wide")
    own = "/admin/sources"
    places = [
        Place(f"{own}/{name}/")
        for name in (
            "membershiprule",
            f"membershiprule/{rule.pk}/change",
            "membershiprule/add",
            "apitoken",
            f"apitoken/{token.pk}/change",
            f"apitoken/{token.pk}/secret",
            "subscription",
            f"subscription/{webhook.pk}/change",
            "accessentry",
            "flowrule/add",
        )
    ]
    signed_in(page, lars)
    assert visited(page, places, WCAG) == []


def test_pages_of_a_superuser(page: Any, liu: Source) -> None:
    """Besides those of a licence admin: accounts, and what the libraries keep."""
    user = UserFactory(is_staff=True, is_superuser=True)
    CredentialFactory(source=liu, label="2027", expires_at=timezone.now() + dt.timedelta(days=20))
    signed_in(page, user)
    names = ("auth/user", "django_q/schedule", "django_q/success", "axes/accessattempt", "axes/accesslog")
    places = [
        *[Place(f"/admin/{name}/") for name in names],
        Place(f"/admin/auth/user/{user.pk}/change/"),
        Place("/admin/auth/user/add/"),
        Place("/admin/sources/source/add/"),
        Place("/admin/overview/"),
    ]
    assert visited(page, places, WCAG) == []


def shown(answer: HttpResponse) -> dict[str, Any]:
    return {"status": answer.status_code, "body": answer.text, "content_type": "text/html"}


def test_pages_of_errors(page: Any, rf: RequestFactory) -> None:
    """No address is meant to lead to a fault: its page is put in the place of another."""
    signed_in(page, MembershipFactory().user)
    for view in (errors.broken, lambda request: errors.forbidden(request, PermissionError())):
        request = rf.get("/")
        request.user = UserFactory()
        answer = view(request)
        page.route("**/broken/", lambda route, _, answer=answer: route.fulfill(**shown(answer)))
        assert visited(page, [Place("/broken/", status=answer.status_code)]) == []
        page.unroute("**/broken/")
