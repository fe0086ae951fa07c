"""Every address there is: it answers, is one valid page with one heading, in the reader's language, at a constant cost."""

from __future__ import annotations

import datetime as dt
import re
import time
import uuid
from collections.abc import Callable

import polib
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exports.models import ExportAttempt, ExportItem
from ladokflow.messages import message
from sources.models import Flow, FlowSource, Membership, Participant, Registration, SyncRun
from tests.environment import ROOT
from tests.factories import MembershipFactory
from tests.pages.everything import ACTIONS, CLOSED, ELSEWHERE, ENGLISH_ONLY, FRAGMENTS, NO_PAGES, addresses
from tests.pages.walking import patterns, problems_of, texts_of

pytestmark = pytest.mark.django_db
SignIn = Callable[..., Client]


def test_every_address_answers_with_one_valid_page_in_the_readers_language(
    sign_in: SignIn, anna: User, flows: list[Flow]
) -> None:
    """One walk for all of it: some 450 pages, each of which takes a twentieth of a second of the processor.

    In English a page is asked for where its Swedish has a sentence that looks like one.
    """
    english, swedish = texts_in_both()
    sv, en = sign_in(anna, **{"accept-language": "sv"}), sign_in(anna)
    assert texts_of(en.get("/").text) & (english - swedish), "an English page would not be known as one"
    wrong: list[str] = []
    seen: set[str] = set()
    left: dict[str, str] = {}
    for flow in flows:
        for name, address in addresses(flow):
            if flow is not flows[0] and not re.search(r"/\d|[0-9a-f]{8}-", address):
                continue  # the same for all flows
            seen.add(name)
            answer = sv.get(address)
            expected = (
                {405} if name in ACTIONS else {302} if name in ELSEWHERE else {404} if name in CLOSED else {200, 302}
            )
            if answer.status_code not in expected:
                wrong.append(f"{address} ({name}) {flow.state}/{flow.setup_state}: {answer.status_code}")
            elif answer.status_code == 200 and name not in NO_PAGES:
                wrong += [f"{address}: {fault}" for fault in faults_of(answer.text, name in FRAGMENTS)]
            if name in ACTIONS | CLOSED | NO_PAGES | ELSEWHERE | ENGLISH_ONLY:
                continue
            if answer.status_code == 302:
                answer = sv.get(address, follow=True)
            shown = texts_of(answer.text)
            # An English text that Swedish has another word for; or a sentence that is the same in both languages.
            left |= dict.fromkeys(shown & english - swedish, address)
            if doubtful := {text for text in shown - swedish if _is_a_sentence(text)}:
                left |= dict.fromkeys(doubtful & texts_of(en.get(address, follow=True).text), address)
    assert wrong == []
    assert left == {}
    assert seen == {name for _pattern, name in patterns()}


def texts_in_both() -> tuple[set[str], set[str]]:
    """What is translated, and what into."""
    entries = [entry for entry in polib.pofile(str(ROOT / "locale/sv/LC_MESSAGES/django.po")) if not entry.obsolete]
    english = {text for e in entries for text in (e.msgid, e.msgid_plural) if text}
    return english, {text for e in entries for text in (e.msgstr, *e.msgstr_plural.values()) if text}


def faults_of(page: str, is_fragment: bool) -> list[str]:
    whole = f"<!doctype html><title>x</title><h1>x</h1>{page}" if is_fragment else page
    found = problems_of(whole)
    if len(re.findall(r"<h1[ >]", whole)) != 1:
        found.append("not one h1")
    ids = re.findall(r'\sid="([^"]+)"', page)
    return found + [f"id {name} twice" for name in sorted(set(ids)) if ids.count(name) > 1]


def _is_a_sentence(text: str) -> bool:
    return bool(re.search(r"\b(the|is|are|of|to|and|not|has|have|was|with|this)\b", text)) and " " in text


# --- What a page costs


