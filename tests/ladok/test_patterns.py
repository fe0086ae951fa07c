"""What somebody writes to be looked for in Ladok's words can neither hold a worker nor be found in everything."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladokflow.ladok import UNIVERSITIES
from ladokflow.ladok.patterns import LONGEST_TEXT, fault_of

BAD = {
    "(": "unreadable",
    "[å": "unreadable",
    "x" * 201: "long",
    "(a+)+b": "slow",
    "(a|aa)+b": "slow",
    "(a*)*b": "slow",
    "(?:a?a?)*b": "slow",
    "a*a*b": "slow",
    "a?" * 30 + "b": "slow",
    "(a|a)" * 20 + "b": "slow",
    ".*": "loose",
    "registrerad": "loose",
    "x?": "loose",
    "|redan": "loose",
}


@pytest.mark.parametrize(("pattern", "fault"), BAD.items())
def test_what_is_wrong_with_a_pattern_is_found(pattern: str, fault: str) -> None:
    assert fault_of(pattern) == fault


@pytest.mark.parametrize("university", UNIVERSITIES.values(), ids=lambda university: university.slug)
def test_the_universities_own_patterns_have_no_fault(university) -> None:
    assert {fault_of(pattern) for pattern in university.answers.already} == {""}


@pytest.mark.parametrize(
    "pattern", ["felkod 4711", "redan .* klar", "(x|y)*z", r"\bA\d{3}\b", "attesterat av .{0,40} den"]
)
def test_what_somebody_would_write_is_taken(pattern: str) -> None:
    assert fault_of(pattern) == ""


PARTS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", r"\w"]),
    lambda inner: st.one_of(
        st.builds("(?:{}{})".format, inner, inner),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("(?:{})*".format, inner),
        st.builds("(?:{})+?".format, inner),
        st.builds("(?:{})?".format, inner),
        st.builds("(?:{}){{0,30}}".format, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(PARTS)
def test_what_is_taken_ends_soon_on_any_words_of_ladoks(part: str) -> None:
    pattern = f"{part}c"
    if fault_of(pattern):
        return
    began = time.process_time()
    re.compile(pattern, re.IGNORECASE).search("a" * LONGEST_TEXT)
    assert time.process_time() - began < 30
