"""Playing a sequence: what happens to people, exams, grades and our own work, step by step, and the judgement after each.

A step is a tuple, its name first. People are named by a number, which is taken modulo those who are there, so that whatever is
left out of a sequence the rest can still be played: that is what makes a failing one short. A step that finds nobody to
happen to is void.
"""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from exports.attempts import transitions
from exports.attempts.automatic import export_automatically
from exports.attempts.marks import mark_as_exported, seen_of
from exports.attempts.place import change_place
from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok
from exports.attempts.start import retry_export, start_export
from exports.grades.collect import collect_grades
from exports.models import ExportAttempt, ExportItem
from exports.operation.sweep import drop_deadly, lose_expired, put_back_expired, refresh_stale
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from ladokflow.sandbox import grading, hands
from ladokflow.sandbox.owners import OWNER
from ladokflow.sandbox.universities import UNIVERSITIES, grades_of
from ladokflow.sandbox.wiseflow.base import state_of
from sources.flows.change import Change, change_flow
from sources.flows.codes import add_code, remove_code
from sources.models import Flow, FlowSource, Participant, SyncRun
from sources.sync.run import request_sync, run_sync
from tests.factories import in_hours
from tests.owner.base import Base
from tests.owner.judge import Judge
from tests.owner.people import EXAM_ID, IDENTITY, SPELLINGS, Humans, Row, plain

Step = tuple[Any, ...]

# How Ladok's list may fail to come.
LISTS = {
    "404": ("status", {"status": 404}),
    "403": ("status", {"status": 403}),
    "500": ("status", {"status": 500}),
    "html": ("html", {}),
    "broken": ("not_json", {}),
    "empty": ("empty_list", {}),
}
# What may happen to the request itself: the answer is lost, the request is, or Ladok says it is out of order.
SENDINGS = {
    "lost": ("lost_answer", {}),
    "dropped": ("drop", {}),
    "failed": ("status", {"status": 503}),
    "registered": ("status", {"status": 503, "after_work": True}),
    "some": ("partial_errors", {"count": 1, "error_info": "Försök igen."}),
}
# Fields that may change places between two people: what is left still says who they are.
EXCHANGES = (
    (EXAM_ID,),
    ("organisation_id",),
    ("national_id",),
    ("student_uid",),
    (EXAM_ID, "organisation_id"),
    (EXAM_ID, "national_id"),
    (EXAM_ID, "student_uid"),
)
CORRECTIONS = (EXAM_ID, *IDENTITY, "first_name", "last_name")


class Void(Exception):
    """There is nobody for it to happen to."""


