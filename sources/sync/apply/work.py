"""What the parts of a plan on its way into WISEflow have in common: the client, the lease, and telling what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.conf import settings

from ladokflow.http import RemoteError
from ladokflow.ladok.base import Person
from ladokflow.messages import Message, message
from ladokflow.threads import Threads
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import UserDataType
from sources.sync.gather import Gathered
from sources.sync.identifiers import normal
from sources.sync.lease import Lease
from sources.sync.plan.changes import AddParticipant, Change, Plan, SetDates
from sources.sync.plan.values import Entry
from sources.universities.licence import Licence

CHUNK = 100
T = TypeVar("T")


@dataclass
class Applied:
    """What came of it. `ids` and `user_ids` are by entry key; `refused` has the kind and key of what WISEflow did not do."""

    ids: dict[str, int] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)
    refused: set[tuple[type[Change], str]] = field(default_factory=set)
    problems: list[Message] = field(default_factory=list)
    done: list[Message] = field(default_factory=list)
    staff: list[tuple[str, int]] = field(default_factory=list)
    allocations: dict[str, list[int]] = field(default_factory=dict)  # assessor to the participants that were given
    # What somebody has changed in WISEflow since it was read, by its name in `Flow.followed` and as that writes it
    by_hand: dict[str, Any] = field(default_factory=dict)

    @property
    def has_refused_dates(self) -> bool:
        """The flow's own: then nothing that hangs on them is moved."""
        return any(kind is SetDates for kind, _ in self.refused)

    def has_refused(self, change: Change) -> bool:
        return (type(change), change.key) in self.refused


class Work:
    """One plan's work. `on_progress` is told how many changes are done."""

    def __init__(
        self,
        gathered: Gathered,
        plan: Plan,
        client: WiseflowClient,
        lease: Lease,
        result: Applied,
        on_progress: Callable[[int], None],
    ) -> None:
        self.flow_id = gathered.wiseflow_id
        self.gathered = gathered
        self.plan = plan
        self.client = client
        self.lease = lease
        self.licence = Licence(client, gathered.flow.source)
        self.on_progress = on_progress
        self.entries = {entry.key: entry for entry in plan.entries}
        self.result = result
        result.ids |= {entry.key: entry.present.id for entry in plan.entries if entry.present is not None}

    def done(self, *changes: Change) -> None:
        self.result.done += [change.message for change in changes]
        self.on_progress(len(self.result.done) + len(self.result.refused))

    def refused(self, change: Change, error: RemoteError | None = None, *, detail: str = "") -> None:
        detail = detail or (error.message.what if error is not None else "")
        if isinstance(change, AddParticipant):
            reason = self.told("sources.person_refused", self.entries[change.key], detail=detail)
        else:
            reason = message("sources.change_refused", change=str(change.message), detail=detail)
        self.not_done(change, reason)

    def changed_by_hand(self, name: str, value: Any, shown: str) -> None:
        """A value is no longer as the plan was made of: it is somebody's, and is left alone."""
        self.result.by_hand[name] = value
        self.result.problems.append(message(f"sources.meanwhile.{name}", now=shown))

    def not_done(self, change: Change, *reasons: Message) -> None:
        self.result.problems += reasons
        self.result.refused.add((type(change), change.key))
        self.on_progress(len(self.result.done) + len(self.result.refused))

    def attempt(self, change: Change, do: Callable[[], Any]) -> bool:
        """Whether WISEflow did it. What it refuses is told."""
        self.lease.keep()
        try:
            do()
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            self.refused(change, error)
            return False
        self.done(change)
        return True

    def each(self, items: Sequence[T], do: Callable[[T], Any]) -> Iterable[tuple[T, Any, WiseflowError | None]]:
        """`do` for every item, a few at a time: (item, what it gave, or the refusal). Other errors stop everything."""
        if not items:
            return
        with Threads(max_workers=max(1, settings.WISEFLOW_CONCURRENCY)) as pool:
            waiting: dict[Future[Any], T] = {pool.submit(do, item): item for item in items}
            try:
                for future in as_completed(waiting):
                    self.lease.keep()
                    try:
                        yield waiting[future], future.result(), None
                    except WiseflowError as error:
                        if not error.is_about_one:
                            raise
                        yield waiting[future], None, error
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def told(self, code: str, entry: Entry, *, other: Entry | None = None, **more: str) -> Message:
        more |= {"other": other.organisation_id or other.name} if other is not None else {}
        return message(code, name=entry.name, organisation_id=entry.organisation_id, **more)

    def ids_of(self, keys: Iterable[str]) -> list[int]:
        """The participants of these entries, without those who did not come in."""
        return [self.result.ids[key] for key in keys if key in self.result.ids]

    def save_user(self, entry: Entry) -> int:
        """Where Ladok has no name, the person keeps the one they have in WISEflow."""
        person, there = entry.person or Person(), entry.user or entry.present
        types = self.licence.data_types()
        return self.client.save_user(
            first_name=person.first_name or (there.first_name if there else "") or person.organisation_id,
            last_name=person.last_name or (there.last_name if there else "") or "-",
            external_ids=[
                (row.id, _as_there(kind, value, entry, row))
                for kind, row in types.items()
                if (value := str(getattr(person, kind)).strip())
            ],
            roles=self.licence.role_ids("participant"),
            emails=[person.email] if person.email else [],
        )


def _as_there(kind: str, value: str, entry: Entry, row: UserDataType) -> str:
    """The identifier as WISEflow has it already. Spelt another way it would be somebody new there."""
    spellings: tuple[str, ...] = ()
    if entry.user is not None:
        spellings = entry.user.values(row.id)
    elif entry.present is not None:
        spellings = entry.present.values(row.name)
    return next((spelling for spelling in spellings if normal(kind, spelling) == normal(kind, value)), value)
