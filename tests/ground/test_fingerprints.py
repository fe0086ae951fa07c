"""Fingerprints of what was shown: equal for equal facts and for nothing else, and what differs is told by its keys."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.fingerprints import NotAsShown, fingerprint, require_seen

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
FACTS = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
PARTS = st.dictionaries(
    st.integers(1, 9).map(lambda number: f"{number}-0"), st.sampled_from(["5", "4", "U", "é"]), max_size=6
)


@given(FACTS, FACTS)
def test_equal_facts_have_one_fingerprint_and_others_have_others(one: Any, other: Any) -> None:
    whole = fingerprint("kind", one).whole
    assert whole == fingerprint("kind", one).whole != fingerprint("another kind", one).whole
    if one != other:
        assert whole != fingerprint("kind", other).whole


@given(PARTS, PARTS)
def test_what_has_come_gone_or_become_another_is_told_by_its_key(before: dict[str, str], now: dict[str, str]) -> None:
    shown, there = fingerprint("kind", 1, before), fingerprint("kind", 1, now)
    if before == now:
        require_seen(str(shown), there)
        require_seen(shown.whole, there)
        return
    with pytest.raises(NotAsShown) as refused:
        require_seen(str(shown), fingerprint("kind", 2), there)
    found = refused.value.difference
    if not before:
        assert found is None  # a fingerprint without parts tells none
        return
    assert found is not None
    assert set(found.new) == now.keys() - before.keys()
    assert set(found.gone) == before.keys() - now.keys()
    assert set(found.other) == {key for key in before.keys() & now.keys() if before[key] != now[key]}


@given(st.text(max_size=40))
def test_nothing_that_is_made_up_passes_and_nobody_who_has_not_looked_is_asked(text: str) -> None:
    now = fingerprint("kind", 1, {"1-0": "5"})
    require_seen(None, now)
    with pytest.raises(NotAsShown):
        require_seen(text, now)


@given(FACTS)
def test_the_facts_cannot_be_tried_out_without_the_servers_key(facts: Any) -> None:
    shown = fingerprint("kind", facts, {"1-0": facts})
    with override_settings(SECRET_KEY="another"):
        guessed = fingerprint("kind", facts, {"1-0": facts})
    assert (shown.whole, shown.parts) != (guessed.whole, guessed.parts)
    assert shown.parts != guessed.parts
