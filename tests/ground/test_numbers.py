"""Numbers for people are rounded, and nowhere cut off."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.numbers import percent, rounded

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("ladokflow", "sources", "exports")


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_no_number_is_further_from_what_is_shown_than_half_of_its_last_digit(number: float, decimals: int) -> None:
    with translation.override("en"):
        shown = rounded(number, decimals)
    assert abs(Decimal(shown.replace(",", "")) - Decimal(str(number))) <= Decimal(5).scaleb(-decimals - 1)
    assert len(shown.partition(".")[2]) == decimals


@given(st.integers(0, 5000), st.integers(1, 5000))
def test_a_share_is_rounded_once(part: int, others: int) -> None:
    with translation.override("en"):
        shown = percent(part / (part + others))
    exact = Decimal(100 * part) / (part + others)
    assert shown == f"{exact.quantize(Decimal('0.1'), ROUND_HALF_UP)}\u00a0%"


@pytest.mark.parametrize(
    ("number", "shown"), [(41.86, "41,9"), (0.05, "0,1"), (-0.04, "0,0"), (99.95, "100,0"), (2.25, "2,3")]
)
def test_as_it_is_meant(number: float, shown: str) -> None:
    with translation.override("sv"):
        assert rounded(number, 1) == shown


def test_no_other_module_formats_a_number_by_itself() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if path.name != "numbers.py"]
    assert [path.name for path in files if "formats.number_format" in path.read_text()] == []
