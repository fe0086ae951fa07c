"""Reading WISEflow's logs, page by page: each entry once, whatever dies, and what can no longer be had is told.

    want     the log of a licence or a flow is to be read: a row says so, and a queue entry wakes a worker up
    read     page by page from where the last reading came to; each page's entries and the cursor in one transaction
    gap      WISEflow keeps 16 weeks: where nothing was read for longer, what lies between is written down as missing

A page is asked for by the moment of the last entry, less one millisecond: entries of the same millisecond may stand on two pages, and
whether the moment itself is among those that come WISEflow's description does not say. What comes twice is known by its id. Entries
that WISEflow takes up late are found because each reading begins a day before where the last one ended.
"""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from ladokflow.http import RemoteError
from ladokflow.leases import LeaseLost
from ladokflow.messages import message
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.logs import KEPT_WEEKS, PAGE
from ladokflow.wiseflow.schemas import LogEntry as Raw
from sources.logs.words import Read, detail_of, hiding, key_apart, read
from sources.models import Flow, LogEntry, LogGap, LogReading, Participant, Source
from sources.sync.nightly import due_at
from sources.universities.clients import wiseflow_for

logger = logging.getLogger(__name__)

KEPT = dt.timedelta(weeks=KEPT_WEEKS)  # by WISEflow
LATE = dt.timedelta(days=1)  # by so much an entry may come after those that are younger
AFTER_MARKING = dt.timedelta(weeks=4)  # a flow's log is read until so long after marking
MOST_UNDER_WAY = 50  # of one source
MOST_CLAIMS = 5  # workers that may die over one reading before it waits for the next night
MILLISECOND = 1
BATCH = 500


# --- Which, and when ------------------------------------------------------------------------------------------------


def want_due(now: dt.datetime | None = None) -> int:
    """Have the logs read whose night has come; how many. Of each source some at a time. Call it every few minutes."""
    now = now or timezone.now()
    return sum(_want_of(source, now) for source in Source.objects.all())


def _want_of(source: Source, now: dt.datetime) -> int:
    night_at = due_at(source, now)
    under_way = LogReading.objects.filter(source=source, wanted_at__isnull=False).count()
    room = MOST_UNDER_WAY - under_way
    count = 0
    licence = LogReading.objects.filter(source=source, flow=None).first()
    if licence is None or licence.asked_at is None or licence.asked_at < night_at:
        count += want(source, now=now)
    for flow in flows_of_the_night(source, night_at, now)[: max(0, room)]:
        count += want(source, flow, now=now)
    return count


def flows_of_the_night(source: Source, night_at: dt.datetime, now: dt.datetime) -> Any:
    """Those whose exam has begun, until some weeks after marking; and, once, all of which WISEflow may still have something."""
    asked = Q(log_reading__asked_at__gte=night_at)
    lasting = Q(marking_end_at__gte=now - AFTER_MARKING) | Q(marking_end_at=None)
    new = Q(log_reading=None, marking_end_at__gte=now - KEPT)
    begun = (
        Flow.objects.ready()
        .ours()
        .filter(source=source, former_host="", purged_at=None, participation_start_at__lte=now)
    )
    return begun.filter(lasting | new).exclude(asked).order_by("pk")


def want(source: Source, flow: Flow | None = None, *, now: dt.datetime | None = None, enqueue: bool = True) -> bool:
    """Have a worker read the log; False where one is to already."""
    now = now or timezone.now()
    with transaction.atomic():
        reading, _is_new = LogReading.objects.get_or_create(source=source, flow=flow)
        changes: dict[str, Any] = {"wanted_at": now, "asked_at": now, "claims": 0}
        free = Q(wanted_at=None)
        if enqueue:
            return LogReading.objects.put_in_queue(reading.pk, free, **changes)
        return bool(LogReading.objects.filter(free, pk=reading.pk).update(**changes))


# --- Reading --------------------------------------------------------------------------------------------------------


def read_log(reading_pk: int) -> int:
    """What the queue calls; how many entries are new. Never raises for what WISEflow does: the row tells it."""
    token = uuid.uuid4()
    reading = _claim(reading_pk, token)
    if reading is None:
        return 0
    ours = LogReading.objects.filter(pk=reading.pk, token=token)
    done: dict[str, Any] = {"wanted_at": None, "token": None, "lease_until": None, "enqueues": 0}
    try:
        with wiseflow_for(reading.source, shares_answers=True) as client:
            count = _read_pages(reading, client, token)
    except LeaseLost:
        logger.warning("log.overtaken reading=%s", reading.pk)
        return 0
    except RemoteError as error:
        ours.update(message=error.message.to_json(), **done)
        logger.warning("log.failed reading=%s code=%s", reading.pk, error.message.code)
        return 0
    ours.update(message={}, **done)
    logger.info("log.read reading=%s entries=%s", reading.pk, count)
    _want_of(reading.source, timezone.now())
    return count


