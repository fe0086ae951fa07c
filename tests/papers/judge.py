"""What was seen, held against the sandbox: each function gives the figures of one subject, and the faults it has found, in words."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bagit
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exports.archive.make import AT_ONCE
from exports.archive.paths import PEOPLE
from exports.grades.papers import papers_of
from exports.models import Package, PackageFile
from exports.timeline import WISEFLOW, Step, timeline_of
from ladokflow.sandbox.state import State
from ladokflow.sandbox.wiseflow.handed_in import author_of, files_of, handed_in_at, paper_of
from ladokflow.sandbox.wiseflow.logs import logs_of
from ladokflow.wiseflow.logs import PAGE
from sources.models import AuditEntry, LogEntry, LogReading, Paper, Participant
from tests.papers.exams import Exam
from tests.papers.sandbox import Asked

REASON = "Muntligt prov"  # why grades without a paper are right
PER_MINUTE, PER_SECOND, DAYS = 5000, 200, 30  # WISEflow's
REACHED = 4500  # in a minute: by then it is our own limit that holds
TIMELINE_SECONDS, TIMELINE_QUERIES = 1.0, 20
LOGS = "/logs"
SUBMISSIONS_OF_LICENCE = "/license/submissions"


@dataclass
class Verdict:
    subject: str
    figures: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def expect(self, what: str, found: Any, expected: Any) -> None:
        """A fault unless they are alike; long ones are told by how they differ."""
        if found != expected:
            told = f"{found!r} instead of {expected!r}"
            if isinstance(found, set | Counter) and isinstance(expected, set | Counter):
                lacks, more = list(expected - found)[:5], list(found - expected)[:5]
                told = f"{_size(found)} instead of {_size(expected)}; lacks {lacks}, has besides {more}"
            self.faults.append(f"{what}: {told}")

    def most(self, what: str, found: float, limit: float, unit: str = "") -> None:
        self.figures[what] = f"{found:,.0f}{unit}" if found >= 10 or not unit else f"{found:.2f}{unit}"
        if found > limit:
            self.faults.append(f"{what}: {found:,.2f}{unit}, at most {limit:,}{unit}")


def _size(of: set[Any] | Counter[Any]) -> int:
    return of.total() if isinstance(of, Counter) else len(of)


def numbers(people: Iterable[Participant]) -> set[int]:
    return {int(person.wiseflow_id or 0) for person in people}


# --- Papers and grades ----------------------------------------------------------------------------------------------


def handed_in(exam: Exam, state: State) -> Verdict:
    """Who has handed in, how, and what is told of grades without a paper and of papers without a grade."""
    verdict = Verdict("handed in")
    flow = exam.flow
    verdict.figures["handed in"] = f"{flow.handed_in_count:,} of {flow.participant_count:,}"
    verdict.expect("people", flow.participant_count, exam.people)
    verdict.expect("handed in", flow.handed_in_count, exam.people - len(exam.empty))
    papers = (
        Paper.objects.filter(participant__flow=flow).select_related("participant").defer("participant__national_id")
    )
    late = _late(exam, state)
    verdict.figures["late"] = f"{len(late):,}"
    states = {"blank": "blank", "opened": "nothing", "nothing": "nothing"}
    verdict.expect(
        "how",
        {(row.participant.wiseflow_id, row.state, row.is_late) for row in papers},
        {(key, states.get(way, "handed_in"), key in late) for key, way in exam.ways.items()},
    )
    began = time.perf_counter()
    found = papers_of(flow)
    verdict.figures["worked out in"] = f"{time.perf_counter() - began:.1f} s"
    for name, expected in (("asked", exam.asked), ("failed", exam.empty - exam.asked)):
        told = numbers(each.participant for each in getattr(found, name))
        verdict.figures[{"asked": "passing without a paper", "failed": "failed without one"}[name]] = f"{len(told):,}"
        verdict.expect(f"a grade without a paper, {name}", told, expected)
    ungraded = numbers(found.ungraded)
    verdict.figures["a paper without a grade"] = f"{len(ungraded):,}"
    verdict.expect("a paper without a grade", ungraded, exam.ungraded)
    return verdict


def _late(exam: Exam, state: State) -> set[int]:
    """Handed in after their own end: of a group somebody may be whose time was up before that of who handed in for all."""
    flow = state.data["wiseflow"]["flows"][str(exam.number)]
    return {
        key
        for key in exam.ways.keys() - exam.empty
        for person in (flow["participants"][str(key)],)
        if handed_in_at(flow, person) > (person["end"] or flow["dates"]["end"])
    }


def exported(exam: Exam, ledger: Sequence[dict[str, Any]], *, is_asked: bool) -> Verdict:
    """What Ladok has: everybody's grade once; of those who are asked about nothing, as long as `is_asked`."""
    verdict = Verdict("in Ladok, asked" if is_asked else "in Ladok, answered")
    keys = dict(exam.flow.participants.values_list("organisation_id", "wiseflow_id"))
    verdict.figures["grades"] = f"{len(ledger):,}"
    expected = {key: grade for key, grade in exam.grades.items() if not (is_asked and key in exam.asked)}
    verdict.expect("grades", {(keys.get(row["organisationId"]), row["grade"]) for row in ledger}, set(expected.items()))
    verdict.expect("registered more than once", [row for row in ledger if row["times"] != 1], [])
    return verdict


