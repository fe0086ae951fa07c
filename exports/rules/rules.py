"""The rules for exporting, each a function of plain values with its own sentence.

Every page, command and job asks this module and no other. A rule gives None where it is kept, otherwise the message that
says why not; its parameters are what it looks at. Which rules are asked when stands in one table per question, at the end of
each section: a rule that is in none of them is asked by nobody. The article "Grade Export: Rules and Technical Setup" is quoted where a rule is its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from exports.rules.values import Asking, Elsewhere, FlowFacts, Last, PersonFacts, Sender, SourceFacts
from ladokflow.ladok.base import GradeLine
from ladokflow.messages import Message, message
from ladokflow.wiseflow.words import MARKING_OVER

Rule = Callable[..., Message | None]


@cache
def _asked(rule: Rule) -> Callable[[Mapping[str, Any]], Message | None]:
    """The rule as a function of all facts, of which it is given those that it looks at. There are a hundred thousand askings in an
    export of thousands: what it looks at is found out once."""
    names = tuple(inspect.signature(rule).parameters)
    seen = itemgetter(*names)
    return (lambda facts: rule(*seen(facts))) if len(names) > 1 else (lambda facts: rule(seen(facts)))


@cache
def _all_asked(rules: tuple[Rule, ...]) -> tuple[Callable[[Mapping[str, Any]], Message | None], ...]:
    return tuple(map(_asked, rules))


def _first_broken(rules: tuple[Rule, ...], **facts: Any) -> Message | None:
    """What the first rule that is not kept says. `facts` are by the names of the rules' parameters."""
    for ask in _all_asked(rules):
        if (refusal := ask(facts)) is not None:
            return refusal
    return None


# --- Rules of the flow -------------------------------------------------------------------------------------------


def is_ours(flow: FlowFacts) -> Message | None:
    """What was let go is history: it is read, and settled, and nothing more is sent of it."""
    return message("export.released") if flow.is_released else None


def is_created(flow: FlowFacts) -> Message | None:
    return None if flow.is_created else message("export.not_created")


def is_synced(flow: FlowFacts) -> Message | None:
    """ "... only possible to export assessments after a flow has been successfully synchronised"."""
    return None if flow.synced_at else message("export.not_synced")


def is_adoption_said(flow: FlowFacts) -> Message | None:
    """Of a flow that was taken over: what has been exported before by others must not be sent a second time."""
    return message("export.adoption_unsaid") if flow.is_adoption_unsaid else None


def has_marking_ended(flow: FlowFacts) -> Message | None:
    """ "... and the assessment period has ended"."""
    if flow.state in MARKING_OVER:
        return None
    if flow.marking_end_at is None:
        return message("export.marking_not_ended")
    is_late = flow.marking_end_at < flow.now
    code = "export.marking_should_have_ended" if is_late else "export.marking_ends_at"
    return message(code, at=f"{flow.marking_end_at:%Y-%m-%d %H:%M}")


def is_time(flow: FlowFacts, asking: Asking) -> Message | None:
    """Instant export does not wait for the end, and a manager may retry before it what Ladok has rejected of that."""
    return None if asking in (Asking.INSTANT, Asking.RETRY) and flow.is_instant else has_marking_ended(flow)


def is_still_instant(flow: FlowFacts, asking: Asking) -> Message | None:
    """What instant export has begun waits for the end after all, where it has been switched off since."""
    return is_time(flow, asking) if asking is Asking.INSTANT and not flow.is_instant else None


def goes_instantly(flow: FlowFacts, asking: Asking) -> bool:
    """Whether no more is sent than instant export may send."""
    return asking is Asking.INSTANT or (flow.is_instant and has_marking_ended(flow) is not None)


def are_grades_clear(flow: FlowFacts) -> Message | None:
    """A grade that is not on the scale, that may be another one, or a scale that is not the exam's: a manager looks first."""
    return flow.doubt


def are_points_collected(flow: FlowFacts) -> Message | None:
    """There is a call for each person: who has not had a turn yet would be left behind."""
    if not flow.points_left:
        return None
    return message("export.collecting_points", read=flow.points_total - flow.points_left, total=flow.points_total)


def is_code_there(flow: FlowFacts) -> Message | None:
    """Removing the code in the concluding phase ends export."""
    return message("export.ended") if flow.is_export_ended or not flow.has_code else None


def is_free(flow: FlowFacts) -> Message | None:
    """ "The export will only run once": not while one is under way. The database holds to this too."""
    return message("export.under_way") if flow.is_under_way else None