class Play:
    """One sequence. `violations` are sentences; `counts` is how often each kind of step was not void."""

    def __init__(self, base: Base, humans: Humans, accounts: dict[int, int]) -> None:
        self.base, self.humans, self.accounts = base, humans, accounts
        self.sandbox, self.state = base.sandbox, base.sandbox.state
        self.gone: dict[tuple[str, int], Row] = {}
        self.counts: Counter[str] = Counter()
        self.judge = Judge(self)

    @property
    def violations(self) -> list[str]:
        return self.judge.violations

    def run(self, steps: Sequence[Step], *, settles: bool = True) -> None:
        for step in [*steps, *(SETTLING if settles else ())]:
            try:
                self._do(step)
            except Void:
                self.counts["void"] += 1
            else:
                self.counts[step[0]] += 1
            if self.violations:
                return

    def _do(self, step: Step) -> None:
        self.judge.before()
        getattr(self, f"do_{step[0]}")(*step[1:])
        self.judge.after(step)

    # --- What there is -------------------------------------------------------------------------------------------

    @property
    def flow(self) -> Flow:
        return Flow.objects.select_related("source", "created_by").get(pk=self.base.flow_pk)

    @property
    def row(self) -> dict[str, Any]:
        """The flow as WISEflow has it."""
        return hands.flow_of(self.state, self.base.wiseflow_id)

    @property
    def phase(self) -> int:
        return state_of(self.row, self.state.now())

    def rows(self, code: str) -> list[Row]:
        """Ladok's own list, to be changed."""
        found: list[Row] = self.state.data["ladok"][self.base.slug]["exams"][code]["people"]
        return found

    def live_codes(self) -> list[str]:
        return list(
            FlowSource.objects.filter(flow_id=self.base.flow_pk, removed_at=None).values_list("code", flat=True)
        )

    def human_of(self, participant: dict[str, Any]) -> int | None:
        """Who writes as this participant: whoever the account is of, and of one that was just made, who signs in to it."""
        user_id = int(participant["userId"])
        if user_id not in self.accounts:
            licence = self.state.data["wiseflow"]["licences"][self.base.slug]
            first, user = int(next(iter(licence["data_types"]))), licence["users"][str(user_id)]
            names = {plain("", row["value"]) for row in user["data"] if row["userDataTypeId"] == first}
            owner = next((human.number for human in reversed(self.humans.all) if human.login in names), None)
            if owner is None:
                return None
            self.accounts[user_id] = owner
        return self.accounts[user_id]

    def participants(self) -> list[tuple[int, dict[str, Any]]]:
        """(human being, participant) of all on the flow in WISEflow."""
        found = [(self.human_of(each), each) for each in self.row["participants"].values()]
        return [(human, each) for human, each in found if human is not None]

    def grades_now(self) -> dict[int, set[str]]:
        """What each human being has earned, as it stands in WISEflow."""
        found: dict[int, set[str]] = {}
        for human, each in self.participants():
            grade = (each["alternative"] or each["assessment"] or {}).get("grade")
            if grade:
                found.setdefault(human, set()).add(grade)
        return found

    def points_now(self) -> dict[int, set[float | None]]:
        """The points of each, where Ladok takes any."""
        found: dict[int, set[float | None]] = {}
        for human, each in self.participants():
            found.setdefault(human, set()).add(each["points"] if self.base.slug == "boras" else None)
        return found

    def alternatives_now(self) -> set[int]:
        """Who has an alternative grade."""
        return {human for human, each in self.participants() if (each["alternative"] or {}).get("grade")}

    # --- Choosing ------------------------------------------------------------------------------------------------

    def _code(self, number: int) -> str:
        return self.base.codes[number % len(self.base.codes)]

    def _pick(self, code: str, number: int) -> Row:
        rows = [row for row in self.rows(code) if self.humans.is_readable(row)]
        if not rows:
            raise Void
        return rows[number % len(rows)]

    def _two(self, code: str, one: int, other: int) -> tuple[Row, Row]:
        first = self._pick(code, one)
        others = [row for row in self.rows(code) if row[OWNER] != first[OWNER] and self.humans.is_readable(row)]
        if not others:
            raise Void
        return first, others[other % len(others)]

    def _rows_of(self, human: int) -> list[Row]:
        return [row for code in self.base.codes for row in self.rows(code) if row[OWNER] == human]

    def _touch(self, *rows: Row) -> None:
        self.humans.touched.update(row[OWNER] for row in rows)

    def _change(self, rows: Sequence[Row], change: Callable[[], None]) -> None:
        """Only what leaves each row with two right identifiers: with less, no list could tell anybody whose it is."""
        with self.state.lock:
            before = [dict(row) for row in rows]
            change()
            if all(self.humans.is_told(row) for row in rows if self.humans.is_readable(row)):
                self._touch(*rows)
                return
            for row, was in zip(rows, before, strict=True):
                row.clear()
                row.update(was)
        raise Void

    # --- People in Ladok -----------------------------------------------------------------------------------------

    def do_exchange(self, code: int, one: int, other: int, kind: int) -> None:
        """Two people's fields change places: the exam id on the one exam, what names a person wherever she is."""
        first, second = self._two(self._code(code), one, other)
        kinds = EXCHANGES[kind % len(EXCHANGES)]
        values = {name: (self.humans.get(first, name), self.humans.get(second, name)) for name in kinds}

        def change() -> None:
            for name, (mine, hers) in values.items():
                everywhere = name != EXAM_ID
                for row in self._rows_of(first[OWNER]) if everywhere else [first]:
                    self.humans.put(row, name, hers)
                for row in self._rows_of(second[OWNER]) if everywhere else [second]:
                    self.humans.put(row, name, mine)

        if all(mine == hers for mine, hers in values.values()):
            raise Void
        self._change(self._rows_of(first[OWNER]) + self._rows_of(second[OWNER]), change)

    def do_correct(self, code: int, one: int, kind: int) -> None:
        """She gets a right value in the place of a wrong one: the new one is who she is."""
        row = self._pick(self._code(code), one)
        name = CORRECTIONS[kind % len(CORRECTIONS)]
        if name == EXAM_ID:
            if not self.humans.has_exam_ids():
                raise Void
            self._change([row], lambda: self.humans.put(row, name, self.humans.fresh(name)))
            return
        human, rows = self.humans[row[OWNER]], self._rows_of(row[OWNER])
        if name in IDENTITY and not all(self.humans.get(each, name) == human.said[name] for each in rows):
            raise Void
        value = self.humans.fresh(name)
        with self.state.lock:
            human.said[name] = value
            human.remember()
            for student in self.state.data["ladok"][self.base.slug]["register"]:
                if student[OWNER] == human.number:
                    student[name] = value
            for each in rows:
                self.humans.put(each, name, value)
            self._touch(row)

    def do_no_exam_id(self, code: int, one: int) -> None:
        """Ladok has no exam id for her any more."""
        row = self._pick(self._code(code), one)
        if not self.humans.get(row, EXAM_ID):
            raise Void
        self._change([row], lambda: self.humans.put(row, EXAM_ID, ""))

    def do_take_exam_id(self, code: int, one: int, other: int) -> None:
        """The exam id of one is another's from now on, and she has a new one."""
        first, second = self._two(self._code(code), one, other)
        taken = self.humans.get(first, EXAM_ID)
        if not taken:
            raise Void

        def change() -> None:
            self.humans.put(second, EXAM_ID, taken)
            self.humans.put(first, EXAM_ID, self.humans.fresh(EXAM_ID))

        self._change([first, second], change)

    def do_same_exam_id(self, one: int, other: int) -> None:
        """An exam id is of one exam: on the other exam it is somebody else's."""
        if not self.humans.has_exam_ids():
            raise Void
        first = self._pick(self._code(0), one)
        others = [row for row in self.rows(self._code(1)) if row[OWNER] != first[OWNER]]
        if not others:
            raise Void
        row = others[other % len(others)]
        self._change([row], lambda: self.humans.put(row, EXAM_ID, self.humans.get(first, EXAM_ID)))

    def do_merge(self, code: int, one: int, other: int) -> None:
        """Two registrations become one by mistake: the one that stays has the other's exam id."""
        first, second = self._two(self._code(code), one, other)

        def change() -> None:
            self.humans.put(first, EXAM_ID, self.humans.get(second, EXAM_ID))
            self.rows(self._code(code)).remove(second)
            self._touch(second)

        self._change([first], change)

    def do_split(self, code: int, one: int) -> None:
        """One person is two in Ladok: a second registration, under other numbers."""
        row = self._pick(self._code(code), one)
        with self.state.lock:
            self.rows(self._code(code)).append(self._renumbered(row))
            self.judge.doubles.add(row[OWNER])
            self._touch(row)

    def do_gone(self, code: int, one: int) -> None:
        code_ = self._code(code)
        row = self._pick(code_, one)
        with self.state.lock:
            self.gone[code_, row[OWNER]] = row
            self.rows(code_).remove(row)
            self._touch(row)

    def do_back(self, code: int, one: int, is_renewed: int = 0) -> None:
        """On the list again, as she was or with a new exam id."""
        code_ = self._code(code)
        keys = [key for key in self.gone if key[0] == code_]
        if not keys:
            raise Void
        key = keys[one % len(keys)]
        human = self.humans[key[1]]
        if any(row[OWNER] == human.number for row in self.rows(code_)):
            raise Void
        with self.state.lock:
            was = self.gone.pop(key)
            exam_id = self.humans.get(was, EXAM_ID)
            held = {self.humans.get(row, EXAM_ID) for row in self.rows(code_)}
            self.rows(code_).append(self.humans.row(human, None if is_renewed or exam_id in held else exam_id))
            self._touch(was)

    def do_anew(self, code: int, one: int) -> None:
        """On the list again, and all numbers are new: only the name tells that it is she."""
        code_ = self._code(code)
        keys = [key for key in self.gone if key[0] == code_]
        if not keys:
            raise Void
        with self.state.lock:
            was = self.gone.pop(keys[one % len(keys)])
            self.rows(code_).append(self._renumbered(was))
            self.judge.doubles.add(was[OWNER])
            self._touch(was)

    def _renumbered(self, row: Row) -> Row:
        renumbered = dict(row)
        for name in (*IDENTITY, EXAM_ID):
            if self.humans.get(row, name):
                self.humans.put(renumbered, name, self.humans.fresh(name))
        return renumbered

    def do_move(self, code: int, one: int, is_renewed: int = 0) -> None:
        """From one exam to the other."""
        there = self._code(code + 1)
        row = self._pick(self._code(code), one)
        if any(each[OWNER] == row[OWNER] for each in self.rows(there)):
            raise Void
        with self.state.lock:
            self.rows(self._code(code)).remove(row)
            exam_id = self.humans.get(row, EXAM_ID)
            held = {self.humans.get(each, EXAM_ID) for each in self.rows(there)}
            self.humans.put(row, EXAM_ID, self.humans.fresh(EXAM_ID) if is_renewed or exam_id in held else exam_id)
            self.rows(there).append(row)
            self._touch(row)

    def do_both(self, code: int, one: int) -> None:
        """She is on the other exam too, under another exam id."""
        there = self._code(code + 1)
        row = self._pick(self._code(code), one)
        if any(each[OWNER] == row[OWNER] for each in self.rows(there)):
            raise Void
        with self.state.lock:
            self.rows(there).append(row | ({} if not self.humans.has_exam_ids() else self._new_exam_id()))
            self._touch(row)

    def _new_exam_id(self) -> dict[str, str]:
        return {UNIVERSITIES[self.base.slug].fields[EXAM_ID]: self.humans.fresh(EXAM_ID)}

    def do_repeat(self, code: int, how_many: int, how_many_gone: int = 0) -> None:
        """The first so many of the list twice, and the last so many missing."""
        code_ = self._code(code)
        rows = self.rows(code_)
        if not rows:
            raise Void
        with self.state.lock:
            missing = rows[len(rows) - min(how_many_gone, len(rows) - 1) :] if how_many_gone else []
            for row in missing:
                self.gone[code_, row[OWNER]] = row
            left = rows[: len(rows) - len(missing)]
            twice = [dict(row) for row in left[: max(1, how_many)]]
            self._touch(*rows)
            rows[:] = left + twice

    def do_list_whole(self, code: int) -> None:
        """What was wrong with the list is mended: everybody once, with the right values."""
        code_ = self._code(code)
        with self.state.lock:
            rows = self.rows(code_)
            seen: dict[int, Row] = {}
            for row in rows:
                seen.setdefault(row[OWNER], row)
            held: set[str] = set()
            for number, row in seen.items():
                if number in self.judge.doubles:
                    continue
                for name in IDENTITY:
                    self.humans.put(row, name, self.humans[number].said[name])
                exam_id = self.humans.get(row, EXAM_ID)
                if self.humans.has_exam_ids() and (not exam_id or exam_id in held):
                    self.humans.put(row, EXAM_ID, self.humans.fresh(EXAM_ID))
                held.add(exam_id)
            doubles = [row for row in rows if row[OWNER] in self.judge.doubles and row is not seen[row[OWNER]]]
            rows[:] = [*seen.values(), *doubles]

    def do_unreadable(self, code: int, one: int) -> None:
        """Nothing in her row says who it is."""
        row = self._pick(self._code(code), one)
        with self.state.lock:
            for name in (*IDENTITY, EXAM_ID):
                self.humans.put(row, name, "")
            self._touch(row)

    def do_without_login(self, code: int, one: int) -> None:
        """Her row has no organisation id."""
        row = self._pick(self._code(code), one)
        self._change([row], lambda: self.humans.put(row, "organisation_id", ""))

    def do_spell(self, code: int, one: int, kind: int, how: int) -> None:
        """What names her is written in another way, and is the same."""
        row = self._pick(self._code(code), one)
        name = IDENTITY[kind % 2]
        spelt = SPELLINGS[how % len(SPELLINGS)](self.humans.get(row, name))
        if not spelt:
            raise Void
        self._change([row], lambda: self.humans.put(row, name, spelt))

    def do_no_name(self, code: int, one: int) -> None:
        """Her identity is protected: Ladok does not tell her name."""
        row = self._pick(self._code(code), one)
        with self.state.lock:
            for each in self._rows_of(row[OWNER]):
                self.humans.put(each, "first_name", "")
                self.humans.put(each, "last_name", "")
            self._touch(row)

    def do_bare_account(self, how: int) -> None:
        """All that WISEflow knows of somebody who is still to come is the personnummer, written in its way."""
        human = self.base.newcomers[0]
        if self._rows_of(human.number):
            raise Void
        licence = self.state.data["wiseflow"]["licences"][self.base.slug]
        number = human.said["national_id"]
        spelt = (number[2:], number.replace("-", ""), number[2:].replace("-", ""))[how % 3]
        with self.state.lock:
            for user_id, owner in self.accounts.items():
                if owner == human.number:
                    kind = int(list(licence["data_types"])[1])
                    data = [row for row in licence["users"][str(user_id)]["data"] if row["userDataTypeId"] == kind]
                    licence["users"][str(user_id)]["data"] = [row | {"value": spelt} for row in data]
            self.state._index()
            self.judge.begin_accounts()

    def do_newcomer(self, code: int, which: int) -> None:
        """Somebody new on the list: with an account in WISEflow already, or without."""
        human = self.base.newcomers[which % len(self.base.newcomers)].number
        code_ = self._code(code)
        if any(row[OWNER] == human for row in self.rows(code_)) or (code_, human) in self.gone:
            raise Void
        with self.state.lock:
            row = self.humans.row(self.humans[human])
            self.rows(code_).append(row)
            self._touch(row)

    def do_recycle(self, code: int, one: int) -> None:
        """A user name is given to a new student: that of a former one, who has her account in WISEflow, or of somebody who
        has just left the list."""
        code_ = self._code(code)
        left = [self.humans[number] for place, number in self.gone if place == code_ and not self._rows_of(number)]
        holder = (
            left[one % (len(left) + 1) - 1] if left and one % (len(left) + 1) else self.humans[self.base.former.number]
        )
        if any(
            human.said["organisation_id"] == holder.said["organisation_id"]
            for human in self.humans.all
            if human is not holder
        ):
            raise Void
        with self.state.lock:
            new = self.humans.new(organisation_id=holder.said["organisation_id"])
            self.state.data["ladok"][self.base.slug]["register"] = [
                student
                for student in self.state.data["ladok"][self.base.slug]["register"]
                if student[OWNER] != holder.number
            ] + [new.said | {OWNER: new.number}]
            row = self.humans.row(new)
            self.rows(code_).append(row)
            self.gone.pop((code_, holder.number), None)
            self._touch(row)
            self.humans.touched.add(holder.number)

    # --- The exams on the flow -----------------------------------------------------------------------------------

    def do_add_code(self, goes_to: str = "") -> None:
        free = [code for code in self.base.codes if code not in self.live_codes()]
        if not free:
            raise Void
        self._touch_all()
        flow = self.flow
        self._tried(lambda: add_code(flow=flow, code=free[0], by=flow.created_by, grade_goes_to=goes_to, enqueue=False))

    def do_remove_code(self, number: int) -> None:
        rows = list(FlowSource.objects.filter(flow_id=self.base.flow_pk, removed_at=None))
        if not rows:
            raise Void
        self._touch_all()
        self.judge.has_removed_code = True
        flow = self.flow
        self._tried(lambda: remove_code(flow=flow, code=rows[number % len(rows)], by=flow.created_by, enqueue=False))

    def do_renew_exam_ids(self, code: int) -> None:
        """Everybody on the exam gets another exam id, among them those that others had."""
        rows = [row for row in self.rows(self._code(code)) if self.humans.get(row, EXAM_ID)]
        if len(rows) < 2:
            raise Void
        values = [self.humans.get(row, EXAM_ID) for row in rows]
        with self.state.lock:
            for row, value in zip(rows, [*values[1:], values[0]], strict=True):
                self.humans.put(row, EXAM_ID, value)
            self._touch(*rows)

    def _touch_all(self) -> None:
        self.humans.touched.update(human.number for human in self.humans.all)

    # --- WISEflow ------------------------------------------------------------------------------------------------

    def do_activate(self) -> None:
        hands.activate(self.sandbox, self.base.wiseflow_id)

    def do_start(self) -> None:
        hands.start_participation(self.sandbox, self.base.wiseflow_id)

    def do_hand_in(self) -> None:
        hands.end_participation(self.sandbox, self.base.wiseflow_id)

    def do_conclude(self) -> None:
        hands.end_marking(self.sandbox, self.base.wiseflow_id)

    def do_archive(self) -> None:
        if self.phase < Flow.State.CONCLUDED:
            raise Void
        hands.archive(self.sandbox, self.base.wiseflow_id)

    def do_grade(self, one: int, grade: int, is_alternative: int = 0) -> None:
        """A grade, another one, or none any more."""
        if self.phase < Flow.State.PARTICIPATION_STARTED or not (people := self.participants()):
            raise Void
        scale = grades_of(self._scale()) or ()
        value = [*scale, None][grade % (len(scale) + 1)]
        participant = people[one % len(people)][1]["id"]
        with self.state.lock:
            if is_alternative:
                grading.grade(self.sandbox, self.base.wiseflow_id, alternative={participant: value})
            else:
                grading.grade(self.sandbox, self.base.wiseflow_id, {participant: value})

    def do_grade_all(self, first: int = 0) -> None:
        """Everybody, each another grade as far as the scale goes."""
        if self.phase < Flow.State.PARTICIPATION_STARTED or not (people := self.participants()):
            raise Void
        scale = grades_of(self._scale()) or ()
        grades: dict[str, str | None] = {
            str(each["id"]): scale[(first + place) % len(scale)] for place, (_, each) in enumerate(people)
        }
        with self.state.lock:
            grading.grade(self.sandbox, self.base.wiseflow_id, grades)

    def do_points(self, one: int, points: float | None) -> None:
        """An assessor marks somebody item by item, anew or for the first time."""
        if self.phase < Flow.State.PARTICIPATION_STARTED or not (people := self.participants()):
            raise Void
        with self.state.lock:
            grading.grade(self.sandbox, self.base.wiseflow_id, points={people[one % len(people)][1]["id"]: points})

    def do_points_all(self, seed: int) -> None:
        if self.phase < Flow.State.PARTICIPATION_STARTED:
            raise Void
        with self.state.lock:
            grading.grade(self.sandbox, self.base.wiseflow_id, points="random", seed=seed)

    def _scale(self) -> Any:
        fields = self.state.data["ladok"][self.base.slug]["exams"][self.base.codes[0]]["fields"]
        return fields[UNIVERSITIES[self.base.slug].scale]

    # --- What a manager says of the flow ---------------------------------------------------------------------------

    def do_place(self, goes_to: str) -> None:
        """Where the grade of somebody on both exams goes."""
        flow = self.flow
        self._tried(lambda: change_place(flow=flow, goes_to=goes_to, was=flow.grade_goes_to, by=flow.created_by))

    def do_instant(self, is_on: int = 1) -> None:
        """Instant export is switched on or off."""
        flow, change = self.flow, Change({"instant_export": bool(is_on)})
        self._tried(
            lambda: change_flow(flow=flow, change=change, by=flow.created_by, names=change.names, enqueue=False)
        )

    # --- Ladok refuses -------------------------------------------------------------------------------------------

    def do_reject(self, code: int, one: int) -> None:
        row = self._pick(self._code(code), one)
        identifier = self.humans.get(row, EXAM_ID) or self.humans.get(row, "organisation_id")
        self.state.data["ladok"][self.base.slug]["rejections"][identifier] = "Studenten är inte registrerad."
        self._touch(row)

    def do_accept(self) -> None:
        self.state.data["ladok"][self.base.slug]["rejections"] = {}

    # --- Ours ----------------------------------------------------------------------------------------------------

    def _tried(self, work: Callable[[], Any]) -> bool:
        """Whether it was done: a refusal, or a system that does not answer, is an answer of ours."""
        try:
            work()
        except (Refused, RemoteError):
            return False
        return True

    def _failing(self, a_list: str) -> None:
        if a_list:
            kind, options = LISTS[a_list]
            self.sandbox.faults.add(self.base.slug, "/*", kind, -1, "GET", options)

    def do_sync(self, a_list: str = "") -> None:
        self._failing(a_list)
        run = run_sync(request_sync(flow=self.flow, trigger=SyncRun.Trigger.COMMAND, enqueue=False).pk)
        self.sandbox.faults.clear()
        self.judge.synced(run.state == SyncRun.State.SUCCESS)

    def do_collect(self) -> None:
        if self._tried(lambda: collect_grades(self.flow)):
            self.judge.collected()

    def do_export(self, sending: str = "", a_list: str = "", meanwhile: Step = ()) -> None:
        """Collected, started and sent; or started only, and sent by `work` later."""
        self.do_collect()
        flow = self.flow
        self._tried(lambda: start_export(flow=flow, requested_by=flow.created_by, enqueue=False))
        self._send(sending, a_list, meanwhile)

    def do_goes(self, sending: str = "", a_list: str = "", meanwhile: Step = ()) -> None:
        """What goes by itself when grades have been collected."""
        if not self.flow.instant_export:
            raise Void
        self.do_collect()
        export_automatically(self.flow)
        self._send(sending, a_list, meanwhile)

    def do_retry(self, sending: str = "", a_list: str = "", meanwhile: Step = ()) -> None:
        self.do_collect()
        flow = self.flow
        self._tried(lambda: retry_export(flow=flow, requested_by=flow.created_by, enqueue=False))
        self._send(sending, a_list, meanwhile)

    def do_work(self, sending: str = "", a_list: str = "", meanwhile: Step = ()) -> None:
        """A worker takes up what waits."""
        if not ExportAttempt.objects.filter(flow_id=self.base.flow_pk, state=ExportAttempt.State.QUEUED).exists():
            raise Void
        self._send(sending, a_list, meanwhile)

    def _send(self, sending: str, a_list: str, meanwhile: Step) -> None:
        if sending == "waits":
            return
        attempts = ExportAttempt.objects.filter(flow_id=self.base.flow_pk, state=ExportAttempt.State.QUEUED)
        for pk in list(attempts.order_by("created_at").values_list("pk", flat=True)):
            if sending in ("claimed", "marked"):
                self._kill(pk, sending)
                continue
            self._failing(a_list)
            if sending in SENDINGS:
                kind, options = SENDINGS[sending]
                for method in ("POST", "PATCH"):
                    self.sandbox.faults.add(self.base.slug, "/*", kind, 1, method, options)
            if meanwhile:
                self.sandbox.meanwhile = lambda: self._meanwhile(meanwhile)
            send_attempt(pk)
            if sending == "twice":
                send_attempt(pk)
            self.sandbox.faults.clear()
            self.sandbox.meanwhile = None

    def _meanwhile(self, step: Step) -> None:
        try:
            getattr(self, f"do_{step[0]}")(*step[1:])
        except Void:
            self.counts["void"] += 1
        else:
            self.counts[f"{step[0]} meanwhile"] += 1

    def _kill(self, pk: Any, where: str) -> None:
        """The worker dies after the claim, or after the mark and before the request; its lease runs out; the sweeper comes."""
        token = transitions.claim(pk)
        if token is None:
            return
        if where == "marked":
            transitions.mark(pk, token, method="POST", url="", body_sha256="")
        ExportAttempt.objects.filter(pk=pk).update(lease_until=in_hours(-1))
        self.do_sweep()

    def do_sweep(self) -> None:
        lose_expired()
        drop_deadly()
        put_back_expired()
        refresh_stale()

    def do_mark(self, one: int) -> None:
        """A manager who has looked in Ladok, and has seen the grade there."""
        items = ExportItem.objects.filter(
            attempt__flow_id=self.base.flow_pk, state__in=[ExportItem.State.FAILED, ExportItem.State.UNKNOWN]
        ).select_related("participant", "attempt__code")
        seen = [item for item in items.order_by("pk") if self.judge.is_in_ladok(item)]
        if not seen:
            raise Void
        flow, item = self.flow, seen[one % len(seen)]
        shown = {item.pk: seen_of(item)}
        self._tried(lambda: mark_as_exported(flow=flow, seen=shown, by=flow.created_by, reason="Syns i Ladok."))

    def do_read_back(self) -> None:
        """Once more, long after the first time."""
        if not self._has_items(ExportItem.State.UNKNOWN):
            raise Void
        ExportItem.objects.filter(attempt__flow_id=self.base.flow_pk, state=ExportItem.State.UNKNOWN).update(
            absent_at=in_hours(-1)
        )
        self._tried(lambda: check_with_ladok(flow=self.flow))

    def do_retry_failed(self) -> None:
        """Once more, where anything has failed."""
        if not self._has_items(ExportItem.State.FAILED, ExportItem.State.UNKNOWN):
            raise Void
        self.do_retry()

    def do_export_ready(self) -> None:
        """Once more, where somebody is ready."""
        ready = Participant.objects.filter(flow_id=self.base.flow_pk, export_message__code="export.ready_person")
        if not ready.exists():
            raise Void
        self.do_export()

    def _has_items(self, *states: str) -> bool:
        return ExportItem.objects.filter(attempt__flow_id=self.base.flow_pk, state__in=states).exists()

    def do_settled(self) -> None:
        self.judge.settled()


