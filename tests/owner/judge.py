"""The judgement, from the sandbox's own record alone: whose grade is in Ladok, who is missing, who was shut out.

1. No grade is in the ledger for somebody who did not earn it, nor points.
2. A flow that shows Exported leaves nobody out who is graded and on Ladok's list, on none of them where the grade goes to each; when all
   is settled, whoever has not been sent is held back by name.
3. Nobody who is on Ladok's list is deactivated (of one who was there as two people, either may be), and nobody at all by a list that contradicts itself.
4. Nobody gets a second grade under a code unless a manager has retried.
5. Whose data in Ladok never changed is always sent: to hold everybody back is no way out.
6. The account of somebody who is on no list stays as it is and comes on no flow; no account gets another's name; nobody is
   on the flow under two accounts.
7. Where grades go stays as it is once one has gone.
8. Before marking has ended a grade goes by instant export only, and no alternative one.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any

from exports.models import ExportAttempt, ExportItem
from ladokflow.sandbox.owners import OWNER
from sources.models import Flow, Participant
from sources.models.flow import ExportState
from tests.owner.people import contradicts_itself

if TYPE_CHECKING:
    from tests.owner.play import Play

WRITING = (Flow.State.PARTICIPATION_NOT_STARTED, Flow.State.PARTICIPATION_STARTED)
IN_LADOK_OR_WISEFLOW = frozenset(
    [
        "exchange",
        "correct",
        "no_exam_id",
        "take_exam_id",
        "same_exam_id",
        "merge",
        "split",
        "gone",
        "back",
        "anew",
        "move",
        "both",
        "repeat",
        "list_whole",
        "unreadable",
        "without_login",
        "newcomer",
        "recycle",
        "add_code",
        "remove_code",
        "renew_exam_ids",
        "grade",
        "grade_all",
        "points",
        "points_all",
        "place",
        "conclude",
        "archive",
    ]
)
DO_NOTHING_IN_LADOK = ("grade", "grade_all", "points", "points_all", "place", "conclude", "archive")


class Judge:
    def __init__(self, play: Play) -> None:
        self.play = play
        self.violations: list[str] = []
        self.doubles: set[int] = set()  # human beings with two registrations: theirs may come twice
        self.together: set[int] = set()  # those of them whom a list has been seen to tell apart
        self.has_removed_code = False
        self._seen = len(self.ledger())
        self._graded: dict[int, set[str]] = {}
        self._points: dict[int, set[float | None]] = {}
        self._alternative: set[int] = set()
        self._was_instant = False
        self._goes_to = ""
        self._active: dict[int, int] = {}
        self._is_synced = self._is_collected = False
        self._former = self._account_of(play.base.former.number)

    # --- The record ----------------------------------------------------------------------------------------------

    def ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.play.state.data["ladok"][self.play.base.slug]["registrations"]
        return found

    def on_list(self) -> dict[int, set[str]]:
        """Who is on Ladok's list now, readably, and on which of the flow's exams."""
        found: dict[int, set[str]] = {}
        for code in self.play.live_codes():
            for row in self.play.rows(code):
                if self.play.humans.is_readable(row):
                    found.setdefault(row[OWNER], set()).add(code)
        return found

    def _is_on_any_row(self, human: int) -> bool:
        return any(row[OWNER] == human for code in self.play.live_codes() for row in self.play.rows(code))

    def _participants_of(self, human: int) -> list[Participant]:
        numbers = [each["id"] for owner, each in self.play.participants() if owner == human]
        return list(Participant.objects.filter(flow_id=self.play.base.flow_pk, wiseflow_id__in=numbers))

    def is_in_ladok(self, item: ExportItem) -> bool:
        """Whether the item's grade stands registered for whoever wrote it."""
        people = {each["id"]: human for human, each in self.play.participants()}
        human = people.get(item.participant.wiseflow_id)
        return any(
            row.get("owner") == human and row["code"] == item.attempt.code.code and row["grade"] == item.grade
            for row in self.ledger()
        )

    def _account_of(self, human: int) -> dict[str, Any]:
        users = self.play.state.data["wiseflow"]["licences"][self.play.base.slug]["users"]
        own = {str(user) for user, owner in self.play.accounts.items() if owner == human}
        names = ("firstName", "lastName", "data", "emails")
        return copy.deepcopy({key: {name: users[key][name] for name in names} for key in own & set(users)})

    # --- Around each step ----------------------------------------------------------------------------------------

    def before(self) -> None:
        self._graded, self._points = self.play.grades_now(), self.play.points_now()
        self._alternative = self.play.alternatives_now()
        self._was_instant = self._was_instant or self.play.flow.instant_export
        self._active = {each["id"]: human for human, each in self.play.participants() if each["is_activated"]}
        self._phase = self.play.phase

    def after(self, step: tuple[Any, ...]) -> None:
        if step[0] in IN_LADOK_OR_WISEFLOW or any(isinstance(part, tuple) and part for part in step):
            self._is_collected = False
            if step[0] not in DO_NOTHING_IN_LADOK:
                self._is_synced = False
        self._judge_ledger(step)
        self._judge_place(step)
        if step[0] == "sync":
            self._judge_lockouts(step)
        self._judge_accounts(step)
        if self._is_synced and self._is_collected:
            self._judge_exported(step)

    def synced(self, is_success: bool) -> None:
        self._is_synced = is_success
        for code in self.play.live_codes():
            owners = Counter(row[OWNER] for row in self.play.rows(code) if self.play.humans.is_readable(row))
            self.together |= {owner for owner in self.doubles if owners[owner] > 1}

    def collected(self) -> None:
        self._is_collected = True

    def _say(self, rule: str, step: tuple[Any, ...], sentence: str) -> None:
        self.violations.append(f"{rule}: {sentence} (at {step!r})")

    # --- 1 and 4 -------------------------------------------------------------------------------------------------

    def _judge_ledger(self, step: tuple[Any, ...]) -> None:
        ledger = self.ledger()
        new = ledger[self._seen :]
        if new:
            self._judge_early(step, new)
        now, points = self.play.grades_now(), self.play.points_now()
        for place, row in enumerate(new, start=self._seen):
            owner = row.get("owner")
            earned = self._graded.get(owner, set()) | now.get(owner, set())
            if row["grade"] not in earned:
                self._say(
                    "owner",
                    step,
                    f"Ladok registered {row['grade']} as {row['identifier']} on {row['code']} for {owner}, "
                    f"who earned {sorted(earned) or 'nothing'}",
                )
            scored = self._points.get(owner, set()) | points.get(owner, set())
            if row["points"] not in scored:
                self._say("owner", step, f"Ladok registered {row['points']} points for {owner}, who has {scored}")
            earlier = [one for one in ledger[:place] if (one.get("owner"), one["code"]) == (owner, row["code"])]
            attempts = ExportAttempt.objects.filter(idempotency_key=row["idempotencyKey"], is_retry=True)
            if earlier and owner not in self.doubles and not attempts.exists():
                self._say("twice", step, f"{owner} has {len(earlier) + 1} grades on {row['code']}, and nobody retried")
        self._seen = len(ledger)

    # --- 7 -------------------------------------------------------------------------------------------------------

    def _judge_place(self, step: tuple[Any, ...]) -> None:
        if not self.ledger():
            return
        now = self.play.flow.grade_goes_to
        if self._goes_to not in ("", now):
            self._say("place", step, f"grades went to {self._goes_to}, and go to {now} from now on")
        self._goes_to = now

    # --- 8 -------------------------------------------------------------------------------------------------------

    def _judge_early(self, step: tuple[Any, ...], new: list[dict[str, Any]]) -> None:
        if max(self._phase, self.play.phase) >= Flow.State.CONCLUDED:
            return
        only_alternative = self._alternative & self.play.alternatives_now()
        for row in new:
            if not self._was_instant:
                self._say("early", step, f"{row['grade']} came to Ladok before marking had ended")
            elif row.get("owner") in only_alternative:
                self._say("early", step, f"the alternative grade of {row.get('owner')} was sent at once")

    # --- 2 and 5 -------------------------------------------------------------------------------------------------

    def _unsent(self) -> dict[int, set[str]]:
        """Graded, on the list, and nothing in the ledger for them on any exam of the flow; on one of those that list them, where the
        grade goes to each."""
        sent: dict[int | None, set[str]] = {}
        for row in self.ledger():
            sent.setdefault(row.get("owner"), set()).add(row["code"])
        goes_to_each = self.play.flow.grade_goes_to == Flow.GradeGoesTo.EACH
        listed = self.on_list()

        def is_unsent(human: int) -> bool:
            there = sent.get(human, set())
            return bool(listed[human] - there) if goes_to_each else not there

        return {
            human: grades for human, grades in self.play.grades_now().items() if human in listed and is_unsent(human)
        }

    def _judge_exported(self, step: tuple[Any, ...]) -> None:
        if not Flow.objects.filter(pk=self.play.base.flow_pk, export_state=ExportState.EXPORTED).exists():
            return
        for human, grades in self._unsent().items():
            self._say("silence", step, f"the flow shows Exported, and {human} with {sorted(grades)} has not been sent")

    def settled(self) -> None:
        """Nothing is left to do: whoever is not in the ledger is held back by name, and the untouched are in it."""
        if not self._is_synced:
            return
        step = ("settled",)
        is_over = self.play.flow.export_ended_at is not None
        for human in self._unsent():
            told = [person for person in self._participants_of(human) if self._is_told(person)]
            if not told:
                self._say("silence", step, f"{human} is graded and on the list, neither sent nor held back by name")
            elif human not in self.play.humans.touched and not is_over:
                codes = sorted(person.export_message.get("code", "") for person in told)
                self._say("stuck", step, f"nothing was ever changed of {human}, who is held back: {codes}")

    @staticmethod
    def _is_told(person: Participant) -> bool:
        return person.export_state != ExportState.EXPORTED and person.export_message.get("code", "") not in (
            "",
            "export.ready_person",
        )

    # --- 3 -------------------------------------------------------------------------------------------------------

    def _judge_lockouts(self, step: tuple[Any, ...]) -> None:
        if self._phase not in WRITING:
            return
        is_active = {each["id"] for _, each in self.play.participants() if each["is_activated"]}
        torn = [
            code
            for code in self.play.live_codes()
            if contradicts_itself(self.play.humans, self.play.rows(code)) and not self.has_removed_code
        ]
        for participant, human in self._active.items():
            if participant in is_active:
                continue
            if self._is_on_any_row(human) and human not in self.together:
                self._say("lockout", step, f"{human} is on the list, and was deactivated")
            elif torn:
                self._say("lockout", step, f"{human} was deactivated by a list that contradicts itself")

    # --- 6 -------------------------------------------------------------------------------------------------------

    def begin_accounts(self) -> None:
        """The accounts as they are now: nobody had a hand in them but WISEflow's own people."""
        self._former = self._account_of(self.play.base.former.number)

    def _judge_accounts(self, step: tuple[Any, ...]) -> None:
        former = self.play.base.former.number
        if self._account_of(former) != self._former:
            self._say("account", step, "the account of a former student was changed")
        participants = self.play.participants()
        if any(human == former for human, _ in participants):
            self._say("account", step, "a former student was put on the flow")
        users = self.play.state.data["wiseflow"]["licences"][self.play.base.slug]["users"]
        for human, each in participants:
            user = users[str(each["userId"])]
            name = (user["firstName"], user["lastName"])
            if name not in self.play.humans[human].names:
                self._say("account", step, f"the account of {human} is called {name}, and nobody ever said so")
        known = set(self.play.base.accounts.values()) - self.doubles
        for human, each in participants:
            if int(each["userId"]) not in self.play.base.accounts and human in known:
                self._say("account", step, f"a second account was made of {human}")
        twice = Counter(human for human, _ in participants if human not in self.doubles)
        for human, count in twice.items():
            if count > 1:
                self._say("account", step, f"{human} is on the flow {count} times")
