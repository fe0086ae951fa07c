"""The short form of `make attack`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.attack.attacks import Kind, attack, crowd_attack
from tests.attack.base import AttackSandbox
from tests.attack.play import play, play_committed
from tests.owner.base import Base

ATTACKS = 24  # of each family two or three
CROWDS = 2
SEED = 28


def test_no_attack_gets_through(base_for: Callable[[Kind], Base]) -> None:
    through, counts = [], Counter[str]()
    for number in range(ATTACKS):
        tried = attack(SEED, number)
        played = play(base_for(tried.kind), tried.steps)
        counts += played.counts
        if played.violations:
            through.append(f"{tried.family} {number} {tried.kind}: {tried.steps}\n  {played.violations}")
    assert not through, "\n".join(through)
    assert counts["attempts"] > ATTACKS / 2
    assert all(counts[each] for each in ("frozen there", "marks made or taken back", "check", "finishes", "by_hand"))


@pytest.fixture
def committed_sandbox(transactional_db: None) -> Iterator[AttackSandbox]:
    with AttackSandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("number", range(CROWDS))
def test_no_crowd_gets_a_grade_through_twice(committed_sandbox: AttackSandbox, number: int) -> None:
    played = play_committed(committed_sandbox, crowd_attack(SEED, number))
    assert not played.violations
    assert played.counts["grades in the ledger"] > 0
