"""The facts that the rules ask for, of a university, a flow and a person: each made in one place, from rows that have been read."""

from __future__ import annotations

from dataclasses import replace

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from exports.models import Assessment
from exports.rules.holding import Holding
from exports.rules.items import IDENTIFIERS, Item, identifiers_of
from exports.rules.values import FlowFacts, Last, PersonFacts, Sender, SourceFacts
from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message
from sources.models import Flow, FlowSource, Membership, Participant, Registration, Source
from sources.universities.permissions import Right, rights_of


def source_facts(source: Source) -> SourceFacts:
    return SourceFacts(
        accepts_manual_participants=source.accepts_manual_participants,
        allows_overwriting=source.allows_overwriting,
        names_sender=source.rules.names_sender,
        sends_points=source.rules.sends_points,
    )


def flow_facts(flow: Flow, *, has_code: bool, is_under_way: bool, doubt: Message | None) -> FlowFacts:
    """Reads nothing but the row and its source: what takes a query is the caller's, who may have it for many flows at once."""
    return FlowFacts(
        is_released=flow.is_released,
        is_created=flow.setup_state == Flow.Setup.READY,
        synced_at=flow.synced_at,
        is_adoption_unsaid=flow.is_adoption_unsaid,
        state=flow.state,
        marking_end_at=flow.marking_end_at.astimezone(flow.source.tz) if flow.marking_end_at else None,
        now=timezone.now(),
        has_code=has_code,
        is_export_ended=flow.export_ended_at is not None,
        is_under_way=is_under_way,
        is_instant=flow.instant_export,
        points_total=flow.points_total,
        points_left=flow.points_left,
        doubt=doubt,
    )


def person_facts(
    flow: Flow,
    holding: Holding,
    participant: Participant,
    registration: Registration | None,
    line: GradeLine,
    *,
    code: FlowSource | None,
    item: Item | None,
    is_on_the_scale: bool,
    is_known_as_sent: bool,
) -> PersonFacts:
    """`line` is what would be sent, or what an item holds. Who else has an identifier is told by those who know everybody."""
    gone_at = registration.gone_at if registration is not None else None
    source = flow.source
    university = source.rules
    assessment, paper = getattr(participant, "assessment", None), getattr(participant, "paper", None)
    return PersonFacts(
        line=line,
        is_on_the_scale=is_on_the_scale,
        is_from_source=participant.is_from_source,
        is_deactivated_by_hand=not participant.is_active
        and (participant.is_activation_manual or not participant.is_from_source),
        has_code=code is not None,
        code=code.code if code is not None else "",
        is_listed=registration.is_listed if registration is not None else not participant.is_from_source,
        gone_at=gone_at.astimezone(source.tz) if gone_at else None,
        doubt=registration.doubt_reason if registration is not None else None,
        is_asked=registration is not None and bool(registration.claim),
        can_be_identified=university.can_identify(line),
        is_known_as_sent=is_known_as_sent,
        shares_identifier_with="",
        has_points_to_come=assessment is not None and assessment.is_points_unread,
        sent_elsewhere=None,
        may_be_sent_again=False,
        is_approved=_is_approved(flow, assessment),
        is_passing=not line.is_alternative and university.is_passing(line.grade),
        paper=str(paper.state) if paper is not None else "",
        is_paper_accepted=paper is not None and bool(line.grade) and paper.accepted_grade == line.grade,
        last=_last(holding, item) if item else None,
    )


def is_known_as(flow: Flow, sent: GradeLine, now: GradeLine) -> bool:
    """Whether Ladok knows by all that is sent who it knows by that now. Without the national id: the others tell who it is."""
    if all(getattr(sent, name) == getattr(now, name) for name in IDENTIFIERS):
        return True
    known = [flow.source.rules.known_by(replace(line, national_id="")) for line in (sent, now)]
    return known[0] <= known[1]


def sender_at(membership: Membership) -> Sender:
    return Sender(membership.organisation_id, membership.can_export, Right.CHANGE in rights_of(membership))


def sender_of(flow: Flow, user: AbstractBaseUser | None) -> Sender | None:
    """The user's place at the flow's source: a stranger's has no right. A job without a user acts for who made the flow, and for nobody
    where that one is no member any more."""
    membership = Membership.objects.filter(
        source_id=flow.source_id, user_id=user.pk if user else flow.created_by_id, user__is_active=True
    ).first()
    if membership:
        return sender_at(membership)
    return Sender("", can_export=False, may_change=False) if user else None


def waits_for_reviewer(flow: Flow) -> bool:
    """Whether instant export sends a grade only when a reviewer has approved it."""
    return flow.instant_export and flow.grade_decided_by == Flow.DecidedBy.REVIEWER


def _is_approved(flow: Flow, assessment: Assessment | None) -> bool:
    """An assessor's grade is approved when WISEflow gives it out; for a reviewer's approval we have looked."""
    return not waits_for_reviewer(flow) or (assessment is not None and assessment.is_approved)


def _last(holding: Holding, item: Item) -> Last:
    # The scale may not have been known when it was sent.
    grade = item.grade if item.is_alternative else holding.shown(item.grade)
    return Last(
        state=item.state,
        grade=grade,
        is_alternative=item.is_alternative,
        points=item.points,
        replaces_exported=item.replaces_exported,
        is_there_already=item.is_there_already,
        is_in_doubt=item.leaves_in_doubt,
    )


def grade_line(flow: Flow, holding: Holding, participant: Participant, registration: Registration | None) -> GradeLine:
    """The grade, and who Ladok says the person is on the code that it goes to. Of whom it says nothing there, WISEflow does."""
    assessment = getattr(participant, "assessment", None)
    is_alternative = bool(assessment and assessment.alternative_grade)
    return GradeLine(
        grade=holding.grade(assessment.effective_grade, is_alternative=is_alternative) if assessment else "",
        is_alternative=is_alternative,
        points=assessment.points if assessment and flow.source.rules.sends_points else None,
        mark=holding.grade(assessment.grade, is_alternative=False) if assessment and is_alternative else "",
        **identifiers_of(registration or participant),
    )