# --- The package ----------------------------------------------------------------------------------------------------


def package(exam: Exam, archive: Path, state: State, asked: Sequence[Asked], kills: int) -> Verdict:
    """Complete, each file once, and a bag to BagIt's own validator. `kills` is how many workers have died over it."""
    verdict = Verdict("package")
    row = Package.objects.get(flow=exam.flow)
    root = archive / "packages" / row.place
    verdict.figures |= {"files": f"{row.file_count:,}", "size": f"{row.size / 1024**2:,.1f} MB", "kills": str(kills)}
    verdict.expect("state", str(row.state), "ready")
    verdict.expect("people", (row.done, row.total), (exam.people, exam.people))
    verdict.expect("missing", row.missing_count, 0)
    began = time.perf_counter()
    try:
        bag = bagit.Bag(str(root))
        bag.validate(processes=1)
        verdict.expect("Payload-Oxum", bag.info["Payload-Oxum"], f"{row.size}.{row.file_count}")
    except bagit.BagError as error:
        verdict.faults.append(f"not a valid bag: {error}")
    verdict.figures["validated in"] = f"{time.perf_counter() - began:.1f} s"
    _papers_in(verdict, exam, row, state)
    _index_of(verdict, exam, root)
    on_disk = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    in_rows = set(PackageFile.objects.filter(package=row).values_list("path", flat=True))
    verdict.expect("files in the store", {path for path in on_disk if path.startswith("data/")}, in_rows)
    verdict.expect("left beside the store", list((archive / "spool" / str(row.pk)).rglob("*")), [])
    made = AuditEntry.objects.filter(flow=exam.flow, message__code="audit.package_made").count()
    verdict.expect("in the audit log as made", made, 1)
    _fetched(verdict, exam, asked, kills)
    return verdict


def _papers_in(verdict: Verdict, exam: Exam, row: Package, state: State) -> None:
    """Every paper byte for byte, with whoever has handed it in."""
    flow = state.data["wiseflow"]["flows"][str(exam.number)]
    expected = {
        (person["id"], hashlib.sha256(paper_of(flow, person, file["id"] % 10)).hexdigest())
        for person in flow["participants"].values()
        if author_of(flow, person) is person
        for file in files_of(state, flow, person)
    }
    files = PackageFile.objects.filter(package=row, path__startswith=PEOPLE, path__contains="/files/")
    found = Counter(files.values_list("person__participant__wiseflow_id", "sha256"))
    verdict.figures["papers"] = f"{found.total():,}"
    verdict.expect("papers", found, Counter(expected))


