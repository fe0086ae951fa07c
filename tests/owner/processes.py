"""A process of the long run: a database, a sandbox and bases of its own."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_bases: dict[tuple[str, int, int], Any] = {}
_sandbox: Any = None
_shortened: set[str] = set()  # rules of which one sequence has been made short: that takes as long as many sequences


def prepare() -> None:
    """A process of its own: its own database, its own sandbox."""
    begin()
    from tests.owner.base import OwnSandbox

    global _sandbox
    _sandbox = OwnSandbox()
    _sandbox.start()


def begin() -> None:
    """Django with a database of its own, of which nothing is kept."""
    import tests.environment  # noqa: F401 - before Django reads its settings

    # Every client reads the certificates of the machine, and there is nothing encrypted here.
    none = tempfile.NamedTemporaryFile(suffix=".pem")  # noqa: SIM115 - until the process ends
    os.environ |= {"DJANGO_SETTINGS_MODULE": "ladokflow.settings", "SSL_CERT_FILE": none.name}
    import django
    from django.conf import settings

    django.setup()
    logging.disable(logging.CRITICAL)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.cases import rolled_back

    whole = rolled_back()
    whole.__enter__()
    begin.kept = (none, whole)  # type: ignore[attr-defined]


@dataclass
class Outcome:
    """Of one sequence: steps by kind, what was wrong, and the shortest sequence in which it still is."""

    number: int
    kind: tuple[str, int, int]
    counts: Counter[str]
    violations: list[str]
    short: list[Any] = field(default_factory=list)


def play_several(seed: int, numbers: range) -> list[Outcome]:
    from tests.owner.base import make_base
    from tests.owner.play import play
    from tests.owner.sequences import kind_of, sequence, shortest

    found = []
    for number in numbers:
        kind = kind_of(seed, number)
        if kind not in _bases:
            slug, size, on_flow = kind
            _bases[kind] = make_base(_sandbox, slug, size=size, on_flow=on_flow)
        base, steps = _bases[kind], sequence(seed, number)
        played = play(base, steps)
        outcome = Outcome(number, kind, played.counts, played.violations)
        if played.violations:
            rule = played.violations[0].partition(":")[0]
            if rule in _shortened:
                found.append(outcome)
                continue
            _shortened.add(rule)
            outcome.short = shortest(
                steps,
                lambda tried, base=base, rule=rule: _breaks(play(base, tried).violations, rule),
            )
        found.append(outcome)
    return found


def _breaks(violations: list[str], rule: str) -> bool:
    return any(violation.startswith(f"{rule}:") for violation in violations)
