"""Flows of several codes, at random: codes are taken off and put back, people change lists, grades change, Ladok answers, or does not,
or late, and managers do what the pages let them do. What Ladok has is compared with what is shown, after each step."""

from __future__ import annotations

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone

from exports.attempts import outcomes
from exports.attempts.answer import read_answer
from exports.attempts.marks import ABSENT, THERE, marked, say, seen_of, take_back, unsettled
from exports.attempts.send import send_attempt
from exports.attempts.settle import check_with_ladok
from exports.attempts.start import choices_of, retry_export, start_export, suggested_codes
from exports.models import Assessment, ExportAttempt, ExportItem, Finding
from exports.rules.states import refresh_states
from ladokflow.http import RemoteError
from ladokflow.messages import Refused
from ladokflow.response import Answer
from sources.models import Flow, FlowSource, Participant, Registration
from tests.cases import rolled_back
from tests.exports.world import Call, World
from tests.factories import FlowSourceFactory, ParticipantFactory, in_hours, register

MakeFlow = Callable[..., Flow]
CODES = ("A", "B", "C")


@dataclass
class Booked:
    """A grade that Ladok has registered. `said`: it has answered so; `was_in_doubt`: it was sent because nobody knew of one before."""

    attempt: str
    code: str
    person: int
    grade: str
    replaces: bool = False
    was_in_doubt: bool = False
    said: bool = False


@dataclass
class Late:
    """An answer that has not come yet."""

    attempt: ExportAttempt
    keys: list[int]
    names: list[str]
    rejected: set[str]


