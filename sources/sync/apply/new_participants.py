"""Newcomers on their way onto a flow: their users in WISEflow are saved, and they are added in bulk.

WISEflow has no way to look a user up by e-mail address, only to add one by it (`POST /flows/{flowId}/participants`, on
licences where an address belongs to one user). So those whom no identifier tells are added by address first, and who came is
looked at: one with other identifiers is somebody else, and is taken off again before anything is written to their user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ladokflow.messages import message
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import AddResult, FlowParticipant, NewParticipant
from sources.sync.apply.work import CHUNK, Work
from sources.sync.gather import is_about_one_row
from sources.sync.plan.identity import contradicts
from sources.sync.plan.values import SETUP, Change, Entry


class Admitting:
    def __init__(self, work: Work) -> None:
        self.work = work

    def apply(self, changes: Sequence[Change]) -> None:
        for start in range(0, len(changes), CHUNK):
            self._add(changes[start : start + CHUNK])
        self._find_missing_ids(changes)

    def _add(self, changes: Sequence[Change]) -> None:
        by_key = {change.data["key"]: change for change in changes}
        user_ids = {key: change.data["user_id"] for key, change in by_key.items() if change.data["user_id"] is not None}
        user_ids |= self._match_by_email([change for change in changes if change.data["by_email"]])
        refused = {key for kind, key in self.work.result.refused if kind == "people.add"}
        to_save = [
            self.work.entries[key] for key, change in by_key.items() if change.data["save"] and key not in refused
        ]
        owners = {user_id: key for key, user_id in user_ids.items()} | self._owners()
        for entry, user_id, error in self.work.each(to_save, self.work.save_user):
            if entry.key in user_ids and (error is not None or user_id != user_ids[entry.key]):
                self._not_updated(entry, error)
            elif error is None and owners.setdefault(user_id, entry.key) != entry.key:
                # Adding this one would put the other's user on the flow a second time, and their work would be mixed.
                user_ids.pop(entry.key, None)
                other = self.work.entries[owners[user_id]]
                self.work.not_done(
                    by_key[entry.key], entry.key, self.work.told("sources.same_user", entry, other=other)
                )
            elif error is None:
                user_ids[entry.key] = user_id
            else:
                self.work.refused(by_key[entry.key], error, key=entry.key)
        keys = [key for key in by_key if key in user_ids]
        self.work.result.user_ids.update({key: user_ids[key] for key in keys})
        self.work.lease.keep()
        rows = [
            NewParticipant(
                user_id=user_ids[key], unique_exam_id=getattr(self.work.entries[key].person, "unique_exam_id", "")
            )
            for key in keys
        ]
        for key, came in zip(
            keys, self.work.client.add_participants(self.work.flow_id, rows) if rows else [], strict=True
        ):
            if came.participant_id is not None:
                self.work.result.ids[key] = came.participant_id
            if came.is_on_flow:
                self.work.done(by_key[key])
            else:
                self.work.refused(by_key[key], key=key, detail=came.error or "")

    def _match_by_email(self, changes: Sequence[Change]) -> dict[str, int]:
        """Key -> user id of those whom WISEflow knows by their e-mail address; they are on the flow then."""
        if not changes:
            return {}
        entries = [self.work.entries[change.data["key"]] for change in changes]
        rows = [NewParticipant(email=entry.person.email.strip()) for entry in entries if entry.person is not None]
        came = self._add_by_email(rows)
        found = [trio for trio in zip(changes, entries, came, strict=True) if trio[2].participant_id is not None]
        if not found:
            return {}
        participants = {row.id: row for row in self.work.client.participants(self.work.flow_id)}
        owners = {entry.present.id: entry for entry in self.work.entries.values() if entry.present is not None}
        matched = {}
        for change, entry, row in found:
            there = participants.get(row.participant_id or 0)
            if there is None or there.user_id is None or entry.person is None:
                continue
            owner = owners.get(there.id)
            if owner is not None and owner.person is not None:
                self.work.not_done(change, entry.key, self.work.told("sources.same_user", entry, other=owner))
            elif contradicts(entry.person, there, self.work.gathered.memory):
                is_off = row.error is not None or self._take_off(there.id)
                code = "sources.email_of_other" if is_off else "sources.email_of_other_stays"
                self.work.not_done(change, entry.key, self.work.told(code, entry))
            else:
                matched[entry.key] = there.user_id
                self._adopt(entry, there, owner)
        return matched

    def _add_by_email(self, rows: Sequence[NewParticipant]) -> list[AddResult]:
        """All at once; one by one where WISEflow refuses the whole, for one address that it does not like must not stop all."""
        try:
            return self.work.client.add_participants(self.work.flow_id, rows)
        except WiseflowError as error:
            if not is_about_one_row(error):
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
                if not is_about_one_row(error):
                    raise
            else:
                return True
        return False

    def _adopt(self, entry: Entry, there: FlowParticipant, owner: Entry | None) -> None:
        """The participant is this person, also where somebody had added them by hand."""
        if owner is not None:
            entry.known, entry.present = owner.known, owner.present
            owner.known = owner.present = None
            self.work.result.ids.pop(owner.key, None)
        self.work.result.ids[entry.key] = there.id
        exam_id = entry.person.unique_exam_id if entry.person is not None else ""
        if exam_id and exam_id != there.unique_exam_id:
            try:
                self.work.client.set_unique_exam_id(self.work.flow_id, there.id, exam_id)
            except WiseflowError as error:
                if not is_about_one_row(error):
                    raise
                text = str(self.work.told("sources.change.unique_exam_id", entry, value=exam_id))
                self.work.result.problems.append(
                    message("sources.change_refused", change=text, detail=error.message.what)
                )

    def _not_updated(self, entry: Entry, error: WiseflowError | None) -> None:
        """The newcomer's user is as it was: the newcomer comes in, and the update stays to be done."""
        if error is None:
            told = self.work.told("sources.other_user", entry)
        else:
            text = str(self.work.told("sources.change.person", entry))
            told = message("sources.change_refused", change=text, detail=error.message.what)
        self.work.result.problems.append(told)
        self.work.result.refused.add(("people.update", entry.key))

    def _owners(self) -> dict[int, str]:
        """Whose user is whose, by user id: the keys of those on the flow, and of those who were added before."""
        owners = {user_id: key for key, user_id in self.work.result.user_ids.items()}
        present = [entry for entry in self.work.entries.values() if entry.present is not None]
        return owners | {
            entry.present.user_id: entry.key for entry in present if entry.present and entry.present.user_id
        }

    def _find_missing_ids(self, adds: Sequence[Change]) -> None:
        """WISEflow may say that somebody is on the flow without saying as which participant."""
        keys = [
            change.data["key"] for change in adds if ("people.add", change.data["key"]) not in self.work.result.refused
        ]
        missing = [key for key in keys if key not in self.work.result.ids]
        if not missing:
            return
        by_user = {row.user_id: row.id for row in self.work.client.participants(self.work.flow_id)}
        for key in missing:
            found = by_user.get(self.work.result.user_ids.get(key))
            if found is not None:
                self.work.result.ids[key] = found
