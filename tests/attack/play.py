"""Playing an attack: managers, the world, workers and whoever stands still, each step a tuple as in `tests/owner/play.py`.

A step that finds nothing to happen to is void, so whatever is left out of an attack, the rest can still be played.
"""

from __future__ import annotations

import copy
import datetime as dt
import threading
from collections.abc import Sequence
from typing import Any

from django.core import mail
from django.db import connections

from exports.attempts import transitions
from exports.attempts.automatic import export_automatically
from exports.attempts.send import send_attempt
from exports.grades.read import database_now
from exports.models import ExportAttempt
from exports.operation.digest import send_digests
from exports.operation.sweep import settle_unknown
from tests.attack import answers
from tests.attack.attacks import Attack
from tests.attack.base import AttackSandbox, make
from tests.attack.freezing import Freezer, Point
from tests.attack.judge import AttackJudge
from tests.attack.managers import Managers
from tests.owner.base import Base
from tests.owner.people import Humans
from tests.owner.play import Step, Void

NEVER: Point = "never"


class Attacked(Managers):
    """`is_plain`: nobody's data were changed, so in the end each grade is there."""

    def __init__(self, base: Base, humans: Humans, accounts: dict[int, int]) -> None:
        super().__init__(base, humans, accounts)
        self.judge = AttackJudge(self)
        self.is_plain = True
        self._hours = 0

    def run(self, steps: Sequence[Step], *, settles: bool = True) -> None:
        try:
            for step in [*steps, ("look",), *(SETTLING if settles else ()), ("look",)]:
                self._do(step)
                if self.violations:
                    return
        finally:
            self.set_clock(None)

    def _do(self, step: Step) -> None:
        self.judge.begin(step)
        self._step(step)
        self.judge.after(step)

    def _step(self, step: Step) -> None:
        try:
            getattr(self, f"do_{step[0]}")(*step[1:])
        except Void:
            self.counts["void"] += 1
        else:
            self.counts[step[0]] += 1
        if step[0] in CHANGING:
            self.is_plain = False
        self.judge.remember_grades()

    # --- Standing still ------------------------------------------------------------------------------------------

    def do_frozen(self, at: Point, step: Step, meanwhile: Sequence[Step]) -> None:
        """Whoever does the step stands still at a point of it, and the others go on."""

        def world() -> None:
            for each in meanwhile:
                self._step(each)

        freezer = self._watched(Freezer(at, world), step)
        self.counts["points passed"] += freezer.passed
        self.counts["frozen there" if freezer.has_frozen else "not frozen"] += 1

    def _watched(self, freezer: Freezer, step: Step) -> Freezer:
        before, self.sandbox.freezer = self.sandbox.freezer, freezer
        try:
            with freezer.watching():
                self._step(step)
        finally:
            self.sandbox.freezer = before
        return freezer

    def do_together(self, steps: Sequence[Step]) -> None:
        """All at the same instant, each in a thread and with a connection of its own: only where the base is committed."""
        errors: list[BaseException] = []
        start = threading.Barrier(len(steps))

        def one(step: Step) -> None:
            try:
                start.wait(120)
                self._step(step)
            except BaseException as error:
                errors.append(error)
            finally:
                connections.close_all()

        for who in (0, 1):
            self.browser(who)  # signed in before
        self.is_crowded = True
        threads = [threading.Thread(target=one, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.is_crowded = False
        if errors:
            raise errors[0]

    # --- Workers and the sweeper ---------------------------------------------------------------------------------

    def do_work(self, trick: answers.Trick = ()) -> None:  # type: ignore[override]
        """A worker takes up what waits."""
        queued = ExportAttempt.objects.filter(flow_id=self.base.flow_pk, state=ExportAttempt.State.QUEUED)
        attempts = list(queued.order_by("created_at").values_list("pk", flat=True))
        if not attempts:
            raise Void
        for pk in attempts:
            if trick:
                self.sandbox.tricks[str(pk)] = answers.perform(self.sandbox, trick)
            if self.sandbox.freezer is None and not self.sandbox.is_committed:
                self._watched(Freezer(NEVER, lambda: None), ("send", pk))
            else:
                self.do_send(pk)

    def do_goes(self, trick: answers.Trick = ()) -> None:  # type: ignore[override]
        """The grades are collected; what is to go by itself goes."""
        self.do_collect()
        export_automatically(self.flow)
        self.do_work(trick)

    def do_starts(self) -> None:
        """The grades are collected, and what goes by itself waits for a worker."""
        self.do_collect()
        export_automatically(self.flow)

    def do_send(self, pk: Any) -> None:
        send_attempt(pk)

    def do_killed(self, where: str, hours: float) -> None:
        """A worker dies after its claim, or after the mark; its lease ends so many hours from now."""
        queued = ExportAttempt.objects.filter(flow_id=self.base.flow_pk, state=ExportAttempt.State.QUEUED)
        for pk in list(queued.values_list("pk", flat=True)):
            token = transitions.claim(pk)
            if token is not None and where == "marked":
                transitions.mark(pk, token, method="POST", url="", body_sha256="")
        self.do_lease(hours)

    def do_settle(self) -> None:
        """The sweeper asks Ladok by itself."""
        settle_unknown()

    def do_mail(self) -> None:
        """What has come out or failed is written to the managers, some hours later."""
        self._hours += 2
        before = len(mail.outbox)
        send_digests(database_now(self.flow) + dt.timedelta(hours=self._hours))
        self.judge.see_mails([str(each.body) for each in mail.outbox[before:]])

    # --- The judgement -----------------------------------------------------------------------------------------

    def do_look(self) -> None:
        """Every page that says something of the exports."""
        self.judge.look()

    def do_settled(self) -> None:
        self.judge.settled()


# What changes people, grades or exams: then not everybody's grade has to be in Ladok at the end.
CHANGING = frozenset(
    ("exchange", "correct", "gone", "back", "grade", "grade_all", "refuse", "reject", "code_page", "second_flow", "sync",
     "ladok_exam", "by_hand", "graded_by_hand", "archive", "no_exam_id", "take_exam_id", "points", "instant", "place",
     "add_code", "remove_code", "let_go", "draft", "review", "approve", "approve_all")
)  # fmt: skip

# What managers do until there is nothing left to do.
AGAIN: tuple[Step, ...] = (("preview", 90, "retry"), ("press", 90), ("work",))
SETTLING: tuple[Step, ...] = (
    ("mail",),
    ("accept",),
    ("finishes",),
    ("passes", 4000),
    ("sweep",),
    ("work",),
    ("check",),
    ("passes", 4000),
    ("check",),
    ("say",),
    *AGAIN,
    ("preview", 90, "first"),
    ("press", 90),
    ("work",),
    *AGAIN,
    ("mail",),
    ("settled",),
)


def play(base: Base, steps: Sequence[Step]) -> Attacked:
    """The attack played from the base, judged, and undone."""
    with base.fresh() as (humans, accounts):
        sandbox: AttackSandbox = base.sandbox  # type: ignore[assignment]
        sandbox.forget()
        played = Attacked(base, humans, accounts)
        played.run(steps)
        played.counts["attempts"] = ExportAttempt.objects.count()
        played.counts["grades in the ledger"] = len(played.judge.ledger())
    return played


def play_committed(sandbox: AttackSandbox, attack: Attack) -> Attacked:
    """An attack by threads, from a base that everybody can see. Whoever calls it empties the database afterwards."""
    base = make(sandbox, attack.kind)
    sandbox.forget()
    sandbox.is_committed = True
    try:
        played = Attacked(base, copy.deepcopy(base.humans), dict(base.accounts))
        played.run(attack.steps)
    finally:
        sandbox.is_committed = False
    played.counts["attempts"] = ExportAttempt.objects.count()
    played.counts["grades in the ledger"] = len(played.judge.ledger())
    return played
