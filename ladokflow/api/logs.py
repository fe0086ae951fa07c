"""WISEflow's log entries as they are kept here, and the timeline of one student on one exam. Whoever reads them is on record, as of the pages."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from django.http import Http404
from ninja import Query, Router
from pydantic import Field

from exports.timeline import Moment, Timeline, timeline_of
from ladokflow.api import rows
from ladokflow.api.callers import Bearer, Call
from ladokflow.api.lists import Paging, page_of
from ladokflow.api.schemas import Day, Identifier, Key, Out, Page, Words
from ladokflow.dates import FIRST_DAY, LAST_DAY
from sources.logs.access import entries_read, timeline_seen
from sources.logs.files import entries_of
from sources.models import LogEntry, LogGap, Scope

router = Router(by_alias=True)
EntryKind = Literal["opened", "wrote", "disconnected", "reconnected", "handed_in", "withdrawn", "marked", "other"]


# --- Shapes --------------------------------------------------------------------------------------------------------


class Entry(Out):
    """One entry of WISEflow's, without names and addresses. `entry` is WISEflow's id of it, `action` and `context` are its words, and
    `detail` is the rest, as JSON. Numbers that begin with `wiseflow` are WISEflow's."""

    entry: Identifier
    at: dt.datetime
    kind: EntryKind
    action: Words
    context: Words
    flow: int | None
    wiseflow_flow: int | None
    wiseflow_participant: int | None
    wiseflow_user: int | None
    detail: Words


class Gap(Out):
    """Of this time no entries can be had: that there are none does not mean that nothing happened."""

    first_at: dt.datetime
    last_at: dt.datetime
    message: Words


class MomentOut(Out):
    """`kind` does not change; `label`, `text`, `detail` and `by` are in the language that is asked for. `count` is of how many like it, one
    right after the other, it is the first, and `until` when the last of them was. `raw` is the name that WISEflow has for it."""

    at: dt.datetime
    until: dt.datetime | None
    count: int
    kind: str = Field(pattern="^[a-z_]+$")
    system: Literal["WISEflow", "LadokFlow"]
    label: Words
    text: Words
    detail: Words
    raw: Words
    by: Words
    attempt: str | None = Field(description="The export that it is a step of.")


class TimelineOut(Out):
    """The oldest moment first. `readTo`: until when WISEflow's log of the flow is known here; null where it has not been read. `isCut`:
    there are more entries than are told."""

    flow: Key
    participant: Key
    read_to: dt.datetime | None
    is_cut: bool
    gaps: list[Gap]
    moments: list[MomentOut]


# --- Calls ---------------------------------------------------------------------------------------------------------


class LogFilter(Paging):
    flow: Annotated[Key | None, Field(default=None, description="Of this flow only.")]
    first: Annotated[Day | None, Field(default=None, description="Those of this day or later.")]
    last: Annotated[Day | None, Field(default=None, description="Those of this day or earlier.")]


@router.get("/logs", response=Page[Entry], auth=Bearer(Scope.LOGS_READ), tags=["Logs"])
def list_log_entries(request: Call, chosen: Query[LogFilter]) -> dict[str, Any]:
    """What WISEflow has logged, the oldest first. Days are those of the university's time zone."""
    flow = rows.flow_of(request.auth, chosen.flow) if chosen.flow is not None else None
    first, last = chosen.first or FIRST_DAY, chosen.last or LAST_DAY
    entries = entries_of(request.auth.source, first, last, flow).order_by("at", "pk")
    page = page_of(entries, chosen, _entry)
    entries_read(request, request.auth.source, first, last, flow, is_first_page=chosen.after is None)
    return page


@router.get(
    "/flows/{flow}/participants/{participant}/timeline",
    response=TimelineOut,
    auth=Bearer(Scope.LOGS_READ),
    tags=["Logs"],
)
def get_timeline(request: Call, flow: Key, participant: Key) -> dict[str, Any]:
    """What happened to one student on one exam: WISEflow's log beside what LadokFlow has done."""
    found = rows.flow_of(request.auth, flow)
    person = found.participants.select_related("flow__source").filter(pk=participant).first()
    if person is None:
        raise Http404
    timeline_seen(request, person)
    return {"flow": found.pk, "participant": person.pk, **_timeline(timeline_of(person))}


# --- Telling of them -----------------------------------------------------------------------------------------------


def _entry(entry: LogEntry) -> dict[str, Any]:
    return {
        "entry": entry.key,
        "at": entry.at,
        "kind": entry.kind,
        "action": entry.action,
        "context": entry.context,
        "flow": entry.flow_id,
        "wiseflowFlow": entry.wiseflow_flow_id,
        "wiseflowParticipant": entry.wiseflow_participant_id,
        "wiseflowUser": entry.wiseflow_user_id,
        "detail": entry.detail,
    }


def _timeline(timeline: Timeline) -> dict[str, Any]:
    return {
        "readTo": timeline.read_to,
        "isCut": timeline.is_cut,
        "gaps": [_gap(gap) for gap in timeline.gaps],
        "moments": [_moment(moment) for moment in timeline.moments],
    }


def _gap(gap: LogGap) -> dict[str, Any]:
    return {"firstAt": gap.first_at, "lastAt": gap.last_at, "message": str(gap.what or "")}


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "at": moment.at,
        "until": moment.until,
        "count": moment.count,
        "kind": str(moment.kind),
        "system": moment.system,
        "label": str(moment.label),
        "text": moment.text,
        "detail": moment.detail,
        "raw": moment.raw,
        "by": str(moment.by),
        "attempt": moment.attempt or None,
    }
