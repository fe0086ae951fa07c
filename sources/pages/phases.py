"""The phases of a flow as a timeline: what WISEflow said last, and what the flow's dates say by now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import Text
from sources.models import Flow

State = Flow.State
# WISEflow keeps participation open for those who have longer time.
LONGER_TIME = dt.timedelta(days=1)


class Mark(models.TextChoices):
    """How far a phase has come."""

    DONE = "done", _("over")
    CURRENT = "current", _("now")
    NEXT = "next", _("next")
    NOT_BEGUN = "not_begun", _("should have begun")
    NOT_ENDED = "not_ended", _("should have ended")


CURRENT = (Mark.CURRENT, Mark.NOT_BEGUN, Mark.NOT_ENDED)


@dataclass(frozen=True)
class Phase:
    """`mark` is None for what comes after the next one. `days`: until the next one begins, where that is known."""

    name: Text
    mark: Mark | None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    days: int | None = None

    @property
    def is_current(self) -> bool:
        return self.mark in CURRENT

    @property
    def note(self) -> str:
        """How far it has come, in words; empty for what is far ahead."""
        if self.days is None:
            return str(self.mark.label) if self.mark is not None else ""
        if self.days < 2:
            return gettext("tomorrow") if self.days else gettext("later today")
        return ngettext("in %(days)s day", "in %(days)s days", self.days) % {"days": self.days}


# Each phase with the states of WISEflow that are in it.
PHASES = (
    (_("Setup"), (None, State.NOT_ACTIVATED)),
    (_("Participation"), (State.PARTICIPATION_NOT_STARTED, State.PARTICIPATION_STARTED)),
    (_("Marking"), (State.PARTICIPATION_ENDED,)),
    (_("Concluding"), (State.CONCLUDED,)),
    (_("Archived"), (State.ARCHIVED,)),
)


def phases(flow: Flow, now: dt.datetime | None = None) -> list[Phase]:
    now = now or timezone.now()
    current = next(index for index, (_name, states) in enumerate(PHASES) if flow.state in states)
    mark = _mark_of_current(flow, now)
    times = {
        1: (flow.participation_start_at, flow.participation_end_at),
        2: (flow.marking_start_at, flow.marking_end_at),
    }
    timeline = []
    for index, (name, _states) in enumerate(PHASES):
        starts_at, ends_at = times.get(index, (None, None))
        shown = Mark.DONE if index < current else mark if index == current else None
        days = _days_until(starts_at, now, flow.source.tz) if shown is Mark.NEXT else None
        timeline.append(Phase(name, shown, starts_at, ends_at, days))
    return timeline


def _mark_of_current(flow: Flow, now: dt.datetime) -> Mark:
    """A phase that WISEflow has opened by its state begins by its dates."""
    match flow.state:
        case State.PARTICIPATION_NOT_STARTED:
            return _by_dates(flow.participation_start_at, flow.participation_end_at, now, over=Mark.NOT_BEGUN)
        case State.PARTICIPATION_STARTED:
            end = flow.participation_end_at
            return Mark.NOT_ENDED if end is not None and end + LONGER_TIME <= now else Mark.CURRENT
        case State.PARTICIPATION_ENDED:
            return _by_dates(flow.marking_start_at, flow.marking_end_at, now, over=Mark.NOT_ENDED)
    start = flow.participation_start_at
    is_late = flow.state == State.NOT_ACTIVATED and start is not None and start <= now
    return Mark.NOT_ENDED if is_late else Mark.CURRENT


def _by_dates(start: dt.datetime | None, end: dt.datetime | None, now: dt.datetime, *, over: Mark) -> Mark:
    if start is not None and now < start:
        return Mark.NEXT
    if end is not None and end <= now:
        return over
    return Mark.CURRENT if start is not None or over is Mark.NOT_ENDED else Mark.NEXT


def _days_until(moment: dt.datetime | None, now: dt.datetime, tz: dt.tzinfo) -> int | None:
    return (moment.astimezone(tz).date() - now.astimezone(tz).date()).days if moment is not None else None
