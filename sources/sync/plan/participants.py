"""The participants' part of the plan: who is added, changed, removed or deactivated, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladokflow import identifiers
from ladokflow.ladok.base import PERSON_FIELDS, Person
from ladokflow.messages import Message, message
from ladokflow.texts import is_same_text
from ladokflow.wiseflow.schemas import FlowParticipant, User
from ladokflow.wiseflow.words import FlowType, is_type
from sources.sync.identifiers import IDENTIFIERS, normal
from sources.sync.plan.brake import WRITING, is_held
from sources.sync.plan.changes import (
    AddParticipant,
    AllocateToCode,
    Change,
    DeactivateParticipant,
    DeallocateFromCode,
    Departure,
    ReactivateParticipant,
    RemoveParticipant,
    SetIndividualEnd,
    SetUniqueExamId,
    UpdateUser,
)
from sources.sync.plan.moments import is_same_moment
from sources.sync.plan.namesakes import namesakes
from sources.sync.plan.pairing import Likeness
from sources.sync.plan.registrations import doubt_between
from sources.sync.plan.times import Times, own_end
from sources.sync.plan.values import MARKING, PARTICIPATION, SETUP, Entry, Known, Match, Memory

USER_FIELDS = tuple(row.name for row in PERSON_FIELDS if row.is_of_user)


@dataclass
class Enrolment:
    """What comes of looking at the participants."""

    changes: list[Change] = field(default_factory=list)
    held: list[Departure] = field(default_factory=list)  # those who would go, but for the brake
    held_codes: Mapping[str, Message] = field(default_factory=dict)
    problems: list[Message] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("added", "updated", "removed", "deactivated", "unchanged"), 0)
    )


def is_open_for_people(state: int, flow_type: str, *, is_remarking: bool) -> bool:
    """Participants follow Ladok until participation has ended; those of a FLOWoral until it starts, and those of a
    re-marking flow until marking ends."""
    if is_remarking:
        return state <= MARKING
    return state < PARTICIPATION if is_type(flow_type, FlowType.ORAL) else state <= PARTICIPATION


def plan_people(
    entries: Sequence[Entry],
    *,
    state: int,
    memory: Memory,
    users: Mapping[str, Match],
    times: Times,
    hold: Callable[[Sequence[Entry]], Mapping[str, Message]],
) -> Enrolment:
    """Fills in what each entry will be, too: `is_active`, `is_activation_manual`, `is_kept`.

    `hold` is asked once with all who would go, and gives the codes of which nobody may: see `sources/sync/plan/brake.py`.
    """
    enrolment = Enrolment()
    pending = memory.pending
    leaving: list[Entry] = []
    for entry in entries:
        read_activation(entry, pending)
        if entry.doubt is not None:
            _plan_nothing(enrolment, entry, entry.doubt)
            continue
        entry.end_at, contradiction = own_end(entry, memory, times)
        enrolment.problems += [contradiction] if contradiction is not None else []
        if entry.person is not None:
            if entry.present is None:
                _plan_newcomer(enrolment, entry, entry.person, users.get(entry.key, Match()))
            else:
                _plan_member(enrolment, entry, entry.person, entry.present, memory, users.get(entry.key))
        elif entry.known is not None and entry.known.is_from_source:
            leaving.append(entry)
        elif entry.present is None:
            # Added by hand in WISEflow once, and taken away there since.
            entry.is_kept = False
    leaving = _without_namesakes(enrolment, entries, leaving, state)
    enrolment.held_codes = hold([entry for entry in leaving if _would_go(entry, state)])
    goers: list[Departure] = []
    for entry in leaving:
        if is_held(entry, enrolment.held_codes) and _would_go(entry, state):
            enrolment.held.append(_departure(entry, state))
        else:
            _plan_goer(enrolment, goers, entry, state)
    _plan_allocations(enrolment, [entry for entry in entries if entry.doubt is None], memory)
    enrolment.changes += goers
    return enrolment


def _without_namesakes(
    enrolment: Enrolment, entries: Sequence[Entry], leaving: Sequence[Entry], state: int
) -> list[Entry]:
    """Those who leave; while students write, not somebody whose name is on the list under other numbers: it may be hers."""
    if state not in WRITING:
        return list(leaving)
    missing = {
        number: entry.known
        for number, entry in enumerate(leaving)
        if entry.known is not None and _would_go(entry, state) and not entry.is_said_gone
    }
    there = {number: entry.person for number, entry in enumerate(entries) if entry.person is not None}

    def came_after(gone: int, other: int) -> bool:
        """Two who were on the list together are two."""
        known, left_at = entries[other].known, missing[gone].gone_at
        since = known.listed_since if known is not None else None
        return known is None or (since is not None and left_at is not None and since >= left_at)

    alike = namesakes(missing, there, came_after)
    for number, other in alike.items():
        known, person = missing[number], there[other]
        _plan_nothing(enrolment, leaving[number], doubt_between(person, known.name, known.organisation_id, Likeness()))
    return [entry for number, entry in enumerate(leaving) if number not in alike]


def _plan_nothing(enrolment: Enrolment, entry: Entry, doubt: Message) -> None:
    """It cannot be told who this is: they stay as they are, in WISEflow and here."""
    if doubt not in enrolment.problems:
        enrolment.problems.append(doubt)
    entry.room = ""
    entry.is_kept = entry.known is not None or entry.present is not None
    enrolment.counts["unchanged"] += entry.person is not None


def read_activation(entry: Entry, pending: Mapping[str, Any]) -> None:
    """Who activated or deactivated this participant last: we, or somebody by hand.

    What somebody has set by hand is left alone until it is what Ladok says again: active for those who are registered there,
    inactive for those who are not.
    """
    if entry.present is None:
        return
    is_activated = entry.present.activated
    entry.is_active = is_activated
    known = entry.known
    if known is None or known.wiseflow_id is None or not known.is_from_source:
        entry.is_activation_manual = not is_activated  # we have never deactivated them
        return
    was_cut_off = entry.present.id in pending.get("activated" if is_activated else "deactivated", ())
    is_by_hand = known.is_activation_manual or (known.is_active != is_activated and not was_cut_off)
    entry.is_activation_manual = is_by_hand and is_activated != (entry.person is not None)


def _who(entry: Entry) -> dict[str, str]:
    return {"name": entry.name, "organisation_id": entry.organisation_id}


def _plan_newcomer(enrolment: Enrolment, entry: Entry, person: Person, match: Match) -> None:
    if match.doubt is not None:
        entry.doubt = match.doubt
        _plan_nothing(enrolment, entry, match.doubt)
        return
    if match.is_ambiguous:
        enrolment.problems.append(message("sources.person_ambiguous", **_who(entry)))
        entry.is_kept = entry.known is not None
        return
    code = "sources.change.added_by_email" if match.by_email else "sources.change.added_with_user"
    code = "sources.change.added" if match.user is not None else code
    entry.user = match.user
    enrolment.changes.append(
        AddParticipant(
            entry_key=entry.key,
            user_id=match.user.id if match.user is not None else None,
            by_email=match.by_email,
            saves_user=match.user is None or _differs(person, match.user),
            message=message(code, codes=", ".join(entry.codes), **_who(entry)),
        )
    )
    if entry.end_at is not None:
        enrolment.changes.append(_end_change(entry))
    entry.is_active, entry.is_activation_manual = True, False
    enrolment.counts["added"] += 1


def _differs(person: Person, user: User) -> bool:
    """Whether WISEflow's user lacks something Ladok has: names overwrite, e-mails and numbers are added."""
    values = {normal(kind, entry.value) for kind in IDENTIFIERS for entry in user.data}
    return (
        not _has_same_name(person, user)
        or (bool(person.email) and identifiers.normal(person.email) not in map(identifiers.normal, user.emails))
        or any((value := getattr(person, kind)) and normal(kind, value) not in values for kind in IDENTIFIERS)
    )


