"""The list of flows: search, filters, pages."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sources.models import Flow, Membership
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory, UserFactory

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
    assert titles(client, "?phase=4&export=failed") == {"A", "B"}
    assert titles(client, "?phase=4&export=failed&mine=on") == {"A"}
    assert titles(client, "?phase=creating") == {"D"}


def test_unknown_values_in_the_address_count_as_none(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source)
    assert titles(sign_in(membership.user), "?phase=99&export=x&sort=pk;drop&page=-3&source=nowhere") == {flow.title}


def test_a_search_without_result_says_what_to_do(sign_in: SignIn, membership: Membership) -> None:
    FlowFactory(source=membership.source)
    page = sign_in(membership.user).get("/flows/?q=nothing-like-it").content.decode()
    assert "No flow matches" in page
    assert "Show all flows" in page


def test_htmx_gets_the_results_only(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source)
    page = sign_in(membership.user).get("/flows/", headers={"HX-Request": "true"})
    assert page.content.decode().strip().startswith('<div id="results"')
    assert flow.title in page.content.decode()
    assert "HX-Request" in page.headers["Vary"]


def test_pages_keep_the_filters(sign_in: SignIn, membership: Membership) -> None:
    FlowFactory.create_batch(30, source=membership.source)
    page = sign_in(membership.user).get("/flows/?export=pending").content.decode()
    assert "?export=pending&amp;page=2" in page


def test_the_list_takes_as_many_queries_for_25_flows_as_for_one(sign_in: SignIn, membership: Membership) -> None:
    client = sign_in(membership.user)
    counts = []
    for more in (1, 24):
        FlowFactory.create_batch(more, source=membership.source)
        with CaptureQueriesContext(connection) as queries:
            client.get("/flows/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] < 15


def test_someone_without_a_source_sees_an_empty_list_and_no_wizard(sign_in: SignIn) -> None:
    FlowFactory()
    page = sign_in(UserFactory()).get("/flows/").content.decode()
    assert "not a member of any source" in page
    assert "/flows/new/" not in page
