"""The changes of those who are on a flow: identifiers, individual ends, activation, and which code they came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ladokflow.wiseflow.errors import WiseflowError
from sources.sync.apply.work import CHUNK, Work
from sources.sync.gather import is_about_one_row
from sources.sync.plan.values import Change


class Updating:
    def __init__(self, work: Work) -> None:
        self.work = work

    def apply(self, by_verb: Mapping[str, Sequence[Change]]) -> None:
        """Removals last: what is cut off before them has taken nothing away."""
        client, flow_id = self.work.client, self.work.flow_id
        self._one_by_one(
            by_verb.get("unique_exam_id", []),
            lambda change, pk: client.set_unique_exam_id(flow_id, pk, change.data["value"]),
        )
        self._ends(by_verb.get("end", []))
        self._one_by_one(by_verb.get("reactivate", []), lambda change, pk: client.set_activated(flow_id, pk, True))
        self._update(by_verb.get("update", []))
        self._allocate(by_verb.get("allocate", []), by_verb.get("deallocate", []))
        self._one_by_one(by_verb.get("remove", []), lambda change, pk: client.remove_participant(flow_id, pk))
        self._one_by_one(by_verb.get("deactivate", []), lambda change, pk: client.set_activated(flow_id, pk, False))

    def _one_by_one(self, changes: Sequence[Change], do: Callable[[Change, int], Any]) -> None:
        known = [change for change in changes if change.data["key"] in self.work.result.ids]
        for change, _, error in self.work.each(
            known, lambda change: do(change, self.work.result.ids[change.data["key"]])
        ):
            if error is None:
                self.work.done(change)
            else:
                self.work.refused(change, error, key=change.data["key"])

    def _ends(self, changes: Sequence[Change]) -> None:
        general = self._general_end()
        rows = {}
        for change in changes:
            participant_id = self.work.result.ids.get(change.data["key"])
            end_at = change.data["end_at"] or general
            if participant_id is not None and end_at is not None:
                rows[participant_id] = (change, end_at)
        for start in range(0, len(rows), CHUNK):
            part = list(rows.items())[start : start + CHUNK]
            self.work.lease.keep()
            try:
                errors = self.work.client.patch_participant_dates(
                    self.work.flow_id, [(pk, None, end) for pk, (_, end) in part]
                )
            except WiseflowError as error:
                if not is_about_one_row(error):
                    raise
                for _, (change, _end) in part:
                    self.work.refused(change, error, key=change.data["key"])
                continue
            wrong = {row.participant_id: row.error for row in errors}
            for pk, (change, _end) in part:
                if pk in wrong:
                    self.work.refused(change, key=change.data["key"], detail=wrong[pk])
                else:
                    self.work.done(change)

    def _general_end(self) -> Any:
        for change in self.work.gathered.plan.changes:
            if change.kind == "dates.set" and ("dates.set", "") not in self.work.result.refused:
                return change.data["participation_end_at"]
        return self.work.gathered.present.dates.participation_end_at

    def _update(self, changes: Sequence[Change]) -> None:
        entries = {change.data["key"]: change for change in changes}
        for entry, user_id, error in self.work.each([self.work.entries[key] for key in entries], self.work.save_user):
            change = entries[entry.key]
            if error is None and change.data["user_id"] not in (None, user_id):
                self.work.not_done(change, entry.key, self.work.told("sources.other_user", entry))
            elif error is None:
                self.work.done(change)
            else:
                self.work.refused(change, error, key=entry.key)

    def _allocate(self, additions: Sequence[Change], removals: Sequence[Change]) -> None:
        ids = {code.code: code.external_source_id for code in self.work.gathered.codes}
        for change in additions:
            source_id = ids[change.data["code"]]
            participants = self.work.ids_of(change.data["keys"])
            if source_id is not None and participants:
                self.work.attempt(
                    change, partial(self.work.client.allocate_to_source, self.work.flow_id, source_id, participants)
                )
        for change in removals:
            source_id = ids[change.data["code"]]
            for key in change.data["keys"]:
                if source_id is not None and key in self.work.result.ids:
                    self.work.lease.keep()
                    self.work.client.deallocate_from_source(self.work.flow_id, source_id, self.work.result.ids[key])
            self.work.done(change)
