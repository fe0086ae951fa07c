"""WISEflow's words stand in one file."""

import re
import subprocess

from ladokflow.wiseflow.words import BEFORE_MARKING, MARKING_OVER, STATE_NAMES, TYPE_NUMBERS, FlowState, FlowType
from tests.environment import ROOT


def test_every_phase_is_before_in_or_after_marking():
    assert (*BEFORE_MARKING, FlowState.PARTICIPATION_ENDED, *MARKING_OVER) == tuple(FlowState)
    assert set(STATE_NAMES.values()) == set(FlowState) == set(range(6))


def test_every_type_has_one_number():
    assert sorted(TYPE_NUMBERS.values()) == sorted(FlowType)


def test_no_other_file_of_the_product_spells_them_out():
    """The sandbox is another system, and has words of its own."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    allowed = re.compile(r"tests/|ladokflow/sandbox/|[a-z]+/migrations/|ladokflow/wiseflow/words\.py")
    spelt = re.compile(rf"[\"']((?i:{'|'.join(FlowType)})|{'|'.join(FlowState.__members__)})[\"']")
    files = [name for name in listed.stdout.split() if not allowed.match(name)]
    assert len(files) > 100
    assert [name for name in files if spelt.search((ROOT / name).read_text(encoding="utf-8"))] == []
