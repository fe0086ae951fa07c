"""Doing what a plan says, in an order that is safe to be cut off anywhere: what is left then is planned again.

Additions come before removals. People are handled in bulk where WISEflow has a bulk call, else a few at a time. What WISEflow
refuses for one person is told, and the rest goes on; when WISEflow itself fails, everything stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from django.conf import settings

from ladokflow.http import RemoteError
from ladokflow.ladok.base import Person
from ladokflow.messages import Message, message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import NewParticipant
from sources.allocating import assessor_key
from sources.gathering import Gathered, is_about_one_row
from sources.leasing import Lease
from sources.licence import Licence
from sources.plan import SECTIONS, Change, Entry, WantedStaff
from sources.staff import save_staff_user

CHUNK = 100
T = TypeVar("T")


@dataclass
class Applied:
    """What came of it. `ids` and `user_ids` are by entry key; `refused` holds (kind, key) of what WISEflow did not do."""

    ids: dict[str, int] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    problems: list[Message] = field(default_factory=list)
    done: list[Message] = field(default_factory=list)
    staff: list[tuple[str, int]] = field(default_factory=list)
    allocations: dict[str, list[int]] = field(default_factory=dict)  # assessor to the participants that were given


class Applying:
    """One plan on its way into WISEflow. `on_progress` is told how many changes are done."""

    def __init__(
        self,
        gathered: Gathered,
        client: WiseflowClient,
        lease: Lease,
        *,
        on_progress: Callable[[int], None] = lambda done: None,
        on_section: Callable[[str], None] = lambda section: None,
    ) -> None:
        self.flow_id = gathered.wiseflow_id
        self.gathered = gathered
        self.client = client
        self.lease = lease
        self.licence = Licence(client, gathered.flow.source)
        self.on_progress = on_progress
        self.on_section = on_section
        self.entries = {entry.key: entry for entry in gathered.plan.entries}
        self.result = Applied(
            ids={entry.key: entry.present.id for entry in gathered.plan.entries if entry.present is not None}
        )
        self._room_ids = {room.name.casefold(): room.id for room in gathered.present.rooms}
        self._bookings: dict[str, int] = {}
        self._staff_user_ids: dict[str, int] = {}
        self._assessor_ids: dict[int | None, int] | None = None

    def apply(self) -> Applied:
        for section in SECTIONS:
            changes = [change for change in self.gathered.plan.changes if change.section == section]
            if changes:
                self.lease.keep()
                getattr(self, f"_{section}")(changes)
            self.on_section(section)
        return self.result

    # --- Telling what is done ------------------------------------------------------------------------------------

    def _done(self, *changes: Change) -> None:
        self.result.done += [change.message for change in changes]
        self.on_progress(len(self.result.done) + len(self.result.refused))

    def _refused(self, change: Change, error: RemoteError | None = None, *, key: str = "", detail: str = "") -> None:
        detail = detail or (error.message.what if error is not None else "")
        entry = self.entries.get(key)
        if entry is not None and change.kind == "people.add":
            told = message(
                "sources.person_refused", name=entry.name, organisation_id=entry.organisation_id, detail=detail
            )
        else:
            told = message("sources.change_refused", change=str(change.message), detail=detail)
        self._not_done(change, key, told)

    def _not_done(self, change: Change, key: str, told: Message) -> None:
        self.result.problems.append(told)
        self.result.refused.add((change.kind, key))
        self.on_progress(len(self.result.done) + len(self.result.refused))

    def _try(self, change: Change, do: Callable[[], Any], *, key: str = "") -> bool:
        self.lease.keep()
        try:
            do()
        except WiseflowError as error:
            if not is_about_one_row(error):
                raise
            self._refused(change, error, key=key)
            return False
        self._done(change)
        return True

    def _each(self, items: Sequence[T], do: Callable[[T], Any]) -> Iterable[tuple[T, Any, WiseflowError | None]]:
        """`do` for every item, a few at a time: (item, what it gave, or the refusal). Other errors stop everything."""
        if not items:
            return
        with ThreadPoolExecutor(max_workers=max(1, settings.WISEFLOW_CONCURRENCY)) as pool:
            waiting: dict[Future[Any], T] = {pool.submit(do, item): item for item in items}
            try:
                for future in as_completed(waiting):
                    self.lease.keep()
                    try:
                        yield waiting[future], future.result(), None
                    except WiseflowError as error:
                        if not is_about_one_row(error):
                            raise
                        yield waiting[future], None, error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    # --- The flow's own data -------------------------------------------------------------------------------------

    def _metadata(self, changes: Sequence[Change]) -> None:
        values = {change.kind.partition(".")[2]: change.data["value"] for change in changes}
        self.client.put_metadata(self.flow_id, self.client.metadata(self.flow_id).changed(**values))
        self._done(*changes)

    def _dates(self, changes: Sequence[Change]) -> None:
        for change in changes:
            data = change.data
            participation = (data["participation_start_at"], data["participation_end_at"])
            marking = (data["marking_start_at"], data["marking_end_at"])
            do = partial(self.client.patch_dates, self.flow_id, participation=participation, marking=marking)
            self._try(change, do)

    def _scale(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._try(change, partial(self.client.put_grading_scale, self.flow_id, change.data["scale_id"]))

    # --- Participants --------------------------------------------------------------------------------------------

    def _people(self, changes: Sequence[Change]) -> None:
        by_kind: dict[str, list[Change]] = {}
        for change in changes:
            by_kind.setdefault(change.kind.partition(".")[2], []).append(change)
        adds = by_kind.get("add", [])
        for start in range(0, len(adds), CHUNK):
            self._add(adds[start : start + CHUNK])
        self._find_missing_ids(adds)
        self._one_by_one(
            by_kind.get("unique_exam_id", []),
            lambda change, pk: self.client.set_unique_exam_id(self.flow_id, pk, change.data["value"]),
        )
        self._ends(by_kind.get("end", []))
        self._one_by_one(
            by_kind.get("reactivate", []), lambda change, pk: self.client.set_activated(self.flow_id, pk, True)
        )
        self._update(by_kind.get("update", []))
        self._allocate(by_kind.get("allocate", []), by_kind.get("deallocate", []))
        self._one_by_one(by_kind.get("remove", []), lambda change, pk: self.client.remove_participant(self.flow_id, pk))
        self._one_by_one(
            by_kind.get("deactivate", []), lambda change, pk: self.client.set_activated(self.flow_id, pk, False)
        )

    def _save_user(self, entry: Entry) -> int:
        person = entry.person or Person()
        types = self.licence.data_types()
        return self.client.save_user(
            first_name=person.first_name or person.organisation_id,
            last_name=person.last_name or "-",
            external_ids=[
                (row.id, value) for kind, row in types.items() if (value := str(getattr(person, kind)).strip())
            ],
            roles=self.licence.role_ids("participant"),
            emails=[person.email] if person.email else [],
        )

    def _add(self, changes: Sequence[Change]) -> None:
        by_key = {change.data["key"]: change for change in changes}
        user_ids = {key: change.data["user_id"] for key, change in by_key.items() if change.data["user_id"] is not None}
        to_save = [self.entries[key] for key, change in by_key.items() if change.data["save"]]
        owners = {user_id: key for key, user_id in user_ids.items()} | self._owners()
        for entry, user_id, error in self._each(to_save, self._save_user):
            if error is None and owners.setdefault(user_id, entry.key) != entry.key:
                # Adding this one would put the other's user on the flow a second time, and their work would be mixed.
                user_ids.pop(entry.key, None)
                other = self.entries[owners[user_id]]
                self._not_done(by_key[entry.key], entry.key, self._told("sources.same_user", entry, other=other))
            elif error is None:
                user_ids[entry.key] = user_id
            elif entry.key not in user_ids:
                self._refused(by_key[entry.key], error, key=entry.key)
        keys = [key for key in by_key if key in user_ids]
        self.result.user_ids.update({key: user_ids[key] for key in keys})
        self.lease.keep()
        rows = [
            NewParticipant(
                user_id=user_ids[key], unique_exam_id=getattr(self.entries[key].person, "unique_exam_id", "")
            )
            for key in keys
        ]
        for key, came in zip(keys, self.client.add_participants(self.flow_id, rows) if rows else [], strict=True):
            if came.participant_id is not None:
                self.result.ids[key] = came.participant_id
            if came.is_on_flow:
                self._done(by_key[key])
            else:
                self._refused(by_key[key], key=key, detail=came.error or "")

    def _owners(self) -> dict[int, str]:
        """Whose user is whose, by user id: the keys of those on the flow, and of those who were added before."""
        owners = {user_id: key for key, user_id in self.result.user_ids.items()}
        present = [entry for entry in self.entries.values() if entry.present is not None]
        return owners | {
            entry.present.user_id: entry.key for entry in present if entry.present and entry.present.user_id
        }

    @staticmethod
    def _told(code: str, entry: Entry, *, other: Entry | None = None) -> Message:
        more = {"other": other.organisation_id or other.name} if other is not None else {}
        return message(code, name=entry.name, organisation_id=entry.organisation_id, **more)

    def _find_missing_ids(self, adds: Sequence[Change]) -> None:
        """WISEflow may say that somebody is on the flow without saying as which participant."""
        keys = [change.data["key"] for change in adds if ("people.add", change.data["key"]) not in self.result.refused]
        missing = [key for key in keys if key not in self.result.ids]
        if not missing:
            return
        by_user = {row.user_id: row.id for row in self.client.participants(self.flow_id)}
        for key in missing:
            found = by_user.get(self.result.user_ids.get(key))
            if found is not None:
                self.result.ids[key] = found

    def _one_by_one(self, changes: Sequence[Change], do: Callable[[Change, int], Any]) -> None:
        known = [change for change in changes if change.data["key"] in self.result.ids]
        for change, _, error in self._each(known, lambda change: do(change, self.result.ids[change.data["key"]])):
            if error is None:
                self._done(change)
            else:
                self._refused(change, error, key=change.data["key"])

    def _ends(self, changes: Sequence[Change]) -> None:
        general = self._general_end()
        rows = {}
        for change in changes:
            participant_id = self.result.ids.get(change.data["key"])
            end_at = change.data["end_at"] or general
            if participant_id is not None and end_at is not None:
                rows[participant_id] = (change, end_at)
        for start in range(0, len(rows), CHUNK):
            part = list(rows.items())[start : start + CHUNK]
            self.lease.keep()
            try:
                errors = self.client.patch_participant_dates(self.flow_id, [(pk, None, end) for pk, (_, end) in part])
            except WiseflowError as error:
                if not is_about_one_row(error):
                    raise
                for _, (change, _end) in part:
                    self._refused(change, error, key=change.data["key"])
                continue
            wrong = {row.participant_id: row.error for row in errors}
            for pk, (change, _end) in part:
                if pk in wrong:
                    self._refused(change, key=change.data["key"], detail=wrong[pk])
                else:
                    self._done(change)

    def _general_end(self) -> Any:
        for change in self.gathered.plan.changes:
            if change.kind == "dates.set" and ("dates.set", "") not in self.result.refused:
                return change.data["participation_end_at"]
        return self.gathered.present.dates.participation_end_at

    def _update(self, changes: Sequence[Change]) -> None:
        entries = {change.data["key"]: change for change in changes}
        for entry, user_id, error in self._each([self.entries[key] for key in entries], self._save_user):
            change = entries[entry.key]
            if error is None and change.data["user_id"] not in (None, user_id):
                self._not_done(change, entry.key, self._told("sources.other_user", entry))
            elif error is None:
                self._done(change)
            else:
                self._refused(change, error, key=entry.key)

    def _allocate(self, additions: Sequence[Change], removals: Sequence[Change]) -> None:
        ids = {code.code: code.external_source_id for code in self.gathered.codes}
        for change in additions:
            source_id = ids[change.data["code"]]
            participants = [self.result.ids[key] for key in change.data["keys"] if key in self.result.ids]
            if source_id is not None and participants:
                self._try(change, partial(self.client.allocate_to_source, self.flow_id, source_id, participants))
        for change in removals:
            source_id = ids[change.data["code"]]
            for key in change.data["keys"]:
                if source_id is not None and key in self.result.ids:
                    self.lease.keep()
                    self.client.deallocate_from_source(self.flow_id, source_id, self.result.ids[key])
            self._done(change)

    # --- Staff and rooms -----------------------------------------------------------------------------------------

    def _staff(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "staff.remove":
                remove = getattr(self.client, f"remove_{change.data['role']}")
                self._try(change, partial(remove, self.flow_id, change.data["staff_id"]))
            elif change.kind == "staff.allocate":
                self._allocate_assessor(change)
            else:
                staff = change.data["staff"]
                self._try(change, partial(self._add_staff, staff), key=f"{staff.role} {staff.user_id}")

    def _add_staff(self, staff: WantedStaff) -> None:
        user_id = staff.user_id if staff.user_id is not None else save_staff_user(self.licence, staff)
        options = {"can_decide_on_final_grade": True} if staff.can_decide else {}
        getattr(self.client, f"add_{staff.role}")(self.flow_id, user_id, **options)
        self.result.staff.append((staff.role, user_id))
        self._staff_user_ids[assessor_key(staff)] = user_id

    def _allocate_assessor(self, change: Change) -> None:
        staff: WantedStaff = change.data["staff"]
        user_id = staff.user_id if staff.user_id is not None else self._staff_user_ids.get(assessor_key(staff))
        if self._assessor_ids is None:
            self._assessor_ids = {row.user_id: row.id for row in self.client.assessors(self.flow_id)}
        assessor_id = self._assessor_ids.get(user_id)
        participants = [self.result.ids[key] for key in change.data["keys"] if key in self.result.ids]
        if assessor_id is None or not participants:
            return  # refused further up, and told there
        give = partial(self.client.allocate_assessor, self.flow_id, assessor_id, participants)
        if self._try(change, give, key=assessor_key(staff)):
            self.result.allocations[assessor_key(staff)] = participants

    def _rooms(self, changes: Sequence[Change]) -> None:
        for change in changes:
            verb = change.kind.partition(".")[2]
            self._try(change, partial(getattr(self, f"_room_{verb}"), change))

    def _room_create(self, change: Change) -> None:
        name = change.data["name"]
        room = self.client.create_room(name=name, capacity=max(1, change.data["capacity"]), campus=name)
        self._room_ids[name.casefold()] = room.id

    def _room_book(self, change: Change) -> None:
        data = change.data
        room_id = self._room_ids.get(data["room"].casefold())
        if room_id is None:
            return
        booking = self.client.book_room(self.flow_id, room_id, data["start_at"], data["end_at"])
        self._bookings[data["room"]] = booking.id

    def _room_place(self, change: Change) -> None:
        booking_id = self._bookings.get(change.data["room"]) or change.data.get("booking_id")
        if booking_id is not None:
            ids = [self.result.ids[key] for key in change.data["keys"] if key in self.result.ids]
            self.client.put_booking_participants(self.flow_id, booking_id, ids)

    def _room_unbook(self, change: Change) -> None:
        self.client.delete_booking(self.flow_id, change.data["booking_id"])
