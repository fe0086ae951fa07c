"""How the synchronisations go that somebody has asked for in a list, of several flows at once: one line above the list.

Which they are is kept in the session, until a while after the last of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from ladokflow.messages import Trait
from sources.models import SyncRun
from sources.models.flow import FlowQuerySet

KEPT = "chosen-syncs"  # in the session
TOLD_FOR = dt.timedelta(minutes=10)  # after the last has ended
SHOWN = 5  # flows that are named


@dataclass(frozen=True)
class ChosenSyncs:
    """The runs that there are, and those that have ended and need somebody: they have failed, or ask."""

    runs: Sequence[SyncRun]

    @property
    def count(self) -> int:
        return len(self.runs)

    @property
    def done(self) -> int:
        return sum(run.finished_at is not None for run in self.runs)

    @property
    def succeeded(self) -> int:
        return sum(run.state == SyncRun.State.SUCCESS for run in self.runs)

    @property
    def is_busy(self) -> bool:
        return self.done < self.count

    @property
    def needing(self) -> list[SyncRun]:
        return [run for run in self.runs if run.state == SyncRun.State.FAILED or run.asks or _has_question(run)]

    @property
    def named(self) -> list[SyncRun]:
        return self.needing[:SHOWN]

    @property
    def more(self) -> int:
        return len(self.needing) - len(self.named)


def keep(session: MutableMapping[str, Any], runs: Iterable[SyncRun]) -> None:
    """Instead of those that were asked for before."""
    session[KEPT] = [str(run.pk) for run in runs]


def chosen_syncs(session: Mapping[str, Any], visible: FlowQuerySet) -> ChosenSyncs | None:
    """None where nothing was asked for, or it ended a while ago. One query where something was."""
    if not session.get(KEPT):
        return None
    kept = SyncRun.objects.filter(pk__in=session[KEPT], flow__in=visible).select_related("flow").defer("changes")
    found = ChosenSyncs(list(kept.order_by("flow__title", "pk")))
    ended = [run.finished_at for run in found.runs if run.finished_at is not None]
    is_over = not found.is_busy and (not ended or max(ended) < timezone.now() - TOLD_FOR)
    return None if is_over else found


def _has_question(run: SyncRun) -> bool:
    return any(problem.has(Trait.QUESTION) for problem in run.problem_messages)
