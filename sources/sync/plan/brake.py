"""The brake: when those who are missing on Ladok's lists are not taken at its word, and a manager is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladokflow.ladok.base import Exam
from ladokflow.messages import Message, message
from sources.sync.plan.registrations import distrust
from sources.sync.plan.values import ACTIVATED, PARTICIPATION, Entry, Memory

WRITING = (ACTIVATED, PARTICIPATION)


def held_codes(
    exams: Sequence[Exam], memory: Memory, entries: Sequence[Entry], goers: Sequence[Entry], *, state: int
) -> Mapping[str, Message]:
    """The codes of which nobody may go before a manager has confirmed it, and why. `goers` are those who would be removed or
    deactivated.

    An empty list where there were people, or a fall of more than half; a list that cannot be whole; and while students write,
    more than the source lets go at once. Where one list is not believed, whoever is missing on another of the flow's may have moved
    to it. Those whose code a manager has taken off the flow do not count: who would go was shown before it was done.
    """
    held: dict[str, Message] = {}
    for exam in exams:
        reason = _why_held(exam, memory, entries, goers)
        if reason is not None:
            held[exam.code] = reason
    if held:
        return held | _all(exams, held, next(iter(held.values())))
    free = [entry for entry in goers if not _is_asked_for(entry)]
    people = sum(
        entry.known is not None and entry.known.is_from_source and entry.known.is_active
        for entry in entries
        if not _is_asked_for(entry)
    )
    counts = {"count": len(free), "people": people}
    if len(free) * 2 > people:
        return _all(exams, held, message("sources.brake_gone", **counts))
    if state in WRITING and len(free) > max(memory.brake_people, people * memory.brake_percent / 100):
        return _all(exams, held, message("sources.brake_writing", **counts))
    return held


def is_held(entry: Entry, held: Mapping[str, Message]) -> bool:
    known = entry.known
    return known is not None and not (known.codes | known.codes_again).isdisjoint(held)


def _why_held(exam: Exam, memory: Memory, entries: Sequence[Entry], goers: Sequence[Entry]) -> Message | None:
    before, now = memory.person_counts.get(exam.code) or 0, len(exam.people)
    if before and not now:
        return message("sources.brake_empty", code=exam.code, before=before)
    if now * 2 < before:
        return message("sources.brake_half", code=exam.code, before=before, now=now)
    doubts = sum(entry.doubt is not None and exam.code in entry.codes for entry in entries)
    movers = (entry for entry in entries if entry.person is not None and entry.doubt is None)
    has_moved = any(
        _was_on(entry, exam.code) and exam.code not in entry.codes and not entry.is_said_gone for entry in movers
    )
    is_missed = any(not _is_asked_for(entry) for entry in goers)
    return distrust(exam, doubts=doubts) if has_moved or is_missed else None


def _was_on(entry: Entry, code: str) -> bool:
    return entry.known is not None and code in entry.known.codes | entry.known.codes_again


def _is_asked_for(entry: Entry) -> bool:
    """By a manager: the code was taken off the flow, or somebody else has the person's identifiers now."""
    is_of_removed_code = entry.known is not None and entry.known.is_of_removed_code
    return entry.person is None and (is_of_removed_code or entry.is_said_gone)


def _all(exams: Sequence[Exam], held: Mapping[str, Message], reason: Message) -> dict[str, Message]:
    return {exam.code: reason for exam in exams if exam.code not in held}
