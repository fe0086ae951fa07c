"""Working out the statistics of flows from our rows, inside the database: some flows at a time, each time all of a flow's figures.

Whoever is killed has changed nothing: what a flow had stays until the transaction with its new figures ends. Two who do the same flows
wait for each other, and the second finds the same. What is due is seen from the rows themselves, so nothing that changes a grade or an
attempt has to know of it.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from django.db import transaction
from django.db.models import (
    Case,
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, ExtractHour, NullIf, TruncDate
from django.utils import timezone

from exports.models import Assessment, ExportAttempt, ExportItem, Figure, FlowSummary
from exports.statistics.grades import result_of
from exports.statistics.suppression import decide
from ladokflow.messages import Message
from ladokflow.privacy import redact
from sources.models import AuditEntry, Flow, FlowSource, Source, SyncRun
from sources.models.flow import FlowQuerySet

logger = logging.getLogger(__name__)

Kind, Shown = Figure.Kind, Figure.Shown

AT_ONCE = 100  # flows
SECONDS = 20.0  # that one call may take: the queue kills a worker after 60
EVERY = dt.timedelta(hours=20)  # each flow is worked out anew at least so often
# What was written by then may have been committed after we looked.
MARGIN = dt.timedelta(minutes=5)
LOOKED_BACK = dt.timedelta(hours=26)
IN_TIME, LATE, NO_DEADLINE = "in_time", "late", "no_deadline"
SYNCS, EXPORTS = "sync", "export"
LONGEST_REASON = 150
OTHERS_KINDS = (Kind.ASSESSOR,)  # `exports/statistics/marking.py` writes these
# Each with the kind that tells its sides
PARENTS = {Kind.GRADE: Kind.RESULT, Kind.TO_GRADE: Kind.MARKED, Kind.TO_LADOK: Kind.REPORTED}

Cells = defaultdict[str, defaultdict[str, int]]  # side -> name -> how many
Tables = defaultdict[int, defaultdict[str, Cells]]  # flow -> kind -> cells

# In the order of what is kept first, where two of them together would tell a small group
DECIDED = (Kind.GRADE, Kind.TO_GRADE, Kind.TO_LADOK, Kind.REJECTION)
# Nobody is in the hours of work. The days from grade to Ladok are the other two kinds of days, subtracted: told beside them, they would
# tell what is hidden there.
UNSUPPRESSED = {Kind.WORK: Shown.TOLD, Kind.GRADE_TO_LADOK: Shown.LEFT_OUT}

FROM_ASSESSMENT = "participant__assessment__"


def _given(path: str = "") -> Case:
    """When the grade that stands was given: as `Assessment.given_at`."""
    return Case(
        When(~Q(**{f"{path}alternative_grade": ""}), then=F(f"{path}alternative_grade_at")),
        default=F(f"{path}grade_at"),
        output_field=DateTimeField(),
    )


# --- Which flows ------------------------------------------------------------------------------------------------------


def refresh_due(seconds: float = SECONDS, now: dt.datetime | None = None) -> int:
    """Work out what has changed, what is new, and what has not been worked out for a day; of how many flows. Call it often."""
    ends, done = time.monotonic() + seconds, set[int]()
    # Each once: a change by a clock that is ahead of ours seems to come after whatever we do.
    while keys := [pk for pk in due(now or timezone.now()) if pk not in done][:AT_ONCE]:
        refresh(keys)
        done.update(keys)
        if time.monotonic() > ends:
            break
    return len(done)


def _kept() -> FlowQuerySet:
    """Whose students have not been emptied: of the others the figures stay as they were."""
    return Flow.objects.filter(purged_at__isnull=True)


def due(now: dt.datetime) -> list[int]:
    """The keys of flows: those that have changed first, then those that are the oldest."""
    worked_out = FlowSummary.objects.exclude(computed_at=None).filter(flow__in=_kept())
    done_since = AuditEntry.objects.filter(at__gte=now - LOOKED_BACK, flow__isnull=False)
    last_done = dict(done_since.order_by().values_list("flow").annotate(Max("at")))
    computed = dict(worked_out.filter(flow__in=last_done).values_list("flow", "computed_at"))
    recent = now - MARGIN
    changed = [pk for pk, was in computed.items() if was < last_done[pk] or was < min(last_done[pk] + MARGIN, recent)]
    again = Q(flow__graded_at__gt=F("computed_at") - MARGIN, computed_at__lt=recent)
    graded = worked_out.filter(Q(flow__graded_at__gt=F("computed_at")) | again)
    changed += graded.values_list("flow", flat=True)[:AT_ONCE]
    new = _kept().ready().filter(~Exists(FlowSummary.objects.filter(flow=OuterRef("pk"), computed_at__isnull=False)))
    old = worked_out.filter(computed_at__lt=now - EVERY).order_by("computed_at").values_list("flow", flat=True)
    found = [*changed, *new.order_by("pk").values_list("pk", flat=True)[:AT_ONCE], *old[:AT_ONCE]]
    return list(dict.fromkeys(found))


# --- One go ------------------------------------------------------------------------------------------------------------


def refresh(keys: Sequence[int]) -> int:
    """Work out the figures of these flows; of how many that are there."""
    flows = list(_kept().filter(pk__in=keys).select_related("source").order_by("pk"))
    by_source: defaultdict[int, list[Flow]] = defaultdict(list)
    for flow in flows:
        by_source[flow.source_id].append(flow)
    for of_source in by_source.values():
        _refresh(of_source[0].source, of_source)
    return len(flows)


def _refresh(source: Source, flows: Sequence[Flow]) -> None:
    keys = [flow.pk for flow in flows]
    with transaction.atomic():
        FlowSummary.objects.bulk_create(
            [FlowSummary(flow=flow, source=source) for flow in flows], ignore_conflicts=True
        )
        # Whoever else is at one of them waits here.
        kept = {row.pk: row for row in FlowSummary.objects.select_for_update().filter(pk__in=keys).order_by("pk")}
        now = timezone.now()
        tables = _tables(source, {flow.pk: flow for flow in flows})
        codes = _master_codes(keys)
        for flow in flows:
            _describe(kept[flow.pk], source, flow, codes.get(flow.pk), now)
        FlowSummary.objects.bulk_update(
            kept.values(), ["source", "course", "term", "department", "exam_on", "computed_at"], batch_size=500
        )
        Figure.objects.filter(summary__in=keys).exclude(kind__in=OTHERS_KINDS).delete()
        Figure.objects.bulk_create(
            (figure for pk, of_flow in tables.items() for figure in _figures(pk, of_flow)), batch_size=1000
        )
    logger.info("statistics.refreshed source=%s flows=%s", source.pk, len(flows))


def _master_codes(keys: Sequence[int]) -> dict[int, FlowSource]:
    rows = FlowSource.objects.filter(flow__in=keys).order_by(
        "flow", F("removed_at").desc(nulls_first=True), "-position"
    )
    return {row.flow_id: row for row in rows}  # the last of each: the lowest position that is still on the flow


def _describe(row: FlowSummary, source: Source, flow: Flow, code: FlowSource | None, now: dt.datetime) -> None:
    row.source_id, row.computed_at = source.pk, now
    row.course = course_of(code) if code else ""
    row.department = source.department_of(row.course)
    row.exam_on = exam_day(flow)
    row.term = term_of(row.exam_on) if row.exam_on else ""


def course_of(code: FlowSource) -> str:
    """The code that the exam's title begins with, as titles do at all universities; else the exam's own code, up to its first hyphen."""
    first = code.title.split()[0] if code.title.split() else ""
    return (first if any(map(str.isdigit, first)) else code.code.split("-")[0])[:200]


def term_of(day: dt.date) -> str:
    """`2026-1` from January to June, `2026-2` from July on."""
    return f"{day.year}-{1 if day.month <= 6 else 2}"


def exam_day(flow: Flow) -> dt.date | None:
    """The day on which the exam ended."""
    return _day(flow.participation_end_at or flow.participation_start_at, flow.source)


def deadline_day(flow: Flow) -> dt.date | None:
    """The last day of marking."""
    return _day(flow.marking_end_at, flow.source)


def _day(moment: dt.datetime | None, source: Source) -> dt.date | None:
    return None if moment is None else moment.astimezone(source.tz).date()


# --- The tables ---------------------------------------------------------------------------------------------------------


def _tables(source: Source, flows: Mapping[int, Flow]) -> Tables:
    tables: Tables = defaultdict(lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(int))))
    _add_grades(tables, source, flows)
    _add_sendings(tables, source, flows)
    _add_rejections(tables, flows)
    _add_work(tables, source, flows)
    return tables


def _add_grades(tables: Tables, source: Source, flows: Mapping[int, Flow]) -> None:
    rows = (
        Assessment.objects.filter(participant__flow__in=flows)
        .order_by()
        .annotate(effective=Coalesce(NullIf("alternative_grade", Value("")), "grade"))
        .exclude(effective="")
        .values_list("participant__flow", "effective", TruncDate(_given(), tzinfo=source.tz))
        .annotate(Count("pk"))
    )
    for pk, grade, day, count in rows:
        flow = flows[pk]
        tables[pk][Kind.GRADE][result_of(grade, flow.grades)][grade] += count
        if day is not None and (exam := exam_day(flow)):
            tables[pk][Kind.TO_GRADE][_against(day, deadline_day(flow))][str((day - exam).days)] += count


def _against(day: dt.date, deadline: dt.date | None) -> str:
    return NO_DEADLINE if deadline is None else LATE if day > deadline else IN_TIME


def _items(flows: Iterable[int], state: str) -> QuerySet[ExportItem]:
    """What was sent from here: not what somebody has said to have been sent before the flow was taken over."""
    rows = ExportItem.objects.filter(attempt__flow__in=list(flows), state=state)
    return rows.exclude(attempt__trigger=ExportAttempt.Trigger.ADOPTION).order_by()


def _add_sendings(tables: Tables, source: Source, flows: Mapping[int, Flow]) -> None:
    """Each student once: whose grade goes to several codes is in Ladok once it is under the last of them."""
    registered = _items(flows, ExportItem.State.EXPORTED).filter(attempt__finished_at__isnull=False)
    finished = OuterRef("attempt__finished_at")
    later = Q(attempt__finished_at__gt=finished) | Q(attempt__finished_at=finished, pk__gt=OuterRef("pk"))
    last = registered.filter(~Exists(registered.filter(later, participant=OuterRef("participant"))))
    rows = last.values_list(
        "attempt__flow",
        TruncDate("attempt__finished_at", tzinfo=source.tz),
        TruncDate(_given(FROM_ASSESSMENT), tzinfo=source.tz),
    ).annotate(Count("pk"))
    for pk, day, graded, count in rows:
        flow = flows[pk]
        if exam := exam_day(flow):
            tables[pk][Kind.TO_LADOK][_against(day, deadline_day(flow))][str((day - exam).days)] += count
        if graded is not None:
            tables[pk][Kind.GRADE_TO_LADOK][""][str((day - graded).days)] += count


def _add_rejections(tables: Tables, flows: Mapping[int, Flow]) -> None:
    """Each grade that was sent and turned down, also where another sending went well."""
    rows = _items(flows, ExportItem.State.FAILED).values_list(
        "attempt__flow", "message", "participant__first_name", "participant__last_name"
    )
    for pk, stored, first_name, last_name in rows.iterator(chunk_size=2000):
        told = Message.from_json(stored) or Message("")
        reason = _reason(str(told.params.get("said") or ""), f"{first_name} {last_name}")
        tables[pk][Kind.REJECTION][told.kind[:100]][reason] += 1


def _reason(said: str, name: str) -> str:
    """Ladok's words, without who it is about."""
    text = re.sub(r"[^\s@<>\"']+@[^\s@<>\"']+", "…", redact(said))
    names = [re.escape(part) for part in name.split() if len(part) > 1]
    text = re.sub(rf"(?<!\w)(?:{'|'.join(names)})(?!\w)", "…", text, flags=re.I) if names else text
    return re.sub(r"\d{4,}", "…", text)[:LONGEST_REASON]


