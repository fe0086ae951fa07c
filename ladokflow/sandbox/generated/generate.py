"""The whole of it, in one transaction: killed in the middle, it leaves nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from exports.models import ExportAttempt
from exports.rules import rules
from exports.rules.facts import flow_facts
from ladokflow.fields import encrypted
from ladokflow.sandbox.generated import copies
from ladokflow.sandbox.generated.history import add_history
from ladokflow.sandbox.generated.patterns import Clock, Made, add_people, rows_of
from ladokflow.sandbox.generated.plan import FlowPlan, plan_flows
from ladokflow.sandbox.generated.world import PREFIX, Place, make_places, students_of
from sources.models import Flow, FlowSource, Participant, Source

LEAST_PEOPLE = 4  # of a flow, or there would be nobody in it to be rejected
FLOWS_PER_SOURCE = 500
FEWEST, MOST = 3, 40  # sources
BATCH = 500
# What a flow shows, taken from its pattern
SHOWN = (
    "export_state", "export_message", "scale_message", "participant_count", "graded_count", "exported_count", "failed_count",
)  # fmt: skip


class CannotGenerate(Exception):
    """For a reason that is one line long."""


@dataclass(frozen=True)
class Wanted:
    """`runs` and `events` are of each flow; `sources` 0: as many as there would be with so many flows."""

    flows: int
    participants: int
    seed: int = 1
    sources: int = 0
    runs: int = 5
    events: int = 2
    password: str = ""
    today: dt.date | None = None


def generate(wanted: Wanted) -> None:
    """Raises CannotGenerate, with nothing done, where anything in the database is not its own."""
    if wanted.flows < 1 or wanted.participants < LEAST_PEOPLE * wanted.flows:
        raise CannotGenerate(f"There have to be at least {LEAST_PEOPLE} participants for each flow.")
    strangers = list(Source.objects.exclude(slug__startswith=PREFIX).values_list("slug", flat=True)[:5])
    if strangers:
        raise CannotGenerate(f"The database holds other sources ({', '.join(strangers)}): it is left alone.")
    with transaction.atomic():
        _generate(wanted)
    _take_stock()


def _generate(wanted: Wanted) -> None:
    sources = wanted.sources or max(FEWEST, min(MOST, wanted.flows // FLOWS_PER_SOURCE))
    places = make_places(sources=sources, flows=wanted.flows, password=wanted.password)
    now = timezone.now()
    today = wanted.today or now.date()
    # The same day makes the same rows, at whatever time of it.
    clock = Clock(min(now, dt.datetime.combine(today, dt.time(), tzinfo=dt.UTC)))
    planned = plan_flows(
        flows=wanted.flows,
        participants=wanted.participants,
        sources=sources,
        seed=wanted.seed,
        today=today,
        first=Flow.objects.count(),
    )
    first_flow, first_code = copies.next_key(Flow), copies.next_key(FlowSource)
    made = [
        rows_of(plan, places[plan.source], clock, pk=first_flow + row, code_pk=first_code + row, seed=wanted.seed)
        for row, plan in enumerate(planned)
    ]
    Flow.objects.bulk_create((each.flow for each in made), batch_size=BATCH)
    FlowSource.objects.bulk_create((each.code for each in made), batch_size=BATCH)
    ExportAttempt.objects.bulk_create((each.attempt for each in made if each.attempt), batch_size=BATCH)
    flows = Flow.objects.filter(pk__gte=first_flow)
    flows.update(created_at=F("participation_start_at") - dt.timedelta(days=14))
    flows.filter(created_at__gt=clock.now).update(created_at=F("participation_start_at") - dt.timedelta(days=155))
    ExportAttempt.objects.filter(flow__in=flows).update(created_at=F("enqueued_at") - dt.timedelta(seconds=1))
    _fill(wanted, places, planned, made)
    add_history(flows, runs=wanted.runs, events=wanted.events, seed=wanted.seed)
    copies.count_on()


def _fill(wanted: Wanted, places: Sequence[Place], planned: Sequence[FlowPlan], made: Sequence[Made]) -> None:
    """Everybody: of the first flow of each sort by itself, of the others as its copies."""
    cohorts = _cohorts(wanted, places, planned)
    patterns: dict[Any, tuple[Flow, Made, int]] = {}
    likes: list[copies.Copy] = []
    first = copies.next_key(Participant)
    copied: list[Flow] = []
    for plan, each in zip(planned, made, strict=True):
        if plan.pattern not in patterns:
            own = cohorts[plan.source, plan.cohort][: plan.people]
            add_people(plan, each, own, places[plan.source], first_pk=first)
            patterns[plan.pattern] = (each.flow, each, first)
        else:
            pattern, like, pattern_first = patterns[plan.pattern]
            _show_like(each.flow, pattern)
            copied.append(each.flow)
            likes.append(_copy(plan, each, like, first, pattern_first))
        first += plan.people
    Flow.objects.bulk_update(copied, SHOWN, batch_size=BATCH)
    copies.copy_people(likes, _students(places, cohorts))


def _copy(plan: FlowPlan, made: Made, like: Made, first: int, pattern_first: int) -> copies.Copy:
    return copies.Copy(
        flow=made.flow.pk,
        code=made.code.pk,
        attempt=made.attempt.pk if made.attempt else None,
        first=first,
        source=made.flow.source_id,
        cohort=plan.cohort,
        pattern=like.flow.pk,
        pattern_code=like.code.pk,
        pattern_attempt=like.attempt.pk if like.attempt else None,
        pattern_first=pattern_first,
    )


def _show_like(flow: Flow, pattern: Flow) -> None:
    """What a flow waits for names its own date; all else is the same."""
    for name in SHOWN:
        setattr(flow, name, getattr(pattern, name))
    if pattern.export_message == _waits(pattern):
        flow.export_message = _waits(flow)


def _waits(flow: Flow) -> dict[str, Any]:
    waits = rules.waits_for(flow_facts(flow, has_code=True, is_under_way=False, doubt=None))
    return waits.to_json() if waits else {}


Cohorts = Mapping[
    tuple[int, int], list[dict[str, Any]]
]  # by source and cohort: as many as the largest exam of them has


def _cohorts(wanted: Wanted, places: Sequence[Place], planned: Sequence[FlowPlan]) -> Cohorts:
    seats: dict[tuple[int, int], int] = {}
    for plan in planned:
        key = plan.source, plan.cohort
        seats[key] = max(seats.get(key, 0), plan.people)
    endless = [students_of(place.source, wanted.seed) for place in places]
    return {key: list(islice(endless[key[0]], count)) for key, count in sorted(seats.items())}


def _students(places: Sequence[Place], cohorts: Cohorts) -> Iterator[copies.Student]:
    for (place, cohort), students in cohorts.items():
        for seat, student in enumerate(students):
            yield copies.Student(
                source=places[place].source.pk,
                cohort=cohort,
                seat=seat,
                user_id=student["user_id"],
                organisation_id=student["organisation_id"],
                national_id=encrypted(student["national_id"]),
                first_name=student["first_name"],
                last_name=student["last_name"],
                email=student["email"],
                external_user_id=student["student_uid"],
            )


def _take_stock() -> None:
    """Let the database know what it holds, or its plans would be those for empty tables."""
    with connection.cursor() as cursor:
        is_alone = connection.vendor == "postgresql" and not connection.in_atomic_block
        cursor.execute("VACUUM (ANALYZE)" if is_alone else "ANALYZE")
