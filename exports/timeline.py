"""What happened to one student on one exam, moment by moment, for whoever has to judge a dispute.

WISEflow's log entries stand beside what we have written down ourselves: Ladok's list, grades as they were collected, what was sent and
what came of it, findings and the audit log. Where the log has a gap, it is told with it: silence is no proof.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, pgettext_lazy

from exports.models import Assessment, ExportItem, Finding
from ladokflow.messages import Message, Text, by_row
from sources.models import AuditEntry, LogEntry, LogGap, LogReading, Participant

MOST = 5000  # entries of the log: more is nobody's exam


class Step(models.TextChoices):
    """What we have written down ourselves; what WISEflow has logged is a `LogEntry.Kind`."""

    LISTED = "listed", pgettext_lazy("timeline", "On Ladok's list")
    UNLISTED = "unlisted", pgettext_lazy("timeline", "Gone from Ladok's list")
    GRADED = "graded", pgettext_lazy("timeline", "Graded")
    CORRECTED = "corrected", pgettext_lazy("timeline", "Corrected")
    ASKED = "asked", pgettext_lazy("timeline", "Export asked for")
    SENT = "sent", pgettext_lazy("timeline", "Sent to Ladok")
    ANSWERED = "answered", pgettext_lazy("timeline", "Outcome of the export")
    SETTLED = "settled", pgettext_lazy("timeline", "Settled by hand")
    FOUND = "found", pgettext_lazy("timeline", "Found out")
    DONE = "done", pgettext_lazy("timeline", "Done in LadokFlow")


@dataclass(frozen=True)
class Moment:
    """`system` is where it is written down; `count` is of how many like it, one right after the other, it is the first, and `until` when
    the last of them was."""

    at: dt.datetime
    system: str
    label: Text
    text: str = ""
    by: str = ""
    count: int = 1
    until: dt.datetime | None = None
    attempt: str = ""


@dataclass(frozen=True)
class Timeline:
    """`read_to`: until when WISEflow's log of the flow is known here; None where it has not been read."""

    moments: tuple[Moment, ...]
    gaps: tuple[LogGap, ...]
    read_to: dt.datetime | None
    is_cut: bool = False


def timeline_of(person: Participant) -> Timeline:
    """The oldest first. Read-only, in a constant number of queries."""
    entries = list(entries_of(person).defer("detail")[: MOST + 1])
    ours = [*_of_ladok(person), *_of_grades(person), *_of_sendings(person), *_of_audit(person)]
    logged = list(_gathered(entries[:MOST]))
    reading = LogReading.objects.filter(flow=person.flow_id).first()
    return Timeline(
        moments=tuple(sorted([*logged, *ours], key=lambda moment: moment.at)),
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
                system="WISEflow",
                label=LogEntry.Kind(first.kind).label,
                text=first.action,
                by="" if first.context in ("", "participant") else first.context,
                count=len(run),
                until=last.at if len(run) > 1 else None,
            )
            run = []
        if entry is not None:
            run.append(entry)


# --- Ours ---------------------------------------------------------------------------------------------------------------


def _ours(
    at: dt.datetime | None, step: Step, text: object = "", by: object = "", attempt: object = ""
) -> Iterator[Moment]:
    if at is not None:
        yield Moment(at, "LadokFlow", step.label, str(text), str(by), attempt=str(attempt))


def _of_ladok(person: Participant) -> Iterator[Moment]:
    for registration in person.registrations.select_related("code"):
        yield from _ours(registration.first_seen_at, Step.LISTED, registration.code.code)
        yield from _ours(registration.gone_at, Step.UNLISTED, registration.code.code)


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
    for finding in Finding.objects.filter(item__participant=person).select_related("handled_by"):
        yield from _ours(finding.found_at, Step.FOUND, finding.what or finding.shown.label)
        yield from _ours(finding.handled_at, Step.DONE, finding.reason, finding.handled_by or "")


def _of_audit(person: Participant) -> Iterator[Moment]:
    """What was done with the attempts the student is in, or with her by name: not what was done with others in them."""
    attempts = ExportItem.objects.filter(participant=person).values("attempt")
    for entry in AuditEntry.objects.filter(attempt_id__in=attempts).select_related("actor").order_by("at"):
        told = Message.from_json(entry.message)
        whom = told.params.get("person") if told else None
        if whom in (None, str(person), by_row(person.pk)):
            yield from _ours(entry.at, Step.DONE, told or "", entry.actor or "", entry.attempt_id or "")
