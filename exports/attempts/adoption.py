"""A flow that was taken over: a manager says which of its grades were exported before, and these are never sent by themselves.

They become items that are exported, of an attempt that has sent nothing. The word can be taken back, person by person, as any other
(`marks.py`): then it is as if nothing had been said of her.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from exports.attempts.settle import by_identifier, read_back, rows_of
from exports.grades.collect import collect_grades
from exports.grades.read import number_of
from exports.models import ExportAttempt, ExportItem
from exports.rules.candidates import Candidate
from exports.rules.cases import codes_of, load_case, lock
from exports.rules.items import IDENTIFIERS
from exports.rules.right import require_right
from exports.rules.states import refresh_states
from exports.writing import BATCH, refused_where_taken
from ladokflow.fingerprints import Fingerprint, NotAsShown, fingerprint, require_seen
from ladokflow.http import RemoteError
from ladokflow.ladok.base import Registered
from ladokflow.messages import Message, Refused, message
from ladokflow.wiseflow.schemas import FormerExport
from sources.audit import record
from sources.models import Flow, FlowSource
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

State = ExportItem.State


class Which(models.TextChoices):
    """Whose grade was exported before."""

    WISEFLOW = "wiseflow", _("Those that WISEflow says were exported")
    LADOK = "ladok", _("Those that Ladok shows")
    ALL = "all", _("All who have a grade now")
    NONE = "none", _("None")


@dataclass(frozen=True)
class Line:
    """A person's grade now, and what is known of an export before: by WISEflow's record, and by Ladok's own."""

    person: Candidate
    code: FlowSource
    grade: str
    former: FormerExport | None
    in_ladok: str  # the grade that Ladok shows; empty where it shows none, or was not asked

    def is_meant(self, which: Which) -> bool:
        meant: dict[Which, Callable[[], bool]] = {
            Which.WISEFLOW: lambda: bool(self.grade) and self.former is not None,
            Which.LADOK: lambda: bool(self.in_ladok),
            Which.ALL: lambda: bool(self.grade),
            Which.NONE: lambda: False,
        }
        return meant[which]()

    @property
    def exported(self) -> str:
        """The grade that Ladok has: the one that it shows itself, whoever says that there is one. It may have been changed since."""
        return self.in_ladok or self.grade


@dataclass(frozen=True)
class Evidence:
    """What others tell, read before the flow is locked. `graded`: the participants who have a grade in WISEflow. `unread`: why Ladok
    could not be asked; `is_asked`: whether it was."""

    graded: frozenset[int]
    former: Mapping[int, FormerExport]
    registered: Mapping[int, Sequence[Registered]]
    is_asked: bool = False
    unread: Message | None = None


@dataclass(frozen=True)
class Offer:
    """What a manager looks at before it is said whose grades were exported."""

    lines: tuple[Line, ...]
    evidence: Evidence
    fingerprint: Fingerprint
    # The participants who have a grade here, also those of whom something stands here already
    graded: frozenset[int | None]

    @property
    def has_everybody(self) -> bool:
        """Not where a grade has been given since ours were read, or while a synchronisation has yet to write somebody down."""
        return self.evidence.graded == self.graded

    def count(self, which: Which) -> int:
        return sum(line.is_meant(which) for line in self.lines)

    @property
    def choices(self) -> list[Which]:
        """Those that can be told; what there is evidence for stands first."""
        possible = {
            Which.WISEFLOW: any(line.former is not None for line in self.lines),
            Which.LADOK: self.evidence.is_asked,
        }
        return [which for which in Which if possible.get(which, True)]


def offer_of(flow: Flow) -> Offer:
    """By the grades as they were read last. RemoteError where WISEflow cannot be asked for its record."""
    return _offer(flow, _read(flow))


def _read(flow: Flow) -> Evidence:
    with wiseflow_for(flow) as client:
        rows = client.former_exports(flow.wiseflow_id or 0)
    graded = frozenset(row.participant_id for row in rows if row.has_grade)
    former = {row.participant_id: row for row in rows if row.was_sent}
    if not flow.source.can_read_back:
        return Evidence(graded, former, {})
    try:
        registered, failures = read_back(flow.source, codes_of(flow))
    except RemoteError as error:
        return Evidence(graded, former, {}, unread=error.message)
    if failures:
        # Of half of the codes is worse than of none: who is missing would be sent.
        return Evidence(graded, former, {}, unread=failures[0].message)
    return Evidence(graded, former, registered, is_asked=True)


