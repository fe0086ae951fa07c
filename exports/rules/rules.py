"""The rules for exporting, each a function of plain values with its own sentence.

Every page, command and job asks this module and no other. A rule gives None where it is kept, otherwise the message that
says why not. The article "Grade Export: Rules and Technical Setup" is quoted where a rule is its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message, message

MARKING_STATES_OVER = (4, 5)  # WISEflow's "concluded" and "archived"


class Asking(StrEnum):
    """What is asked for: it decides which people an export is for."""

    FIRST = "first"  # those who have not been in any attempt
    RETRY = "retry"  # those whose last attempt failed, or ended without a known outcome
    OVERWRITE = "overwrite"  # those whose grade was changed after it was exported
    INSTANT = "instant"  # as FIRST, before marking ends


@dataclass(frozen=True)
class FlowFacts:
    """What the rules need to know of a flow and its source."""

    is_created: bool = True
    synced_at: dt.datetime | None = None
    state: int | None = None
    marking_end_at: dt.datetime | None = None
    now: dt.datetime | None = None
    has_code: bool = True
    is_export_ended: bool = False
    is_under_way: bool = False
    is_instant: bool = False  # instant export is switched on
    grades: tuple[str, ...] = ()  # the flow's grading scale; empty where it is a range or unknown
    accepts_manual_participants: bool = False
    allows_overwriting: bool = False
    needs_export_right: bool = False


@dataclass(frozen=True)
class Sender:
    """Who asks, or in whose name a job does. `organisation_id` is who the person is in Ladok."""

    organisation_id: str = ""
    can_export: bool = False


@dataclass(frozen=True)
class Last:
    """The person's newest item: its state, and the content that it held."""

    state: str  # live | exported | failed | unknown
    grade: str
    is_alternative: bool = False
    points: Decimal | None = None
    replaces_exported: bool = False  # it was to be written over a grade that is in Ladok


@dataclass(frozen=True)
class PersonFacts:
    """What the rules need to know of a participant. `line` is what would be sent."""

    line: GradeLine
    is_from_source: bool = True
    is_active: bool = True
    is_deactivated_by_hand: bool = False  # and still on the exam in Ladok, as far as we know
    has_code: bool = True  # one of the person's Ladok codes is still on the flow
    can_be_identified: bool = True
    has_alternative_grade: bool = False
    shares_identifier_with: str = ""  # another person whom Ladok would know, or knows, by the same identifier
    is_approved: bool = True  # by the one who decides, as far as WISEflow tells
    last: Last | None = None


# --- Rules of the flow -------------------------------------------------------------------------------------------


def is_created(flow: FlowFacts) -> Message | None:
    return None if flow.is_created else message("export.not_created")


def is_synced(flow: FlowFacts) -> Message | None:
    """ "... only possible to export assessments after a flow has been successfully synchronised"."""
    return None if flow.synced_at else message("export.not_synced")


def has_marking_ended(flow: FlowFacts) -> Message | None:
    """ "... and the assessment period has ended"."""
    if flow.state in MARKING_STATES_OVER:
        return None
    if flow.marking_end_at is None:
        return message("export.marking_not_ended")
    is_late = flow.now is not None and flow.marking_end_at < flow.now
    code = "export.marking_should_have_ended" if is_late else "export.marking_ends_at"
    return message(code, at=f"{flow.marking_end_at:%Y-%m-%d %H:%M}")


def is_time(flow: FlowFacts, asking: Asking) -> Message | None:
    """Instant export does not wait for the end, and a manager may retry before it what Ladok has rejected of that."""
    if asking is Asking.INSTANT or (asking is Asking.RETRY and flow.is_instant):
        return None
    return has_marking_ended(flow)


def goes_instantly(flow: FlowFacts, asking: Asking) -> bool:
    """Whether no more is sent than instant export may send."""
    return asking is Asking.INSTANT or (flow.is_instant and has_marking_ended(flow) is not None)


def is_code_there(flow: FlowFacts) -> Message | None:
    """Removing the code in the concluding phase ends export."""
    return message("export.ended") if flow.is_export_ended or not flow.has_code else None


def is_free(flow: FlowFacts) -> Message | None:
    """ "The export will only run once": not while one is under way. The database holds to this too."""
    return message("export.under_way") if flow.is_under_way else None


def has_export_right(flow: FlowFacts, sender: Sender | None) -> Message | None:
    """Borås: "only some managers are allowed to export", and who it was goes with the grades."""
    if not flow.needs_export_right:
        return None
    if sender is None or not sender.can_export:
        return message("export.no_right")
    return None if sender.organisation_id else message("export.sender_without_id")


def may_overwrite(flow: FlowFacts) -> Message | None:
    return None if flow.allows_overwriting else message("export.no_overwriting")


def flow_refusal(flow: FlowFacts, sender: Sender | None, asking: Asking) -> Message | None:
    """Why no export of the flow may be started now; None where one may."""
    rules = [is_created(flow), is_synced(flow), is_code_there(flow), is_time(flow, asking)]
    if asking is Asking.OVERWRITE:
        rules.append(may_overwrite(flow))
    rules += [has_export_right(flow, sender), is_free(flow)]
    return next((broken for broken in rules if broken), None)


# --- Rules of the person -----------------------------------------------------------------------------------------


def is_graded(person: PersonFacts) -> Message | None:
    """ "Only participants with an assessment (grade or alternative grade) will be exported"."""
    return None if person.line.grade else message("export.not_graded")


def is_accepted(flow: FlowFacts, person: PersonFacts) -> Message | None:
    """ "Only participants added through a SIS source": LiU and OrU take those added by hand, by organisation id."""
    if person.is_from_source:
        return None
    return None if flow.accepts_manual_participants else message("export.added_by_hand")


