"""The flow's own data on its way into WISEflow: title, subtitle, flow code, dates and grading scale.

People may change it there, and a plan takes a while: right before each writing it is looked at once more. What is no longer as
the plan was made of, nor as it is to be, is somebody's, and stays; the rest goes on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial

from ladokflow.messages import Message, message
from ladokflow.texts import is_same_text
from ladokflow.wiseflow.errors import WiseflowError
from ladokflow.wiseflow.schemas import FlowDates, Metadata
from sources.sync.apply.work import Work
from sources.sync.plan.changes import DATE_FIELDS, SetCode, SetDates, SetGradingScale, SetText, set_dates_to
from sources.sync.plan.moments import is_same_moment, iso, local
from sources.sync.plan.times import times_of
from sources.sync.plan.values import MARKING


def set_texts(work: Work, changes: Sequence[SetText]) -> None:
    """Title and subtitle together, the flow code by itself: should WISEflow not like it, the others are written."""
    texts = [change for change in changes if not isinstance(change, SetCode)]
    codes = [change for change in changes if isinstance(change, SetCode)]
    for together in (texts, codes):
        if together:
            _put_metadata(work, together)


def _put_metadata(work: Work, changes: Sequence[SetText]) -> None:
    try:
        there = work.client.metadata(work.flow_id)
        changes = _still_ours(work, changes, there)
        values = {name: change.value for change in changes for name in change.writes}
        if values:
            work.client.put_metadata(work.flow_id, there.changed(**values))
    except WiseflowError as error:
        if not error.is_about_one:
            raise
        for change in changes:
            work.refused(change, error)
        return
    work.done(*changes)


def _still_ours(work: Work, changes: Sequence[SetText], there: Metadata) -> list[SetText]:
    ours = []
    for change in changes:
        (name,) = change.writes
        now = str(getattr(there, name) or "").strip()
        if any(is_same_text(now, text) for text in (getattr(work.gathered.present, name), change.value)):
            ours.append(change)
        else:
            work.changed_by_hand(name, now, now)
            work.not_done(change)
    return ours


def set_dates(work: Work, changes: Sequence[SetDates]) -> None:
    for change in changes:
        try:
            there = work.client.dates(work.flow_id)
        except WiseflowError as error:
            if not error.is_about_one:
                raise
            work.refused(change, error)
            continue
        _patch_dates(work, change, there)


def _patch_dates(work: Work, change: SetDates, there: FlowDates) -> None:
    """WISEflow takes all four together: those that somebody has changed go back as they are."""
    now = {name: moment for name in DATE_FIELDS if (moment := _changed_to(name, work, change, there)) is not None}
    for name, moment in now.items():
        work.changed_by_hand(name, iso(moment), local(moment, work.gathered.memory.tz))
    change = _with(change, now, work.gathered.memory.tz)
    after = times_of(change)
    if now and after.are_same(times_of(there)):
        work.not_done(change)
        return
    if now and not after.go_together:
        work.not_done(change, message("sources.dates_conflict"))
        return
    participation = (change.participation_start_at, change.participation_end_at)
    marking = (change.marking_start_at, change.marking_end_at)
    patch = partial(work.client.patch_dates, work.flow_id, participation=participation, marking=marking)
    work.attempt(change, patch)


def _changed_to(name: str, work: Work, change: SetDates, there: FlowDates) -> dt.datetime | None:
    """What somebody has made of the date since it was read; None where nobody has."""
    now: dt.datetime | None = getattr(there, name)
    known = (getattr(work.gathered.present.dates, name), getattr(change, name))
    return None if any(is_same_moment(now, moment) for moment in known) else now


def _with(change: SetDates, now: Mapping[str, dt.datetime], tz: dt.tzinfo) -> SetDates:
    if not now:
        return change
    return set_dates_to({name: now.get(name, getattr(change, name)) for name in DATE_FIELDS}, tz)


def set_grading_scale(work: Work, changes: Sequence[SetGradingScale]) -> None:
    """Looks once more right before it: another scale takes away every grade, and with it what somebody has just given."""
    for change in changes:
        work.lease.keep()
        kept = _why_kept(work, change)
        if kept is not None:
            work.not_done(change, kept)
        else:
            work.attempt(change, partial(work.client.put_grading_scale, work.flow_id, change.scale_id))


def _why_kept(work: Work, change: SetGradingScale) -> Message | None:
    client, wanted, read = work.client, work.gathered.wanted_scale, work.gathered.present.scale_id
    name = wanted.name if wanted is not None else str(change.scale_id)
    if client.grading_scale(work.flow_id) != read:
        return message("sources.scale_changed_meanwhile", scale=name)
    if client.flow(work.flow_id).state >= MARKING:
        return message("sources.scale_kept_in_marking", scale=name)
    if any(row.grade or row.alternative_grade for row in client.assessments(work.flow_id)):
        return message("sources.scale_kept", scale=name)
    return None
