"""What we did last on a flow, out of our own rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Cast

from ladokflow.fields import EncryptedTextField, decrypted
from ladokflow.ladok.base import PERSON_FIELDS
from ladokflow.memo import remembered
from sources.models import Flow, FlowSource, IdentityAnswer, Participant, Registration
from sources.sync.claims import said_by_participant
from sources.sync.plan.pairing import Said
from sources.sync.plan.values import Known, Memory
from sources.sync.registrations import OF_PERSON
from sources.universities.licence import Licence

# Of a participant's row: as they are called in `Known`
PEOPLE = (
    "pk",
    "wiseflow_id",
    "user_id",
    *(row.name for row in PERSON_FIELDS),
    "room",
    "is_from_source",
    "is_active",
    "is_activation_manual",
)
# Of a registration: first what tells where a person comes from, then the rest that a list is compared with
SEATS = ("participant_id", "code_id", "is_listed", "gone_at", "first_seen_at", *OF_PERSON, "doubt", "claim")


@dataclass(frozen=True)
class Rows:
    """A flow's people as our rows have them, read at once: nothing of it is decrypted, or made into a value, before it is needed."""

    people: Sequence[tuple[Any, ...]]  # with the columns of PEOPLE
    seats: Sequence[tuple[Any, ...]]  # registrations, with the columns of SEATS
    codes: Sequence[FlowSource]  # all that the flow has had
    said: Mapping[int, tuple[Said, ...]]  # by managers, by participant


def read_rows(flow: Flow) -> Rows:
    # By the key: a flow that is looked at before it is taken over has none, and no rows.
    codes = tuple(FlowSource.objects.filter(flow_id=flow.pk).order_by("position"))
    return Rows(
        people=_stored(Participant.objects.filter(flow_id=flow.pk), PEOPLE),
        seats=_stored(Registration.objects.filter(code__in=codes).order_by("pk"), SEATS),
        codes=codes,
        said=said_by_participant(IdentityAnswer.objects.filter(registration__participant__flow_id=flow.pk)),
    )


def _stored(rows: QuerySet[Any], columns: Sequence[str]) -> Sequence[tuple[Any, ...]]:
    """What is encrypted or JSON as the text that it is stored as."""
    packed = {row.name for row in rows.model._meta.fields if isinstance(row, EncryptedTextField | models.JSONField)}
    shown = rows.values_list(*(Cast(name, models.TextField()) if name in packed else name for name in columns))
    return list(shown.iterator())  # piece by piece: or the database's answer stands in memory beside what is made of it


def read_memory(flow: Flow, codes: Iterable[FlowSource], licence: Licence, *, flow_type: str) -> Memory:
    """But for the people: see `with_people`."""
    followed: dict[str, Any] = dict(flow.followed)
    pending = followed.pop("pending", {})
    return Memory(
        created_at=flow.created_at,
        tz=flow.source.tz,
        flow_type=flow_type,
        is_first=flow.synced_at is None,
        follows_dates=flow.follows_dates,
        followed=followed,
        unfollowed=flow.unfollowed,
        pending=pending,
        person_counts={code.code: code.person_count for code in codes},
        data_types={kind: row.name for kind, row in licence.data_types().items()},
        has_unique_emails=licence.has_unique_emails(),
        brake_people=flow.source.brake_people,
        brake_percent=flow.source.brake_percent,
        # A code that has just been added gets its reference before the plan is applied.
        external_sources=frozenset(
            code.code for code in codes if code.external_source_id is not None or code.person_count is None
        ),
    )


def with_people(memory: Memory, rows: Rows) -> Memory:
    names = frozenset(memory.person_counts)
    seats = _seats(rows)
    people = tuple(_known(row, seats.get(row[0], ()), names, rows.said.get(row[0], ())) for row in rows.people)
    return replace(
        memory,
        people=people,
        # Of a code that was removed and added again, they are those who are still here because of it.
        person_counts={
            code: sum(code in known.codes_again and known.is_active for known in people) if count is None else count
            for code, count in memory.person_counts.items()
        },
    )


NONE: frozenset[str] = frozenset()


class _Seat(NamedTuple):
    """A registration, as far as it tells where a person comes from."""

    code: FlowSource
    is_listed: bool
    gone_at: dt.datetime | None
    first_seen_at: dt.datetime


def _seats(rows: Rows) -> dict[int, list[_Seat]]:
    """By participant, in the codes' order. Nothing of the person in it is looked at."""
    codes = {code.pk: code for code in rows.codes}
    seats: dict[int, list[_Seat]] = {}
    for participant, code, is_listed, gone_at, first_seen_at, *_ in rows.seats:
        seats.setdefault(participant, []).append(_Seat(codes[code], is_listed, gone_at, first_seen_at))
    if len(codes) > 1:
        for of_person in seats.values():
            of_person.sort(key=lambda one: one.code.position)
    return seats


def _known(row: tuple[Any, ...], seats: Sequence[_Seat], names: frozenset[str], said: tuple[Said, ...]) -> Known:
    """`row`: with the columns of PEOPLE; `names`: the codes that are on the flow now."""
    values = dict(zip(PEOPLE, row, strict=True))
    values["national_id"] = decrypted(values["national_id"])
    codes = _codes_of(seats)
    live = _set_of(*(code.code for code in codes if code.removed_at is None))
    again = names & {code.code for code in codes} if not live else NONE
    return Known(
        **values,
        codes=live,
        codes_again=again,
        listed_since=min((one.first_seen_at for one in seats), default=None),
        gone_at=_left_at(seats),
        is_of_removed_code=bool(codes) and not live and not again,
        said=said,
    )


@remembered
def _set_of(*codes: str) -> frozenset[str]:
    """The same for all who are on the same lists."""
    return frozenset(codes)


def _codes_of(seats: Sequence[_Seat]) -> list[FlowSource]:
    """The codes whose lists have the person; of somebody who is on none any more, those they left last. WISEflow was told of these:
    of a code that a person has left for another, it was told that they do not come from there."""
    left_at = _left_at(seats)
    return [one.code for one in seats if one.is_listed] or [one.code for one in seats if one.gone_at == left_at]


def _left_at(seats: Sequence[_Seat]) -> dt.datetime | None:
    return max((one.gone_at for one in seats if one.gone_at is not None), default=None)
