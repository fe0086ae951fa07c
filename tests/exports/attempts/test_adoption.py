"""What was exported before a flow was taken over is said once, seen against the people, and never sent again by itself."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from exports.attempts.adoption import Which, offer_of, say
from exports.attempts.automatic import collect_and_export
from exports.attempts.marks import marked, seen_of, take_back
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.models import ExportAttempt, ExportItem
from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Refused
from sources.flows.adoption import adopt, check, flows_in
from sources.flows.adoption_table import Pair
from sources.flows.create import create_flow
from sources.models import AuditEntry, Flow, Source
from tests.by_hand import flow_by_hand

REASON = "Sett i Ladok"


@pytest.fixture
def flow(sandbox: Any, liu: Source, anna: User) -> Flow:
    """Taken over with three grades, when marking had ended."""
    code = sandbox.control.add_exam("liu", people=4)
    number = flow_by_hand(sandbox, liu, code)
    people = [person["id"] for person in sandbox.control.flow(number)["participants"]]
    sandbox.control.grade(number, dict.fromkeys(people[:3], "5"), force=True)
    sandbox.control.end_marking(number)
    rows = flows_in(check(liu, [Pair(str(number), code)]))[number]
    made = create_flow(adopt(rows, liu, by=anna, enqueue=False).pk)
    assert (made.setup_state, made.adoption) == ("ready", "unsaid")
    Flow.objects.filter(pk=made.pk).update(scale_choices={})
    return Flow.objects.get(pk=made.pk)


def said(flow: Flow, which: Which, by: User, **options: Any) -> int:
    collect_and_export(flow)
    return say(which, flow=flow, by=by, reason=REASON, seen=str(offer_of(flow).fingerprint), **options)


def exported(flow: Flow) -> set[str]:
    return set(flow.participants.filter(export_state="exported").values_list("organisation_id", flat=True))


def sendable(flow: Flow, by: User) -> set[str]:
    return {line.participant.organisation_id for line in preview_export(flow=flow, user=by).to_send}


def test_nothing_is_sent_before_it_is_said(flow: Flow, anna: User, sandbox: Any) -> None:
    Flow.objects.filter(pk=flow.pk).update(instant_export=True, exports_when_marking_ends=True)
    flow.refresh_from_db()
    assert collect_and_export(flow) == 3
    for start in (start_export, retry_export):
        with pytest.raises(Refused) as caught:
            start(flow=flow, requested_by=anna)
        assert caught.value.message.code == "export.adoption_unsaid"
    assert flow.export_reason.code == "export.adoption_unsaid"
    assert not flow.attempts.exists()
    assert sandbox.control.grades("liu") == []


def test_all_who_have_a_grade_are_in_ladok_and_nobody_is_sent(flow: Flow, anna: User, sandbox: Any) -> None:
    assert said(flow, Which.ALL, anna, exports_when_marking_ends=True) == 3
    assert len(exported(flow)) == 3
    assert sendable(flow, anna) == set()
    assert collect_and_export(flow) == 3
    attempt = flow.attempts.get()
    assert (attempt.trigger, attempt.state, attempt.exported_count, attempt.url) == ("adoption", "exported", 3, "")
    assert sandbox.control.grades("liu") == []
    entry = AuditEntry.objects.get(flow=flow, message__code="audit.adoption_all")
    assert (entry.actor, entry.message["params"]["reason"], entry.message["params"]["count"]) == (anna, REASON, 3)
    with pytest.raises(Refused) as caught:
        say(Which.NONE, flow=flow, by=anna, reason=REASON)
    assert caught.value.message.code == "adoption.said_already"


def test_what_wiseflow_has_recorded_is_in_ladok_and_the_others_go(flow: Flow, anna: User, sandbox: Any) -> None:
    people = list(flow.participants.order_by("wiseflow_id"))
    states = {people[0].wiseflow_id: 2, people[1].wiseflow_id: 3}
    sandbox.control.set_former_client(flow.wiseflow_id, "LADOK||1", exported=states)
    assert said(flow, Which.WISEFLOW, anna) == 1
    assert exported(flow) == {people[0].organisation_id}
    assert sendable(flow, anna) == {people[1].organisation_id, people[2].organisation_id}


@pytest.mark.parametrize("which", [Which.LADOK, Which.WISEFLOW, Which.ALL])
def test_what_ladok_shows_is_in_ladok_with_the_grade_that_it_shows(
    flow: Flow, anna: User, sandbox: Any, which: Which
) -> None:
    """Whoever says that it is there: it may have been changed in WISEflow since, and then that is told."""
    first, second, third, _ = flow.participants.order_by("wiseflow_id")
    with pytest.raises(Refused) as caught:
        said(flow, Which.LADOK, anna)
    assert caught.value.message.code == "adoption.cannot_tell"
    sandbox.control.set_former_client(flow.wiseflow_id, exported={first.wiseflow_id: 2, second.wiseflow_id: 2})
    sandbox.control.set_read_back("liu", True)
    Source.objects.filter(pk=flow.source_id).update(can_read_back=True)
    code = flow.codes.get().code
    body = [
        {"studentUid": who.unique_exam_id, "grade": {"grade": grade}} for who, grade in ((first, "5"), (second, "3"))
    ]
    key = flow.source.credentials.get(system="ladok").secret
    answer = httpx.post(
        f"{flow.source.ladok_url}/exams/{code}/grades",
        json={"gradeExports": body},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.json()["numberOfSuccess"] == 2
    flow = Flow.objects.select_related("source").get(pk=flow.pk)
    others = {third.organisation_id}
    assert said(flow, which, anna) == (3 if which is Which.ALL else 2)
    assert exported(flow) - others == {first.organisation_id, second.organisation_id}
    assert set(ExportItem.objects.of_flow(flow).values_list("grade", flat=True)) == {"5", "3"}
    second.refresh_from_db()
    assert second.export_reason.code == "export.changed_since"
    assert sendable(flow, anna) == (set() if which is Which.ALL else others)


def test_none_and_then_they_go_as_those_of_any_flow(flow: Flow, anna: User, sandbox: Any) -> None:
    assert said(flow, Which.NONE, anna, exports_when_marking_ends=True) == 0
    assert AuditEntry.objects.filter(flow=flow, message__code="audit.adoption_none").exists()
    collect_and_export(flow)
    attempt = flow.attempts.get()
    assert (attempt.trigger, attempt.sent_count) == ("marking_end", 3)


def test_a_mark_is_taken_back_person_by_person_and_she_is_sent_then(flow: Flow, anna: User, sandbox: Any) -> None:
    said(flow, Which.ALL, anna)
    one, *_others = marked(flow)
    assert take_back(flow=flow, seen={one.pk: seen_of(one)}, by=anna) == 1
    attempt = flow.attempts.get()
    assert (attempt.state, attempt.sent_count, attempt.exported_count) == ("exported", 2, 2)
    assert sendable(flow, anna) == {one.organisation_id}
    (sent,) = start_export(flow=flow, requested_by=anna, enqueue=False)
    assert send_attempt(sent.pk) == ExportAttempt.State.EXPORTED
    assert len(sandbox.control.grades("liu")) == 1
    assert one not in marked(flow)


def test_a_grade_that_is_given_meanwhile_is_shown_first(flow: Flow, anna: User, sandbox: Any) -> None:
    collect_and_export(flow)
    seen = str(offer_of(flow).fingerprint)
    fourth = flow.participants.order_by("wiseflow_id").last()
    sandbox.control.grade(flow.wiseflow_id, {fourth.wiseflow_id: "3"}, force=True)
    for word in (seen, ""):
        with pytest.raises(NotAsShown):
            say(Which.ALL, flow=flow, by=anna, reason=REASON, seen=word)
    with pytest.raises(Refused) as caught:
        say(Which.ALL, flow=flow, by=anna, reason=" ", seen=seen)
    assert caught.value.message.code == "adoption.reason_missing"
    assert not flow.attempts.exists()
    assert say(Which.ALL, flow=flow, by=anna, reason=REASON, seen=str(offer_of(flow).fingerprint)) == 4
