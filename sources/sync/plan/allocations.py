"""Who assesses whom: the part of the plan that gives participants to the assessors whom we put on the flow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ladokflow.identifiers import normal
from ladokflow.messages import Message, message
from sources.sync.plan.changes import AddStaff, AllocateAssessor, StaffChange
from sources.sync.plan.values import PARTICIPATION, Entry, Memory, Present, Wanted, WantedStaff

ALL, ROUND_ROBIN, LIST = "all", "round_robin", "list"
MOST_NAMED = 10  # people that one message names


def round_robin(participants: Iterable[str], loads: Mapping[str, int]) -> dict[str, list[str]]:
    """Deals the participants out, each to the assessor who has fewest; of those, to the one who stands first.

    `loads` is assessor to how many they have already. Afterwards no two assessors who had the same differ by more than one.
    """
    dealt: dict[str, list[str]] = {assessor: [] for assessor in loads}
    if not dealt:
        return {}
    for participant in participants:
        fewest = min(dealt, key=lambda assessor: loads[assessor] + len(dealt[assessor]))
        dealt[fewest].append(participant)
    return {assessor: given for assessor, given in dealt.items() if given}


def plan_allocations(
    wanted: Wanted, present: Present, memory: Memory, entries: Sequence[Entry], staff: Sequence[StaffChange]
) -> list[AllocateAssessor]:
    """The changes. `staff` are those of the same plan: an assessor who is added by it gets participants, too.

    What has been given once is not given again, so that what somebody takes away or moves in WISEflow stays so. In a
    round robin a participant who has an assessor is left with that one; a list says it for each participant.
    """
    if wanted.allocation not in (ALL, ROUND_ROBIN, LIST) or present.state > PARTICIPATION:
        return []
    assessors = _assessors(wanted, present, staff)
    given = {normal(key): frozenset(ids) for key, ids in memory.followed.get("allocations", {}).items()}
    people = _people(entries)
    if wanted.allocation == LIST:
        shares = _listed(wanted, present, people, assessors, given)
    elif wanted.allocation == ALL:
        shares = {
            key: [entry.key for entry in people if entry.participant_id not in given.get(key, ())] for key in assessors
        }
    else:
        before = frozenset().union(*given.values())
        free = [entry.key for entry in people if not _has_assessor(entry) and entry.participant_id not in before]
        shares = round_robin(sorted(free), _loads(assessors, present))
    return [
        AllocateAssessor(
            staff=assessors[key],
            keys=tuple(keys),
            message=message("sources.change.assessor_allocated", name=assessors[key].name, count=len(keys)),
        )
        for key, keys in shares.items()
        if keys
    ]


def _people(entries: Iterable[Entry]) -> list[Entry]:
    """Those who come from Ladok and take part."""
    return [entry for entry in entries if entry.person is not None and entry.is_active and entry.is_kept]


def _listed(
    wanted: Wanted,
    present: Present,
    people: Iterable[Entry],
    assessors: Mapping[str, WantedStaff],
    given: Mapping[str, frozenset[int]],
) -> dict[str, list[str]]:
    """The list's pairs that are not so yet: assessor to the keys of participants. A list covers who is there."""
    entries = {normal(entry.organisation_id): entry for entry in people}
    rows = _row_ids(assessors, present)
    shares: dict[str, list[str]] = {key: [] for key in assessors}
    for participant, assessor in wanted.allocation_list:
        entry, key = entries.get(normal(participant)), normal(assessor)
        if entry is None or key not in shares or entry.participant_id in given.get(key, ()):
            continue
        if entry.present is None or rows[key] not in entry.present.assessor_ids:
            shares[key].append(entry.key)
    return shares


def tell_of_list(
    wanted: Wanted, present: Present, entries: Sequence[Entry], staff: Sequence[StaffChange]
) -> list[Message]:
    """Whom the list forgets, whom it names though they are not on the flow, and which of its assessors are not there."""
    if wanted.allocation != LIST or present.state > PARTICIPATION:
        return []
    people = _people(entries)
    listed = {normal(participant) for participant, _ in wanted.allocation_list}
    here = {normal(entry.organisation_id) for entry in people}
    forgotten = [
        entry.organisation_id
        for entry in people
        if normal(entry.organisation_id) not in listed and not _has_assessor(entry)
    ]
    absent = [participant for participant, _ in wanted.allocation_list if normal(participant) not in here]
    assessors = _assessors(wanted, present, staff)
    missing = [assessor for _, assessor in wanted.allocation_list if normal(assessor) not in assessors]
    named = {
        "sources.listed_assessor_missing": missing,
        "sources.not_on_the_list": forgotten,
        "sources.listed_not_on_the_flow": absent,
    }
    return [
        message(code, count=len(set(names)), people=_some(sorted(set(names)))) for code, names in named.items() if names
    ]


def _some(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" … (+{rest})" if rest > 0 else "")


def _has_assessor(entry: Entry) -> bool:
    return entry.present is not None and bool(entry.present.assessor_ids)


def _loads(assessors: Mapping[str, WantedStaff], present: Present) -> dict[str, int]:
    """How many participants each has in WISEflow now."""
    return {
        key: sum(row_id is not None and row_id in person.assessor_ids for person in present.participants)
        for key, row_id in _row_ids(assessors, present).items()
    }


def _row_ids(assessors: Mapping[str, WantedStaff], present: Present) -> dict[str, int | None]:
    """Each one's number as an assessor of the flow in WISEflow; None for who is not there yet."""
    rows = {row.user_id: row.id for row in present.staff.get("assessor", ())}
    return {
        key: rows.get(assessor.user_id) if assessor.user_id is not None else None for key, assessor in assessors.items()
    }


def _assessors(wanted: Wanted, present: Present, staff: Sequence[StaffChange]) -> dict[str, WantedStaff]:
    """Those we asked for who are on the flow, or will be; not somebody who has been taken away by hand."""
    present_ids = {assessor.user_id for assessor in present.staff.get("assessor", ())}
    added = [change.staff for change in staff if isinstance(change, AddStaff)]
    return {
        assessor.key: assessor
        for assessor in wanted.staff
        if assessor.role == "assessor"
        and (assessor in added or (assessor.user_id is not None and assessor.user_id in present_ids))
    }
