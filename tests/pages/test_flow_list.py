"""The list of flows: search, filters, pages."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exports.models import ExportItem
from exports.pages.columns import CHOOSABLE, SORTS, sorted_by
from exports.pages.standing import Standing
from ladokflow.messages import message
from ladokflow.paging import columns_of
from sources.models import Flow, Membership, Source, SyncRun
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    UserFactory,
    in_hours,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def membership() -> Membership:
    return MembershipFactory()


def titles(client: Client, query: str = "") -> set[str]:
    return {flow.title for flow in client.get(f"/flows/{query}").context["page"]}


def test_only_flows_of_ones_own_sources_are_listed(sign_in: SignIn, membership: Membership) -> None:
    own = FlowFactory(source=membership.source)
    FlowFactory()
    assert titles(sign_in(membership.user)) == {own.title}


def test_a_flow_is_found_by_title_code_number_and_a_students_whole_organisation_id(
    sign_in: SignIn, membership: Membership
) -> None:
    flow = FlowFactory(source=membership.source, title="Årets tentamen", codes=["TEN/Å-1"], wiseflow_id=98_765_432)
    ParticipantFactory(flow=flow, organisation_id="asaan123@liu.example")
    FlowFactory(source=membership.source)
    client = sign_in(membership.user)
    for text in ("rets tent", "TEN/Å", "98765432", "asaan123@liu.example", "ASAAN123@LIU.EXAMPLE"):
        assert titles(client, f"?q={text}") == {"Årets tentamen"}, text
    assert titles(client, "?q=asaan") == set()


def test_a_search_by_a_foreign_students_id_finds_nothing(sign_in: SignIn, membership: Membership) -> None:
    ParticipantFactory(organisation_id="foreign@oru.example")
    assert titles(sign_in(membership.user), "?q=foreign@oru.example") == set()


def test_filters_go_together(sign_in: SignIn, membership: Membership) -> None:
    common = {"source": membership.source}
    FlowFactory(title="A", state=Flow.State.CONCLUDED, export_state="failed", created_by=membership.user, **common)
    FlowFactory(title="B", state=Flow.State.CONCLUDED, export_state="failed", **common)
    FlowFactory(title="C", state=Flow.State.CONCLUDED, **common)
    FlowFactory(title="D", setup_state="stopped", wiseflow_id=None, state=None, **common)
    client = sign_in(membership.user)
    assert titles(client, "?phase=4") == {"A", "B", "C"}
    assert titles(client, "?phase=4&standing=rejected") == {"A", "B"}
    assert titles(client, "?phase=4&standing=rejected&mine=on") == {"A"}
    assert titles(client, "?phase=4&standing=rejected&standing=not_ready") == {"A", "B", "C"}
    assert titles(client, "?phase=creating") == {"D"}


def test_unknown_values_in_the_address_count_as_none(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source)
    assert titles(sign_in(membership.user), "?phase=99&standing=x&sort=pk;drop&columns=pk&page=-3&source=nowhere") == {
        flow.title
    }


def test_a_search_without_result_says_what_to_do(sign_in: SignIn, membership: Membership) -> None:
    FlowFactory(source=membership.source)
    page = sign_in(membership.user).get("/flows/?q=nothing-like-it").content.decode()
    assert "No flow matches" in page
    assert "Show all flows" in page


def test_htmx_gets_the_list_only(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source)
    page = sign_in(membership.user).get("/flows/", headers={"HX-Request": "true", "HX-Target": "list"})
    assert page.content.decode().strip().startswith('<div id="list"')
    assert flow.title in page.content.decode()
    assert "HX-Target" in page.headers["Vary"]


def test_pages_keep_the_filters(sign_in: SignIn, membership: Membership) -> None:
    FlowFactory.create_batch(30, source=membership.source)
    page = sign_in(membership.user).get("/flows/?standing=not_ready").content.decode()
    assert "?standing=not_ready&amp;page=2" in page


def test_the_list_takes_as_many_queries_for_25_flows_as_for_one(sign_in: SignIn, membership: Membership) -> None:
    client = sign_in(membership.user)
    counts = []
    for more in (1, 24):
        FlowFactory.create_batch(more, source=membership.source)
        with CaptureQueriesContext(connection) as queries:
            client.get("/flows/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 12


def test_someone_without_a_source_sees_an_empty_list_and_no_wizard(sign_in: SignIn) -> None:
    FlowFactory()
    page = sign_in(UserFactory()).get("/flows/").content.decode()
    assert "not a member of any source" in page
    assert "/flows/new/" not in page


# --- The chips


def chips(client: Client, query: str = "", address: str = "/flows/") -> dict[str, tuple[int, bool]]:
    shown = client.get(f"{address}{query}", headers={"accept-language": "en"}).context["chips"]
    return {str(chip.label): (chip.count, chip.is_on) for chip in shown}


@pytest.fixture
def one_of_each(membership: Membership) -> dict[str, Flow]:
    """A flow at each of the five, and one that is under way."""
    common = {
        "source": membership.source,
        "state": Flow.State.CONCLUDED,
        "participation_start_at": in_hours(24 * 30),
    }
    told = message("export.ready", count=1).to_json()
    busy = message("export.waiting").to_json()
    flows: dict[str, Flow] = {
        "unknown": FlowFactory(title="unknown", export_state="failed", created_by=membership.user, **common),
        "rejected": FlowFactory(title="rejected", export_state="failed", created_by=membership.user, **common),
        "ready": FlowFactory(title="ready", export_message=told, **common | {"participation_start_at": timezone.now()}),
        "not_ready": FlowFactory(title="not_ready", **common),
        "sent": FlowFactory(title="sent", export_state="exported", **common),
        "busy": FlowFactory(title="busy", export_message=busy, **common),
    }
    item = ExportItemFactory(
        attempt__flow=flows["unknown"], attempt__state="failed", participant__flow=flows["unknown"], state="unknown"
    )
    assert item.attempt.flow == flows["unknown"]
    ExportAttemptFactory(flow=flows["busy"], state="queued")
    return flows


def test_a_flow_stands_at_one_of_five_and_is_found_by_it(
    sign_in: SignIn, membership: Membership, one_of_each: dict[str, Flow]
) -> None:
    client = sign_in(membership.user)
    for standing in Standing:
        answer = client.get(f"/flows/?standing={standing}")
        assert [row.flow.title for row in answer.context["rows"]] == [standing]
        assert [row.shown for row in answer.context["rows"]] == [standing]
    shown = {row.flow.title: row.shown for row in client.get("/flows/").context["rows"]}
    assert shown["busy"] == ExportItem.State.LIVE


def test_each_chip_tells_how_many_it_finds_with_what_is_chosen_besides(
    sign_in: SignIn, membership: Membership, one_of_each: dict[str, Flow]
) -> None:
    client = sign_in(membership.user)
    of_all = chips(client)
    assert [of_all[name] for name in ("Unknown", "Rejected", "Ready to send", "Not ready", "Sent")] == [(1, False)] * 5
    assert (of_all["Mine"], of_all["Exam this week"]) == ((2, False), (1, False))
    of_mine = chips(client, "?mine=on")
    assert (of_mine["Mine"], of_mine["Rejected"], of_mine["Sent"]) == ((2, True), (1, False), (0, False))
    both = chips(client, "?standing=rejected&standing=ready")
    assert (both["Rejected"], both["Ready to send"], both["Mine"]) == ((1, True), (1, True), (1, False))


def test_a_chip_leads_to_the_list_with_it_and_away_again(
    sign_in: SignIn, membership: Membership, one_of_each: dict[str, Flow]
) -> None:
    client = sign_in(membership.user)

    def address(query: str, label: str) -> str:
        shown = client.get(f"/flows/{query}", headers={"accept-language": "en"}).context["chips"]
        return next(chip.address for chip in shown if chip.label == label)

    assert address("", "Rejected") == "?standing=rejected"
    assert address("?standing=rejected&page=2&after=7", "Sent") == "?standing=rejected&standing=sent"
    assert address("?standing=rejected&q=x", "Rejected") == "?q=x"
    assert address("?standing=rejected", "Rejected") == "?all=on"


@pytest.mark.parametrize("tab", ["failed", "exported", "pending"])
def test_each_tab_of_the_dashboard_has_chips_of_its_own(
    sign_in: SignIn, membership: Membership, one_of_each: dict[str, Flow], tab: str
) -> None:
    client = sign_in(membership.user)
    inside = {"failed": {"Unknown", "Rejected"}, "exported": set(), "pending": {"Ready to send", "Not ready"}}
    found = chips(client, f"?tab={tab}", "/exports/")
    assert set(found) == {"Mine", "Exam this week", "Needs an answer"} | inside[tab]
    assert all(found[name] == (1, False) for name in inside[tab])
    answer = client.get("/exports/?tab=failed&standing=unknown")
    assert [row.flow.title for row in answer.context["rows"]] == ["unknown"]
    assert answer.context["counts"] == {"failed": 2, "exported": 1, "pending": 3}


# --- Heads and columns


def test_by_any_head_the_list_is_sorted_both_ways_and_paged_by_key(
    sign_in: SignIn, membership: Membership, one_of_each: dict[str, Flow]
) -> None:
    client = sign_in(membership.user)
    for sort in SORTS:
        columns = "".join(f"&columns={name}" for name, _label in CHOOSABLE)
        answer = client.get(f"/flows/?sort={sort}{columns}")
        assert len(answer.context["rows"]) == 6, sort
        assert columns_of(sorted_by(Flow.objects.all(), sort)) is not None, sort
        assert f'aria-sort="{"descending" if sort.startswith("-") else "ascending"}"' in answer.text, sort
    by_standing = [row.flow.title for row in client.get("/flows/?sort=state").context["rows"]]
    assert by_standing == ["unknown", "rejected", "ready", "not_ready", "sent", "busy"]


def test_columns_are_chosen_in_the_address(sign_in: SignIn, membership: Membership) -> None:
    FlowFactory(source=membership.source)
    client = sign_in(membership.user)
    assert client.get("/flows/").context["columns"] == ["exam", "title", "phase", "graded", "state"]
    assert client.get("/flows/?columns=made&columns=exam").context["columns"] == ["exam", "title", "state", "made"]


# --- Several at once


def test_chosen_flows_are_synchronised_together(sign_in: SignIn, membership: Membership) -> None:
    flows = FlowFactory.create_batch(2, source=membership.source)
    late = FlowFactory(source=membership.source, setup_state="creating", wiseflow_id=None, state=None, title="Late")
    keys = [flow.pk for flow in (*flows, late)]
    client = sign_in(membership.user)
    answer = client.post("/flows/synchronise/", {"flow": keys, "next": "/flows/"}, follow=True)
    assert answer.redirect_chain == [("/flows/", 302)]
    assert "Synchronising: 0 of 2" in answer.text
    assert "Late: " in answer.text
    assert set(SyncRun.objects.values_list("flow", flat=True)) == set(keys[:2])
    fine, failed = SyncRun.objects.order_by("flow_id")

    def line() -> str:
        return client.get("/flows/?all=on", headers={"hx-request": "true", "hx-target": "syncs"}).text

    now = timezone.now()
    SyncRun.objects.filter(pk=fine.pk).update(state="success", finished_at=now)
    assert "Synchronising: 1 of 2" in line()
    assert "every 2s" in line()
    SyncRun.objects.filter(pk=failed.pk).update(state="failed", finished_at=now)
    assert "1 of 2 flows synchronised" in line()
    assert "every 2s" not in line()
    assert re.findall(r'href="(/flows/\d+/)"', line()) == [f"/flows/{flows[1].pk}/"]
    assert "<html" not in line()
    with CaptureQueriesContext(connection) as queries:
        assert "1 of 2 flows synchronised" in client.get("/flows/").text
    assert len(queries) <= 12
    SyncRun.objects.update(finished_at=now - dt.timedelta(minutes=11))
    assert "synchronised" not in line()
    # From another list it is led to.
    answer = client.post("/flows/synchronise/", {"flow": keys[:1], "next": "/exports/"}, follow=True)
    assert '<a href="/flows/?all=on">Show how it goes</a>' in answer.text


def test_nothing_is_done_with_flows_of_others_or_with_too_many(sign_in: SignIn, membership: Membership) -> None:
    client = sign_in(membership.user)
    for address in ("/flows/synchronise/", "/exports/check/"):
        assert client.post(address, {"flow": [FlowFactory().pk]}).status_code == 404
        assert client.post(address, {"flow": ["x"]}).status_code == 404
        assert client.post(address).status_code == 302
        assert client.get(address).status_code == 405
    many = client.post("/flows/synchronise/", {"flow": range(1, 102)}, follow=True, headers={"accept-language": "en"})
    assert "Choose at most 100 flows at a time" in many.text
    assert not SyncRun.objects.exists()


def test_of_chosen_flows_only_what_is_not_known_is_checked(
    sign_in: SignIn, membership: Membership, one_of_each: dict[str, Flow]
) -> None:
    client = sign_in(membership.user)
    Source.objects.update(can_read_back=True)
    answer = client.post(
        "/exports/check/", {"flow": [one_of_each["sent"].pk]}, follow=True, headers={"accept-language": "en"}
    )
    assert "Nothing to check" in answer.text
