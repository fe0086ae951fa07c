"""What the rules ask for, read from the database in a constant number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from exports.models import ExportAttempt, ExportItem
from exports.rules import rules
from exports.rules.rules import FlowFacts, Last, PersonFacts, Sender, spelt_as_on_the_scale
from ladokflow.ladok.base import GradeLine
from ladokflow.ladok.exporting import sent_identifiers
from sources.models import Flow, FlowSource, Membership, Participant


@dataclass(frozen=True)
class Item:
    """The person's newest item that is not superseded."""

    pk: int
    state: str
    grade: str
    is_alternative: bool
    points: Decimal | None
    generation: int
    message: Mapping[str, Any]
    attempt_id: Any
    code_id: int
    code: str  # Ladok's: a code that was taken off and put back has another row
    http_status: int | None
    may_be_in_ladok: bool = False
    replaces_exported: bool = False
    organisation_id: str = ""
    unique_exam_id: str = ""
    external_user_id: str = ""

    @property
    def line(self) -> GradeLine:
        """Without the national id: it is encrypted, and the others tell who it was."""
        return GradeLine(
            self.grade,
            self.is_alternative,
            self.points,
            self.organisation_id,
            self.unique_exam_id,
            self.external_user_id,
        )

    @property
    def next_generation(self) -> int:
        """One higher for each definite answer of Ladok's about the person.

        A repeat of the same content must keep its idempotency key while the outcome is unknown. Once Ladok has answered,
        the same grade is new content: a receiver that keeps its answers would only repeat the old one.
        """
        answered = self.state == ExportItem.State.EXPORTED or (
            self.state == ExportItem.State.FAILED and self.http_status is not None and 200 <= self.http_status < 300
        )
        return self.generation + int(answered)

    @property
    def leaves_in_doubt(self) -> bool:
        """Whether a grade of the person's may be in Ladok without anybody knowing, when this item is set aside."""
        return self.state == ExportItem.State.UNKNOWN or (
            self.state == ExportItem.State.FAILED and self.may_be_in_ladok
        )

    @property
    def may_be_there(self) -> bool:
        """Whether a grade of the person's is in Ladok under the item's code, or may be."""
        return self.state != ExportItem.State.FAILED or self.may_be_in_ladok or self.replaces_exported

    @property
    def leaves_exported(self) -> bool:
        """Whether a grade of the person's is known to be in Ladok, and is what comes next to be written over."""
        return self.state == ExportItem.State.EXPORTED or self.replaces_exported


@dataclass(frozen=True)
class Candidate:
    """A participant as the rules see it. `code` is the Ladok code the grade goes to."""

    participant: Participant
    facts: PersonFacts
    code: FlowSource | None
    item: Item | None


@dataclass(frozen=True)
class Case:
    flow: Flow
    facts: FlowFacts
    people: list[Candidate]


def lock(flow_pk: int) -> Flow:
    """The flow, fresh, and held until the transaction ends: whoever starts, records or settles takes turns.

    On SQLite the transaction itself holds the only write lock.
    """
    return Flow.objects.select_related("source").select_for_update(of=("self",), no_key=True).get(pk=flow_pk)


def load_case(flow: Flow) -> Case:
    codes = list(flow.codes.filter(removed_at__isnull=True).order_by("position"))
    items = newest_items(flow)
    own_codes = _codes_of_people(flow, codes)
    people = [
        _candidate(flow, participant, codes, own_codes.get(participant.pk, []), items.get(participant.pk))
        for participant in Participant.objects.filter(flow=flow).select_related("assessment")
    ]
    facts = flow_facts(flow, has_code=bool(codes))
    return Case(flow, facts, _tell_shared(flow, facts, people))


def _tell_shared(flow: Flow, facts: FlowFacts, people: Sequence[Candidate]) -> list[Candidate]:
    """Two people whom Ladok knows by one identifier would get each other's grades: at once, or one after the other."""
    names = {person.participant.pk: _names(flow, facts, person) for person in people}
    holders: dict[tuple[str, str, str], dict[int, str]] = {}
    for person in people:
        for name in names[person.participant.pk]:
            holders.setdefault(name, {})[person.participant.pk] = person.participant.organisation_id or str(
                person.participant
            )
    found = []
    for person in people:
        pk = person.participant.pk
        other = next((who for name in names[pk] for key, who in holders[name].items() if key != pk), "")
        found.append(replace(person, facts=replace(person.facts, shares_identifier_with=other)) if other else person)
    return found


def _names(flow: Flow, facts: FlowFacts, person: Candidate) -> set[tuple[str, str, str]]:
    """What Ladok would know the person by, or does: (code, Ladok's field, value). What was sent counts while it may be there."""
    sent: list[tuple[str, GradeLine]] = []
    if person.code is not None and person.facts.line.grade and not rules.stays_here(facts, person.facts):
        sent.append((person.code.code, person.facts.line))
    item = person.item
    if item is not None and (item.state != ExportItem.State.FAILED or item.leaves_in_doubt):
        sent.append((item.code, item.line))
    table = flow.source.rules.export
    return {(code, key, value.casefold()) for code, line in sent for key, value in sent_identifiers(table, line)}