def _claim(pk: int, token: uuid.UUID) -> LogReading | None:
    rows = LogReading.objects.filter(LogReading.is_free(), pk=pk, wanted_at__isnull=False)
    if rows.filter(claims__gte=MOST_CLAIMS).update(
        wanted_at=None, token=None, lease_until=None, enqueues=0, message=message("log.gave_up").to_json()
    ):
        return None
    if not rows.update(token=token, lease_until=Now() + LogReading.LEASE, claims=F("claims") + 1, enqueues=0):
        return None
    return LogReading.objects.select_related("source", "flow").get(pk=pk)


def _read_pages(reading: LogReading, client: WiseflowClient, token: uuid.UUID) -> int:
    begun = timezone.now()
    _tell_gap(reading, begun)
    offset = _first_offset(reading, begun)
    newest, largest, count = -1, 0, 0
    while True:
        entries = _page(client, reading, offset)
        last = max((entry.sort for entry in entries if entry.at is not None), default=-1)
        # An entry may be of a moment to come, by a clock that is wrong: what is written meanwhile comes before it.
        count += _keep(reading, entries, token, min(last, _milliseconds(begun)))
        if last > newest:
            if newest >= 0 and min(entry.sort for entry in entries) > newest:
                _tell_crowd(reading, newest)
            newest, largest = last, max(largest, len(entries))
            if last >= _milliseconds(begun) and len(entries) < largest:
                break
            offset = max(last - MILLISECOND, offset or 0)
        elif not entries or len(entries) < largest or offset is None or offset > newest:
            break  # a page that is not as long as others were is the last one
        else:
            # As many of these milliseconds as a page takes: ask for what comes after them.
            offset = newest if offset < newest else newest + MILLISECOND
    LogReading.objects.filter(pk=reading.pk, token=token).update(read_to=begun)
    return count


def _page(client: WiseflowClient, reading: LogReading, offset: int | None) -> list[Raw]:
    if reading.flow is None:
        return client.licence_logs(offset=offset)
    if reading.flow.wiseflow_id is None:
        return []
    return client.flow_logs(reading.flow.wiseflow_id, offset=offset)


def _first_offset(reading: LogReading, now: dt.datetime) -> int | None:
    if reading.cursor is None:
        return None
    return max(0, min(reading.cursor, _milliseconds(now)) - int(LATE.total_seconds() * 1000))