def has_export_right(source: SourceFacts, sender: Sender | None) -> Message | None:
    """Who sends grades, tries again, or says that they are in Ladok has been given the right to. Borås: who it was goes with the grades.

    A flow whose maker is no member any more exports by itself all the same, where nobody is named.
    """
    if sender is None:
        return message("export.no_right") if source.names_sender else None
    if not sender.can_export:
        return message("export.no_right")
    return message("export.sender_without_id") if source.names_sender and not sender.organisation_id else None


def may_overwrite(source: SourceFacts, asking: Asking) -> Message | None:
    """Only some can write over a grade in Ladok."""
    return message("export.no_overwriting") if asking is Asking.OVERWRITE and not source.allows_overwriting else None


# What must hold of a flow for an export of it to be started
OF_FLOW: tuple[Rule, ...] = (
    is_ours,
    is_created,
    is_synced,
    is_adoption_said,
    is_code_there,
    is_time,
    are_points_collected,
    are_grades_clear,
    may_overwrite,
    has_export_right,
    is_free,
)
# What of it does not depend on who asks, or on what is under way
OF_FLOW_FOR_ANYBODY: tuple[Rule, ...] = (
    is_ours,
    is_created,
    is_synced,
    is_adoption_said,
    is_code_there,
    is_time,
    are_grades_clear,
)
# What it waits for, whoever asks, besides an export that is under way
AWAITED: tuple[Rule, ...] = (
    is_ours,
    is_created,
    is_synced,
    is_adoption_said,
    is_code_there,
    has_marking_ended,
    are_points_collected,
    are_grades_clear,
)
# What must still hold just before the request, for a queue may stand still for hours; and what is told where it does not
OF_FLOW_AGAIN: Mapping[Rule, str] = {
    is_ours: "export.released",
    is_created: "export.not_created",
    is_adoption_said: "export.adoption_unsaid",
    is_code_there: "attempt.code_removed",
    has_export_right: "attempt.right_gone",
    is_still_instant: "export.marking_not_ended",
    is_time: "attempt.marking_reopened",
    are_grades_clear: "attempt.grades_in_doubt",
}


def flow_refusal(source: SourceFacts, flow: FlowFacts, sender: Sender | None, asking: Asking) -> Message | None:
    """Why no export of the flow may be started now; None where one may."""
    return _first_broken(OF_FLOW, source=source, flow=flow, sender=sender, asking=asking)


def waits_for(flow: FlowFacts) -> Message | None:
    """What the whole flow waits for before anything may be sent, besides an export that is under way."""
    return _first_broken(AWAITED, flow=flow)


def recheck_flow(source: SourceFacts, flow: FlowFacts, sender: Sender | None, asking: Asking) -> Message | None:
    """Why an export that was started may not be sent any more; None where it may."""
    facts = {"source": source, "flow": flow, "sender": sender, "asking": asking}
    return next((message(code) for rule, code in OF_FLOW_AGAIN.items() if _asked(rule)(facts)), None)


# --- Rules of the person -----------------------------------------------------------------------------------------


def is_graded(person: PersonFacts) -> Message | None:
    """ "Only participants with an assessment (grade or alternative grade) will be exported"."""
    return None if person.line.grade else message("export.not_graded")


def is_accepted(source: SourceFacts, person: PersonFacts) -> Message | None:
    """ "Only participants added through a SIS source": LiU and OrU take those added by hand, by organisation id."""
    if person.is_from_source:
        return None
    return None if source.accepts_manual_participants else message("export.added_by_hand")


def is_on_a_code(person: PersonFacts) -> Message | None:
    return None if person.has_code or person.doubt is not None else message("export.code_removed")


def is_listed(person: PersonFacts) -> Message | None:
    """Whether the participant is active in WISEflow is another question: there the list is followed only until marking. Somebody
    whom a list may have all the same is not off it: that comes first."""
    if person.is_listed or person.doubt is not None:
        return None
    if person.gone_at is None:
        return message("export.never_listed", code=person.code)
    return message("export.not_listed", code=person.code, since=f"{person.gone_at:%Y-%m-%d %H:%M}")


def is_certain(person: PersonFacts) -> Message | None:
    """Whose the identifiers are is known."""
    if person.doubt is None:
        return None
    code = "export.who_is_it" if person.is_asked else "export.in_doubt"
    return message(code, cause=person.doubt.to_json())


def is_active(person: PersonFacts) -> Message | None:
    """Somebody's own decision. Whom we have deactivated, because Ladok's list had them no more, may be on it again."""
    return message("export.deactivated_by_hand") if person.is_deactivated_by_hand else None


