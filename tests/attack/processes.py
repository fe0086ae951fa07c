"""A process of the long run: a database, a sandbox and bases of its own."""

from __future__ import annotations

import atexit
import logging
import os
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.owner.processes import begin

_bases: dict[Any, Any] = {}
_sandbox: Any = None
_shortened: Counter[tuple[str, str]] = Counter()
SHORTENED = 2  # attacks of a family and a rule that are made short: each takes as long as many attacks


@dataclass
class Outcome:
    """Of one attack: steps by kind, what was wrong, and the shortest attack in which it still is."""

    number: int
    family: str
    kind: str
    counts: Counter[str]
    violations: list[str]
    short: list[Any] = field(default_factory=list)

    @property
    def rule(self) -> str:
        return self.violations[0].partition(":")[0] if self.violations else ""


def prepare() -> None:
    begin()
    _start_sandbox()


def prepare_crowds() -> None:
    """A database of its own in which all is committed, emptied after each attack and removed with the process."""
    import tests.environment  # noqa: F401 - before Django reads its settings

    os.environ |= {"DJANGO_SETTINGS_MODULE": "ladokflow.settings"}
    import django
    from django.conf import settings

    from tests.flushing import let_flush_pass_triggers

    django.setup()
    logging.disable(logging.CRITICAL)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from django.db import connection

    name = settings.DATA_DIR / "attack.sqlite3" if settings.IS_SQLITE else f"test_attack_{os.getpid()}"
    connection.settings_dict["TEST"]["NAME"] = str(name)
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    atexit.register(connection.creation.destroy_test_db, before, verbosity=0)
    let_flush_pass_triggers()
    _start_sandbox()


def _start_sandbox() -> None:
    from django.test.utils import setup_test_environment

    setup_test_environment()
    from tests.attack.base import AttackSandbox

    global _sandbox
    _sandbox = AttackSandbox()
    _sandbox.start()


def play_crowd(seed: int, numbers: range, *_: Any) -> list[Outcome]:
    """Attacks by threads: each from a base of its own, which is gone afterwards."""
    from django.core.management import call_command

    from tests.attack.attacks import crowd_attack
    from tests.attack.play import play_committed

    found = []
    for number in numbers:
        tried = crowd_attack(seed, number)
        played = play_committed(_sandbox, tried)
        found.append(Outcome(number, tried.family, str(tried.kind), played.counts, played.violations))
        call_command("flush", verbosity=0, interactive=False)
    return found


def play_several(seed: int, numbers: range, family: str, shortens: bool) -> list[Outcome]:
    from tests.attack.attacks import attack
    from tests.attack.play import play

    found = []
    for number in numbers:
        tried = attack(seed, number, family)
        base = _base(tried.kind)
        try:
            played = play(base, tried.steps)
        except Exception as fault:  # of ours: the others are played all the same
            told = f"fault: {''.join(traceback.format_exception(fault)[-3:])}"
            found.append(Outcome(number, tried.family, str(tried.kind), Counter(), [told]))
            continue
        outcome = Outcome(number, tried.family, str(tried.kind), played.counts, played.violations)
        found.append(outcome)
        key = (tried.family, outcome.rule)
        if outcome.violations and shortens and _shortened[key] < SHORTENED:
            _shortened[key] += 1
            outcome.short = shorter(
                tried.steps, lambda steps, base=base, rule=outcome.rule: _breaks(play(base, steps).violations, rule)
            )
    return found


def shorter(steps: Sequence[Any], fails: Callable[[Sequence[Any]], bool]) -> list[Any]:
    """The shortest attack that still gets through, also in what happens while somebody stands still."""
    from tests.owner.sequences import shortest

    left = shortest(steps, fails)
    for place, step in enumerate(left):
        if step[0] == "frozen":
            with_other = partial(_with_meanwhile, left, place)
            left = with_other(shortest(step[3], lambda meanwhile, put=with_other: fails(put(meanwhile))))
    return left


def _with_meanwhile(steps: Sequence[Any], place: int, meanwhile: Sequence[Any]) -> list[Any]:
    return [*steps[:place], (*steps[place][:3], tuple(meanwhile)), *steps[place + 1 :]]


def _base(kind: Any) -> Any:
    from tests.attack.base import make

    if kind not in _bases:
        _bases[kind] = make(_sandbox, kind)
    return _bases[kind]


def _breaks(violations: list[str], rule: str) -> bool:
    return any(violation.startswith(f"{rule}:") for violation in violations)
