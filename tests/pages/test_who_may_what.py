"""Every address, view of the administration and command for every role: allowed, refused with a sentence, or not there at all.

What is looked for comes from the addresses, from the administration's register and from the folders of commands; what is expected, from the one
table (`sources/universities/permissions.py`). What is new has no place in it, and fails here.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.utils.translation import override
from django_q.models import Failure, OrmQ, Schedule, Success

from ladokflow.messages import message
from sources.models import (
    AccessEntry,
    ComingExam,
    ExamReading,
    FederatedIdentity,
    Flow,
    FlowPreset,
    Membership,
    MembershipRule,
    SignInScope,
    Source,
    WebhookEvent,
)
from sources.universities.members import update_admin_access
from sources.universities.permissions import (
    ADMIN,
    ADMIN_PAGES,
    COMMANDS,
    OPERATOR,
    PAGES,
    ROLES,
    Access,
    Needed,
    Right,
    refusal_of,
    rights_of,
    shown_to,
)
from tests.environment import ROOT
from tests.factories import (
    ApiTokenFactory,
    AuditEntryFactory,
    CredentialFactory,
    DeliveryFactory,
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    OAuthClientFactory,
    ParticipantFactory,
    SourceFactory,
    SubscriptionFactory,
    SyncRunFactory,
    UserFactory,
    in_hours,
)
from tests.pages.everything import addresses, package_of, rule_of
from tests.pages.walking import patterns

pytestmark = pytest.mark.django_db

EXPORTER = "manager who exports"
ROLE_NAMES = ("signed out", "inactive", "outsider", "auditor", "manager", EXPORTER, "licence_admin", OPERATOR)
# Whoever has this at another university has nothing here.
EVERY_RIGHT = {
    "role": Membership.Role.LICENCE_ADMIN,
    "can_export": True,
    "can_archive": True,
    "can_see_logs": True,
    "can_see_small_groups": True,
}
# Those of several universities, that show each reader their own, and whose form names flows.
OF_CHOSEN = {
    "flows:sync_chosen",
    "flows:change_many",
    "exports:send_chosen",
    "exports:check_chosen",
    "exports:preview_chosen",
}
# Those that begin with a university that the reader has, whichever.
OF_ANY_SOURCE = {"flows:new"}
UNSET = {"metrics", "security_txt"}  # where nothing is set there is no such page, for anybody
# What somebody has of their own: of another's there is nothing.
OF_ONESELF = {"second_factor_remove", "identity_leave"}
KNOWN_OTHERWISE = {"webhook"}  # by a signature: nobody's session counts


class World:
    """One university with something of everything, another one, and somebody in each role."""

    def __init__(self) -> None:
        self.source: Source = SourceFactory(slug="ours", name="Vårt universitet")
        other = SourceFactory(slug="theirs", name="Deras universitet")
        self.people: dict[str, Any] = {}
        self.sessions: dict[str, str] = {}
        for role, where, facts in (
            ("inactive", self.source, {"role": Membership.Role.LICENCE_ADMIN}),
            ("outsider", other, EVERY_RIGHT),
            ("auditor", self.source, {"role": Membership.Role.AUDITOR, "can_export": False}),
            ("manager", self.source, {"can_export": False}),
            (EXPORTER, self.source, {"can_archive": True}),
            ("licence_admin", self.source, {"role": Membership.Role.LICENCE_ADMIN}),
        ):
            name = role.replace(" ", "-").replace("_", "-")
            row = MembershipFactory(source=where, user=UserFactory(email=f"{name}@ours.example"), **facts)
            update_admin_access(row.user_id)
            self.people[role] = row.user
        self.people["inactive"].is_active = False
        self.people["inactive"].save()
        self.people[OPERATOR] = UserFactory(email="operator@ours.example", is_staff=True, is_superuser=True)
        self.flow = _flow_of_everything(self.source, self.people[EXPORTER])

    def rights(self, role: str) -> frozenset[Right]:
        if role == OPERATOR:
            return ROLES[OPERATOR]
        row = Membership.objects.filter(source=self.source, user=self.people.get(role), user__is_active=True).first()
        return rights_of(row) if row else frozenset()

    def client(self, role: str) -> Client:
        """A browser of its own for each call, with the session in which this one has signed in once."""
        client = Client(headers={"accept-language": "en"})
        if role in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]
        elif role in self.people:
            client.force_login(self.people[role])
            self.sessions[role] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return client


def _flow_of_everything(source: Source, maker: Any) -> Flow:
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    flow: Flow = FlowFactory(
        source=source, created_by=maker, state=Flow.State.CONCLUDED, codes=["A1", "B2"], participant_count=1,
        graded_count=1, unfollowed={"title": {"ladok": "X1", "wiseflow": "Y1"}},
    )  # fmt: skip
    SyncRunFactory(flow=flow, state="failed", message=told)
    attempt = ExportAttemptFactory(flow=flow, state="failed", message=told, failed_count=1)
    person = ParticipantFactory(flow=flow, grade="5", export_state="failed", export_message=told)
    ExportItemFactory(attempt=attempt, participant=person, state="failed", message=told)
    AuditEntryFactory(source=source, message=message("admin.export_body_changed").to_json())
    ExamReading.objects.create(source=source, asked_at=timezone.now(), read_at=timezone.now())
    ComingExam.objects.create(source=source, code="C3", title="Coming", start_at=in_hours(48))
    return flow


@pytest.fixture
def world() -> World:
    return World()


class Undone:
    """Each cell starts from the same rows."""

    def __enter__(self) -> None:
        self.mark = transaction.savepoint()

    def __exit__(self, *_: Any) -> None:
        transaction.savepoint_rollback(self.mark)


VIEWS_OF_TABLE = 9  # of `views_of`


def many_cells() -> dict[str, tuple[int, int]]:
    """How many there are of each, and in how many roles each is tried."""
    in_a_name = [needed for needed in COMMANDS.values() if isinstance(needed, Right)]
    return {
        "pages": (2 * len(patterns()), len(ROLE_NAMES)),
        "administration": (VIEWS_OF_TABLE * len(ADMIN) + 2 * len(ADMIN_PAGES), len(ROLE_NAMES)),
        "commands": (len(in_a_name), len(ROLE_NAMES) - 1),  # nobody is signed out there
    }


# --- Pages ------------------------------------------------------------------------------------------------------------


def forms(flow: Flow) -> dict[str, dict[str, Any]]:
    """What is sent with a form that would otherwise be none of ours."""
    person, item = flow.participants.get(), flow.attempts.get().items.get()
    chosen = {"flow": [flow.pk]}
    return dict.fromkeys(OF_CHOSEN, chosen) | {
        "flows:place": {"grade_goes_to": "one", "was": "one"},
        "flows:follow": {"field": "title", "seen": "x"},
        "flows:who_is_it": {"registration": person.registrations.get().pk, "answer": "same", "seen": "x"},
        "exports:choose": {"item": [item.pk], "retry": "yes"},
        "exports:take_mark_back": {"item": [item.pk]},
        "exports:say": {"form": "shown", "seen": "x"},
        "exports:findings": {"kind": "late", "finding": []},
        "keep_list": {"list": "flows"},
        "logout": {"on": "purpose"},
    }


def expected_of(needed: Needed, role: str, world: World) -> str:
    """ "allowed", "sign in", "no such method", "not there" or "refused"."""
    if needed is Access.NOBODY:
        return "no such method"
    if needed is Access.ANYBODY:
        return "allowed"
    if role in ("signed out", "inactive"):
        return "sign in"
    if needed is Access.SIGNED_IN:
        return "allowed"
    if needed is Right.OPERATE:
        return "allowed" if needed in world.rights(role) else "not there"
    # Whoever reads nothing there, and an operator does not, finds nothing there.
    if Right.READ not in world.rights(role):
        return "not there"
    return "allowed" if needed in world.rights(role) else "refused"


def what_came(answer: Any, needed: Needed, source: Source) -> str:
    to = answer.headers.get("Location", "")
    if answer.status_code == 302 and urlsplit(to).path == reverse("login") and "next=" in to:
        return "sign in"
    if answer.status_code in (404, 405):
        return {404: "not there", 405: "no such method"}[answer.status_code]
    if isinstance(needed, Right) and answer.status_code == 403:
        with override("en"):
            return "refused" if _in(str(refusal_of(needed, source)), answer) else "refused without a word"
    return "allowed" if answer.status_code in (200, 302) else f"{answer.status_code}"


def _in(text: str, answer: Any) -> bool:
    return text in _plain(answer)


def _plain(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.text.replace("&#x27;", "'"))


def cells_of_pages(role: str, world: World) -> Iterator[tuple[str, str, str]]:
    data = forms(world.flow)
    for name, address in addresses(world.flow):
        for method, needed in zip(("GET", "POST"), PAGES[name], strict=True):
            client = world.client(role)
            expected = expected_of(needed, role, world)
            if name in OF_ANY_SOURCE and expected == "not there":
                expected = "allowed"
            if name in OF_ONESELF and expected == "allowed":
                expected = "not there"
            if name == "flows:change_many" and expected == "not there":
                expected = "allowed"  # a page without the flow
            if name == "exports:preview_chosen" and method == "GET" and isinstance(needed, Right):
                address = f"{address.partition('?')[0]}?flow={world.flow.pk}"
            if expected == "no such method" and role in ("signed out", "inactive"):
                expected = "no such method" if PAGES[name][1 - (method == "POST")] is Access.ANYBODY else "either"
            with Undone():
                body = data.get(name, {}) if method == "POST" else {}
                answer = client.get(address) if method == "GET" else client.post(address, body)
                came = what_came(answer, needed, world.source)
            if expected == "either" and came in ("sign in", "no such method"):
                came = expected
            if name in KNOWN_OTHERWISE and method == "POST":
                came = "allowed" if answer.status_code == 403 else came  # by its signature
            if name in UNSET and method == "GET":
                came = "allowed" if came == "not there" else came
            yield f"{method} {name} ({address})", expected, came


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_page_lets_in_and_refuses_as_the_table_says(world: World, role: str) -> None:
    cells = list(cells_of_pages(role, world))
    assert [cell for cell in cells if cell[1] != cell[2]] == []
    assert len(cells) == many_cells()["pages"][0]


def test_every_page_has_its_place_in_the_table() -> None:
    assert {name for _pattern, name in patterns()} == set(PAGES)


# --- The administration -----------------------------------------------------------------------------------------------


def rows_of_everything(world: World) -> dict[str, Any]:
    """A row of ours in each table of the administration."""
    now, flow = timezone.now(), world.flow
    entry_of_axes = {"username": "x", "ip_address": "10.0.0.1", "user_agent": "x", "http_accept": "x", "path_info": "/"}
    task = {"name": "t", "func": "f", "started": now, "stopped": now}
    rows = [
        world.source,
        CredentialFactory(source=world.source),
        Membership.objects.get(user=world.people["manager"]),
        FlowPreset.objects.create(source=world.source, name="Sal"),
        rule_of(flow),
        AuditEntryFactory(source=world.source, message=message("admin.export_body_changed").to_json()),
        ApiTokenFactory(membership=Membership.objects.get(user=world.people["auditor"])),
        OAuthClientFactory(membership=Membership.objects.get(user=world.people["auditor"])),
        (subscription := SubscriptionFactory(source=world.source)),
        DeliveryFactory(subscription=subscription),
        AccessEntry.objects.create(source=world.source, user=world.people["manager"], kind="flow", flow=flow, key="1"),
        SignInScope.objects.create(source=world.source, scope="ours.example"),
        MembershipRule.objects.create(
            source=world.source, issuer="https://idp.ours.example", attribute="member", value="staff"
        ),
        FederatedIdentity.objects.create(
            user=world.people["manager"], protocol="oidc", issuer="https://idp.ours.example", subject="1"
        ),
        flow.sync_runs.get(),
        WebhookEvent.objects.create(source=world.source, call_id="1"),
        flow.attempts.get(),
        package_of(flow),
        world.people["manager"],
        AccessAttempt.objects.create(failures_since_start=1, **entry_of_axes),
        AccessLog.objects.create(**entry_of_axes),
        Schedule.objects.create(func="f"),
        Success.objects.create(id="1" * 32, success=True, **task),
        Failure.objects.create(id="2" * 32, success=False, **task),
        OrmQ.objects.create(key="k", payload="", lock=now + dt.timedelta(days=1)),
    ]
    return {row._meta.label_lower: row for row in rows}


def views_of(label: str, row: Any) -> Iterator[tuple[str, str, str, Needed]]:
    """The method, the address, and what is needed for it; of a row as of the table."""
    needs, name = ADMIN[label], f"admin:{label.replace('.', '_')}"
    key = [row.pk]
    yield "GET", "list", reverse(f"{name}_changelist"), needs.view
    yield "POST", "list", reverse(f"{name}_changelist"), needs.view
    yield "GET", "add", reverse(f"{name}_add"), needs.add
    yield "POST", "add", reverse(f"{name}_add"), needs.add
    yield "GET", "row", reverse(f"{name}_change", args=key), needs.view
    yield "POST", "row", reverse(f"{name}_change", args=key), needs.change
    yield "GET", "history", reverse(f"{name}_history", args=key), needs.view
    yield "GET", "delete", reverse(f"{name}_delete", args=key), needs.delete
    yield "POST", "delete", reverse(f"{name}_delete", args=key), needs.delete


def expected_of_admin(label: str, view: str, needed: Needed, role: str, world: World) -> str:
    is_staff = role in ("outsider", "auditor", "licence_admin", OPERATOR)
    if not is_staff:
        return "sign in"
    rights = world.rights(role)
    is_of_operation = ADMIN[label].view is Right.OPERATE  # a table of all universities
    if view in ("row", "history", "delete") and not rights & {Right.INSPECT} and not is_of_operation:
        return "not there"
    if needed is Access.NOBODY:
        return "refused"
    if role == "outsider" and not is_of_operation and needed is not Right.OPERATE:
        return "allowed"  # to their own
    return "allowed" if needed in rights else "refused"


def cells_of_admin(role: str, world: World) -> Iterator[tuple[str, str, str]]:
    client = world.client(role)
    rows = rows_of_everything(world)
    for label, row in rows.items():
        for method, view, address, needed in views_of(label, row):
            with Undone():
                answer = client.get(address) if method == "GET" else client.post(address, {"post": "yes"})
            expected = expected_of_admin(label, view, needed, role, world)
            yield f"{method} {label} {view}", expected, what_came_of_admin(answer)
    for name, needs in ADMIN_PAGES.items():
        for method, needed in zip(("GET", "POST"), needs, strict=True):
            label = ".".join(name.removeprefix("admin:").split("_")[:2])
            address = reverse(name, args=[rows[label].pk])
            with Undone():
                answer = client.get(address) if method == "GET" else client.post(address, {})
            expected = expected_of_admin(label, "row", needed, role, world)
            if needed is Access.NOBODY and expected != "sign in":
                expected = "no such method"
            yield f"{method} {name}", expected, what_came_of_admin(answer)


def what_came_of_admin(answer: Any) -> str:
    to = answer.headers.get("Location", "")
    if answer.status_code == 302 and urlsplit(to).path == reverse("admin:login"):
        return "sign in"
    if answer.status_code == 403:
        return "refused" if "You may not do this" in answer.text else "refused without a word"
    named = {404: "not there", 405: "no such method", 200: "allowed", 302: "allowed"}
    return named.get(answer.status_code, str(answer.status_code))


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_view_of_the_administration_lets_in_and_refuses_as_the_table_says(world: World, role: str) -> None:
    cells = list(cells_of_admin(role, world))
    assert [cell for cell in cells if cell[1] != cell[2]] == []
    assert len(cells) == many_cells()["administration"][0]


def test_every_view_of_the_administration_has_its_place_in_the_table(world: World) -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert registered == set(ADMIN) == set(rows_of_everything(world))
    usual = {"changelist", "add", "history", "delete", "change"}
    names = {
        pattern.name
        for model_admin in admin.site._registry.values()
        for pattern in model_admin.get_urls()
        if pattern.name and pattern.name.rpartition("_")[2] not in usual
    }
    assert {f"admin:{name}" for name in names} == set(ADMIN_PAGES)


# --- Commands ---------------------------------------------------------------------------------------------------------


def arguments(world: World, folder: Path) -> dict[str, list[str]]:
    """How each command is called that is done in somebody's name, whose address comes last."""
    flow, slug, table = str(world.flow.pk), world.source.slug, folder / "exams.csv"
    table.write_text("code\nA1\n")
    return {
        "adoptflow": ["--flow", flow, "--exported", "none", "--reason", "x", "--by"],
        "changeflow": ["--flow", flow, "--instant-export", "yes", "--preview", "--by"],
        "createflow": ["--source", slug, "--code", "X", "--manager"],
        "createflows": ["--source", slug, "--table", str(table), "--preview", "--manager"],
        "releaseflow": ["--flow", flow, "--preview", "--by"],
        "sync": ["--flow", flow, "--seen", "x", "--by"],
        "export": ["--flow", flow, "--preview", "--by"],
        "retry": ["--flow", flow, "--preview", "--by"],
        "archive": ["--flow", flow, "--by"],
        "mark": ["--flow", flow, "--reason", "x", "--by"],
        "extract": ["--source", slug, "--person", world.flow.participants.get().organisation_id, "--by"],
    }


