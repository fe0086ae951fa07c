"""Newcomers on their way onto a flow: their users in WISEflow are saved, and they are added in bulk.

WISEflow has no way to look a user up by e-mail address, only to add one by it (`POST /flows/{flowId}/participants`, on
licences where an address belongs to one user). So those whom no identifier tells are added by address first, and who came is
looked at: one with other identifiers is somebody else, and is taken off again before anything is written to their user.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from ladokflow.ladok.base import Person
from ladokflow.messages import Message, message
from ladokflow.wiseflow.connection import chunks
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import AddResult, FlowParticipant, NewParticipant
from sources.sync.apply.work import CHUNK, Work
from sources.sync.identifiers import contradicts
from sources.sync.plan.changes import AddParticipant, UpdateUser
from sources.sync.plan.values import SETUP, Entry


class Admitting:
    def __init__(self, work: Work) -> None:
        self.work = work

    def apply(self, changes: Sequence[AddParticipant]) -> None:
        user_ids = {change.key: change.user_id for change in changes if change.user_id is not None}
        for part in chunks([change for change in changes if change.by_email]):
            user_ids |= self._match_by_email(part)
        waiting: list[AddParticipant] = []
        # Closed at once where putting them on the flow fails: no more users are saved then.
        with closing(self._with_users(changes, user_ids)) as admitted:
            for change in admitted:
                waiting.append(change)
                if len(waiting) == CHUNK:
                    self._put_on_flow(waiting, user_ids)
                    waiting = []
        self._put_on_flow(waiting, user_ids)
        self._find_missing_ids(changes)

    def _with_users(
        self, changes: Sequence[AddParticipant], user_ids: dict[str, int]
    ) -> Generator[AddParticipant, None, None]:
        """Those who can be put on the flow, as soon as it is clear with whose user, while those of the others are still saved.

        Fills in whose user is which, and takes out of it who cannot be added with theirs.
        """
        by_key = {change.key: change for change in changes}
        refused = {key for kind, key in self.work.result.refused if kind is AddParticipant}
        to_save = [self.work.entries[key] for key, change in by_key.items() if change.saves_user and key not in refused]
        owners = {user_id: key for key, user_id in user_ids.items()} | self._owners()
        yield from (change for key, change in by_key.items() if key in user_ids and not change.saves_user)
        for entry, user_id, error in self.work.each(to_save, self.work.save_user):
            change = by_key[entry.key]
            if error is not None or user_id != user_ids.get(entry.key, user_id):
                if entry.key not in user_ids:
                    self.work.refused(change, error)
                    continue
                self._not_updated(entry, error)
            elif owners.setdefault(user_id, entry.key) != entry.key:
                # Adding this one would put the other's user on the flow a second time, and their work would be mixed.
                other = self.work.entries[owners[user_id]]
                self.work.not_done(change, self.work.told("sources.same_user", entry, other=other))
                continue
            else:
                user_ids[entry.key] = user_id
            yield change

    def _put_on_flow(self, changes: Sequence[AddParticipant], user_ids: Mapping[str, int]) -> None:
        self.work.result.user_ids.update({change.key: user_ids[change.key] for change in changes})
        self.work.lease.keep()
        rows = [
            NewParticipant(
                user_id=user_ids[change.key],
                unique_exam_id=getattr(self.work.entries[change.key].person, "unique_exam_id", ""),
            )
            for change in changes
        ]
        results = self.work.client.add_participants(self.work.flow_id, rows) if rows else []
        for change, result in zip(changes, results, strict=True):
            if result.participant_id is not None:
                self.work.result.ids[change.key] = result.participant_id
            if result.is_on_flow:
                self.work.done(change)
            else:
                self.work.refused(change, detail=result.error or "")

    def _match_by_email(self, changes: Sequence[AddParticipant]) -> dict[str, int]:
        """Key -> user id of those whom WISEflow knows by their e-mail address; they are on the flow then."""
        if not changes:
            return {}
        entries = [self.work.entries[change.key] for change in changes]
        rows = [NewParticipant(email=entry.person.email.strip()) for entry in entries if entry.person is not None]
        results = zip(changes, entries, self._add_by_email(rows), strict=True)
        on_flow = [(change, entry, result) for change, entry, result in results if result.participant_id is not None]
        if not on_flow:
            return {}
        participants = {row.id: row for row in self.work.client.participants(self.work.flow_id)}
        owners = {entry.present.id: entry for entry in self.work.entries.values() if entry.present is not None}
        user_ids = {}
        for change, entry, result in on_flow:
            participant = participants.get(result.participant_id or 0)
            if participant is None or participant.user_id is None or entry.person is None:
                continue
            owner = owners.get(participant.id)
            reason = self._why_not_theirs(entry, entry.person, participant, owner, result)
            if reason is not None:
                self.work.not_done(change, reason)
            else:
                user_ids[entry.key] = participant.user_id
                self._adopt(entry, participant, owner)
        return user_ids

    def _why_not_theirs(
        self, entry: Entry, person: Person, participant: FlowParticipant, owner: Entry | None, result: AddResult
    ) -> Message | None:
        """Why the participant who came by the person's address is not the person; they are taken off again. None if they are."""
        if owner is not None and owner.person is not None:
            return self.work.told("sources.same_user", entry, other=owner)
        if contradicts(person, participant, self.work.gathered.memory.data_types):
            is_off = result.error is not None or self._take_off(participant.id)
            return self.work.told("sources.email_of_other" if is_off else "sources.email_of_other_stays", entry)
        return None

    def _add_by_email(self, rows: Sequence[NewParticipant]) -> list[AddResult]:
        """All at once; one by one where WISEflow refuses the whole, for one address that it does not like must not stop all."""
        try:
            return self.work.client.add_participants(self.work.flow_id, rows)
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            if len(rows) == 1:
                return [AddResult(error=error.message.what)]
        return [result for row in rows for result in self._add_by_email([row])]

    def _take_off(self, participant_id: int) -> bool:
        """Whether WISEflow took somebody off whom it had put on at our word. On an active flow they are deactivated."""
        client, flow_id = self.work.client, self.work.flow_id
        steps: list[Callable[[], Any]] = [partial(client.set_activated, flow_id, participant_id, False)]
        if self.work.gathered.present.state == SETUP:
            steps.insert(0, partial(client.remove_participant, flow_id, participant_id))
        for step in steps:
            try:
                step()
            except WiseflowError as error:
                if not error.is_about_one:
                    raise
            else:
                return True
        return False

    def _adopt(self, entry: Entry, participant: FlowParticipant, owner: Entry | None) -> None:
        """The participant is this person, also where somebody had added them by hand."""
        if owner is not None:
            entry.known, entry.present = owner.known, owner.present
            owner.known = owner.present = None
            self.work.result.ids.pop(owner.key, None)
        entry.present = participant
        self.work.result.ids[entry.key] = participant.id
        exam_id = entry.person.unique_exam_id if entry.person is not None else ""
        if exam_id and exam_id != participant.unique_exam_id:
            try:
                self.work.client.set_unique_exam_id(self.work.flow_id, participant.id, exam_id)
            except WiseflowError as error:
                if not error.is_about_one:
                    raise
                text = str(self.work.told("sources.change.unique_exam_id", entry, value=exam_id))
                self.work.result.problems.append(
                    message("sources.change_refused", change=text, detail=error.message.what)
                )

    def _not_updated(self, entry: Entry, error: WiseflowError | None) -> None:
        """The newcomer's user is as it was: the newcomer comes in, and the update stays to be done."""
        if error is None:
            reason = self.work.told("sources.other_user", entry)
        else:
            text = str(self.work.told("sources.change.person", entry))
            reason = message("sources.change_refused", change=text, detail=error.message.what)
        self.work.result.problems.append(reason)
        self.work.result.refused.add((UpdateUser, entry.key))

    def _owners(self) -> dict[int, str]:
        """Whose user is whose, by user id: the keys of those on the flow, and of those who were added before."""
        owners = {user_id: key for key, user_id in self.work.result.user_ids.items()}
        present = [entry for entry in self.work.entries.values() if entry.present is not None]
        return owners | {
            entry.present.user_id: entry.key for entry in present if entry.present and entry.present.user_id
        }

    def _find_missing_ids(self, changes: Sequence[AddParticipant]) -> None:
        """WISEflow may say that somebody is on the flow without saying as which participant."""
        result = self.work.result
        added = [change.key for change in changes if (AddParticipant, change.key) not in result.refused]
        missing = [key for key in added if key not in result.ids]
        if not missing:
            return
        by_user = {row.user_id: row.id for row in self.work.client.participants(self.work.flow_id)}
        for key in missing:
            participant_id = by_user.get(result.user_ids.get(key))
            if participant_id is not None:
                result.ids[key] = participant_id