def _end_change(entry: Entry) -> SetIndividualEnd:
    text = (
        message("sources.change.end_cleared", **_who(entry))
        if entry.end_at is None
        else message("sources.change.end", end=f"{entry.end_at:%Y-%m-%d %H:%M}", **_who(entry))
    )
    return SetIndividualEnd(entry_key=entry.key, end_at=entry.end_at, message=text)


def _plan_member(
    enrolment: Enrolment,
    entry: Entry,
    person: Person,
    present: FlowParticipant,
    memory: Memory,
    match: Match | None,
) -> None:
    known = entry.known
    if match is not None and _is_of_another(match, present, is_said_same=entry.is_said_same):
        # Saving the user would change somebody else's.
        entry.doubt = match.doubt or message("sources.member_ambiguous", **_who(entry))
        _plan_nothing(enrolment, entry, entry.doubt)
        return
    before = len(enrolment.changes)
    is_left_to_do = present.id in memory.followed.get("not_updated", ())
    if known is None or is_left_to_do or any(_changed(person, known, name) for name in USER_FIELDS):
        # Without a row we cannot tell what was sent last. That is so after a crash, and for people added by hand.
        text = message("sources.change.person", **_who(entry))
        if known is not None or _is_new_to_wiseflow(person, present):
            enrolment.changes.append(UpdateUser(entry_key=entry.key, user_id=present.user_id, message=text))
    if person.unique_exam_id and not is_same_text(person.unique_exam_id, present.unique_exam_id):
        text = message("sources.change.unique_exam_id", value=person.unique_exam_id, **_who(entry))
        enrolment.changes.append(
            SetUniqueExamId(entry_key=entry.key, unique_exam_id=person.unique_exam_id, message=text)
        )
    if not is_same_moment(entry.end_at, known.individual_end_at if known is not None else None):
        enrolment.changes.append(_end_change(entry))
    if not entry.is_active and not entry.is_activation_manual:
        text = message("sources.change.reactivated", **_who(entry))
        enrolment.changes.append(ReactivateParticipant(entry_key=entry.key, message=text))
        entry.is_active = True
    enrolment.counts["updated" if len(enrolment.changes) > before else "unchanged"] += 1