def can_be_identified(person: PersonFacts) -> Message | None:
    return None if person.can_be_identified else message("export.no_identifier")


def has_own_identifier(person: PersonFacts) -> Message | None:
    """Ladok could not tell the two apart: one would get the other's grade, or a grade a second time."""
    if not person.shares_identifier_with:
        return None
    return message("export.identifier_shared", other=person.shares_identifier_with)


def is_sent_nowhere_else(person: PersonFacts) -> Message | None:
    """One exam, one place. What is being sent from there is waited for, whatever anybody says; the rest is a manager's word."""
    there = person.sent_elsewhere
    if there is None or (person.may_be_sent_again and there.state != "live"):
        return None
    return told_of_elsewhere(person.line, there)


def told_of_elsewhere(line: GradeLine, there: Elsewhere) -> Message:
    """What has become of the person's grade on the other flow, or under the other account."""
    where = "as_another" if there.person else "elsewhere"
    facts: dict[str, Any] = {"person": there.person} if there.person else {"title": there.title, "flow": there.flow}
    facts["at"] = f"{there.at:%Y-%m-%d %H:%M}"
    if there.state == "live":
        return message(f"export.{where}_under_way", **facts)
    if there.state == "unknown":
        return message(f"export.{where}_unknown", **facts)
    is_same = (line.grade.casefold(), line.points) == (there.grade.casefold(), there.points)
    return message(f"export.{where}" if is_same else f"export.{where}_other_grade", grade=there.grade, **facts)


def is_known_as_sent(person: PersonFacts) -> Message | None:
    """A synchronisation may have corrected what Ladok knows the person by: what it was may be somebody else's."""
    return None if person.is_known_as_sent else message("attempt.identifier_changed")


def is_on_the_scale(flow: FlowFacts, person: PersonFacts) -> Message | None:
    """Of those whom a manager's word leaves without a grade: until there is one, the whole flow is held (`are_grades_clear`)."""
    if person.is_on_the_scale or flow.doubt is not None:
        return None
    code = "export.alternative_not_read" if person.line.is_alternative else "export.not_on_the_scale"
    return message(code, grade=person.line.grade)


def has_points_read(source: SourceFacts, person: PersonFacts) -> Message | None:
    """That there are none is told, and holds nobody; that nobody knows them does, for they would be left out in silence."""
    return message("export.points_unread") if source.sends_points and person.has_points_to_come else None


def has_paper(person: PersonFacts) -> Message | None:
    """A passing grade of somebody who handed in nothing may be another person's: a manager looks first. Not known is not nothing."""
    if not person.is_passing or person.is_paper_accepted or person.paper not in ("blank", "nothing"):
        return None
    code = "export.blank_paper" if person.paper == "blank" else "export.no_paper"
    return message(code, grade=person.line.grade)


def lacks_points(source: SourceFacts, person: PersonFacts) -> bool:
    """Whether the person's grade goes without points to a university that takes them."""
    return source.sends_points and bool(person.line.grade) and person.line.points is None


def is_no_alternative(flow: FlowFacts, person: PersonFacts, asking: Asking) -> Message | None:
    """Before marking has ended only instant export sends. "Alternative grades are currently not supported by instant export"."""
    is_held = person.line.is_alternative and goes_instantly(flow, asking)
    return message("export.alternative_waits") if is_held else None


def is_approved(flow: FlowFacts, person: PersonFacts, asking: Asking) -> Message | None:
    """ "... as soon as they have been approved by an Assessor or a Reviewer (depending on your flow settings)"."""
    is_held = not person.is_approved and goes_instantly(flow, asking)
    return message("export.waits_for_reviewer") if is_held else None


def may_replace(source: SourceFacts, person: PersonFacts, asking: Asking) -> Message | None:
    """What was to be written over a grade in Ladok stays so in a retry. Of who asks for that first, the flow is asked."""
    replaces = asking is not Asking.OVERWRITE and person.last is not None and person.last.replaces_exported
    return message("export.no_overwriting") if replaces and not source.allows_overwriting else None


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
    if person.last is not None and person.last.is_there_already:
        return message("export.there_already")
    return message("export.waits_for_retry") if state == "failed" else None


def is_not_there(person: PersonFacts, asking: Asking, is_chosen: bool) -> Message | None:
    """A retry of what Ladok says that it has cannot help, unless a manager, who has had it removed there, asks for this very
    person."""
    is_there = asking is Asking.RETRY and person.last is not None and person.last.is_there_already
    return message("export.there_already") if is_there and not is_chosen else None


