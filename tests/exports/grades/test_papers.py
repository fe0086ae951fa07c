"""A passing grade of somebody who handed in nothing is not sent before a manager has said that it is right, whoever starts the export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exports.attempts.automatic import collect_and_export, export_automatically
from exports.attempts.send import send_attempt
from exports.attempts.start import preview_export, retry_export, start_export
from exports.grades.papers import accept, papers_of, take_back
from exports.models import ExportAttempt, ExportItem
from exports.rules.states import refresh_states
from ladokflow.fingerprints import NotAsShown
from ladokflow.messages import Refused, by_row
from ladokflow.sandbox.server import Sandbox
from sources.models import AuditEntry, Flow, Paper, Participant, Source
from tests.exports.test_end_to_end import Exam, run
from tests.exports.world import World
from tests.factories import MembershipFactory

pytestmark = pytest.mark.django_db
MakeFlow = Callable[..., Flow]


def paper(person: Participant, state: str = "nothing", **fields: Any) -> Paper:
    return Paper.objects.create(participant=person, state=state, **fields)


@pytest.fixture
def flow(make_flow: MakeFlow) -> Flow:
    """Three with the same passing grade: one has handed in, one nothing, and one is not known."""
    flow = make_flow(people=3)
    first, second, _third = flow.participants.order_by("pk")
    paper(first, "handed_in")
    paper(second)
    refresh_states(flow)
    return flow


def without_paper(flow: Flow) -> Participant:
    return Participant.objects.get(flow=flow, paper__state="nothing")


def test_what_is_known_of_a_paper_only_after_the_start_holds_this_person_alone(flow: Flow, world: World) -> None:
    person = without_paper(flow)
    row = person.paper
    row.delete()
    (attempt,) = start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    paper(person)
    assert send_attempt(attempt.pk) == "failed"
    attempt.refresh_from_db()
    assert (attempt.exported_count, attempt.failed_count) == (2, 1)
    assert len(world.exported[0].body["gradeExports"]) == 2
    with pytest.raises(Refused):
        retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    accept(flow=flow, people=[person.pk], reason="Oral", by=flow.created_by)
    (retry,) = retry_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert send_attempt(retry.pk) == "exported"


def sent(flow: Flow) -> set[int]:
    return set(ExportItem.objects.filter(attempt__flow=flow).values_list("participant", flat=True))


def test_the_others_go_and_it_is_asked(flow: Flow) -> None:
    person = without_paper(flow)
    preview = preview_export(flow=flow, user=flow.created_by)
    assert {line.participant for line in preview.to_send} == set(flow.participants.exclude(pk=person.pk))
    assert [(line.participant, line.message.code) for line in preview.held_back] == [(person, "export.no_paper")]
    assert flow.papers_asked == 1
    start_export(flow=flow, requested_by=flow.created_by, enqueue=False)
    assert person.pk not in sent(flow)
    assert len(sent(flow)) == 2


def test_an_answer_lets_the_grade_go_and_only_that_grade(flow: Flow) -> None:
    person = without_paper(flow)
    seen = papers_of(flow).fingerprint.whole
    assert accept(flow=flow, people=[person.pk], reason="på papper", by=flow.created_by, seen=seen) == 1
    flow.refresh_from_db()
    assert flow.papers_asked == 0
    assert not preview_export(flow=flow, user=flow.created_by).held_back
    entry = AuditEntry.objects.get(message__code="audit.paper_accepted")
    assert entry.message["params"] == {"person": by_row(person.pk), "grade": "5", "reason": "på papper"}
    person.assessment.grade = "4"
    person.assessment.save()
    assert [line.participant for line in preview_export(flow=flow, user=flow.created_by).held_back] == [person]


def test_an_answer_can_be_taken_back_until_the_grade_is_sent(flow: Flow) -> None:
    person, by = without_paper(flow), flow.created_by
    accept(flow=flow, people=[person.pk], reason="x", by=by)
    assert take_back(flow=flow, people=[person.pk], by=by) == 1
    assert len(preview_export(flow=flow, user=by).held_back) == 1
    accept(flow=flow, people=[person.pk], reason="x", by=by)
    start_export(flow=flow, requested_by=by, enqueue=False)
    with pytest.raises(Refused) as refused:
        take_back(flow=flow, people=[person.pk], by=by)
    assert refused.value.message.code == "papers.sent"


def test_who_may_not_export_answers_nothing_and_what_was_not_shown_is_not_answered(flow: Flow) -> None:
    person = without_paper(flow)
    stranger = MembershipFactory(source=flow.source, can_export=False).user
    for work in (accept, take_back):
        given = {"reason": "x"} if work is accept else {}
        with pytest.raises(Refused) as refused:
            work(flow=flow, people=[person.pk], by=stranger, **given)
        assert refused.value.message.code == "export.no_right"
    seen = papers_of(flow).fingerprint.whole
    other = flow.participants.get(paper=None)
    paper(other, "blank")
    with pytest.raises(NotAsShown):
        accept(flow=flow, people=[person.pk], reason="x", by=flow.created_by, seen=seen)
    handed_in = flow.participants.get(paper__state="handed_in")
    with pytest.raises(Refused) as refused:
        accept(flow=flow, people=[handed_in.pk], reason="x", by=flow.created_by)
    assert refused.value.message.code == "papers.not_asked"


@pytest.mark.parametrize("switch", ["instant_export", "exports_when_marking_ends"])
def test_an_export_that_starts_by_itself_waits_for_the_answer_and_then_sends(flow: Flow, switch: str) -> None:
    person = without_paper(flow)
    Flow.objects.filter(pk=flow.pk).update(**{switch: True})
    flow.refresh_from_db()
    (attempt,) = export_automatically(flow)
    assert person.pk not in sent(flow)
    flow.refresh_from_db()
    assert flow.papers_asked == 1
    ExportItem.objects.update(state="exported")
    ExportAttempt.objects.filter(pk=attempt.pk).update(state="exported", finished_at=flow.synced_at)
    refresh_states(flow)
    assert flow.export_state == "pending"  # not done while it is asked
    accept(flow=flow, people=None, reason="x", by=flow.created_by)
    if switch == "instant_export":
        export_automatically(flow)
        assert person.pk in sent(flow)


def test_the_lists_of_who_has_one_without_the_other(make_flow: MakeFlow) -> None:
    flow = make_flow(people=5)
    passed, failed, ungraded, said, _unknown = flow.participants.order_by("pk")
    for person, state in ((passed, "blank"), (failed, "nothing"), (ungraded, "handed_in"), (said, "nothing")):
        paper(person, state)
    failed.assessment.grade, ungraded.assessment.grade = "U", ""
    failed.assessment.save()
    ungraded.assessment.save()
    accept(flow=flow, people=[said.pk], reason="x", by=flow.created_by)
    found = papers_of(flow)
    assert [line.participant for line in found.asked] == [passed]
    assert [line.participant for line in found.accepted] == [said]
    assert [line.participant for line in found.failed] == [failed]
    assert found.ungraded == [ungraded]


def test_end_to_end_with_the_command(liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=5)
    first, second, *_ = (exam.identity(each) for each in exam.participants())
    sandbox.control.grade(exam.wiseflow_id, grades={exam.identity(each): "5" for each in exam.participants()})
    sandbox.control.hand_in(exam.wiseflow_id, {first: "nothing", second: "blank"})
    sandbox.control.end_marking(exam.wiseflow_id)
    collect_and_export(Flow.objects.get(pk=exam.flow))
    assert Flow.objects.get(pk=exam.flow).handed_in_count == 3  # a blank one is none
    assert exam.export()["exported"] == 3
    told = run("export", "--flow", str(exam.flow), "--by", exam.by, "--preview", "--without-paper", "skriven på papper")
    assert len(told["send"]) == 2  # tried, and not kept
    with pytest.raises(CommandError):
        call_command("export", flow=exam.flow, by=exam.by, wait=True)
    done = run("export", "--flow", str(exam.flow), "--by", exam.by, "--wait", "--without-paper", "skriven på papper")
    assert done["exported"] == 2
    assert sorted(row["times"] for row in exam.ledger()) == [1] * 5


def test_papers_that_cannot_be_read_hold_nobody(liu: Source, sandbox: Sandbox) -> None:
    exam = Exam(liu, sandbox.control, people=2)
    sandbox.control.hand_in(exam.wiseflow_id, {exam.identity(exam.participants()[0]): "nothing"})
    sandbox.control.grade(exam.wiseflow_id, grades={exam.identity(each): "5" for each in exam.participants()})
    sandbox.control.end_marking(exam.wiseflow_id)
    sandbox.control.fault("wiseflow", "/flows/*/submissions", "status", times=-1, status=403)
    assert exam.export()["exported"] == 2
    assert Flow.objects.get(pk=exam.flow).papers_reason is not None
