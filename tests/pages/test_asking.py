"""What only a person can answer stands on Home, in the list of flows and on the flow's page, whatever kind of question it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver, reverse
from django.utils.translation import override

from exports.attempts.place import change_place
from exports.models import Finding
from exports.rules.states import refresh_states
from ladokflow.messages import message
from sources.flows.asking import KINDS, Kind, asked_by, asking, register, with_questions
from sources.flows.codes import add_code
from sources.flows.create import create_flow
from sources.flows.request import request_flow
from sources.models import Flow, Paper, Source, StaffAccount
from sources.sync.run import request_sync, run_sync
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    MembershipFactory,
    ParticipantFactory,
    SyncRunFactory,
)
from tests.pages.test_who_is_it import doubted

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
UNKNOWN = message("sources.staff_unknown", who="okand99@liu.example").to_json()
BRAKE = message("sources.brake_empty", code="X", before=9).to_json()
DOWN = message("remote.timeout", system="Ladok", seconds=30).to_json()


def braked(source: Source) -> Flow:
    flow = FlowFactory(source=source, sync_message=BRAKE)
    SyncRunFactory(flow=flow, state="failed", asks=True, message=BRAKE)
    return flow


def in_doubt(source: Source) -> Flow:
    flow = FlowFactory(source=source)
    doubted(flow)
    return flow


def with_account(source: Source) -> Flow:
    flow = FlowFactory(source=source)
    StaffAccount.objects.create(flow=flow, organisation_id="okand99@liu.example", name="Okänd", user_id=7)
    return flow


def on_two_codes(source: Source) -> Flow:
    flow = FlowFactory(source=source, codes=[f"CODE-{uuid.uuid4()}" for _ in range(2)])
    ParticipantFactory(flow=flow, codes=list(flow.codes.all()))
    return flow


def found(source: Source) -> Flow:
    item = ExportItemFactory(attempt__flow__source=source, state="exported", attempt__state="exported")
    Finding.objects.create(flow=item.attempt.flow, item=item, kind=Finding.Kind.LATE, message=DOWN)
    return item.attempt.flow


def without_right(source: Source) -> Flow:
    maker = MembershipFactory(source=source, can_export=False)
    return FlowFactory(source=source, created_by=maker.user, exports_when_marking_ends=True)


def without_paper(source: Source) -> Flow:
    flow = FlowFactory(source=source, state=Flow.State.CONCLUDED)
    Paper.objects.create(participant=ParticipantFactory(flow=flow, grade="5"), state="nothing")
    refresh_states(flow)
    return flow


def of_unknown_scale(source: Source) -> Flow:
    flow = FlowFactory(source=source, state=Flow.State.CONCLUDED, grades=[], scale_definition={})
    ParticipantFactory(flow=flow, grade="5")
    refresh_states(flow)
    return flow


# Each kind: a flow that asks it, what is read on Home and in the list, and what on the flow's page.
EXAMPLES: dict[str, tuple[Callable[[Source], Flow], str]] = {
    "creation": (
        lambda source: FlowFactory(
            source=source, setup_state="stopped", setup_message=DOWN, wiseflow_id=None, state=None
        ),
        "Ladok did not answer within 30 seconds.",
    ),
    "synchronisation": (braked, "list for X is empty"),
    "staff": (lambda source: FlowFactory(source=source, asked=[UNKNOWN]), "WISEflow has no user okand99@liu.example"),
    "warnings": (
        lambda source: FlowFactory(source=source, warnings=[message("sources.no_dates", code="X").to_json()]),
        "X",
    ),
    "by_itself": (without_right, "No grade of the flow goes to Ladok by itself"),
    "identity": (in_doubt, "It is asked of somebody in Ladok if it is the same person."),
    "accounts": (with_account, "Somebody was made a user in WISEflow for the flow"),
    "adoption": (
        lambda source: FlowFactory(source=source, adoption="unsaid"),
        "Which of the flow's grades were exported",
    ),
    "grades": (
        of_unknown_scale,
        "Which grading scale the flow has in WISEflow is not known.",
    ),
    "place": (on_two_codes, "nobody has said where their grades go"),
    "papers": (without_paper, "1 person has a passing grade, and handed in nothing."),
    "findings": (found, "Something has come out about grades that were sent"),
}

# What a manager sends about a flow that answers no question of the flow's
ANSWERS_NOTHING = {
    "flows:code_add",
    "flows:code_remove",
    "flows:assessors",
    "flows:follow",
    "exports:send",
    "exports:collect",
    "exports:papers_read",
    "exports:archive_make",
    "exports:check",
    "exports:mark",
    "exports:take_mark_back",
}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


@pytest.fixture
def manager(sign_in: SignIn) -> tuple[Client, Source]:
    membership = MembershipFactory()
    return sign_in(membership.user), membership.source


def addresses_of_a_flow() -> set[str]:
    """The names of all addresses with a flow's number in them and nothing that is not a flow's."""
    found = set()
    for resolver in get_resolver().url_patterns:
        for pattern in getattr(resolver, "url_patterns", []):
            namespace = getattr(resolver, "namespace", None)
            if (
                namespace in ("flows", "exports")
                and isinstance(pattern, URLPattern)
                and "<int:pk>" in str(pattern.pattern)
            ):
                found.add(f"{namespace}:{pattern.name}")
    return found


def takes_answers(client: Client, name: str, flow: Flow) -> bool:
    more = {
        "flows:code_remove": lambda: flow.codes.first().pk,
        "flows:sync_run": lambda: SyncRunFactory(flow=flow).pk,
        "flows:participants_file": lambda: "csv",
        "flows:statistics_file": lambda: "csv",
        "flows:timeline": lambda: ParticipantFactory(flow=flow).pk,
    }
    args = [flow.pk, more[name]()] if name in more else [flow.pk]
    return client.post(reverse(name, args=args)).status_code != 405


def test_whatever_takes_an_answer_about_a_flow_says_which_question_it_answers(
    manager: tuple[Client, Source],
) -> None:
    """A new question is answered somewhere. Who adds that address says here, or in a kind, what it answers."""
    client, source = manager
    flow = FlowFactory(source=source)
    answers = {name for name in addresses_of_a_flow() if takes_answers(client, name, flow)}
    of_kinds = {name for kind in KINDS.values() for name in kind.answered_at}
    assert answers == of_kinds | ANSWERS_NOTHING
    assert not of_kinds & ANSWERS_NOTHING


def test_each_kind_has_an_example_here() -> None:
    assert KINDS.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_question_stands_on_home_in_the_list_and_on_the_flows_page(manager: tuple[Client, Source], kind: str) -> None:
    client, source = manager
    make, words = EXAMPLES[kind]
    flow, quiet = make(source), FlowFactory(source=source)
    assert list(asking(Flow.objects.all())) == [flow]
    (asked,) = asked_by(with_questions(Flow.objects.all()).get(pk=flow.pk))
    assert words in str(asked.message)
    assert asked_by(with_questions(Flow.objects.all()).get(pk=quiet.pk)) == []
    for page in ("/", "/flows/", "/flows/?asks=on"):
        shown = client.get(page).text
        if (page, kind) == ("/", "findings"):  # they have a section of their own, with figures
            assert f'href="{reverse("exports:findings", args=[flow.pk])}"' in shown
            continue
        assert asked.message.what.split("“")[0] in shown.replace("&#x27;", "'"), page
        assert f'href="{asked.address}"' in shown, page
    assert (quiet.title in shown, quiet.title in client.get("/flows/").text) == (False, True)
    overview, (address, _, place) = reverse("flows:detail", args=[flow.pk]), asked.address.partition("#")
    assert (f'id="{place}"' if address == overview else f'href="{address}') in client.get(overview).text


@pytest.mark.parametrize("kind", EXAMPLES)
def test_home_leads_straight_to_where_a_question_is_answered(manager: tuple[Client, Source], kind: str) -> None:
    client, source = manager
    make, _words = EXAMPLES[kind]
    flow = make(source)
    (asked,) = asked_by(with_questions(Flow.objects.all()).get(pk=flow.pk))
    address, _, place = asked.address.partition("#")
    answer = client.get(address)
    answered_at = [reverse(name, args=[flow.pk]) for name in asked.kind.answered_at]
    assert answer.status_code == 200
    assert address in answered_at or any(f'method="post" action="{each}"' in answer.text for each in answered_at)
    assert not place or f'id="{place}"' in answer.text


def test_what_is_asked_of_another_universitys_flow_is_not_told(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    FlowFactory(source=membership.source)
    for make, _ in EXAMPLES.values():
        flow = make(FlowFactory().source)
        for page in ("/", "/flows/", "/flows/?asks=on"):
            assert flow.title not in sign_in(membership.user).get(page).text


def test_many_questions_take_as_many_queries_as_few(manager: tuple[Client, Source]) -> None:
    client, source = manager
    counts = []
    for more in (1, 2):
        for make, _ in list(EXAMPLES.values()) * more:
            make(source)
        with CaptureQueriesContext(connection) as queries:
            client.get("/flows/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_kind_has_one_name() -> None:
    kind = KINDS["creation"]
    with pytest.raises(ValueError, match="creation"):
        register(Kind(kind.name, kind.is_asked, kind.words, kind.place, ()))


# --- When a question is asked, and when no more


def asks(flow: Flow) -> list[str]:
    row = with_questions(Flow.objects.all()).get(pk=flow.pk)
    return [kind.name for kind in KINDS.values() if getattr(row, kind.column)]


def test_who_has_said_where_grades_go_is_not_asked_again(manager: tuple[Client, Source]) -> None:
    _, source = manager
    flow = on_two_codes(source)
    assert asks(flow) == ["place"]
    MembershipFactory(source=source, user=flow.created_by)
    assert change_place(flow=flow, goes_to="one", was="one", by=flow.created_by)
    assert asks(flow) == []
    flow.refresh_from_db()
    assert (flow.grade_goes_to, flow.is_place_said) == ("one", True)
    assert not change_place(flow=flow, goes_to="one", was="one", by=flow.created_by)


@pytest.mark.parametrize("state", ["queued", "sending"])
def test_where_grades_go_is_not_asked_when_it_can_no_longer_be_changed(
    manager: tuple[Client, Source], state: str
) -> None:
    flow = on_two_codes(manager[1])
    more = {"sending_at": flow.created_at} if state == "sending" else {}
    ExportAttemptFactory(flow=flow, state=state, **more)
    assert asks(flow) == []


def test_where_grades_go_is_not_asked_of_one_who_is_left_on_one_code(manager: tuple[Client, Source]) -> None:
    flow = on_two_codes(manager[1])
    row = flow.participants.get().registrations.first()
    row.is_listed, row.gone_at = False, flow.created_at
    row.save()
    assert asks(flow) == []


@pytest.mark.parametrize("state", [Flow.State.CONCLUDED, Flow.State.ARCHIVED])
def test_after_marking_nothing_is_asked_that_belongs_to_synchronisations(
    manager: tuple[Client, Source], state: int
) -> None:
    flow = FlowFactory(source=manager[1], state=state, asked=[UNKNOWN], sync_message=BRAKE)
    assert asks(flow) == []
    assert 'id="asked"' not in manager[0].get(reverse("flows:detail", args=[flow.pk])).text


@pytest.mark.parametrize(
    ("fields", "is_asked"),
    [
        ({"graded_count": 2}, True),
        ({"graded_count": 2, "export_state": "exported", "exported_count": 1}, True),
        ({"graded_count": 2, "export_state": "exported", "exported_count": 2}, False),
        ({"graded_count": 0}, False),
    ],
)
def test_after_marking_ladoks_lists_are_asked_about_until_the_grades_are_in(
    manager: tuple[Client, Source], fields: dict[str, Any], is_asked: bool
) -> None:
    """Who is held because a list is not whole waits for it: the flow's page has the way on, as the sentence says."""
    client, source = manager
    flow = FlowFactory(source=source, state=Flow.State.CONCLUDED, sync_message=BRAKE, **fields)
    SyncRunFactory(flow=flow, state="failed", asks=True, message=BRAKE)
    assert asks(flow) == (["synchronisation"] if is_asked else [])
    page = client.get(reverse("flows:detail", args=[flow.pk])).text
    for part in ("It is right: synchronise anyway", 'id="synchronisation"', 'id="sync-now"'):
        assert (part in page) is is_asked, part
    assert client.get("/").text.count(f"/flows/{flow.pk}/#synchronisation") == is_asked