# What a manager does until there is nothing left to do; then everybody has been sent, or is held back by name.
SETTLING: tuple[Step, ...] = (
    ("accept",),
    ("sweep",),
    ("conclude",),
    ("sync",),
    ("work",),
    ("read_back",),
    ("export",),
    ("retry_failed",),
    ("retry_failed",),
    ("export_ready",),
    ("settled",),
)


def play(base: Base, steps: Sequence[Step]) -> Play:
    """The sequence played from the base, judged, and undone."""
    return play_each(base, {"": steps})[""]


def play_each(base: Base, sequences: Mapping[str, Sequence[Step]]) -> dict[str, Play]:
    """Each of them from the base, judged, and undone. What several begin with is played once, and they go on from there."""
    with base.fresh() as (humans, accounts):
        return _played_on(Play(base, humans, accounts), sequences)


def _played_on(played: Play, sequences: Mapping[str, Sequence[Step]]) -> dict[str, Play]:
    first, *others = (tuple(steps) for steps in sequences.values())
    if played.violations or not set(others) - {first}:
        return dict.fromkeys(sequences, _played_out(played, first))
    shared = _shared([first, *others])
    played.run(first[:shared], settles=False)
    pickled = pickle.dumps(played.state.data)
    found: dict[str, Play] = {}
    for group in _by_first({name: steps[shared:] for name, steps in sequences.items()}):
        with played.base.set_back(pickled):
            found |= _played_on(_copied(played), group)
    return found


def _played_out(played: Play, steps: Sequence[Step]) -> Play:
    if not played.violations:
        played.run(steps)
    played.counts["exports"] = ExportAttempt.objects.filter(flow_id=played.base.flow_pk).count()
    played.counts["grades in the ledger"] = len(played.judge.ledger())
    return played


def _shared(sequences: list[Sequence[Step]]) -> int:
    """How many steps all of them begin with. A fault in the sandbox, which is not kept, ends with the step that orders it."""
    return sum(1 for _ in takewhile(lambda steps: len(set(steps)) == 1, zip(*sequences, strict=False)))


def _by_first(sequences: Mapping[str, Sequence[Step]]) -> list[dict[str, Sequence[Step]]]:
    groups: dict[Step, dict[str, Sequence[Step]]] = {}
    for name, steps in sequences.items():
        groups.setdefault(steps[0] if steps else (), {})[name] = steps
    return list(groups.values())


def _copied(played: Play) -> Play:
    """To go on with by itself, in the same sandbox."""
    same = (played.base, played.sandbox, played.state)
    return copy.deepcopy(played, {id(each): each for each in same})