def many_flows(membership: Membership, number: int, *, people: int = 2) -> list[Flow]:
    """Flows in all export states, each with a code, people, an attempt and a synchronisation."""
    now, user, source = timezone.now(), membership.user, membership.source
    told = message("remote.timeout", system="Ladok", seconds=30).to_json()
    states = ("failed", "exported", "pending")
    first = Flow.objects.count()
    flows = Flow.objects.bulk_create(
        Flow(
            source=source,
            created_by=user,
            title=f"Tentamen {first + index}",
            setup_state="ready",
            setup_mark=uuid.uuid4().hex[:12],
            wiseflow_id=700_000 + first + index,
            state=index % 6,
            marking_end_at=now + dt.timedelta(hours=index % 400),
            export_state=states[index % 3],
            export_message=told,
            sync_message=told if index % 7 == 0 else {},
            graded_count=2,
            participant_count=2,
        )
        for index in range(number)
    )
    codes = FlowSource.objects.bulk_create(
        FlowSource(
            flow=flow, source=source, code=f"KOD-{flow.wiseflow_id}", position=0, reference=f"r{flow.wiseflow_id}"
        )
        for flow in flows
    )
    Participant.objects.bulk_create(
        Participant(flow=flow, organisation_id=f"p{flow.wiseflow_id}-{index}")
        for flow in flows
        for index in range(people)
    )
    ExportAttempt.objects.bulk_create(
        ExportAttempt(flow=code.flow, code=code, state="exported", exported_count=2, finished_at=now) for code in codes
    )
    SyncRun.objects.bulk_create(
        SyncRun(flow=flow, trigger=SyncRun.Trigger.NIGHT, state="success", finished_at=now) for flow in flows
    )
    return flows


def queries_of(client: Client, address: str) -> int:
    """Without the writing down of who has looked: once in some minutes, in as many statements as it takes."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200, address
    return sum("accessentry" not in query["sql"] for query in queries)


def test_lists_of_flows_take_as_many_queries_for_500_as_for_5(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    client = sign_in(membership.user)
    places = ["/", "/flows/", "/flows/?q=ten", *(f"/exports/?tab={tab}" for tab in ("failed", "exported", "pending"))]
    places += ["/exports/live/", "/exports/errors.csv"]
    many_flows(membership, 15)
    client.get("/")
    few = {place: queries_of(client, place) for place in places}
    many_flows(membership, 485)
    assert {place: queries_of(client, place) for place in places} == few


def test_lists_of_a_flow_take_as_many_queries_for_500_rows_as_for_5(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    (flow,) = many_flows(membership, 1)
    code, attempt = flow.codes.get(), flow.attempts.get()
    client = sign_in(membership.user)
    names = ("detail", "participants", "codes", "syncs", "exports")
    places = [reverse(f"flows:{name}", args=[flow.pk]) for name in names]
    places += [reverse("exports:attempt", args=[attempt.pk]), reverse("exports:people", args=[attempt.pk, "csv"])]
    places += [reverse("exports:preview", args=[flow.pk])]

    def add(first: int, number: int) -> None:
        now = timezone.now()
        people = Participant.objects.bulk_create(
            Participant(flow=flow, organisation_id=f"q{index}", last_name=f"Ö{index}")
            for index in range(first, first + number)
        )
        Registration.objects.bulk_create(Registration(participant=person, code=code) for person in people)
        ExportItem.objects.bulk_create(
            ExportItem(attempt=attempt, participant=person, grade="5", state="failed") for person in people
        )
        SyncRun.objects.bulk_create(SyncRun(flow=flow, state="success", finished_at=now) for _ in range(number))
        ExportAttempt.objects.bulk_create(
            ExportAttempt(flow=flow, code=code, state="exported", finished_at=now) for _ in range(number)
        )

    add(0, 5)
    client.get("/")
    few = {place: queries_of(client, place) for place in places}
    add(5, 495)
    assert {place: queries_of(client, place) for place in places} == few


def test_the_first_page_of_5000_flows_takes_few_queries_and_little_time(sign_in: SignIn) -> None:
    membership = MembershipFactory()
    many_flows(membership, 5_000, people=0)
    client = sign_in(membership.user)
    client.get("/glossary/")
    # Home asks for each of its figures by an index of its own.
    for place, most in (("/", 22), ("/flows/", 15), ("/exports/", 15), ("/exports/?tab=pending", 15)):
        before = time.process_time()
        assert queries_of(client, place) < most, place
        # Generous, for a machine with other work; what is looked for is a page that takes in all of the flows.
        assert time.process_time() - before < 2, place
