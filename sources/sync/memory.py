"""What we did last on a flow, out of our own rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ladokflow.ladok.base import PERSON_FIELDS
from ladokflow.memo import remembered
from sources.models import Flow, FlowSource, IdentityAnswer, Participant, Registration
from sources.sync.claims import said_by_participant
from sources.sync.plan.pairing import Said
from sources.sync.plan.values import Known, Memory
from sources.universities.licence import Licence

# Of a participant's row: as they are called in `Known`
COLUMNS = (
    "wiseflow_id",
    "user_id",
    *(row.name for row in PERSON_FIELDS),
    "room",
    "is_from_source",
    "is_active",
    "is_activation_manual",
)


def read_memory(flow: Flow, codes: Iterable[FlowSource], licence: Licence, *, flow_type: str) -> Memory:
    followed: dict[str, Any] = dict(flow.followed)
    pending = followed.pop("pending", {})
    # By the key: a flow that is looked at before it is taken over has none, and no rows.
    rows = Participant.objects.filter(flow_id=flow.pk).values_list("pk", *COLUMNS, named=True)
    codes = tuple(codes)
    names = frozenset(code.code for code in codes)
    seats = _seats(flow)
    said = said_by_participant(IdentityAnswer.objects.filter(registration__participant__flow_id=flow.pk))
    people = tuple(_known(row, seats.get(row.pk, ()), names, said.get(row.pk, ())) for row in rows)
    return Memory(
        created_at=flow.created_at,
        tz=flow.source.tz,
        flow_type=flow_type,
        is_first=flow.synced_at is None,
        follows_dates=flow.follows_dates,
        followed=followed,
        unfollowed=flow.unfollowed,
        pending=pending,
        people=people,
        # Of a code that was removed and added again, they are those who are still here because of it.
        person_counts={
            code.code: sum(code.code in known.codes_again and known.is_active for known in people)
            if code.person_count is None
            else code.person_count
            for code in codes
        },
        data_types={kind: row.name for kind, row in licence.data_types().items()},
        has_unique_emails=licence.has_unique_emails(),
        brake_people=flow.source.brake_people,
        brake_percent=flow.source.brake_percent,
        # A code that has just been added gets its reference before the plan is applied.
        external_sources=frozenset(
            code.code for code in codes if code.external_source_id is not None or code.person_count is None
        ),
    )


NONE: frozenset[str] = frozenset()


class _Seat(NamedTuple):
    """A registration, as far as it tells where a person comes from."""

    code: FlowSource
    is_listed: bool
    gone_at: dt.datetime | None
    first_seen_at: dt.datetime


def _seats(flow: Flow) -> dict[int, list[_Seat]]:
    """By participant, in the codes' order. Nothing of the person in it is read."""
    codes = {code.pk: code for code in FlowSource.objects.filter(flow_id=flow.pk)}
    rows = Registration.objects.filter(code__in=codes).order_by("code__position")
    seats: dict[int, list[_Seat]] = {}
    for participant, code, *rest in rows.values_list("participant_id", "code_id", *_Seat._fields[1:]):
        seats.setdefault(participant, []).append(_Seat(codes[code], *rest))
    return seats


def _known(row: Any, seats: Sequence[_Seat], names: frozenset[str], said: tuple[Said, ...]) -> Known:
    """`row`: with the columns of COLUMNS; `names`: the codes that are on the flow now."""
    codes = _codes_of(seats)
    live = _set_of(*(code.code for code in codes if code.removed_at is None))
    again = names & {code.code for code in codes} if not live else NONE
    return Known(
        **row._asdict(),
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