def _offer(flow: Flow, evidence: Evidence) -> Offer:
    case = load_case(flow)
    codes = {code.pk: code for code in codes_of(flow)}
    indexes = {pk: by_identifier(rows) for pk, rows in evidence.registered.items()}
    lines = []
    for person in case.people:
        # Somebody added by hand may be on no list yet, and come on one: the master's code stands for her.
        code = person.code or next(iter(codes.values()), None)
        if code is None or person.item is not None:
            continue
        found = rows_of(flow, person.facts.line, indexes.get(code.pk, {}))
        former = evidence.former.get(person.participant.wiseflow_id or 0)
        line = Line(person, code, person.facts.line.grade, former, found[0].grade if found else "")
        if line.grade or line.in_ladok:
            lines.append(line)
    facts = [
        [
            *line.person.key,
            line.code.pk,
            line.grade,
            line.person.facts.line.points,
            line.former is not None,
            line.in_ladok,
        ]
        for line in lines
    ]
    seen = fingerprint("exports.adoption", [flow.pk, flow.adoption, facts])
    graded = frozenset(person.participant.wiseflow_id for person in case.people if person.facts.line.grade)
    return Offer(tuple(lines), evidence, seen, graded)


def say(
    which: Which,
    *,
    flow: Flow,
    by: AbstractBaseUser,
    reason: str,
    seen: str | None = None,
    instant_export: bool = False,
    exports_when_marking_ends: bool = False,
    address: str | None = None,
) -> int:
    """These grades were exported before it was taken over, and the others were not; how many they are.

    From then on the flow's grades are sent as those of any other flow, by themselves where it is asked for here. `seen`: the fingerprint
    of the `Offer`; NotAsShown where people, grades or what is told of them are others by now. Refused without a reason or the export
    right, and where it has been said already.
    """
    require_right(flow, by)
    words = reason.strip()
    if not words:
        raise Refused(message("adoption.reason_missing"))
    collect_grades(flow)
    if flow.points_left:
        read = flow.points_total - flow.points_left
        raise Refused(message("export.collecting_points", read=read, total=flow.points_total))
    evidence = _read(flow)
    with refused_where_taken(message("export.under_way")), transaction.atomic():
        locked = lock(flow.pk)
        number_of(locked)  # it may have been let go meanwhile
        if not locked.is_adoption_unsaid:
            raise Refused(message("adoption.said_already"))
        offer = _offer(locked, evidence)
        require_seen(seen, offer.fingerprint)
        if not offer.has_everybody:
            raise NotAsShown
        if which not in offer.choices:
            raise Refused(message("adoption.cannot_tell"))
        lines = [line for line in offer.lines if line.is_meant(which)]
        Flow.objects.filter(pk=flow.pk).update(
            adoption=Flow.Adoption.SAID,
            instant_export=instant_export,
            exports_when_marking_ends=exports_when_marking_ends,
        )
        for code in dict.fromkeys(line.code for line in lines):
            _write(locked, code, [line for line in lines if line.code == code], which, by, words, address)
        if not lines:
            told = message("audit.adoption_none", reason=words)
            record(message=told, source=locked.source, flow=locked, actor=by, address=address)
        refresh_states(flow)
    flow.refresh_from_db()
    logger.info("export.adoption.said flow=%s which=%s items=%s", flow.pk, which, len(lines))
    return len(lines)


def _write(
    flow: Flow,
    code: FlowSource,
    lines: Sequence[Line],
    which: Which,
    by: AbstractBaseUser,
    reason: str,
    address: str | None,
) -> None:
    count = len(lines)
    attempt = ExportAttempt.objects.create(
        flow=flow,
        code=code,
        trigger=ExportAttempt.Trigger.ADOPTION,
        requested_by_id=by.pk,
        state=ExportAttempt.State.EXPORTED,
        message=message("attempt.adopted", count=count).to_json(),
        sent_count=count,
        exported_count=count,
        finished_at=Now(),
    )
    told = message("settle.exported_before", reason=reason).to_json()
    unsaid = {
        "state": State.SUPERSEDED,
        "message": message("settle.exported_before_taken_back").to_json(),
        "may_be_in_ladok": False,
        "settled_by": None,
        "settled_at": None,
    }
    ExportItem.objects.bulk_create(
        [
            ExportItem(
                attempt=attempt,
                participant=line.person.participant,
                **{name: getattr(line.person.facts.line, name) for name in IDENTIFIERS},
                place=line.person.place,
                grade=line.exported,
                is_alternative=line.person.facts.line.is_alternative,
                mark=line.person.facts.line.mark,
                points=line.person.facts.line.points,
                state=State.EXPORTED,
                message=told,
                settled_by_id=by.pk,
                settled_at=Now(),
                before_mark=unsaid,
            )
            for line in lines
        ],
        batch_size=BATCH,
    )
    said = message(f"audit.adoption_{which}", count=count, code=code.code, reason=reason)
    record(message=said, source=flow.source, flow=flow, attempt_id=attempt.pk, actor=by, address=address)