@dataclass
class Game:
    """`people` by a number that their exam ids begin with: Ladok knows each on each code by one of its own."""

    flow: Flow
    world: World
    rng: random.Random
    people: dict[int, Participant] = field(default_factory=dict)
    booked: list[Booked] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)  # with the request that is being sent

    def live(self) -> list[FlowSource]:
        return list(self.flow.codes.filter(removed_at=None).order_by("position"))

    def fresh(self) -> Flow:
        return Flow.objects.select_related("source").get(pk=self.flow.pk)

    def refresh(self) -> None:
        refresh_states(self.fresh())

    # --- Sending

    def answering(self, how: str, rejected: set[str]) -> Callable[[Call], tuple[int, bytes] | None]:
        def answer(call: Call) -> tuple[int, bytes] | None:
            lines = {line["studentUid"]: line["grade"]["grade"] for line in call.body["gradeExports"]}
            self.sent += lines
            code, attempt = call.path.split("/")[-2], call.headers["x-attempt-id"]
            assert all(name.endswith(f"-{code}") for name in lines), "under another code's identifier"
            for name, grade in lines.items():
                if how in ("ok", "lost") and name not in rejected:
                    self.booked.append(Booked(attempt, code, number_of(name), grade, said=how == "ok"))
            if how in ("dropped", "lost"):
                return None
            return (400, b'{"message": "Nej"}') if how == "refused" else (200, said_of(list(lines), rejected))

        return answer

    def send(self, start: Callable[..., list[ExportAttempt]], **given: Any) -> None:
        try:
            attempts = start(flow=self.fresh(), requested_by=self.flow.created_by, enqueue=False, **given)
        except Refused as refused:
            self.log.append(f"  {refused.message.code}")
            return
        for attempt in attempts:
            how = self.rng.choice(("ok", "ok", "ok", "lost", "lost", "dropped", "refused"))
            names = list(attempt.items.values_list("unique_exam_id", flat=True))
            rejected = {name for name in names if self.rng.random() < 0.25}
            self.world.list_status = 500 if self.rng.random() < 0.12 else 200
            before = len(self.booked)
            self.sent.clear()
            self.world.answer = self.answering(how, rejected)
            state = send_attempt(attempt.pk)
            self.world.list_status = 200
            items = {item.unique_exam_id: item for item in attempt.items.select_related("attempt__code")}
            for row in self.booked[before:]:
                item = items[f"{row.person}-{row.code}"]
                row.replaces, row.was_in_doubt = item.replaces_exported, was_in_doubt(item)
            self.log.append(f"  {attempt.code.code} {how} {self.sent} but {sorted(rejected)}: {state}")
            if how in ("lost", "dropped") and self.sent:
                taken = rejected if how == "lost" else set(self.sent)
                keys = [items[name].pk for name in self.sent]
                self.late.append(Late(attempt, keys, list(self.sent), taken))

    def do_export(self) -> None:
        self.send(start_export)

    def do_overwrite(self) -> None:
        self.send(start_export, overwrite=True)

    def do_retry(self) -> None:
        self.send(retry_export, leaves_unknown=self.rng.random() < 0.3)

    def do_retry_elsewhere(self) -> None:
        flow = self.fresh()
        to = suggested_codes(flow)
        if not to:
            with suppress(Refused):
                to = choices_of(flow, self.rng.choice(CODES))
        if to:
            self.send(retry_export, to=to, only=self.rng.choice((None, list(to))))

    def do_late(self) -> None:
        if not self.late:
            return
        late = self.late.pop(self.rng.randrange(len(self.late)))
        body = said_of(late.names, late.rejected)
        answer = Answer(200, {"content-length": str(len(body))}, body)
        reading = read_answer(answer, [frozenset({name}) for name in late.names])
        attempt = ExportAttempt.objects.get(pk=late.attempt.pk)
        assert attempt.token
        outcomes.record(attempt.pk, attempt.token, late.keys, reading, status=200)
        for row in self.booked:
            row.said = row.said or row.attempt == str(attempt.pk)
        self.log.append(f"  {attempt.code.code} {body.decode()}")

    # --- Codes, lists and grades

    def do_off(self) -> None:
        codes = self.live()
        if len(codes) > 1:
            code = self.rng.choice(codes)
            FlowSource.objects.filter(pk=code.pk).update(removed_at=timezone.now())
            self.log.append(f"  {code.code}")
            self.refresh()

    def do_on(self) -> None:
        off = sorted(set(CODES) - {code.code for code in self.live()})
        if off:
            code = FlowSourceFactory(flow=self.flow, code=self.rng.choice(off))
            was_listed = self.world.listed.pop(code.code, {})
            for number, person in self.people.items():
                if person.pk in was_listed:
                    register(person, code, unique_exam_id=f"{number}-{code.code}")
            self.log.append(f"  {code.code}")
            self.refresh()

    def do_move(self) -> None:
        """On a list, or off it."""
        number, person = self.rng.choice(list(self.people.items()))
        code = self.rng.choice(self.live())
        row = Registration.objects.filter(participant=person, code=code).first()
        if row is None:
            register(person, code, unique_exam_id=f"{number}-{code.code}")
        else:
            row.is_listed, row.gone_at = not row.is_listed, timezone.now() if row.is_listed else None
            row.save()
        self.log.append(f"  {number} {code.code}")
        self.refresh()

    def do_grade(self) -> None:
        number, person = self.rng.choice(list(self.people.items()))
        grade = self.rng.choice(("3", "4", "5"))
        self.world.grades[person.wiseflow_id or 0] = grade
        Assessment.objects.filter(participant=person).update(grade=grade)
        self.log.append(f"  {number} {grade}")
        self.refresh()

    # --- What managers find out

    def do_check(self) -> None:
        last = {(row.person, row.code): row.grade for row in self.booked}
        self.world.registered = [
            {"studentUid": f"{number}-{code}", "grade": {"grade": grade}} for (number, code), grade in last.items()
        ]
        if self.rng.random() < 0.6:
            ExportItem.objects.filter(state="unknown", absent_at__isnull=False).update(absent_at=in_hours(-1))
        with suppress(Refused, RemoteError):
            self.log.append(f"  {check_with_ladok(flow=self.fresh())}")

    def do_mark(self) -> None:
        items = [(item, THERE) for item in unsettled(self.flow) if self.has(item)]
        unknown = unsettled(self.flow).filter(state="unknown")
        items += [(item, ABSENT) for item in unknown if self.latest(*place_of(item)) is None]
        if items:
            item, word = self.rng.choice(items)
            ExportAttempt.objects.filter(pk=item.attempt_id).update(finished_at=in_hours(-1))
            seen = {item.pk: seen_of(item)}
            with suppress(Refused):
                say(word, flow=self.fresh(), seen=seen, by=self.flow.created_by, reason="Sett i Ladok")
                self.log.append(f"  {item.unique_exam_id} {word.state}")

    def do_take_back(self) -> None:
        if items := list(marked(self.flow)):
            item = self.rng.choice(items)
            with suppress(Refused):
                take_back(flow=self.fresh(), seen={item.pk: seen_of(item)}, by=self.flow.created_by)
                self.log.append(f"  {item.unique_exam_id}")

    # --- The judgement

    def latest(self, number: int, code: str) -> Booked | None:
        return next((row for row in reversed(self.booked) if (row.person, row.code) == (number, code)), None)

    def has(self, item: ExportItem) -> bool:
        row = self.latest(*place_of(item))
        return row is not None and row.grade == item.grade

    def judge(self) -> list[str]:
        flow = self.fresh()
        items = list(ExportItem.objects.filter(attempt__flow=flow).select_related("attempt__code").order_by("pk"))
        return [*self._twice(flow), *self._held_twice(items), *self._shown_wrongly(items), *self._done_too_soon(flow)]

    def _twice(self, flow: Flow) -> Iterator[str]:
        """Sent again though nobody was in doubt; to two codes; there twice, and nobody is told."""
        of: dict[tuple[int, str], list[Booked]] = defaultdict(list)
        for row in self.booked:
            of[row.person, row.code].append(row)
        for (number, code), rows in of.items():
            if any(not row.replaces and not row.was_in_doubt for row in rows[1:]):
                yield f"{number} was sent again under {code}"
            told = Finding.objects.filter(item__participant=self.people[number], kind="twice")
            if sum(row.said and not row.replaces for row in rows) > 1 and not told.exists():
                yield f"{number} is there twice under {code}, and nobody is told"
        if flow.grade_goes_to == Flow.GradeGoesTo.ONE:
            yield from (
                f"{number} is under several" for number, count in Counter(key[0] for key in of).items() if count > 1
            )

    def _held_twice(self, items: list[ExportItem]) -> Iterator[str]:
        held = Counter(place_of(item) for item in items if item.state in ExportItem.HOLDING)
        yield from (f"{place} is held {count} times" for place, count in held.items() if count > 1)

    def _shown_wrongly(self, items: list[ExportItem]) -> Iterator[str]:
        newest = {place_of(item): item for item in items if item.state != "superseded"}
        for place, item in newest.items():
            if item.state == "exported" and not self.has(item):
                yield f"{place} shows exported {item.grade}, and Ladok has {self.latest(*place)}"
            if item.state == "failed" and not item.replaces_exported and self.latest(*place) is not None:
                yield f"{place} shows failed, and is there"
            shown = self.people[place[0]]
            shown.refresh_from_db()
            if item.state == "unknown" and shown.export_state == "exported":
                yield f"{place} is unknown, and exported is shown"

    def _done_too_soon(self, flow: Flow) -> Iterator[str]:
        if flow.export_state != "exported":
            return
        for number, person in self.people.items():
            rows = Registration.objects.filter(participant=person, is_listed=True, code__removed_at=None)
            listed = set(rows.values_list("code__code", flat=True))
            there = {code for code in CODES if self.latest(number, code)}
            is_each = flow.grade_goes_to == Flow.GradeGoesTo.EACH
            if listed and not (listed <= there if is_each else there):
                yield f"exported is shown, and {number} of {listed} is in Ladok under {there}"


