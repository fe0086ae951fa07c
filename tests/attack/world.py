"""What the world does by itself: time and clocks, and the people behind Ladok and WISEflow."""

from __future__ import annotations

import datetime as dt
from typing import Any

import time_machine
from django.db.models import DateTimeField, F

from exports.models import ExportAttempt, ExportItem
from ladokflow.sandbox import grading, hands
from ladokflow.sandbox.wiseflow.base import scale_of
from sources.models import Flow
from tests.attack.base import AttackSandbox
from tests.owner.base import Base
from tests.owner.people import EXAM_ID, Humans
from tests.owner.play import Play, Void


class World(Play):
    """`by_hand`, `ends_by_hand` and `graded_by_hand` are what somebody has changed in WISEflow: values by field, ends by participant,
    grades by human being. `late`: places in the ledger that Ladok came to long after it was asked."""

    sandbox: AttackSandbox

    def __init__(self, base: Base, humans: Humans, accounts: dict[int, int]) -> None:
        super().__init__(base, humans, accounts)
        self.by_hand: dict[str, Any] = {}
        self.ends_by_hand: dict[int, int] = {}
        self.graded_by_hand: dict[int, str] = {}
        self.late: set[int] = set()
        self._clock: Any = None

    # --- Time ----------------------------------------------------------------------------------------------------

    def do_passes(self, seconds: float) -> None:
        """So much time goes by: all that is written down of exports is so much older."""
        gone = dt.timedelta(seconds=seconds)
        for model in (ExportAttempt, ExportItem):
            for field in model._meta.concrete_fields:
                if isinstance(field, DateTimeField):
                    rows = model._default_manager.filter(**{f"{field.name}__isnull": False})
                    rows.update(**{field.name: F(field.name) - gone})

    def do_lease(self, hours: float) -> None:
        """Whoever took the leases had a clock that was so far ahead (or, below nought, behind)."""
        held = ExportAttempt.objects.filter(lease_until__isnull=False)
        if not held.update(lease_until=F("lease_until") + dt.timedelta(hours=hours)):
            raise Void

    def do_clock(self, hours: float) -> None:
        """The clock of the machine, not the database's, is ahead or behind from now on."""
        self.set_clock(hours)

    def set_clock(self, hours: float | None) -> None:
        if self._clock is not None:
            self._clock.stop()
            self._clock = None
        if hours is not None:
            self._clock = time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours), tick=True)
            self._clock.start()

    # --- Ladok and WISEflow --------------------------------------------------------------------------------------

    def do_finishes(self) -> None:
        """Ladok is through with the requests that it had not answered."""
        works, self.sandbox.unfinished = self.sandbox.unfinished, []
        if not works:
            raise Void
        before = len(self.judge.ledger())
        for work in works:
            work()
        self.late.update(range(before, len(self.judge.ledger())))

    def do_cannot_tell(self) -> None:
        """Ladok cannot be asked any more what it has registered."""
        self.state.data["ladok"][self.base.slug]["can_read_back"] = False

    def do_refuse(self, one: int) -> None:
        """Ladok will not take this person's grade, for a reason that has nothing to do with what is there."""
        row = self._pick(self.base.codes[0], one)
        identifier = self.humans.get(row, EXAM_ID) or self.humans.get(row, "organisation_id")
        side = self.state.data["ladok"][self.base.slug]
        side["rejections"][identifier] = "Kursen är avslutad."

    def do_ladok_exam(self, name: str, value: str) -> None:
        """Ladok's own data of the exam change: what the next synchronisation has to write."""
        with self.state.lock:
            fields = self.state.data["ladok"][self.base.slug]["exams"][self.base.codes[0]]["fields"]
            if name not in fields:
                raise Void
            fields[name] = value

    def do_by_hand(self, name: str, value: Any) -> None:
        """Somebody changes the flow in WISEflow itself."""
        with self.state.lock:
            if name in self.row["dates"]:
                hands.set_dates_by_hand(self.sandbox, self.base.wiseflow_id, {name: self.row["dates"][name] + value})
                self.by_hand[name] = self.row["dates"][name]
            else:
                hands.set_metadata_by_hand(self.sandbox, self.base.wiseflow_id, {name: value})
                self.by_hand[name] = value

    def do_ladok_end(self, one: int, time: str) -> None:
        """Ladok says another end of one person's own, where it knows any."""
        row = self._pick(self.base.codes[0], one)
        if self.base.slug != "liu":
            raise Void
        row["endTime"] = time

    def do_end_by_hand(self, one: int, seconds: int) -> None:
        """Somebody gives one person more time in WISEflow itself."""
        with self.state.lock:
            _, person = (people := self.participants())[one % len(people)]
            end = (person["end"] or self.row["dates"]["end"]) + seconds
            hands.set_end_by_hand(self.sandbox, self.base.wiseflow_id, person["id"], end)
            self.ends_by_hand[person["id"]] = end

    # --- Where a reviewer decides --------------------------------------------------------------------------------

    def do_drafts(self, are_shown: int) -> None:
        """Whether WISEflow's assessments hold what no reviewer has approved."""
        grading.set_shows_drafts(self.sandbox, bool(are_shown))

    def do_draft(self, one: int, grade: int | None = None) -> None:
        """An assessor gives a grade, or the one that is there once more: the reviewer has to look anew."""
        with self.state.lock:
            person = self._marked(one)
            value = self._grades()[grade % len(self._grades())] if grade is not None else self._grade_of(person)
            if value is None:
                raise Void
            grading.grade(self.sandbox, self.base.wiseflow_id, {person["id"]: value}, by="assessor")

    def do_review(self, one: int, grade: int) -> None:
        """The reviewer gives a grade, whatever the assessor thinks, or takes it away."""
        with self.state.lock:
            values = [*self._grades(), None]
            self._reviewed({self._marked(one)["id"]: values[grade % len(values)]})

    def do_approve(self, one: int) -> None:
        """The reviewer thinks as the assessor does."""
        with self.state.lock:
            person = self._marked(one)
            if person.get("draft") is None:
                raise Void
            self._reviewed({person["id"]: person["draft"]["grade"]})

    def do_approve_all(self) -> None:
        with self.state.lock:
            drafts = {each["id"]: each["draft"]["grade"] for _, each in self.participants() if each.get("draft")}
            if not drafts:
                raise Void
            self._reviewed(drafts)

    def _reviewed(self, grades: dict[Any, Any]) -> None:
        try:
            grading.grade(self.sandbox, self.base.wiseflow_id, grades, by="reviewer")
        except ValueError as error:  # of a flow that has none
            raise Void from error

    def _marked(self, one: int) -> dict[str, Any]:
        if self.phase < Flow.State.PARTICIPATION_STARTED or not (people := self.participants()):
            raise Void
        return people[one % len(people)][1]

    def _grades(self) -> list[str]:
        options = scale_of(hands.licence_of(self.state, self.row), self.row)["list"]["options"]
        return [option["grade"] for option in options]

    @staticmethod
    def _grade_of(person: dict[str, Any]) -> str | None:
        return (person["assessment"] or person.get("draft") or {}).get("grade")

    def do_graded_by_hand(self, one: int, grade: int) -> None:
        """An assessor gives a grade; it is hers to take away, and nobody else's."""
        with self.state.lock:
            options = self._grades()
            human, person = (people := self.participants())[one % len(people)]
            given = options[grade % len(options)]
            grading.grade(self.sandbox, self.base.wiseflow_id, {person["id"]: given})
        self.graded_by_hand[human] = given
