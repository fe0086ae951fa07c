"""What happened to one student on one exam, moment by moment, for whoever has to judge a dispute.

WISEflow's log entries stand beside what we have written down ourselves: Ladok's list, the paper, grades as they were collected, what was
sent and what came of it, findings and the audit log. Where the log has a gap, it is told with it: silence is no proof.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import localize
from django.utils.translation import gettext, pgettext, pgettext_lazy

from exports.models import Assessment, ExportItem, Finding
from ladokflow.dates import moment_in_words
from ladokflow.messages import Message, Text, Trait, by_row
from sources.audit import name_people
from sources.logs.words import in_words, role_in_words
from sources.models import AuditEntry, LogEntry, LogGap, LogReading, Paper, Participant

MOST = 5000  # entries of the log: more is nobody's exam
WISEFLOW, LADOKFLOW = "WISEflow", "LadokFlow"


class Step(models.TextChoices):
    """What we have written down ourselves; what WISEflow has logged is a `LogEntry.Kind`."""

    LISTED = "listed", pgettext_lazy("timeline", "First seen here on Ladok's list")
    UNLISTED = "unlisted", pgettext_lazy("timeline", "Gone from Ladok's list")
    PAPER = "paper", pgettext_lazy("timeline", "The paper, as read by LadokFlow")
    GRADED = "graded", pgettext_lazy("timeline", "Graded")
    CORRECTED = "corrected", pgettext_lazy("timeline", "Corrected")
    ASKED = "asked", pgettext_lazy("timeline", "Export asked for")
    SENT = "sent", pgettext_lazy("timeline", "Sent to Ladok")
    ANSWERED = "answered", pgettext_lazy("timeline", "Outcome of the export")
    SETTLED = "settled", pgettext_lazy("timeline", "Settled by hand")
    FOUND = "found", pgettext_lazy("timeline", "Found out")
    HANDLED = "handled", pgettext_lazy("timeline", "Dealt with what was found out")
    DONE = "done", pgettext_lazy("timeline", "Done in LadokFlow")


# Steps that the audit log tells, too: what it says of them stands below them.
TOLD_TWICE = {
    Trait.STEP_ASKED: Step.ASKED,
    Trait.STEP_SENT: Step.SENT,
    Trait.STEP_ENDED: Step.ANSWERED,
    Trait.STEP_SETTLED: Step.SETTLED,
    Trait.STEP_HANDLED: Step.HANDLED,
}
# Of these only the last word is in a row: what was said before it, and taken back, is in the audit log alone.
LAST_WORD = (Step.SETTLED, Step.HANDLED)
# What comes first of what is of the same second: WISEflow tells of grades and papers in whole seconds, and logs in milliseconds.
EARLY: dict[str, int] = {
    Step.LISTED: 0,
    Step.UNLISTED: 0,
    Step.PAPER: 2,
    LogEntry.Kind.MARKED: 3,
    Step.GRADED: 4,
    Step.CORRECTED: 4,
}
OF_THE_EXAM, LATER = 1, 5


@dataclass(frozen=True)
class Moment:
    """`kind` is a `Step` or a `LogEntry.Kind`; `system` is where it is written down, and `raw` how it is called there. `detail`: what else
    is said of it. `count` is of how many like it, one right after the other, it is the first, and `until` when the last of them was."""

    at: dt.datetime
    kind: str
    system: str
    label: Text
    text: str = ""
    detail: str = ""
    raw: str = ""
    by: Text = ""
    count: int = 1
    until: dt.datetime | None = None
    attempt: str = ""

    @property
    def place(self) -> tuple[dt.datetime, int, dt.datetime]:
        """What moments are in order by."""
        otherwise = OF_THE_EXAM if self.system == WISEFLOW else LATER
        return self.at.replace(microsecond=0), EARLY.get(self.kind, otherwise), self.at


@dataclass(frozen=True)
class Timeline:
    """`read_to`: until when WISEflow's log of the flow is known here; None where it has not been read."""

    moments: tuple[Moment, ...]
    gaps: tuple[LogGap, ...]
    read_to: dt.datetime | None
    is_cut: bool = False


def timeline_of(person: Participant) -> Timeline:
    """The oldest first. Read-only, in a constant number of queries. Days and moments in its words are those of the source's time zone."""
    entries = list(entries_of(person).defer("detail")[: MOST + 1])
    with timezone.override(person.flow.source.tz):
        rows = [*_of_ladok(person), *_of_paper(person), *_of_grades(person), *_of_sendings(person)]
        ours = _told_once(rows, list(_of_audit(person)))
    logged = list(_gathered(entries[:MOST]))
    reading = LogReading.objects.filter(flow=person.flow_id).first()
    return Timeline(
        moments=tuple(sorted([*logged, *ours], key=lambda moment: moment.place)),
        gaps=tuple(LogGap.objects.filter(reading=reading) if reading else ()),
        read_to=reading.read_to if reading else None,
        is_cut=len(entries) > MOST,
    )


# --- WISEflow -----------------------------------------------------------------------------------------------------------


def entries_of(person: Participant) -> models.QuerySet[LogEntry]:
    """Of the participant, and what she did as a user on the flow."""
    about = Q()
    if person.wiseflow_id is not None:
        about |= Q(wiseflow_participant_id=person.wiseflow_id)
    if person.user_id is not None:
        about |= Q(wiseflow_participant_id=None, wiseflow_user_id=person.user_id)
    entries = LogEntry.objects.filter(about, flow=person.flow_id) if about else LogEntry.objects.none()
    return entries.order_by("at", "pk")


