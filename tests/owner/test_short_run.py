"""The short form of `make owner`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.owner.base import Base
from tests.owner.play import play
from tests.owner.sequences import kind_of, sequence

SEQUENCES = 15
SEED = 7


def test_no_grade_comes_to_somebody_who_did_not_earn_it(base_of: Callable[[str, int, int], Base]) -> None:
    violations, counts = {}, Counter[str]()
    for number in range(SEQUENCES):
        steps = sequence(SEED, number)
        played = play(base_of(*kind_of(SEED, number)), steps)
        counts += played.counts
        if played.violations:
            violations[number] = played.violations
    assert not violations
    assert counts["exports"] > SEQUENCES / 2
    assert counts["grades in the ledger"] > SEQUENCES