@pytest.mark.parametrize("role", [role for role in ROLE_NAMES if role != "signed out"])
def test_every_command_lets_in_and_refuses_as_the_table_says(world: World, role: str, tmp_path: Path) -> None:
    wrong = []
    for name, given in arguments(world, tmp_path).items():
        needed, said = COMMANDS[name], ""
        with Undone():
            try:
                call_command(name, *given, world.people[role].email, stdout=io.StringIO(), stderr=io.StringIO())
            except CommandError as error:
                said = str(error)
        with override("en"):  # as a command speaks, whatever language was read last
            refusal = str(refusal_of(needed, world.source)) if isinstance(needed, Right) else ""
        if refusal and refusal in said:
            came = "refused"
        else:
            came = (
                "not there"
                if " is not a member of " in said or "There is no flow" in said or "no such flow" in said
                else "allowed"
            )
        expected = "allowed" if needed in world.rights(role) else "refused"
        if Right.READ not in world.rights(role):
            expected = "not there"
        if came != expected:
            wrong.append((name, expected, came, said))
    assert wrong == []


def test_every_command_has_its_place_in_the_table(world: World, tmp_path: Path) -> None:
    files = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    assert files == set(COMMANDS)
    in_a_name = {name for name, needed in COMMANDS.items() if isinstance(needed, Right)}
    assert in_a_name == set(arguments(world, tmp_path))
    assert len(in_a_name) == many_cells()["commands"][0]
    asks = {
        path.stem
        for path in ROOT.glob("*/management/commands/[a-z]*.py")
        if re.search(r'"--(by|manager)"', path.read_text())
    }
    assert asks <= in_a_name