def _milliseconds(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def _keep(reading: LogReading, entries: Sequence[Raw], token: uuid.UUID, last: int) -> int:
    """The entries of a page and how far that is, in one transaction; how many of them are new."""
    oldest = timezone.now() - dt.timedelta(days=settings.LOG_RETENTION_DAYS)
    rows = _rows(reading, [entry for entry in entries if (at := entry.at) is not None and at >= oldest])
    with transaction.atomic():
        ahead = {"cursor": max(last, reading.cursor or 0)} if entries else {}
        until = Now() + LogReading.LEASE
        if not LogReading.objects.filter(pk=reading.pk, token=token).update(lease_until=until, **ahead):
            raise LeaseLost
        rows = _without_purged(rows)
        mine = LogEntry.objects.filter(source=reading.source)
        known = _known(mine, [row.key for row in rows])
        known |= _known(mine, [row.key for row in _set_apart(rows, known)])
        keys = [row.key for row in rows]
        new = [row for row in rows if row.key not in known]
        # Another worker may be reading the same entry in the licence's log: the database keeps the first.
        LogEntry.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
        if reading.flow is not None and known:  # the licence's log had it, and did not say of which flow it is
            for start in range(0, len(keys), BATCH):
                mine.filter(key__in=keys[start : start + BATCH], flow=None).update(flow=reading.flow)
    reading.cursor = ahead.get("cursor", reading.cursor)
    return len(new)


def _without_purged(rows: Sequence[LogEntry]) -> list[LogEntry]:
    """Without those of flows whose students have been emptied: none of them comes back with a log. Holds the flows that are left."""
    flows = Flow.objects.select_for_update(no_key=True).filter(pk__in={row.flow_id for row in rows if row.flow_id})
    left = {None, *(flow.pk for flow in flows.order_by("pk").only("pk", "purged_at") if flow.purged_at is None)}
    return [row for row in rows if row.flow_id in left]


def _known(mine: QuerySet[LogEntry], keys: Sequence[str]) -> dict[str, int]:
    """Those of the keys that there are, each with its moment."""
    found: dict[str, int] = {}
    for start in range(0, len(keys), BATCH):
        found |= dict(mine.filter(key__in=keys[start : start + BATCH]).values_list("key", "sort"))
    return found


def _set_apart(rows: Iterable[LogEntry], known: Mapping[str, int]) -> list[LogEntry]:
    """WISEflow does not say of what an id is one of a kind. What has the id of another entry, of another moment, gets a key of its own:
    those that got one."""
    taken = dict(known)
    found: list[LogEntry] = []
    for row in rows:
        if taken.setdefault(row.key, row.sort) != row.sort:
            row.key = key_apart(row.key, row.sort, row.wiseflow_flow_id)
            found.append(row)
    return found


def _rows(reading: LogReading, entries: Iterable[Raw]) -> list[LogEntry]:
    """What stands twice on a page stands here once."""
    told = {(each.key, entry.sort): (entry, each) for entry in entries for each in (read(entry),)}
    flows = _flows(reading, [each for _entry, each in told.values()])
    hide = hiding(_names(reading, flows.values(), [each for _entry, each in told.values()]))
    return [
        LogEntry(
            source=reading.source,
            flow=reading.flow or flows.get(each.flow_id or 0),
            key=key,
            sort=entry.sort,
            at=_moment(entry.sort),
            kind=each.kind,
            action=each.action,
            context=each.context,
            wiseflow_flow_id=each.flow_id if reading.flow is None else reading.flow.wiseflow_id,
            wiseflow_participant_id=each.participant_id,
            wiseflow_user_id=each.user_id,
            detail=detail_of(each.content, hide),
        )
        for (key, _sort), (entry, each) in told.items()
    ]


def _flows(reading: LogReading, told: Sequence[Read]) -> dict[int, Flow]:
    """Our flows that the entries are about, by their numbers in WISEflow."""
    if reading.flow is not None:
        return {reading.flow.wiseflow_id or 0: reading.flow}
    numbers = {each.flow_id for each in told if each.flow_id is not None}
    rows = Flow.objects.filter(source=reading.source, former_host="", wiseflow_id__in=numbers)
    return {flow.wiseflow_id: flow for flow in rows.only("pk", "wiseflow_id") if flow.wiseflow_id is not None}


def _names(reading: LogReading, flows: Iterable[Flow], told: Sequence[Read]) -> frozenset[str] | None:
    """What those are called who are on these flows, or have done something elsewhere, as far as we know them: it is not kept. None
    where the university hides names."""
    if reading.source.protects_identity:
        return None
    columns = ("user_id", "first_name", "last_name")
    there = list(_people(Participant.objects.values_list(*columns), "flow__in", [flow.pk for flow in flows]))
    users = {each.user_id for each in told if each.user_id is not None} - {user_id for user_id, *_ in there}
    known = Participant.objects.filter(flow__source=reading.source).values_list(*columns)
    return frozenset(name for _, *names in (*there, *_people(known, "user_id__in", sorted(users))) for name in names)


def _people(people: Any, named: str, keys: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(keys), BATCH):
        yield from people.filter(**{named: keys[start : start + BATCH]}).distinct()


# --- What cannot be had any more ------------------------------------------------------------------------------------


def _tell_gap(reading: LogReading, now: dt.datetime) -> None:
    """WISEflow has forgotten what is older than it keeps: what lies between that and the last reading is missing."""
    oldest = now - KEPT
    came_to = None if reading.cursor is None else _moment(min(reading.cursor, _milliseconds(now)))
    since = max(filter(None, (reading.read_to, came_to)), default=_beginning(reading))
    if since is None or since >= oldest:
        return
    told = message("log.not_kept", weeks=KEPT_WEEKS)
    LogGap.objects.get_or_create(
        reading=reading, first_at=since, defaults={"last_at": oldest, "message": told.to_json()}
    )


def _beginning(reading: LogReading) -> dt.datetime | None:
    """Where its first reading should have begun: of a flow its exam; of a licence the day it came here."""
    return reading.flow.participation_start_at if reading.flow is not None else reading.source.created_at


def _tell_crowd(reading: LogReading, sort: int) -> None:
    """There may have been more of this millisecond than a page takes, and there is no way to ask for the others."""
    at = _moment(sort)
    told = message("log.crowded", most=PAGE)
    LogGap.objects.get_or_create(reading=reading, first_at=at, defaults={"last_at": at, "message": told.to_json()})
