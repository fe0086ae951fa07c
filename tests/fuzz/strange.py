"""What nobody has thought of: values of JSON, and an answer that has one of them somewhere; texts and files for forms."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
from hypothesis import strategies as st

GONE, TWICE = "gone", "twice"  # what stands there is left out; stands there twice


def many(play: Callable[[st.DataObject], None], *, cases: int, seed: int) -> None:
    """Raises what the first case that is wrong has found."""

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(data=st.data())
    def one(data: st.DataObject) -> None:
        play(data)

    one()


NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**400, -1, 0]),
    st.floats(allow_nan=True, allow_infinity=True),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "",
            " ",
            "\0",
            "a\0b",
            "9" * 300,
            "²",
            "null",
            "=1+1",
            "<script>",
            "å" * 2000,
            "2026-13-45",
            "T25:61",
            "\ud7ff",
            "🎓",
        ]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
CHANGES = st.one_of(st.sampled_from([(GONE, None), (TWICE, None)]), VALUES.map(lambda value: ("value", value)))


def _places(body: Any) -> Iterator[tuple[Any, Any]]:
    """Everything in it that can be changed: what holds it, and the key."""
    pairs = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in pairs:
        yield body, key
        yield from _places(value)


def changed(body: Any, number: int, change: tuple[str, Any]) -> Any:
    """The body with one place of it changed; the whole where there is no place in it."""
    kind, value = change
    found = [body] if isinstance(body, dict | list) else []
    body = copy.deepcopy(body)
    places = [(None, None), *_places(body)] if found else [(None, None)]
    holder, key = places[number % len(places)]
    if holder is None:
        return value
    if kind == GONE:
        del holder[key]
    elif kind == TWICE and isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    elif kind == TWICE:
        holder[f"{key} again"] = holder[key]
    else:
        holder[key] = value
    return body