def test_a_doubt_that_only_ladok_can_end_is_no_question(manager: tuple[Client, Source]) -> None:
    flow = FlowFactory(source=manager[1])
    row = doubted(flow)
    row.claim = ""
    row.save()
    assert asks(flow) == []


@pytest.mark.parametrize("is_braked", [False, True])
def test_whom_wiseflow_does_not_know_any_more_is_asked_from_one_synchronisation_to_the_next(
    sandbox: Any, liu: Source, anna: User, is_braked: bool
) -> None:
    code = sandbox.control.add_exam("liu", people=10)
    flow = create_flow(request_flow(source=liu, codes=[code], requested_by=anna, enqueue=False).pk)
    assert asks(flow) == []
    Flow.objects.filter(pk=flow.pk).update(
        staff=[*flow.staff, {"role": "assessor", "organisation_id": "okand99@liu.example", "email": ""}]
    )
    people = sandbox.control.exam("liu", code)["participants"]
    if is_braked:
        sandbox.control.set_people("liu", code, people[:2])
    run_sync(request_sync(flow=flow, trigger="command", enqueue=False).pk)
    assert asks(flow) == [*(["synchronisation"] if is_braked else []), "staff"]
    sandbox.control.set_people("liu", code, people)
    Flow.objects.filter(pk=flow.pk).update(staff=flow.staff)
    run_sync(request_sync(flow=flow, trigger="command", enqueue=False).pk)
    assert asks(flow) == []


def test_a_code_that_is_added_to_a_flow_says_it_once(sandbox: Any, liu: Source, anna: User) -> None:
    codes = [sandbox.control.add_exam("liu", people=3) for _ in range(2)]
    both = sandbox.control.exam("liu", codes[0])["participants"][0]
    flow = create_flow(request_flow(source=liu, codes=codes, requested_by=anna, enqueue=False).pk)
    sandbox.control.change_people("liu", codes[1], add=[both], exact=True)
    run_sync(request_sync(flow=flow, trigger="command", enqueue=False).pk)
    # Nobody was on both when it was made, so nobody was asked.
    assert asks(flow) == ["place"]
    third = sandbox.control.add_exam("liu", people=1)
    add_code(flow=flow, code=third, by=anna, grade_goes_to="one", enqueue=False)
    assert asks(flow) == []