def _gathered(entries: list[LogEntry]) -> Iterator[Moment]:
    """Entries that are alike, one right after the other, as one: an exam is saved hundreds of times."""
    run: list[LogEntry] = []
    for entry in [*entries, None]:
        if run and (entry is None or (entry.kind, entry.action) != (run[0].kind, run[0].action)):
            first, last = run[0], run[-1]
            yield Moment(
                at=first.at,
                kind=first.kind,
                system=WISEFLOW,
                label=in_words(first.kind, first.action),
                raw=first.action,
                by=role_in_words(first.action, first.context),
                count=len(run),
                until=last.at if len(run) > 1 else None,
            )
            run = []
        if entry is not None:
            run.append(entry)


# --- Ours ---------------------------------------------------------------------------------------------------------------


def _ours(
    at: dt.datetime | None, step: Step, text: object = "", by: object = "", attempt: object = "", detail: str = ""
) -> Iterator[Moment]:
    if at is not None:
        yield Moment(at, step, LADOKFLOW, step.label, str(text), detail, by=str(by), attempt=str(attempt))


def _of_ladok(person: Participant) -> Iterator[Moment]:
    for registration in person.registrations.select_related("code"):
        yield from _ours(registration.first_seen_at, Step.LISTED, registration.code.code)
        yield from _ours(registration.gone_at, Step.UNLISTED, registration.code.code)


def _of_paper(person: Participant) -> Iterator[Moment]:
    """Where WISEflow tells no moment of handing in, it stands where it was read."""
    paper = Paper.objects.filter(participant=person).first()
    if paper is None:
        return
    said = [str(paper.handed_in.label)]
    if paper.is_late:
        said.append(pgettext("timeline", "after the end"))
    if paper.similarity is not None:
        said.append(gettext("similarity %(percent)s %%") % {"percent": localize(paper.similarity)})
    read_at = person.flow.papers_read_at
    detail = gettext("Last read %(moment)s.") % {"moment": moment_in_words(read_at)} if read_at else ""
    yield from _ours(paper.handed_in_at or read_at, Step.PAPER, ", ".join(said), detail=detail)


def _of_grades(person: Participant) -> Iterator[Moment]:
    for assessment in Assessment.objects.filter(participant=person):
        yield from _ours(assessment.grade_at if assessment.grade else None, Step.GRADED, assessment.grade)
        alternative = assessment.alternative_grade
        yield from _ours(assessment.alternative_grade_at if alternative else None, Step.CORRECTED, alternative)


def _of_sendings(person: Participant) -> Iterator[Moment]:
    items = ExportItem.objects.filter(participant=person).select_related(
        "attempt__code", "attempt__requested_by", "settled_by"
    )
    for item in items.defer("attempt__answer", "national_id"):
        attempt = item.attempt
        who = attempt.requested_by.get_username() if attempt.requested_by else attempt.get_trigger_display()
        what = f"{item.grade} ({attempt.code.code})"
        if item.replaces_exported:
            what = gettext("%(what)s, in place of a grade that Ladok has") % {"what": what}
        yield from _ours(attempt.created_at, Step.ASKED, what, who, attempt.pk)
        yield from _ours(attempt.sending_at, Step.SENT, what, "", attempt.pk)
        answered = item.unmarked()
        outcome = f"{answered.outcome.label}. {answered.reason or ''}".strip()
        yield from _ours(attempt.finished_at, Step.ANSWERED, outcome, "", attempt.pk)
        yield from _ours(item.settled_at, Step.SETTLED, item.outcome.label, item.settled_by or "", attempt.pk)
    findings = Finding.objects.filter(item__participant=person).select_related("handled_by", "item")
    for finding in findings.defer("item__national_id"):
        attempt_pk = finding.item.attempt_id if finding.item else ""
        yield from _ours(finding.found_at, Step.FOUND, finding.what or finding.shown.label)
        yield from _ours(finding.handled_at, Step.HANDLED, finding.reason, finding.handled_by or "", attempt_pk)


def _of_audit(person: Participant) -> Iterator[Moment]:
    """What was done with the attempts the student is in, or with her by name: not what was done with others in them."""
    attempts = ExportItem.objects.filter(participant=person).values("attempt")
    row = by_row(person.pk)
    named = Q(message__params__person=row) | Q(message__params__name=row)
    entries = AuditEntry.objects.select_related("actor")
    found = {
        entry.pk: entry
        for rows in (entries.filter(attempt_id__in=attempts), entries.filter(named, flow=person.flow_id))
        for entry in rows
        if _whom(entry) in (None, str(person), row)
    }
    about = sorted(found.values(), key=lambda entry: (entry.at, entry.pk))
    for entry in name_people(about):
        told = Message.from_json(entry.message)
        step = next((step for trait, step in TOLD_TWICE.items() if told and told.has(trait)), Step.DONE)
        yield from _ours(entry.at, step, told or "", entry.actor or "", entry.attempt_id or "")


def _whom(entry: AuditEntry) -> object:
    """Of one of an attempt's students; None where it is about all of them."""
    told = Message.from_json(entry.message)
    params = told.params if told else {}
    return params.get("person", params.get("name") if told and told.has(Trait.NAMES_STUDENT) else None)


def _told_once(rows: list[Moment], audited: list[Moment]) -> Iterator[Moment]:
    """The rows, each with what the audit log says of the same step; then what is in the audit log alone, as something done."""
    left = list(audited)
    for row in rows:
        same = [each for each in left if row.attempt and (each.kind, each.attempt) == (row.kind, row.attempt)]
        same = same[-1:] if row.kind in LAST_WORD else same
        left = [each for each in left if each not in same]
        detail = " ".join(dict.fromkeys([row.detail, *(each.text for each in same)])).strip()
        yield replace(row, detail=detail)
    for each in left:
        yield replace(each, kind=Step.DONE, label=Step.DONE.label)