def is_on_a_code(person: PersonFacts) -> Message | None:
    return None if person.has_code else message("export.code_removed")


def is_active(person: PersonFacts) -> Message | None:
    """Gone from the source after activation: deactivated in WISEflow, and no longer Ladok's. Or somebody's own decision."""
    if person.is_active:
        return None
    return message("export.deactivated_by_hand" if person.is_deactivated_by_hand else "export.deactivated")


def can_be_identified(person: PersonFacts) -> Message | None:
    return None if person.can_be_identified else message("export.no_identifier")


def has_own_identifier(person: PersonFacts) -> Message | None:
    """Ladok could not tell the two apart: one would get the other's grade, or a grade a second time."""
    if not person.shares_identifier_with:
        return None
    return message("export.identifier_shared", other=person.shares_identifier_with)


def is_on_the_scale(flow: FlowFacts, person: PersonFacts) -> Message | None:
    """Alternative grades have a list of their own in WISEflow, which is no part of the flow's scale."""
    if person.line.is_alternative or not flow.grades:
        return None
    if person.line.grade.casefold() in {grade.casefold() for grade in flow.grades}:
        return None
    return message("export.not_on_the_scale", grade=person.line.grade)


def spelt_as_on_the_scale(grade: str, scale: Sequence[str]) -> str:
    """The scale's own spelling of a grade that differs from one grade of it, and one only, in upper and lower case."""
    alike = {own for own in scale if own.casefold() == grade.casefold()}
    return alike.pop() if len(alike) == 1 else grade


def is_no_alternative(person: PersonFacts) -> Message | None:
    """Before marking has ended only instant export sends. "Alternative grades are currently not supported by instant export"."""
    return message("export.alternative_waits") if person.has_alternative_grade else None


def is_approved(person: PersonFacts) -> Message | None:
    """ "... as soon as they have been approved by an Assessor or a Reviewer (depending on your flow settings)"."""
    return None if person.is_approved else message("export.waits_for_reviewer")


def is_changed(person: PersonFacts) -> bool:
    """The grade in WISEflow is another than the one that was exported."""
    return person.last is not None and person.last.state == "exported" and not _same(person.line, person.last)


def is_unlocked(person: PersonFacts) -> Message | None:
    """ "An alternative grade exported to SIS cannot be changed in WISEflow afterwards"."""
    locked = person.last is not None and person.last.state == "exported" and person.last.is_alternative
    return message("export.alternative_locked") if locked else None


def is_its_turn(person: PersonFacts, asking: Asking) -> Message | None:
    """ "A failed export will not automatically retry" and "will only run once": who has been sent, waits for a manager."""
    state = person.last.state if person.last else ""
    if state == "live":
        return message("export.person_under_way")
    if asking is Asking.RETRY:
        return None if state in ("failed", "unknown") else message("export.not_failed")
    if asking is Asking.OVERWRITE:
        return is_unlocked(person) or (None if is_changed(person) else message("export.not_changed"))
    if state == "exported":
        if not is_changed(person):
            return message("export.exported_already")
        return is_unlocked(person) or _what_changed(person.line, person.last)  # type: ignore[arg-type]
    if state == "unknown":
        return message("export.person_unknown")
    return message("export.waits_for_retry") if state == "failed" else None


# What is told of a grade that has become another one since it was exported.
CHANGED = (
    "export.changed_since",
    "export.withdrawn_since",
    "export.points_changed_since",
    "export.alternative_since",
)


def _what_changed(line: GradeLine, last: Last) -> Message:
    if not line.grade:
        return message("export.withdrawn_since", exported=last.grade)
    if line.grade != last.grade:
        return message("export.changed_since", exported=last.grade, now=line.grade)
    if line.points != last.points:
        exported, now = ("–" if each is None else f"{each.normalize():f}" for each in (last.points, line.points))
        return message("export.points_changed_since", exported=exported, now=now)
    return message("export.alternative_since", exported=last.grade)


def person_refusal(flow: FlowFacts, person: PersonFacts, asking: Asking) -> Message | None:
    """Why the person is not sent; None where the grade goes with the export."""
    rules = [is_its_turn(person, asking), is_graded(person)]
    if asking is Asking.RETRY and person.last is not None and person.last.replaces_exported:
        rules.append(may_overwrite(flow))
    if goes_instantly(flow, asking):
        rules += [is_no_alternative(person), is_approved(person)]
    rules += [
        is_accepted(flow, person),
        is_on_a_code(person),
        is_active(person),
        can_be_identified(person),
        has_own_identifier(person),
        is_on_the_scale(flow, person),
    ]
    return next((broken for broken in rules if broken), None)


def stays_here(flow: FlowFacts, person: PersonFacts) -> bool:
    """Whether the person's grade is none for Ladok."""
    return any((is_accepted(flow, person), is_on_a_code(person), is_active(person)))


def lasting_refusal(flow: FlowFacts, person: PersonFacts) -> Message | None:
    """Why no retry of the person can come about as long as the world is as it is: then there is nothing to be done."""
    rules = (is_code_there(flow), is_active(person), is_graded(person), is_on_a_code(person))
    return next((broken for broken in rules if broken), None)


# What a person with a grade is held back for by a fault that somebody can mend: an export is not done while it stands.
MENDABLE = (
    "export.no_identifier",
    "export.identifier_shared",
    "export.not_on_the_scale",
    "export.deactivated_by_hand",
)


def is_mendable(refusal: Message | None) -> bool:
    return refusal is not None and refusal.code in MENDABLE


def _same(line: GradeLine, last: Last) -> bool:
    return (line.grade, line.is_alternative, line.points) == (last.grade, last.is_alternative, last.points)
