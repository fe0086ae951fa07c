"""For any people and any answer, over HTTP and through the database: exported + failed + unknown = sent, and who has no
grade is never sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.attempts.send import send_attempt
from exports.attempts.start import retry_export, start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from ladokflow.messages import Refused
from sources.models import Flow
from tests.exports.world import Call, World
from tests.factories import AssessmentFactory, ParticipantFactory

MakeFlow = Callable[..., Flow]
Answering = Callable[[Call], tuple[int, bytes] | None]


@dataclass(frozen=True)
class Person:
    grade: str = ""
    alternative: str = ""
    is_from_source: bool = True
    is_active: bool = True
    has_code: bool = True
    is_named: bool = False  # in the errors of Ladok's answer


PEOPLE = st.lists(
    st.builds(
        Person,
        grade=st.sampled_from(["", "5", "3", "U"]),
        alternative=st.sampled_from(["", "", "Sjuk"]),
        is_from_source=st.booleans(),
        is_active=st.sampled_from([True, True, True, False]),
        has_code=st.sampled_from([True, True, True, False]),
        is_named=st.booleans(),
    ),
    max_size=6,
)
COUNTS = st.none() | st.integers(-1, 7) | st.sampled_from(["2", "x", True, 3.0])


@dataclass(frozen=True)
class Ladok:
    """An answer that is worked out when the request is there: it may name those who were sent, and be right about it."""

    status: int
    is_agreed: bool
    successes: Any
    failures: Any
    stranger: bool
    raw: bytes | None
    is_cut: bool

    def answer(self, call: Call, named: set[str]) -> tuple[int, bytes] | None:
        if self.is_cut:
            return None
        if self.raw is not None:
            return self.status, self.raw
        lines = call.body["gradeExports"]
        sent = [str(next(line[key] for key in ("studentUid", "liUID") if key in line)) for line in lines]
        errors = [{"userId": each, "errorInfo": "Nej"} for each in sent if each in named]
        if self.stranger:
            errors.append({"userId": "nobody", "errorInfo": "Vem?"})
        body = {"numberOfSuccess": self.successes, "numberOfErrors": self.failures, "errors": errors}
        if self.is_agreed:
            body |= {"numberOfSuccess": len(sent) - len(errors), "numberOfErrors": len(errors)}
        return self.status, json.dumps(body).encode()


ANSWERS = st.builds(
    Ladok,
    status=st.sampled_from([200, 200, 200, 201, 207, 302, 400, 401, 404, 408, 422, 429, 500, 503]),
    is_agreed=st.booleans(),
    successes=COUNTS,
    failures=COUNTS,
    stranger=st.sampled_from([False, False, True]),
    raw=st.none() | st.none() | st.binary(max_size=30) | st.sampled_from([b"", b"{}", b"[]", b"null", b"<html>"]),
    is_cut=st.sampled_from([False, False, False, True]),
)


def populate(flow: Flow, world: World, people: list[Person]) -> tuple[set[str], set[str]]:
    """Put the people on the flow; the identifiers of those who have a grade, and of those whom Ladok will name."""
    world.grades, world.alternatives, world.exported = {}, {}, []
    graded, named = set(), set()
    for person in people:
        row = ParticipantFactory(flow=flow, is_from_source=person.is_from_source, is_active=person.is_active)
        if not person.has_code:
            row.registrations.all().delete()
        if person.grade:
            world.grades[row.wiseflow_id] = person.grade
        if person.alternative:
            world.alternatives[row.wiseflow_id] = person.alternative
        if person.grade or person.alternative:
            AssessmentFactory(participant=row, grade=person.grade, alternative_grade=person.alternative)
            graded |= {row.unique_exam_id, row.organisation_id}
        if person.is_named:
            named |= {row.unique_exam_id, row.organisation_id}
    return graded, named


def check(attempt: ExportAttempt, graded: set[str], call: Call | None) -> None:
    attempt.refresh_from_db()
    assert attempt.state in ("exported", "failed")
    assert attempt.exported_count + attempt.failed_count + attempt.unknown_count == attempt.sent_count
    items = list(ExportItem.objects.filter(attempt=attempt))
    assert len(items) == attempt.sent_count
    for state, count in (
        ("exported", attempt.exported_count),
        ("failed", attempt.failed_count),
        ("unknown", attempt.unknown_count),
    ):
        assert sum(item.state == state for item in items) == count
    assert (attempt.state == "exported") == (attempt.exported_count == attempt.sent_count)
    for item in items:
        assert {item.unique_exam_id, item.organisation_id} <= graded
        assert item.state == "exported" or item.reason is not None
    if call is not None:
        lines = call.body["gradeExports"]
        assert len(lines) == attempt.sent_count
        assert all(line["grade"]["grade"] for line in lines)
        assert {line.get("studentUid") or line["liUID"] for line in lines} <= graded


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, first=ANSWERS, second=ANSWERS, takes_hand_added=st.booleans())
def test_all_that_is_sent_has_one_outcome_and_nobody_without_a_grade_is_sent(
    make_flow: MakeFlow, world: World, people: list[Person], first: Ladok, second: Ladok, takes_hand_added: bool
) -> None:
    flow = make_flow(people=0, source={"accepts_manual_participants": takes_hand_added})
    graded, named = populate(flow, world, people)
    collect_grades(flow)
    may_be_sent = [
        person
        for person in people
        if (person.grade or person.alternative)
        # Whom we have deactivated because Ladok's list had them no more is sent if it has them again.
        and (person.has_code if person.is_from_source else takes_hand_added and person.is_active)
    ]
    sent: list[str] = []
    for ladok, start in ((first, start_export), (second, retry_export)):
        world.answer = lambda call, ladok=ladok: ladok.answer(call, named)
        world.exported = []
        try:
            (attempt,) = start(flow=flow, requested_by=flow.created_by)
        except Refused:
            assert not may_be_sent or start is retry_export
            assert not ExportItem.objects.filter(participant__flow=flow, state__in=("failed", "unknown")).exists()
            break
        if start is start_export:
            assert attempt.sent_count == len(may_be_sent)
        send_attempt(attempt.pk)
        assert len(world.exported) == 1
        check(attempt, graded, world.exported[0])
        sent.append(attempt.state)
    exported = ExportItem.objects.filter(participant__flow=flow, state="exported")
    assert len(set(exported.values_list("participant", flat=True))) == exported.count()
