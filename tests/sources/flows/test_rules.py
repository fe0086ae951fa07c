"""Flows that are made by themselves: what a rule finds, makes once, leaves alone and tells, and that it is off until somebody says so."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from ladokflow.fingerprints import NotAsShown
from sources import tasks
from sources.flows.batch import request_exam
from sources.flows.create import create_flow
from sources.flows.release import Way, release
from sources.flows.rules import AHEAD, follow, follow_due, look, make_asked
from sources.models import AuditEntry, BatchExam, Flow, FlowPreset, FlowRule, RuleExam

pytestmark = pytest.mark.django_db
COURSE = "REG101"


def add(sandbox: Any, days: int, code: str, **fields: Any) -> str:
    day = (timezone.now() + dt.timedelta(days=days)).date().isoformat()
    facts = {"courseCode": COURSE, "examCode": code, "examStartDate": day, "examEndDate": day, **fields}
    return str(sandbox.control.add_exam("liu", people=1, **facts))


@pytest.fixture
def rule(liu: Any, anna: Any, sandbox: Any) -> FlowRule:
    """Finds REG-NEAR now and REG-LATER later, and neither the re-exam nor another course's."""
    add(sandbox, 5, "REG-NEAR", examTitle="TEN1 Salstentamen")
    add(sandbox, 40, "REG-LATER", examTitle="TEN1 salstentamen")
    add(sandbox, 5, "REG-OTHER", examTitle="Hemtentamen")
    preset = FlowPreset.objects.create(source=liu, name="Sal", flow_type="FLOWlock")
    return FlowRule.objects.create(
        source=liu,
        name="Salar",
        manager=anna,
        preset=preset,
        courses=f"{COURSE.lower()}\n",
        words="SALSTENTAMEN",
        is_on=True,
    )


def codes(exams: Any) -> list[str]:
    return [exam.code for exam in exams]


def work() -> list[Flow]:
    for exam in BatchExam.objects.all():
        request_exam(exam.pk)
    return [create_flow(flow.pk) for flow in Flow.objects.filter(setup_state=Flow.Setup.QUEUED)]


def test_a_dry_run_tells_what_would_be_made_and_makes_nothing(rule: FlowRule) -> None:
    assert codes(look(rule).new) == ["REG-NEAR"]
    assert codes(look(rule, ahead=AHEAD).new) == ["REG-NEAR", "REG-LATER"]
    rule.first_day = (timezone.now() + dt.timedelta(days=6)).date()
    assert codes(look(rule).new) == []
    assert codes(look(rule, ahead=AHEAD).new) == ["REG-LATER"]
    assert not RuleExam.objects.exists()
    assert not Flow.objects.exists()


def test_a_rule_is_off_at_first_and_looked_at_once_a_night_when_it_is_on(rule: FlowRule, liu: Any, anna: Any) -> None:
    off = FlowRule.objects.create(source=liu, name="Av", manager=anna, courses=COURSE)
    assert not off.is_on
    assert follow(off.pk) is None
    assert (follow_due(), follow_due()) == (1, 0)
    (entry,) = [row.task for row in OrmQ.objects.all()]
    assert (entry["func"], entry["args"]) == ("sources.tasks.follow_rule", (str(rule.pk),))
    assert follow_due(timezone.now() + dt.timedelta(days=1)) == 1
    assert not RuleExam.objects.exists()


def test_what_is_found_is_made_once_for_the_rules_manager_and_told(rule: FlowRule, anna: Any) -> None:
    tasks.follow_rule(str(rule.pk))
    follow(rule.pk)
    (flow,) = work()
    assert (flow.setup_state, flow.flow_type, flow.created_by) == ("ready", "FLOWlock", anna)
    assert RuleExam.objects.get().batch_exam.flow == flow
    told = AuditEntry.objects.filter(actor=None, flow=None).get()
    assert told.message["params"] == {"name": "Salar", "count": 1, "codes": "REG-NEAR"}


def test_what_a_manager_lets_go_is_not_made_again_and_neither_is_what_was_made_by_hand(
    rule: FlowRule, anna: Any, sandbox: Any
) -> None:
    follow(rule.pk)
    (flow,) = work()
    release(flow=flow, way=Way.DELETED, by=anna)
    RuleExam.objects.all().delete()  # as if it had been made by hand
    assert codes(look(rule).left) == ["REG-NEAR"]
    assert follow(rule.pk) is None
    assert not work()


def test_too_many_at_once_are_asked_about_and_made_as_they_were_seen(rule: FlowRule, sandbox: Any, lars: Any) -> None:
    FlowRule.objects.filter(pk=rule.pk).update(most_at_once=1, words="")
    assert follow(rule.pk) is None
    rule.refresh_from_db()
    assert [told.code for told in rule.told_messages] == ["sources.rule.too_many"]
    seen = look(rule).fingerprint.whole
    add(sandbox, 6, "REG-NEW")
    with pytest.raises(NotAsShown):
        make_asked(rule, lars, seen=seen)
    assert not RuleExam.objects.exists()
    batch = make_asked(rule, lars, seen=look(rule).fingerprint.whole)
    assert batch is not None
    assert sorted(codes(batch.exams.all())) == ["REG-NEAR", "REG-NEW", "REG-OTHER"]
    rule.refresh_from_db()
    assert rule.told_messages == []


def test_what_could_not_be_made_is_told_and_tried_again_the_next_night(rule: FlowRule, sandbox: Any, liu: Any) -> None:
    follow(rule.pk)
    sandbox.control.fault("liu", "/exams/REG-NEAR", "status", times=-1, status=403)
    assert work() == []
    assert RuleExam.objects.get().batch_exam.reason.todo
    sandbox.control.fault("liu", "/exams", "status", times=-1, status=403)
    follow(rule.pk)
    rule.refresh_from_db()
    assert [told.code for told in rule.told_messages] == ["remote.unauthorised"]
    sandbox.control.clear_faults()
    assert BatchExam.objects.get().is_waiting
    assert [flow.setup_state for flow in work()] == ["ready"]
    assert BatchExam.objects.count() == RuleExam.objects.count() == 1


def test_a_manager_who_is_no_member_any_more_gets_no_flows(rule: FlowRule, liu: Any, anna: Any) -> None:
    liu.memberships.filter(user=anna).delete()
    assert follow(rule.pk) is None
    rule.refresh_from_db()
    assert [told.code for told in rule.told_messages] == ["sources.not_a_member"]
    assert not RuleExam.objects.exists()


def test_beginnings_of_course_codes_are_for_a_ladok_that_lists_by_dates(rule: FlowRule, liu: Any) -> None:
    liu.ladok_paths = {"list_by_dates": "/exams?from={from}&to={to}"}
    liu.save()
    rule = FlowRule.objects.select_related("source").get(pk=rule.pk)
    rule.courses, rule.words = "reg*", ""
    assert set(codes(look(rule).new)) == {"REG-NEAR", "REG-OTHER"}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_the_same_rule_at_the_same_moment_make_each_flow_once(rule: FlowRule) -> None:
    together = threading.Barrier(2)

    def follow_once() -> Any:
        together.wait()
        try:
            return follow(rule.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = [future.result() for future in [pool.submit(follow_once), pool.submit(follow_once)]]
    assert sum(batch is not None for batch in made) == 1
    assert codes(RuleExam.objects.all()) == codes(BatchExam.objects.all()) == ["REG-NEAR"]