def number_of(name: str) -> int:
    return int(name.partition("-")[0])


def place_of(item: ExportItem) -> tuple[int, str]:
    return number_of(item.unique_exam_id), item.attempt.code.code


def said_of(names: list[str], rejected: set[str]) -> bytes:
    errors = [{"userId": name, "errorInfo": "Nej"} for name in names if name in rejected]
    counts = {"numberOfSuccess": len(names) - len(errors), "numberOfErrors": len(errors)}
    return json.dumps({**counts, "errors": errors}).encode()


def was_in_doubt(item: ExportItem) -> bool:
    of_code = ExportItem.objects.filter(
        participant=item.participant, attempt__code__normal_code=item.attempt.code.normal_code
    )
    return of_code.filter(pk__lt=item.pk, state="superseded").exists()


STEPS = (
    "export", "export", "retry", "retry", "retry", "retry", "retry_elsewhere", "retry_elsewhere", "overwrite", "overwrite",
    "off", "off", "off", "on", "on", "on", "move", "move", "grade", "grade", "late", "late", "late", "check", "check", "mark", "mark",
    "take_back",
)  # fmt: skip


def play(make_flow: MakeFlow, world: World, seed: int) -> tuple[list[str], list[str]]:
    """What is wrong, and how it came to that."""
    rng = random.Random(seed)
    for each in (world.listed, world.grades, world.scales):
        each.clear()
    takes = {"allows_overwriting": rng.random() < 0.6, "can_read_back": True}
    goes_to = rng.choice((Flow.GradeGoesTo.ONE, Flow.GradeGoesTo.EACH))
    game = Game(make_flow(people=0, codes=list(CODES), grade_goes_to=goes_to, source=takes), world, rng)
    for number in range(rng.choice((1, 2))):
        person = game.people[number] = ParticipantFactory(flow=game.flow, codes=[], grade="5")
        world.grades[person.wiseflow_id] = "5"
        for code in game.live():
            if rng.random() < 0.75:
                register(person, code, unique_exam_id=f"{number}-{code.code}")
    game.log.append(f"{goes_to} {takes}")
    game.refresh()
    for step in ["export", *rng.choices(STEPS, k=rng.randint(5, 14))]:
        game.log.append(step)
        getattr(game, f"do_{step}")()
        if found := game.judge():
            return found, game.log
    return [], game.log


@pytest.mark.parametrize("part", range(2))
def test_what_ladok_has_is_what_is_shown(make_flow: MakeFlow, world: World, part: int) -> None:
    """`SEQUENCES=300` plays more of them."""
    count = int(os.environ.get("SEQUENCES", "6"))
    for seed in range(part * count, (part + 1) * count):
        with rolled_back():
            found, log = play(make_flow, world, seed)
        assert not found, "\n".join([f"seed {seed}", *found, *log])