def flow_facts(flow: Flow, *, has_code: bool) -> FlowFacts:
    source = flow.source
    return FlowFacts(
        is_created=flow.setup_state == Flow.Setup.READY,
        synced_at=flow.synced_at,
        state=flow.state,
        marking_end_at=flow.marking_end_at.astimezone(source.tz) if flow.marking_end_at else None,
        now=timezone.now(),
        has_code=has_code,
        is_export_ended=flow.export_ended_at is not None,
        is_under_way=flow.attempts.filter(state__in=ExportAttempt.OPEN).exists(),
        is_instant=flow.instant_export,
        grades=tuple(str(grade) for grade in flow.grades),
        accepts_manual_participants=source.accepts_manual_participants,
        allows_overwriting=source.allows_overwriting,
        needs_export_right=source.rules.needs_export_right,
    )


def sender_of(flow: Flow, user: AbstractBaseUser | None) -> Sender | None:
    """The user's place at the flow's source; None for a stranger. A job without a user acts for who made the flow."""
    membership = Membership.objects.filter(
        source_id=flow.source_id, user_id=user.pk if user else flow.created_by_id, user__is_active=True
    ).first()
    return Sender(membership.organisation_id, membership.can_export) if membership else None


def newest_items(flow: Flow) -> dict[int, Item]:
    """By participant."""
    rows = (
        ExportItem.objects.filter(participant__flow=flow)
        .exclude(state=ExportItem.State.SUPERSEDED)
        .order_by("pk")
        .values_list(
            "participant_id", "pk", "state", "grade", "is_alternative", "points", "generation", "message",
            "attempt_id", "attempt__code_id", "attempt__code__code", "attempt__http_status", "may_be_in_ladok",
            "replaces_exported", "organisation_id", "unique_exam_id", "external_user_id",
        )
    )  # fmt: skip
    return {participant_id: Item(*values) for participant_id, *values in rows}


def _codes_of_people(flow: Flow, codes: list[FlowSource]) -> dict[int, list[FlowSource]]:
    """Those that are still on the flow, by participant, the first one first."""
    by_pk = {code.pk: code for code in codes}
    links = Participant.codes.through.objects.filter(flowsource__flow=flow).values_list(
        "participant_id", "flowsource_id"
    )
    found: dict[int, list[FlowSource]] = {}
    for participant_id, code_id in links:
        if code_id in by_pk:
            found.setdefault(participant_id, []).append(by_pk[code_id])
    return {participant_id: sorted(own, key=lambda code: code.position) for participant_id, own in found.items()}


def _candidate(
    flow: Flow, participant: Participant, codes: list[FlowSource], own: list[FlowSource], item: Item | None
) -> Candidate:
    # Somebody added by hand belongs to no code: the grade goes to the master's.
    possible = own if participant.is_from_source else own or codes
    code = possible[0] if possible else None
    if item and (item.may_be_there or not own or item.code_id in {each.pk for each in own}):
        # What was sent under one code is retried under it, as long as it is there. Who has been turned away and is on
        # another exam in Ladok since, goes to that one.
        code = next((found for found in codes if found.pk == item.code_id), code)
    line = grade_line(flow, participant)
    facts = PersonFacts(
        line=line,
        is_from_source=participant.is_from_source,
        is_active=participant.is_active,
        is_deactivated_by_hand=is_deactivated_by_hand(participant),
        has_code=code is not None,
        can_be_identified=flow.source.rules.can_identify(line),
        has_alternative_grade=line.is_alternative,
        is_approved=_is_approved(flow, participant),
        last=_last(flow, item) if item else None,
    )
    return Candidate(participant, facts, code, item)


def is_deactivated_by_hand(participant: Participant) -> bool:
    return not participant.is_active and (participant.is_activation_manual or not participant.is_from_source)


def waits_for_reviewer(flow: Flow) -> bool:
    """Whether instant export sends a grade only when a reviewer has approved it."""
    return flow.instant_export and flow.grade_decided_by == Flow.DecidedBy.REVIEWER


def _is_approved(flow: Flow, participant: Participant) -> bool:
    """An assessor's grade is approved when WISEflow gives it out; for a reviewer's approval we have looked."""
    if not waits_for_reviewer(flow):
        return True
    assessment = getattr(participant, "assessment", None)
    return bool(assessment and assessment.is_approved)


def _last(flow: Flow, item: Item) -> Last:
    # The scale may not have been known when it was sent.
    grade = spelt(flow, item.grade, is_alternative=item.is_alternative)
    return Last(item.state, grade, item.is_alternative, item.points, item.replaces_exported)


def spelt(flow: Flow, grade: str, *, is_alternative: bool) -> str:
    """A grade as it is sent and compared. Alternative grades are on no scale of the flow's."""
    return grade if is_alternative else spelt_as_on_the_scale(grade, [str(own) for own in flow.grades])


def grade_line(flow: Flow, participant: Participant) -> GradeLine:
    assessment = getattr(participant, "assessment", None)
    is_alternative = bool(assessment and assessment.alternative_grade)
    return GradeLine(
        grade=spelt(flow, assessment.effective_grade, is_alternative=is_alternative) if assessment else "",
        is_alternative=is_alternative,
        points=assessment.points if assessment and flow.source.rules.sends_points else None,
        organisation_id=participant.organisation_id,
        unique_exam_id=participant.unique_exam_id,
        external_user_id=participant.external_user_id,
        national_id=participant.national_id,
    )


def item_line(item: ExportItem) -> GradeLine:
    """What an item holds: what is sent is this, and never what the participant has become since."""
    return GradeLine(
        grade=item.grade,
        is_alternative=item.is_alternative,
        points=item.points,
        organisation_id=item.organisation_id,
        unique_exam_id=item.unique_exam_id,
        external_user_id=item.external_user_id,
        national_id=item.national_id,
    )