def _index_of(verdict: Verdict, exam: Exam, root: Path) -> None:
    with (root / "data/index.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    people = exam.flow.participants.values_list("organisation_id", flat=True)
    verdict.expect("in the index", Counter(row["organisation_id"] for row in rows), Counter(people))
    lost = [
        row["kept_in"] for row in rows if int(row["files"]) and not (root / "data" / row["kept_in"] / "files").is_dir()
    ]
    verdict.expect("folders that the index leads to", lost, [])


def _fetched(verdict: Verdict, exam: Exam, asked: Sequence[Asked], kills: int) -> None:
    """Each file once: again only what a dead worker was at."""
    files = Counter(
        each.path for each in asked if each.system == "storage" and each.path.startswith(f"/{exam.number}/")
    )
    again = files.total() - len(files)
    verdict.most("files fetched again", again, kills)
    trails = Counter(
        each.path for each in asked if each.path.startswith(f"/flows/{exam.number}/") and each.path.endswith("-trail")
    )
    verdict.most("people asked for again", trails.total() - len(trails), kills * AT_ONCE)


# --- Logs -----------------------------------------------------------------------------------------------------------


def _had(state: State, licence: str, flow_id: int | None = None) -> list[dict[str, Any]]:
    """WISEflow's entries when its log had been read, and of what has come since what is kept: who has a time of their own may hand in
    afterwards, or days from now."""
    reading = LogReading.objects.filter(source__slug=licence, flow=None).first()
    read_to = state.now() if reading is None or reading.read_to is None else reading.read_to.timestamp()
    kept = set(LogEntry.objects.filter(source__slug=licence).values_list("key", flat=True))
    found = (row for row in logs_of(state, licence, flow_id) if row["from"] <= state.now())
    return [row for row in found if row["from"] <= read_to or row["_id"] in kept]


def logs(licence: str, state: State, asked: Sequence[Asked], kills: int, hidden: Iterable[str] = ()) -> Verdict:
    """Each of the licence's entries once, by the flow it is of, and none of these words in what is kept."""
    verdict = Verdict("logs")
    rows = LogEntry.objects.filter(source__slug=licence)
    there = {row["_id"]: json.loads(row["_source"]).get("flowId") for row in _had(state, licence)}
    verdict.figures |= {"entries": f"{len(there):,}", "kills": str(kills)}
    verdict.expect("entries", Counter(rows.values_list("key", flat=True)), Counter(there.keys()))
    ours = dict(LogReading.objects.filter(flow__isnull=False).values_list("flow__wiseflow_id", "flow"))
    verdict.expect(
        "of which flow",
        set(rows.filter(flow__isnull=False).values_list("key", "flow")),
        {(key, ours[flow]) for key, flow in there.items() if flow in ours},
    )
    readings = LogReading.objects.filter(source__slug=licence)
    undone = [str(row) for row in readings if row.wanted_at or row.reason or row.gaps.exists() or not row.read_to]
    verdict.expect("readings that have not ended well", undone, [])
    words = tuple(hidden)
    named = [row.key for row in rows.filter(action="SAID").iterator() if any(word in row.detail for word in words)]
    verdict.expect("entries with a name in them", named, [])
    _pages(verdict, asked, len(there), kills, state.data["wiseflow"].get("log_page", PAGE))
    return verdict


def _pages(verdict: Verdict, asked: Sequence[Asked], entries: int, kills: int, holds: int) -> None:
    """Asked for are 10,000 at most, each after the one before; what a dead worker has read is read once more."""
    pages = [each for each in asked if each.system == "wiseflow" and each.path.endswith(LOGS)]
    verdict.expect("pages of another size", [each.query for each in pages if int(each.query["limit"]) > PAGE], [])
    readings: dict[str, list[int]] = {}
    for each in pages:
        readings.setdefault(each.path, []).append(int(each.query.get("offset", 0)))
    # Each entry is in the licence's log and in its flow's.
    most = (kills + 1) * (2 * math.ceil(entries / holds) + 2 * len(readings) + 2)
    verdict.most("pages", len(pages), most)
    back = sum(after < before for offsets in readings.values() for before, after in itertools.pairwise(offsets))
    verdict.most("begun again", back, kills)


# --- The timeline ---------------------------------------------------------------------------------------------------


def timelines(exam: Exam, state: State) -> Verdict:
    """Of one student of each kind: WISEflow's log and our own rows, in order, in a constant number of queries."""
    verdict = Verdict("timelines")
    slowest, queries = 0.0, set[int]()
    written = Counter(
        json.loads(row["_source"]).get("participantId") for row in _had(state, exam.flow.source.slug, exam.number)
    )
    for way in ("paper", "late", "blank", "opened", "nothing", "group"):
        key = exam.place(way)
        person = Participant.objects.select_related("flow__source").get(flow=exam.flow, wiseflow_id=key)
        began = time.perf_counter()
        with CaptureQueriesContext(connection) as captured:
            found = timeline_of(person)
        slowest = max(slowest, time.perf_counter() - began)
        queries.add(len(captured))
        kinds = Counter(each.kind for each in found.moments)
        logged = sum(each.count for each in found.moments if each.system == WISEFLOW)
        verdict.expect(f"{way}: entries of WISEflow's", logged, written[key])
        own = {step: kinds[step] for step in (Step.LISTED, Step.PAPER, Step.GRADED, Step.SENT, Step.ANSWERED)}
        verdict.expect(f"{way}: of our own", own, dict.fromkeys(own, 1))
        is_said = any(each.kind == Step.DONE and REASON in each.text for each in found.moments)
        verdict.expect(f"{way}: somebody has said that the grade is right", is_said, key in exam.asked)
        moments = [each.place for each in found.moments]
        verdict.expect(f"{way}: in order", moments, sorted(moments))
    verdict.most("slowest", slowest, TIMELINE_SECONDS, " s")
    verdict.most("queries", max(queries), TIMELINE_QUERIES)
    return verdict


# --- WISEflow's limits ----------------------------------------------------------------------------------------------


def most_within(moments: Sequence[float], seconds: float) -> tuple[int, float]:
    """The most of these moments, in order, within so many seconds, and when that began."""
    most, first, begun = 0, 0, 0.0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        if last - first + 1 > most:
            most, begun = last - first + 1, moments[first]
    return most, begun


def limits(asked: Sequence[Asked], *, is_reached: bool = False) -> Verdict:
    """By when requests arrived, in any minute and any second, not only in those that WISEflow counts by. `is_reached`: there were enough
    of them for our own limit to hold them, or nothing is shown."""
    verdict = Verdict("rush" if is_reached else "limits")
    calls = sorted((each for each in asked if each.system == "wiseflow"), key=lambda each: each.at)
    moments = [each.at for each in calls]
    verdict.figures["requests"] = f"{len(calls):,}"
    in_minute, begun = most_within(moments, 60)
    verdict.most("in a minute", in_minute, PER_MINUTE)
    if is_reached and in_minute < REACHED:
        verdict.faults.append(f"only {in_minute:,} in a minute: the limit was never reached")
    verdict.most("in a second", most_within(moments, 1)[0], PER_SECOND)
    by = Counter(each.worker for each in calls if begun <= each.at < begun + 60 and each.worker)
    verdict.figures["in that minute by worker"] = (
        ", ".join(f"{count:,}" for _worker, count in by.most_common()) or "none"
    )
    verdict.expect("refused (429)", sum(each.status == 429 for each in calls), 0)
    verdict.expect("answered 400", [each.path for each in calls if each.status == 400], [])
    longest = max((_days(each.query) for each in calls if each.path == SUBMISSIONS_OF_LICENCE), default=0)
    verdict.most("days of /license/submissions", longest, DAYS)
    return verdict


def _days(query: dict[str, str]) -> float:
    return (int(query["end"]) - int(query["start"])) / 86_400
