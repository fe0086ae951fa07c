"""The points of a flow's participants: WISEflow has a call for each of them. Nothing is written."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from django.conf import settings

from exports.grades.read import Trails
from ladokflow.clock import monotonic
from ladokflow.threads import Threads
from ladokflow.wiseflow.client import WiseflowClient
from ladokflow.wiseflow.connection import TOO_MANY
from ladokflow.wiseflow.errors import NoItems, WiseflowError
from ladokflow.wiseflow.points import points_in_trail, points_of_items
from ladokflow.wiseflow.schemas import ItemMark

logger = logging.getLogger(__name__)

HUNDREDTHS = Decimal("0.01")  # as the columns keep points
MOST_FAILURES = 20  # of calls for single people: then no more are made, and the rest are not known either
MOST_ALONE = 5  # are asked one after the other, until it is known what kind of flow it is
# WISEflow gives out no trail of this person: that is an answer, and asking again changes nothing.
NONE_THERE = (403, 404)


@dataclass
class Told:
    """By participant number. `untold` are those whose points WISEflow did not give; who is in neither has not been asked for."""

    points: dict[int, Decimal | None] = field(default_factory=dict)
    untold: set[int] = field(default_factory=set)

    @property
    def asked(self) -> set[int]:
        return self.untold | set(self.points)


class PointsReader:
    """Asks for the points of one flow's participants: one call for each, and no more than a few beyond that.

    A flow that is marked item by item has them in its items, any other in the trail of the marking. No call tells which it is:
    the first answer about a person does.
    """

    def __init__(self, flow_id: int, wiseflow: WiseflowClient, trails: Trails, *, until: float = math.inf) -> None:
        """After `until` (monotonic seconds) no call begins but the first of a reading, and none waits for its turn under
        WISEflow's limits."""
        self._flow_id, self._wiseflow, self._trails, self._until = flow_id, wiseflow, trails, until
        self._is_by_items: bool | None = None
        self._failures = 0
        self._is_held_up = False  # WISEflow's limits do not let another call through in time

    def read(self, people: Sequence[int]) -> Told:
        told = Told()
        left = iter(people)
        for each in islice(left, 0 if self._is_by_items is not None else MOST_ALONE):
            self._add(told, each)
            if self._is_by_items is not None:
                break
        with Threads(settings.WISEFLOW_CONCURRENCY) as pool:
            for _ in pool.map(lambda each: self._add(told, each), left):
                pass
        return told

    def _add(self, told: Told, participant_id: int) -> None:
        if self._failures >= MOST_FAILURES:
            told.untold.add(participant_id)
        elif not self._is_held_up and (monotonic() < self._until or not (told.points or told.untold)):
            try:
                given = self._of(participant_id)
            except WiseflowError as error:
                if error.status == TOO_MANY:
                    self._is_held_up = True
                    return
                self._failures += 1
                told.untold.add(participant_id)
                logger.warning("export.points.not_read flow=%s reason=%s", self._flow_id, error.message.code)
            else:
                # As the column keeps it: else the same number would be another one each time, and be written again and again.
                told.points[participant_id] = None if given is None else given.quantize(HUNDREDTHS)

    def _of(self, participant_id: int) -> Decimal | None:
        patience = None if math.isinf(self._until) else max(0.0, self._until - monotonic())
        marks: Sequence[ItemMark] = ()
        if self._is_by_items is not False:
            try:
                marks = self._wiseflow.item_marks(self._flow_id, participant_id, patience=patience)
            except NoItems:
                # What has given items of others does not turn into another kind of flow.
                self._is_by_items = bool(self._is_by_items)
        if marks:
            self._is_by_items = True
            return points_of_items(marks)
        try:
            return points_in_trail(self._trails.of(participant_id, patience=patience))
        except WiseflowError as error:
            if error.status in NONE_THERE:
                return None
            raise