# --- What pages offer -------------------------------------------------------------------------------------------------


class Offers(HTMLParser):
    """The forms that can be sent, and the links, of a page."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self.here, self.action = here, ""
        self.found: set[tuple[int, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = (given.get("action") or self.here) if given.get("method") == "post" else ""
        elif tag == "a" and given.get("href"):
            self.found.add((0, str(given["href"])))
        elif tag in ("button", "input") and given.get("type", "submit" if tag == "button" else "text") == "submit":
            if given.get("formaction"):
                self.found.add((1, str(given["formaction"])))
            elif self.action:
                self.found.add((1, self.action))

    def handle_endtag(self, tag: str) -> None:
        self.action = "" if tag == "form" else self.action


@pytest.mark.parametrize("role", ["auditor", "manager"])
def test_no_page_offers_what_would_be_refused(world: World, role: str) -> None:
    rights, client, refused = world.rights(role), world.client(role), set()
    for name, address in addresses(world.flow):
        if PAGES[name][0] in (Access.NOBODY, *(set(Right) - rights)):
            continue
        parser = Offers(address)
        parser.feed(client.get(address, follow=True).text)
        for sends, offered in parser.found:
            path = urlsplit(offered).path or urlsplit(address).path
            try:
                needed = PAGES.get(resolve(path).view_name, (Access.ANYBODY, Access.ANYBODY))[sends]
            except Resolver404:
                continue
            if isinstance(needed, Right) and shown_to(needed) not in rights:
                refused.add((name, offered))
    assert refused == set()


OF_ONES_ACCOUNT = {"password_change", "second_factors"}  # which everybody has


@pytest.mark.parametrize("who", ["nobody", OPERATOR])
def test_whoever_belongs_nowhere_reads_what_to_do_in_place_of_each_page_of_ones_own(world: World, who: str) -> None:
    """A search that finds nothing, figures that are none and filters of no list are no answer."""
    world.people["nobody"] = UserFactory(email="nobody@ours.example")
    SignInScope.objects.create(source=world.source, scope="ours.example")
    todo = "Say that you sign in as nobody@ours.example" if who == "nobody" else "To the administration"
    silent = []
    for name, address in addresses(world.flow):
        if name in OF_ONES_ACCOUNT or (PAGES[name][0] is not Access.SIGNED_IN and name not in OF_ANY_SOURCE):
            continue
        answer = world.client(who).get(address, follow=True)
        is_page = answer.headers["Content-Type"].startswith("text/html")
        if is_page and not ("not a member of any source" in answer.text and todo in _plain(answer)):
            silent.append(name)
    assert silent == []
    asked = "licence-admin@ours.example" in world.client(who).get("/").text
    assert asked == (who == "nobody")


def needed_in_the_administration(world: World) -> dict[tuple[str, int], Needed]:
    """By the name of an address, and whether a form is sent there."""
    of_rows = {"changelist": ("view", "view"), "add": ("add", "add"), "change": ("view", "change"),
               "history": ("view", "view"), "delete": ("delete", "delete")}  # fmt: skip
    needed = {(name, sends): needs[sends] for name, needs in ADMIN_PAGES.items() for sends in (0, 1)}
    for label, table in ADMIN.items():
        for verb, names in of_rows.items():
            for sends in (0, 1):
                needed[f"admin:{label.replace('.', '_')}_{verb}", sends] = getattr(table, names[sends])
    return needed


@pytest.mark.parametrize("role", ["auditor", "licence_admin", OPERATOR])
def test_no_page_of_the_administration_offers_what_would_be_refused(world: World, role: str) -> None:
    rights, client, refused = world.rights(role), world.client(role), set()
    needed_by_name = needed_in_the_administration(world)
    pages = [reverse("admin:index")]
    for label, row in rows_of_everything(world).items():
        pages += [address for method, _view, address, _needed in views_of(label, row) if method == "GET"]
    for address in pages:
        answer = client.get(address)
        if answer.status_code != 200:
            continue
        parser = Offers(address)
        parser.feed(answer.text)
        for sends, offered in parser.found:
            path = urlsplit(offered).path or urlsplit(address).path
            try:
                name = resolve(path).view_name
            except Resolver404:
                continue
            needed = needed_by_name.get((name, sends), PAGES.get(name, (Access.ANYBODY, Access.ANYBODY))[sends])
            if needed is Access.NOBODY or (isinstance(needed, Right) and shown_to(needed) not in rights):
                refused.add((address, sends, offered))
    assert refused == set()
