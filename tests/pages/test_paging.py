"""Long lists are gone through by key: every row once, in order, forwards and backwards, whatever happens in between."""

import re

import pytest
from django.db.models import F
from django.http import QueryDict

from exports.pages.columns import sorted_by
from ladokflow.paging import columns_of, page_of
from sources.models import Flow, Membership, Participant
from tests.factories import FlowFactory, MembershipFactory, ParticipantFactory, in_hours
from tests.pages.conftest import SignIn

pytestmark = pytest.mark.django_db

ORDERS = (
    ("-pk",),
    ("title", "pk"),
    ("-created_at", "-pk"),
    (F("marking_end_at").asc(nulls_last=True), "pk"),
    (F("state").desc(nulls_last=True), F("marking_end_at").asc(nulls_last=True), "pk"),
    (F("state").asc(nulls_first=True), "-title", "-pk"),
)


@pytest.fixture
def membership(db: None) -> Membership:
    return MembershipFactory()


@pytest.fixture
def flows(db):
    """Many alike in what they are sorted by, and some without it."""
    source = MembershipFactory().source
    ends = [None, in_hours(1), in_hours(2)]
    for number in range(23):
        FlowFactory(
            source=source,
            title=f"Exam {number % 4}",
            state=None if number % 5 == 0 else number % 5,
            marking_end_at=ends[number % 3],
            codes=[],
        )
    return Flow.objects.all()


def page(rows, address, size=5):
    return page_of(rows, QueryDict(address), size)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_forwards_and_backwards_every_row_comes_once_in_its_order(flows, order):
    rows = flows.order_by(*order)
    expected = list(rows.values_list("pk", flat=True))
    assert columns_of(rows) is not None
    shown = page(rows, "")
    forwards = [row.pk for row in shown]
    while shown.has_next():
        shown = page(rows, f"page={shown.next_page_number()}&after={shown.last_key}")
        forwards += [row.pk for row in shown]
    assert forwards == expected
    backwards = [row.pk for row in shown]
    while shown.has_previous():
        shown = page(rows, f"page={shown.previous_page_number()}&before={shown.first_key}")
        backwards = [row.pk for row in shown] + backwards
    assert backwards == expected


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_number_alone_finds_the_same_page(flows, order):
    rows = flows.order_by(*order)
    expected = list(rows.values_list("pk", flat=True))
    for number in (1, 2, 4, 5, 99):
        first = 5 * (min(number, 5) - 1)
        assert [row.pk for row in page(rows, f"page={number}")] == expected[first : first + 5]


def test_what_comes_at_the_top_meanwhile_shows_nothing_twice(flows):
    rows = flows.order_by("-pk")
    first = page(rows, "")
    FlowFactory.create_batch(3, source=first[0].source, codes=[])
    second = page(rows, f"page=2&after={first.last_key}")
    assert [row.pk for row in second] == [first.last_key - step for step in range(1, 6)]
    assert [row.pk for row in page(rows, f"page=1&before={second.first_key}")] == list(
        rows.values_list("pk", flat=True)[:5]
    )


@pytest.mark.parametrize("key", ["nothing", "999999999", "9" * 40, "", "\0"])
def test_a_key_of_nothing_leaves_the_number(flows, key):
    rows = flows.order_by("-pk")
    expected = list(rows.values_list("pk", flat=True)[5:10])
    assert [row.pk for row in page_of(rows, {"page": "2", "after": key}, 5)] == expected
    assert [row.pk for row in page_of(rows, {"page": "2", "before": key}, 5)] == expected


def test_a_row_that_has_left_the_list_leaves_the_number(flows):
    rows = flows.filter(export_state="pending").order_by("-pk")
    first = page(rows, "")
    Flow.objects.filter(pk=first.last_key).update(export_state="exported")
    assert [row.pk for row in page(rows, f"page=2&after={first.last_key}")] == list(
        rows.values_list("pk", flat=True)[5:10]
    )


def test_an_order_that_ties_is_no_order_to_page_by(flows):
    assert columns_of(flows.order_by("title")) is None
    # Where the empty ones stand, the database decides.
    assert columns_of(flows.order_by("marking_end_at", "pk")) is None
    assert columns_of(flows.order_by("source__name", "pk")) is None
    assert columns_of(flows.order_by("source", "pk")) is None  # by its name
    assert columns_of(flows.order_by()) is not None  # the model's own


def test_an_order_that_is_worked_out_is_paged_by_as_well(flows):
    for number, flow in enumerate(flows):
        state = ("pending", "failed", "exported")[number % 3]
        Flow.objects.filter(pk=flow.pk).update(export_state=state)
    rows = sorted_by(flows, "-state")
    seen, shown = [], page(rows, "")
    while True:
        seen += [row.pk for row in shown]
        if not shown.has_next():
            break
        shown = page(rows, f"page={shown.next_page_number()}&after={shown.last_key}")
    assert seen == list(rows.values_list("pk", flat=True))
    assert len(set(seen)) == 23


def test_the_list_goes_on_by_key_through_its_links(sign_in: SignIn, membership: Membership) -> None:
    FlowFactory.create_batch(60, source=membership.source)
    client = sign_in(membership.user)
    seen, address = [], "/flows/?sort=title"
    for _ in range(3):
        answer = client.get(address)
        seen += [flow.pk for flow in answer.context["page"]]
        onward = re.search(r'href="([^"]+)"\s+rel="next"', answer.content.decode())
        address = "/flows/" + onward[1].replace("&amp;", "&") if onward else ""
    assert not address
    assert seen == list(Flow.objects.order_by("title", "pk").values_list("pk", flat=True))
    back = re.search(r'href="([^"]+)"\s+rel="prev"', answer.content.decode())[1]
    assert "before=" in back
    assert "after=" not in back
    assert "sort=title" in back


def test_the_people_of_a_flow_go_on_by_key(sign_in: SignIn, membership: Membership) -> None:
    flow = FlowFactory(source=membership.source)
    ParticipantFactory.create_batch(120, flow=flow)
    client = sign_in(membership.user)
    seen, query = [], ""
    for number in (1, 2, 3):
        shown = client.get(f"/flows/{flow.pk}/participants/?{query}").context["page"]
        seen += [row.pk for row in shown]
        query = f"page={number + 1}&after={shown.last_key}"
    assert seen == list(Participant.objects.values_list("pk", flat=True))