def _is_of_another(match: Match, present: FlowParticipant, *, is_said_same: bool) -> bool:
    if is_said_same and match.contradicted is not None and match.contradicted.id == present.user_id:
        return False  # it is the person's own account, which has the former identifiers
    is_others = match.user is not None and present.user_id is not None and match.user.id != present.user_id
    return match.is_ambiguous or match.doubt is not None or is_others


def _changed(person: Person, known: Known, name: str) -> bool:
    """What Ladok has nothing of is not taken away in WISEflow."""
    says = getattr(person, name)
    return bool(says) and says != getattr(known, name)


def _is_new_to_wiseflow(person: Person, present: FlowParticipant) -> bool:
    return not _has_same_name(person, present)


def _has_same_name(person: Person, user: User | FlowParticipant) -> bool:
    """Where Ladok has no name, as of people whose identity is protected, WISEflow's is left as it is."""
    names = ((person.first_name, user.first_name), (person.last_name, user.last_name))
    return all(is_same_text(ours, theirs) for ours, theirs in names if ours)


def _would_go(entry: Entry, state: int) -> bool:
    if entry.present is None:
        return False
    return state == SETUP or (entry.is_active and not entry.is_activation_manual)


def _departure(entry: Entry, state: int) -> Departure:
    """In setup the participant is removed, later deactivated: never deleted."""
    by_code = "_with_code" if entry.known is not None and entry.known.is_of_removed_code else ""
    if state == SETUP:
        return RemoveParticipant(
            entry_key=entry.key, message=message(f"sources.change.removed{by_code}", **_who(entry))
        )
    return DeactivateParticipant(
        entry_key=entry.key, message=message(f"sources.change.deactivated{by_code}", **_who(entry))
    )


def _plan_goer(enrolment: Enrolment, goers: list[Departure], entry: Entry, state: int) -> None:
    """Gone from Ladok."""
    if entry.present is None:
        entry.is_kept, entry.is_active = state > SETUP, False
    elif _would_go(entry, state):
        goers.append(_departure(entry, state))
        entry.is_kept, entry.is_active = state > SETUP, state == SETUP and entry.is_active
        enrolment.counts["removed" if state == SETUP else "deactivated"] += 1


def _plan_allocations(enrolment: Enrolment, entries: Sequence[Entry], memory: Memory) -> None:
    """WISEflow is told which participants came from which code. It can only be asked for one person at a time, so what
    we told it last stands in our rows."""
    added = {change.key for change in enrolment.changes if isinstance(change, AddParticipant)}
    for code in sorted(memory.external_sources):
        keys = [
            entry.key
            for entry in entries
            if code in entry.codes
            and (entry.key in added or (entry.present is not None and not _was_told(entry, code)))
        ]
        if keys:
            text = message("sources.change.allocated", count=len(keys), code=code)
            enrolment.changes.append(AllocateToCode(code=code, keys=tuple(keys), message=text))
        gone = [
            entry.key
            for entry in entries
            if entry.person is not None
            and code not in entry.codes
            and code not in enrolment.held_codes
            and entry.present is not None
            and _was_told(entry, code)
        ]
        if gone:
            text = message("sources.change.deallocated", count=len(gone), code=code)
            enrolment.changes.append(DeallocateFromCode(code=code, keys=tuple(gone), message=text))


def _was_told(entry: Entry, code: str) -> bool:
    known, present = entry.known, entry.present
    return known is not None and present is not None and known.wiseflow_id == present.id and code in known.codes