def _add_work(tables: Tables, source: Source, flows: Mapping[int, Flow]) -> None:
    """From when a worker began to when it ended, by the hour of the day in which it began."""
    runs = SyncRun.objects.filter(flow__in=flows, started_at__isnull=False, finished_at__isnull=False)
    attempts = ExportAttempt.objects.filter(flow__in=flows, claimed_at__isnull=False, finished_at__isnull=False)
    attempts = attempts.exclude(trigger=ExportAttempt.Trigger.ADOPTION)
    for side, rows, begun in ((SYNCS, runs, "started_at"), (EXPORTS, attempts, "claimed_at")):
        took = ExpressionWrapper(F("finished_at") - F(begun), output_field=DurationField())
        hours = rows.order_by().values_list("flow", ExtractHour(begun, tzinfo=source.tz)).annotate(took=Sum(took))
        for pk, hour, duration in hours:
            milliseconds = duration // dt.timedelta(milliseconds=1)
            tables[pk][Kind.WORK][side][f"{hour:02}"] += max(0, milliseconds)


# --- Rows ---------------------------------------------------------------------------------------------------------------


def _figures(pk: int, of_flow: Mapping[str, Cells]) -> Iterable[Figure]:
    told = decide({kind: of_flow[kind] for kind in DECIDED if kind in of_flow}, days=(Kind.TO_GRADE, Kind.TO_LADOK))
    for kind, cells in of_flow.items():
        for side, names in cells.items():
            if parent := PARENTS.get(Kind(kind)):
                count, shown = sum(names.values()), told[kind].sides[side]
                yield Figure(summary_id=pk, kind=parent, name=side, count=count, shown=shown)
            for name, count in names.items():
                shown = told[kind].cells[side, name] if kind in told else UNSUPPRESSED[Kind(kind)]
                yield Figure(summary_id=pk, kind=kind, side=side, name=name, count=count, shown=shown)
