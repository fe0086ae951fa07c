"""The changes of those who are on a flow: identifiers, individual ends, activation, and which code they came from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TypeVar, assert_never

from ladokflow.messages import message
from ladokflow.wiseflow.errors import WiseflowError
from sources.sync.apply.work import Work
from sources.sync.plan.changes import (
    AddParticipant,
    AllocateToCode,
    DeactivateParticipant,
    DeallocateFromCode,
    ReactivateParticipant,
    RemoveParticipant,
    SetDates,
    SetIndividualEnd,
    SetUniqueExamId,
    UpdateUser,
)
from sources.sync.plan.moments import is_same_moment, local

OneByOne = SetUniqueExamId | ReactivateParticipant | RemoveParticipant | DeactivateParticipant
MemberChange = OneByOne | SetIndividualEnd | UpdateUser | AllocateToCode | DeallocateFromCode
C = TypeVar("C")
Ends = dict[int, tuple[SetIndividualEnd, dt.datetime]]  # by participant id; with the end that is to be there
# Looked at, and then written, together: few enough for the look to be right before the writing.
ENDS_AT_ONCE = 20
S = TypeVar("S", ReactivateParticipant, RemoveParticipant, DeactivateParticipant)


class Updating:
    def __init__(self, work: Work) -> None:
        self.work = work

    def apply(self, changes: Sequence[MemberChange]) -> None:
        """Removals last: what is cut off before them has taken nothing away."""
        self._one_by_one(_of(changes, SetUniqueExamId))
        self._set_ends(_of(changes, SetIndividualEnd))
        self._one_by_one(self._of_this_phase(_of(changes, ReactivateParticipant)))
        self._update_users(_of(changes, UpdateUser))
        for addition in _of(changes, AllocateToCode):
            self._allocate(addition)
        for removal in _of(changes, DeallocateFromCode):
            self._deallocate(removal)
        self._one_by_one(self._of_this_phase(_of(changes, RemoveParticipant)))
        self._one_by_one(self._of_this_phase(_of(changes, DeactivateParticipant)))

    def _of_this_phase(self, changes: Sequence[S]) -> Sequence[S]:
        """Who is on a flow, and active, hangs on its phase, which somebody may have moved: then it is for the next plan to say.

        The activation itself is not looked at once more: whoever has switched it meanwhile has made it what it is to be.
        """
        if not changes or self.work.client.flow(self.work.flow_id).state == self.work.gathered.present.state:
            return changes
        for change in changes:
            self.work.not_done(change, message("sources.meanwhile.phase", change=change.message.to_json()))
        return ()

    def _one_by_one(self, changes: Sequence[OneByOne]) -> None:
        on_flow = [change for change in changes if change.key in self.work.result.ids]
        for change, _, error in self.work.each(on_flow, self._change_one):
            if error is None:
                self.work.done(change)
            else:
                self.work.refused(change, error)

    def _change_one(self, change: OneByOne) -> None:
        client, flow_id, participant_id = self.work.client, self.work.flow_id, self.work.result.ids[change.key]
        match change:
            case SetUniqueExamId():
                client.set_unique_exam_id(flow_id, participant_id, change.unique_exam_id)
            case ReactivateParticipant():
                client.set_activated(flow_id, participant_id, True)
            case DeactivateParticipant():
                client.set_activated(flow_id, participant_id, False)
            case RemoveParticipant():
                client.remove_participant(flow_id, participant_id)
            case _:
                assert_never(change)

    def _set_ends(self, changes: Sequence[SetIndividualEnd]) -> None:
        if self.work.result.has_refused_dates:
            # They are of an exam that WISEflow has not moved: an end on its new day would give somebody days more.
            self.work.result.refused |= {(SetIndividualEnd, change.key) for change in changes}
            return
        general = self._general_end()
        rows: Ends = {}
        for change in changes:
            participant_id = self.work.result.ids.get(change.key)
            end_at = change.end_at or general
            if participant_id is not None and end_at is not None:
                rows[participant_id] = (change, end_at)
        for start in range(0, len(rows), ENDS_AT_ONCE):
            some = dict(list(rows.items())[start : start + ENDS_AT_ONCE])
            if ours := self._still_ours(some, general):
                self._patch_ends(ours)

    def _still_ours(self, rows: Ends, general: dt.datetime | None) -> Ends:
        """Without those whose end somebody has set in WISEflow: it is neither the flow's, nor the one that we wrote last, nor what
        it is to be. Newcomers have just come in, and WISEflow is asked for the others one by one."""
        newcomers = {change.key for change in self.work.plan.changes if isinstance(change, AddParticipant)}
        ours: Ends = {key: row for key, row in rows.items() if row[0].key in newcomers}
        read = partial(self.work.client.participant_dates, self.work.flow_id)
        for participant_id, dates, error in self.work.each([key for key in rows if key not in ours], read):
            change, end_at = rows[participant_id]
            if error is not None:
                self.work.refused(change, error)
            elif self._is_known(dates.participation_end_at, participant_id, change, general):
                ours[participant_id] = rows[participant_id]
            else:
                tz = self.work.gathered.memory.tz
                now, wanted = local(dates.participation_end_at, tz), local(end_at, tz)
                entry = self.work.entries[change.key]
                self.work.not_done(change, self.work.told("sources.meanwhile.own_end", entry, now=now, wanted=wanted))
        return ours

    def _is_known(
        self, now: dt.datetime | None, participant_id: int, change: SetIndividualEnd, general: dt.datetime | None
    ) -> bool:
        gathered, entry = self.work.gathered, self.work.entries[change.key]
        flows = (gathered.present.dates.participation_end_at, general)
        written = entry.known.individual_end_at if entry.known is not None else None
        begun = gathered.memory.pending.get("ends", {}).get(str(participant_id))  # by a run that was cut off
        known = (*flows, written, begun, change.end_at)
        return now is None or any(moment is not None and is_same_moment(now, moment) for moment in known)

    def _patch_ends(self, rows: Ends) -> None:
        self.work.lease.keep()
        ends = [(participant_id, None, end_at) for participant_id, (_, end_at) in rows.items()]
        try:
            errors = self.work.client.patch_participant_dates(self.work.flow_id, ends)
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            for change, _ in rows.values():
                self.work.refused(change, error)
            return
        wrong = {row.participant_id: row.error for row in errors}
        for participant_id, (change, _) in rows.items():
            if participant_id in wrong:
                self.work.refused(change, detail=wrong[participant_id])
            else:
                self.work.done(change)

    def _general_end(self) -> dt.datetime | None:
        by_hand = self.work.result.by_hand.get("participation_end_at")
        if by_hand is not None:
            return dt.datetime.fromisoformat(by_hand)
        for change in self.work.plan.changes:
            if isinstance(change, SetDates):
                return change.participation_end_at
        return self.work.gathered.present.dates.participation_end_at

    def _update_users(self, changes: Sequence[UpdateUser]) -> None:
        by_key = {change.key: change for change in changes}
        for entry, user_id, error in self.work.each([self.work.entries[key] for key in by_key], self.work.save_user):
            change = by_key[entry.key]
            if error is None and change.user_id not in (None, user_id):
                self.work.not_done(change, self.work.told("sources.other_user", entry))
            elif error is None:
                self.work.done(change)
            else:
                self.work.refused(change, error)

    def _allocate(self, change: AllocateToCode) -> None:
        source_id = self._external_source_id(change.code)
        participants = self.work.ids_of(change.keys)
        if source_id is not None and participants:
            allocate = partial(self.work.client.allocate_to_source, self.work.flow_id, source_id, participants)
            self.work.attempt(change, allocate)

    def _deallocate(self, change: DeallocateFromCode) -> None:
        source_id = self._external_source_id(change.code)
        if source_id is not None:
            for participant_id in self.work.ids_of(change.keys):
                self.work.lease.keep()
                self.work.client.deallocate_from_source(self.work.flow_id, source_id, participant_id)
        self.work.done(change)

    def _external_source_id(self, code: str) -> int | None:
        return next(row.external_source_id for row in self.work.gathered.codes if row.code == code)


def _of(changes: Iterable[object], kind: type[C]) -> list[C]:
    return [change for change in changes if isinstance(change, kind)]
