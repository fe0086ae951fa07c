"""A little of what `make fuzz-api` does at length: no call makes the API fail, and each is answered as openapi.json says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.fuzzing import MODES, Fuzz, operations
from tests.api.test_rights import CALLS, OPEN

CASES = 2


@pytest.mark.django_db
def test_no_call_makes_the_api_fail(ours: Any, settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE, settings.BEHIND_PROXY = 1_000_000, True
    fuzz = Fuzz(ours)
    assert operations().keys() == CALLS.keys() | OPEN
    for name in operations():
        for mode in MODES:
            fuzz.play(name, mode, CASES)
    assert fuzz.count >= CASES * len(CALLS)
