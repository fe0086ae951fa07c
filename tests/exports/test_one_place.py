"""One exam, one place: a grade is known by university, code and person, on whatever flow it was sent from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from exports.attempts import ordering
from exports.attempts.marks import mark_as_absent, marked, seen_of, take_back, unknown
from exports.attempts.order import Order
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from exports.rules.cases import load_case
from exports.rules.elsewhere import _items, others_of
from exports.rules.states import refresh_states
from exports.rules.values import Asking
from ladokflow.dates import moment_in_words
from ladokflow.messages import Refused
from ladokflow.sandbox.server import Sandbox
from sources.flows.codes import remove_code
from sources.models import AuditEntry, Flow, FlowSource, Participant, Source
from tests.exports.attempts.test_changed_meanwhile import WHEN
from tests.exports.test_end_to_end import Exam
from tests.exports.world import World
from tests.factories import (
    ExportAttemptFactory,
    ExportItemFactory,
    FlowFactory,
    FlowSourceFactory,
    ParticipantFactory,
    in_hours,
    register,
)
from tests.filling import press
from tests.pages.exporting import manager_of, page, signed_in

MakeFlow = Callable[..., Flow]
Again = Callable[..., Flow]


def export(flow: Flow, start: Callable[..., list[ExportAttempt]] = start_export, **given: Any) -> ExportAttempt:
    (attempt,) = start(flow=flow, requested_by=flow.created_by, enqueue=False, **given)
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    return attempt


def refused(flow: Flow, **given: Any) -> str:
    with pytest.raises(Refused) as caught:
        start_export(flow=flow, requested_by=flow.created_by, **given)
    return caught.value.message.code


@pytest.fixture
def put_again(world: World) -> Again:
    """A second flow of the code, which has been taken off the first one; with the same people and other accounts."""

    def make(flow: Flow, *, code: str | None = None, grade: str = "5", **changes: Any) -> Flow:
        old = flow.codes.get()
        FlowSource.objects.filter(pk=old.pk).update(removed_at=timezone.now())
        world.listed.clear()
        second: Flow = FlowFactory(
            source=flow.source, state=Flow.State.CONCLUDED, created_by=flow.created_by, codes=[code or old.code],
            collected_at=in_hours(-1), title="Andra flödet",
        )  # fmt: skip
        for person in flow.participants.order_by("pk"):
            names = ("organisation_id", "national_id", "external_user_id", "unique_exam_id")
            known = {name: getattr(person, name) for name in names} | changes
            twin = ParticipantFactory(flow=second, grade=grade, **known)
            world.grades[twin.wiseflow_id] = grade
            world.grades.pop(person.wiseflow_id, None)
        refresh_states(second)
        return second

    return make


# --- As it was seen


def test_a_second_flow_of_an_exported_code_sends_nobody_twice(
    make_flow: MakeFlow, put_again: Again, world: World
) -> None:
    first = make_flow(people=4, title="Första flödet")
    assert export(first).state == "exported"
    second = put_again(first)
    assert refused(second) == "export.all_elsewhere"
    Flow.objects.filter(pk=second.pk).update(instant_export=True, exports_when_marking_ends=True)
    assert refused(second, trigger="marking_end", send_again=True) == "export.all_elsewhere"
    assert refused(second, trigger="instant", send_again=True) == "export.all_elsewhere"
    # Before anything is sent, of each person: the flow, when, and what to do.
    preview = preview_export(flow=second, user=second.created_by)
    assert (len(preview.to_send), [line.message.code for line in preview.held_back]) == (0, ["export.elsewhere"] * 4)
    sent_at = ExportAttempt.objects.get().sending_at
    assert sent_at is not None
    with translation.override("sv"):
        text = str(preview.held_back[0].message)
        assert f"Första flödet (flow {first.pk}), {moment_in_words(sent_at, first.source.tz)}" in text
    person = second.participants.order_by("pk")[0]
    assert (person.export_state, person.export_message["code"]) == ("pending", "export.elsewhere")
    assert len(world.exported) == 1


def test_a_managers_word_lets_them_go_once_and_is_on_record(
    make_flow: MakeFlow, put_again: Again, world: World
) -> None:
    first = make_flow(people=2)
    export(first)
    second = put_again(first, grade="3")
    world.answer = lambda call: (500, b"")
    attempt = export(second, send_again=True)
    assert (attempt.sends_again, len(world.exported), attempt.unknown_count) == (True, 2, 2)
    (entry,) = AuditEntry.objects.filter(attempt_id=attempt.pk, message__code="audit.sent_again")
    assert (entry.actor, entry.message["params"]["count"]) == (second.created_by, 2)
    # The word was of that attempt.
    with pytest.raises(Refused):
        retry_export(flow=second, requested_by=second.created_by)
    world.answer = lambda call: (200, b"")
    assert export(second, retry_export, send_again=True).state == "exported"


def test_a_word_that_was_not_needed_is_none(make_flow: MakeFlow) -> None:
    attempt = export(make_flow(), send_again=True)
    assert (attempt.state, attempt.sends_again) == ("exported", False)
    assert not AuditEntry.objects.filter(message__code="audit.sent_again").exists()


def test_whoever_comes_to_match_between_start_and_request_is_held(
    make_flow: MakeFlow, put_again: Again, world: World
) -> None:
    """Ladok corrects an exam id meanwhile: it is that of somebody whose grade the other flow has sent."""
    first = make_flow(people=2)
    export(first)
    person = first.participants.order_by("pk")[0]
    second = put_again(first, unique_exam_id="", organisation_id="", external_user_id="", national_id="")
    Participant.objects.filter(flow=second).delete()
    twins = [ParticipantFactory(flow=second, grade="4") for _ in range(2)]
    world.grades |= {twin.wiseflow_id: "4" for twin in twins}
    (attempt,) = start_export(flow=second, requested_by=second.created_by, enqueue=False)
    row = twins[0].registrations.get()
    row.unique_exam_id = person.unique_exam_id
    row.save()
    send_attempt(attempt.pk)
    attempt.refresh_from_db()
    held = attempt.items.get(participant=twins[0])
    assert (held.state, held.message["code"]) == ("failed", "attempt.held")
    assert held.message["params"]["cause"]["code"] == "export.elsewhere_other_grade"
    assert attempt.exported_count == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("is_ordered", [True, False], ids=["ordered", "started before"])
def test_what_is_said_of_the_other_flows_grades_while_these_are_prepared_is_heeded(
    make_flow: MakeFlow, put_again: Again, world: World, monkeypatch: pytest.MonkeyPatch, when: str, *, is_ordered: bool
) -> None:
    """A manager had not found them in Ladok, and is not so sure any more."""
    monkeypatch.setattr(ordering, "MOST_AT_ONCE", -1 if is_ordered else 200)  # the setting of a limit, not our code
    first = make_flow(people=2)
    world.answer = lambda call: None
    export(first)
    ExportAttempt.objects.update(finished_at=in_hours(-48))
    mark_as_absent(flow=first, seen=seen_in(unknown(first)), by=first.created_by, reason="Sett i Ladok")
    second = put_again(first)
    second.codes.update(list_read_at=in_hours(-1))
    (attempt,) = ordering.start_or_order(second, Order(asking=Asking.FIRST), requested_by=second.created_by)
    WHEN[when](world, lambda: take_back(flow=first, seen=seen_in(marked(first)), by=first.created_by))
    while send_attempt(attempt.pk) == "queued":
        pass
    attempt.refresh_from_db()
    assert (attempt.message["code"], len(world.exported)) == ("attempt.all_held", 1)


def seen_in(items: Iterable[ExportItem]) -> dict[int, str]:
    return {item.pk: seen_of(item) for item in items}


# --- The states of a grade elsewhere

STATES: dict[str, tuple[dict[str, Any], str]] = {
    "live": ({"state": "live"}, "export.elsewhere_under_way"),
    "exported": ({"state": "exported"}, "export.elsewhere"),
    "exported with another grade": ({"state": "exported", "grade": "3"}, "export.elsewhere_other_grade"),
    "unknown": ({"state": "unknown"}, "export.elsewhere_unknown"),
    "failed, and may be in Ladok": ({"state": "failed", "may_be_in_ladok": True}, "export.elsewhere_unknown"),
    "failed to replace": ({"state": "failed", "replaces_exported": True}, "export.elsewhere_unknown"),
    "failed": ({"state": "failed"}, "export.ready_person"),
    "superseded": ({"state": "superseded"}, "export.ready_person"),
}


@pytest.mark.parametrize("state", STATES)
def test_what_is_told_and_held_follows_what_became_of_it(make_flow: MakeFlow, put_again: Again, state: str) -> None:
    fields, code = STATES[state]
    first = make_flow(people=1)
    attempt = ExportAttemptFactory(flow=first, state="failed")
    ExportItemFactory(attempt=attempt, participant=first.participants.get(), **fields)
    second = put_again(first)
    assert second.participants.get().export_message["code"] == code
    is_free = code == "export.ready_person"
    assert bool(preview_export(flow=second, user=second.created_by).to_send) is is_free
    again = preview_export(flow=second, user=second.created_by, send_again=True)
    # What is under way is waited for, whatever anybody says.
    assert bool(again.to_send) is (state != "live")
    if state == "unknown":
        (sent,) = start_export(flow=second, requested_by=second.created_by, send_again=True, enqueue=False)
        assert sent.items.get().may_be_in_ladok


def test_a_doubt_that_ladok_has_ended_since_holds_nobody(make_flow: MakeFlow, put_again: Again) -> None:
    first = make_flow(people=1)
    person = first.participants.get()
    for fields in ({"may_be_in_ladok": True}, {}):
        ExportItemFactory(
            attempt=ExportAttemptFactory(flow=first, state="failed"), participant=person, state="failed", **fields
        )
    assert preview_export(flow=put_again(first), user=first.created_by).to_send


# --- Who is who

HIDDEN = "\u200b"
KNOWN_BY: dict[str, tuple[str, dict[str, str], bool]] = {
    "LiU, all of it": ("liu", {}, True),
    "LiU, the organisation id": ("liu", {"unique_exam_id": "AID-NEW"}, True),
    "LiU, the exam id": ("liu", {"organisation_id": "new@liu.example"}, True),
    "LiU, the organisation id otherwise spelt": (
        "liu",
        {"unique_exam_id": "AID-NEW", "organisation_id": f" STUDE@liu.example{HIDDEN}"},
        True,
    ),
    "LiU, only what its export does not name": (
        "liu",
        {"unique_exam_id": "AID-NEW", "organisation_id": "new@liu.example"},
        False,
    ),
    "OrU, an exam id that was an organisation id": (
        "oru",
        {"unique_exam_id": "stude@liu.example", "organisation_id": "new@oru.example"},
        True,
    ),
    "Borås, the personnummer with ten digits": (
        "boras",
        {"organisation_id": "new@boras.example", "external_user_id": "", "national_id": "900101-2385"},
        True,
    ),
    "Borås, the student number": (
        "boras",
        {"organisation_id": "new@boras.example", "national_id": "", "external_user_id": "UID-1".lower()},
        True,
    ),
    "Borås, an exam id, which its export does not name": (
        "boras",
        {"organisation_id": "new@boras.example", "national_id": "", "external_user_id": "UID-2"},
        False,
    ),
}


@pytest.mark.parametrize("known", KNOWN_BY)
def test_the_person_is_known_by_whatever_an_export_may_name(make_flow: MakeFlow, put_again: Again, known: str) -> None:
    university, changes, is_known = KNOWN_BY[known]
    first = make_flow(people=0, university=university)
    person = ParticipantFactory(
        flow=first,
        organisation_id="stude@liu.example",
        unique_exam_id="AID-1",
        external_user_id="UID-1",
        national_id="199001012385",
    )
    ExportItemFactory(attempt=ExportAttemptFactory(flow=first, state="exported"), participant=person, state="exported")
    (candidate,) = load_case(put_again(first, **changes)).people
    assert (candidate.facts.sent_elsewhere is not None) is is_known


@pytest.mark.parametrize(("spelt", "is_same"), [("tdde01:ten1", True), ("TDDE 01: TEN1", True), ("TDDE01:TEN2", False)])
def test_the_code_is_the_same_in_whatever_way_it_is_spelt(
    make_flow: MakeFlow, put_again: Again, spelt: str, is_same: bool
) -> None:
    first = make_flow(people=1, codes=["TDDE01:TEN1"])
    export(first)
    assert bool(preview_export(flow=(second := put_again(first, code=spelt)), user=None).held_back) is is_same
    assert second.codes.get().code == spelt


def test_another_university_is_another_place(make_flow: MakeFlow) -> None:
    first = make_flow(people=1, codes=["A"])
    export(first)
    other = make_flow(people=0, codes=["A"])
    person = first.participants.get()
    twin = ParticipantFactory(
        flow=other, organisation_id=person.organisation_id, unique_exam_id=person.unique_exam_id, grade="5"
    )
    (candidate,) = load_case(other).people
    assert (candidate.participant, candidate.facts.sent_elsewhere) == (twin, None)


@pytest.mark.parametrize("goes_to", list(Flow.GradeGoesTo))
def test_a_code_that_comes_back_to_its_flow_otherwise_spelt_is_the_same_place(
    make_flow: MakeFlow, world: World, goes_to: str
) -> None:
    flow = make_flow(people=2, codes=["TDDE01"], grade_goes_to=goes_to)
    export(flow)
    FlowSource.objects.filter(flow=flow).update(removed_at=timezone.now())
    again = FlowSourceFactory(flow=flow, code="tdde 01", position=1)
    for person in flow.participants.all():
        register(person, again)
    assert refused(flow) == "export.all_exported"
    assert len(world.exported) == 1


# --- On the pages, and by command


def test_the_preview_tells_and_asks(client: Client, make_flow: MakeFlow, put_again: Again, world: World) -> None:
    first = make_flow(people=2, title="Första flödet")
    export(first)
    second = put_again(first)
    signed_in(client, manager_of(second))
    address = f"/exports/flows/{second.pk}/preview/"
    text = page(client, address)
    assert "Första flödet" in text
    assert "Send again 2 grades that have been sent elsewhere, or may have been" in text
    assert 'id="send-form"' not in text
    client.post(f"/exports/flows/{second.pk}/send/", {"asking": "first"})
    assert ExportAttempt.objects.count() == 1
    text = page(client, address, again="on")
    assert "2 of these grades are sent again" in text
    assert '<input type="hidden" name="send_again" value="on">' in text
    assert "Send 2 grades to Ladok" in text
    press(client, f"{address}?again=on", f"/exports/flows/{second.pk}/send/")
    assert ExportAttempt.objects.get(flow=second).sends_again


def test_the_command_sends_again_only_where_it_is_told(make_flow: MakeFlow, put_again: Again, world: World) -> None:
    first = make_flow(people=2)
    export(first)
    second = put_again(first)
    export_it = ("export", "--flow", str(second.pk), "--by", second.created_by.email, "--wait")
    with pytest.raises(CommandError, match="2 grades have been sent"):
        call_command(*export_it)
    call_command(*export_it, "--send-again")
    assert len(world.exported) == 2


def test_over_the_real_services_the_ledger_has_each_grade_once(
    transactional_db: None, liu: Source, sandbox: Sandbox
) -> None:
    exam = Exam(liu, sandbox.control, people=4)
    exam.grade()
    assert exam.export()["exported"] == 4
    first = Flow.objects.select_related("source").get(pk=exam.flow)
    remove_code(flow=first, code=first.codes.get(), by=first.created_by, enqueue=False)
    call_command("createflow", "--source", "liu", "--code", exam.code, "--manager", exam.by)
    second = Flow.objects.exclude(pk=first.pk).get()
    sandbox.control.activate(second.wiseflow_id or 0)
    sandbox.control.grade(second.wiseflow_id or 0, "random")
    sandbox.control.end_marking(second.wiseflow_id or 0)
    with pytest.raises(CommandError, match="4 grades have been sent"):
        call_command("export", "--flow", str(second.pk), "--by", exam.by, "--wait")
    assert [row["times"] for row in exam.ledger()] == [1] * 4


# --- What it costs


def test_it_takes_one_query_whatever_there_is(
    make_flow: MakeFlow, put_again: Again, django_assert_num_queries: Any
) -> None:
    first = make_flow(people=5)
    export(first)
    second = put_again(first)
    codes = list(second.codes.all())
    with django_assert_num_queries(1):
        assert len(others_of(second, codes).by_name) == 10


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the plans are PostgreSQL's")
def test_at_size_it_is_found_by_indexes(make_flow: MakeFlow) -> None:
    """Five thousand codes, each exported: none of them is read through. Of more still less is."""
    flow = make_flow(people=1, codes=["CODE-500"])
    now = dt.datetime.now(dt.UTC)
    flows = Flow.objects.bulk_create(
        FlowFactory.build(source=flow.source, created_by=flow.created_by, created_at=now) for _ in range(500)
    )
    codes = FlowSource.objects.bulk_create(
        FlowSource(
            flow=each,
            source=flow.source,
            code=f"CODE-{number * 10 + place}",
            position=place,
            reference="x",
            removed_at=now,
        )
        for number, each in enumerate(flows)
        for place in range(10)
    )
    attempts = ExportAttempt.objects.bulk_create(
        ExportAttempt(flow_id=code.flow_id, code=code, state="exported", finished_at=now) for code in codes
    )
    people = Participant.objects.bulk_create(
        Participant(flow_id=code.flow_id, organisation_id=f"{code.code}@liu.example") for code in codes
    )
    ExportItem.objects.bulk_create(
        ExportItem(attempt=attempt, participant=person, grade="5", state="exported")
        for attempt, person in zip(attempts, people, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = _items(flow, ["code-500"]).explain()
    assert "Seq Scan" not in plan, plan
    assert "flow_source_normal_code" in plan