def is_settled(person: PersonFacts, asking: Asking, leaves_unknown: bool, is_chosen: bool) -> Message | None:
    """From the pages, what may be in Ladok already is sent again only of the very people who were chosen: the others are looked for
    there first."""
    is_in_doubt = asking is Asking.RETRY and person.last is not None and person.last.is_in_doubt
    return message("export.person_unknown") if is_in_doubt and leaves_unknown and not is_chosen else None


def _what_changed(line: GradeLine, last: Last) -> Message:
    if not line.grade:
        return message("export.withdrawn_since", exported=last.grade)
    if line.grade != last.grade:
        return message("export.changed_since", exported=last.grade, now=line.grade)
    if line.points != last.points:
        exported, now = ("–" if each is None else f"{each.normalize():f}" for each in (last.points, line.points))
        return message("export.points_changed_since", exported=exported, now=now)
    return message("export.alternative_since", exported=last.grade)


# What must hold of a person for the grade to go with an export
OF_PERSON: tuple[Rule, ...] = (
    is_its_turn,
    is_not_there,
    is_settled,
    is_graded,
    may_replace,
    is_no_alternative,
    is_approved,
    is_accepted,
    is_on_a_code,
    is_listed,
    is_certain,
    is_active,
    can_be_identified,
    has_own_identifier,
    is_sent_nowhere_else,
    is_on_the_scale,
    has_points_read,
    has_paper,
)
# What must still hold just before the request. The grade itself, and its approval, are then compared with what WISEflow says.
OF_PERSON_AGAIN: tuple[Rule, ...] = (
    may_replace,
    is_no_alternative,
    is_active,
    is_accepted,
    is_on_a_code,
    can_be_identified,
    is_known_as_sent,
    has_own_identifier,
    is_on_the_scale,
)
# What must still hold just before the request as well, and where it does not, this person stays and the others go.
OF_ONE_PERSON_AGAIN: tuple[Rule, ...] = (is_listed, is_certain, is_sent_nowhere_else, has_paper)
# Whose grade is none for Ladok
FOR_LADOK: tuple[Rule, ...] = (is_accepted, is_on_a_code, is_listed, is_active)
# What no retry of a person can mend, as long as the world is as it is: then there is nothing to be done
LASTING: tuple[Rule, ...] = (is_ours, is_code_there, is_on_a_code, is_listed, is_active, is_graded)


def person_refusal(
    source: SourceFacts,
    flow: FlowFacts,
    person: PersonFacts,
    asking: Asking,
    *,
    is_chosen: bool = False,
    leaves_unknown: bool = False,
) -> Message | None:
    """Why the person is not sent; None where the grade goes with the export. `is_chosen`: somebody asks for this person, and not
    for all there are. `leaves_unknown`: of all, those whose outcome is unknown are not meant."""
    facts = {"source": source, "flow": flow, "person": person, "asking": asking}
    return _first_broken(OF_PERSON, **facts, is_chosen=is_chosen, leaves_unknown=leaves_unknown)


def recheck_person(source: SourceFacts, flow: FlowFacts, person: PersonFacts, asking: Asking) -> Message | None:
    """Why a person of an export that was started may not be sent any more; None where the grade goes."""
    return _first_broken(OF_PERSON_AGAIN, source=source, flow=flow, person=person, asking=asking)


def recheck_one_person(person: PersonFacts) -> Message | None:
    """Why a person of an export that was started is held while the others go; None where the grade goes."""
    return _first_broken(OF_ONE_PERSON_AGAIN, person=person)


def retry_refusal(source: SourceFacts, flow: FlowFacts, person: PersonFacts) -> Message | None:
    """Why nobody could retry this very person now; None where somebody could."""
    of_flow = _first_broken(OF_FLOW_FOR_ANYBODY, flow=flow, asking=Asking.RETRY)
    return of_flow or person_refusal(source, flow, person, Asking.RETRY, is_chosen=True)


def stays_here(source: SourceFacts, person: PersonFacts) -> bool:
    """Whether the person's grade is none for Ladok."""
    return _first_broken(FOR_LADOK, source=source, person=person) is not None


def lasting_refusal(flow: FlowFacts, person: PersonFacts) -> Message | None:
    """Why no retry of the person can come about as long as the world is as it is."""
    return _first_broken(LASTING, flow=flow, person=person)


def _same(line: GradeLine, last: Last) -> bool:
    return (line.grade, line.is_alternative, line.points) == (last.grade, last.is_alternative, last.points)
