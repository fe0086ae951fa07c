"""Whether two records are one person, and who is who in two lists of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.sync.plan.pairing import KINDS, Identifiers, Said, compare, normal_forms, pair, said_pairs

LETTERS = dict(zip(("o", "n", "s", "x"), KINDS, strict=True))


def record(text: str) -> Identifiers:
    """`o1 n2`: organisation id 1 and national id 2; `s` is the student number, `x` the exam id."""
    return normal_forms({LETTERS[word[0]]: (word,) for word in text.split()})


@pytest.mark.parametrize(
    ("left", "right", "same", "contradicts"),
    [
        ("o1", "o1", True, False),
        ("o1 n1", "o1 s1", True, False),
        ("o1 n1 s1 x1", "o1 n1 s1 x2", True, False),
        ("o1 n1 s1", "o2 n1 s1", True, False),
        ("o1 n1 s1", "o1 n2 s1", True, False),
        # A user name that was given to a new person, also with the exam id
        ("o1 n1 s1", "o1 n2 s2", False, True),
        ("o1 n1 s1 x1", "o1 n2 s2 x1", False, True),
        # One against one decides nothing
        ("o1 n1", "o1 n2", False, True),
        ("o1 n1", "o2 n1", False, True),
        ("o1 x1", "o2 x1", False, True),
        # An exam id that has moved from one to another is nobody's identity
        ("o1 n1 s1 x1", "o2 n2 s2 x1", False, False),
        ("o1", "o2", False, False),
        ("o1", "n1", False, False),
        ("", "", False, False),
    ],
)
def test_two_records(left, right, same, contradicts):
    likeness = compare(record(left), record(right))
    assert (likeness.is_same, likeness.contradicts) == (same, contradicts)


@pytest.mark.parametrize(
    ("left", "right", "pairs", "left_doubts", "right_doubts"),
    [
        # Exam ids exchanged, user names exchanged, both exchanged
        (["o1 n1 s1 x2", "o2 n2 s2 x1"], ["o1 n1 s1 x1", "o2 n2 s2 x2"], {0: 0, 1: 1}, [], []),
        (["o2 n1 s1", "o1 n2 s2"], ["o1 n1 s1", "o2 n2 s2"], {0: 0, 1: 1}, [], []),
        (["o2 n1 s1 x2", "o1 n2 s2 x1"], ["o1 n1 s1 x1", "o2 n2 s2 x2"], {0: 0, 1: 1}, [], []),
        # Two against two: user name and student number, or personnummer and exam id, have been exchanged
        (["o2 n1 s2 x1", "o1 n2 s1 x2"], ["o1 n1 s1 x1", "o2 n2 s2 x2"], {}, [0, 1], [0, 1]),
        (["o2 n2 s1 x1", "o1 n1 s2 x2"], ["o1 n1 s1 x1", "o2 n2 s2 x2"], {}, [0, 1], [0, 1]),
        # With one number only nobody can tell
        (["o2 n1", "o1 n2"], ["o1 n1", "o2 n2"], {}, [0, 1], [0, 1]),
        # A user name given to a new person: the former one is not on the list, or has another now
        (["o1 n2 s2"], ["o1 n1 s1"], {}, [0], [0]),
        (["o1 n2 s2", "o3 n1 s1"], ["o1 n1 s1"], {1: 0}, [], []),
        # Two who would do for one: the one who is clearly better; nobody where they are equally good
        (["o1 n1", "o1"], ["o1 n1"], {0: 0}, [1], []),
        (["o1", "o1"], ["o1"], {}, [0, 1], [0]),
        (["o1"], ["o1", "o1"], {}, [0], [0, 1]),
        (["o1 n1"], ["o1", "n1"], {0: 0}, [], [1]),
        # The exam id of somebody who has left is another's now
        (["o2 n2 s2 x1"], ["o1 n1 s1 x1", "o2 n2 s2 x2"], {0: 1}, [], []),
        (["o1"], ["o2"], {}, [], []),
    ],
)
def test_two_lists(left, right, pairs, left_doubts, right_doubts):
    found = pair([record(one) for one in left], [record(one) for one in right])
    assert (found.pairs, sorted(found.left_doubts), sorted(found.right_doubts)) == (pairs, left_doubts, right_doubts)


records = st.lists(
    st.builds(
        lambda *values: normal_forms({kind: (value,) for kind, value in zip(KINDS, values, strict=True)}),
        *(st.sampled_from(("", "1", "2", "3")) for _ in KINDS),
    ),
    max_size=5,
)


@given(records, records)
def test_pairs_are_one_to_one_and_the_same_whichever_way_they_are_asked_for(left, right):
    found, reverse = pair(left, right), pair(right, left)
    assert found.pairs == {one: other for other, one in reverse.pairs.items()}
    assert all(compare(left[one], right[other]).is_same for one, other in found.pairs.items())
    assert not set(found.pairs) & set(found.left_doubts)
    assert not set(found.pairs.values()) & set(found.right_doubts)
    assert set(found.right_doubts) == set(reverse.left_doubts)


# --- What a manager has said --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "said", "pairs", "left_doubts", "right_doubts"),
    [
        # A user name given to a new person, or corrected numbers: a manager knows
        (["o1 n2 s2"], ["o1 n1 s1"], {(0, 0): True}, {0: 0}, [], []),
        (["o1 n2 s2"], ["o1 n1 s1"], {(0, 0): False}, {}, [], []),
        # Two who do equally well: one of them is it, and the other somebody new; or one is not, and then the other is
        (["o1", "o1"], ["o1"], {(1, 0): True}, {1: 0}, [], []),
        (["o1", "o1"], ["o1"], {(1, 0): False}, {0: 0}, [], []),
        (["o1"], ["o1", "o1"], {(0, 1): True}, {0: 1}, [], []),
        # Of the two whom one cannot be told from, the answer about one leaves the question about the other
        (["o2 n1", "o1 n2"], ["o1 n1", "o2 n2"], {(0, 0): False}, {}, [0, 1], [0, 1]),
        (["o2 n1", "o1 n2"], ["o1 n1", "o2 n2"], {(0, 0): True}, {0: 0}, [1], [1]),
        # Even where the identifiers say another thing
        (["o1 n1"], ["o1 n1"], {(0, 0): False}, {}, [], []),
        # What is said of one by two is not heeded
        (["o1 n1", "o2"], ["o1 n1"], {(0, 0): True, (1, 0): True}, {0: 0}, [], []),
    ],
)
def test_a_managers_word_stands_before_what_the_identifiers_say(left, right, said, pairs, left_doubts, right_doubts):
    found = pair([record(one) for one in left], [record(one) for one in right], said)
    assert (found.pairs, sorted(found.left_doubts), sorted(found.right_doubts)) == (pairs, left_doubts, right_doubts)


def test_a_word_is_of_the_very_identifiers_and_the_last_one_counts():
    people = [record("o1 n2 s2"), record("o3")]
    said = [Said(record("o1 n2 s2"), is_same=True), Said(record("o1 n2 s2"), is_same=False)]
    assert said_pairs(people, [said, [Said(record("o1 n2"), is_same=True)]]) == {(0, 0): False}
    assert said_pairs([*people, record("o1 n2 s2")], [said]) == {}


@given(records, records, st.dictionaries(st.tuples(st.integers(0, 4), st.integers(0, 4)), st.booleans(), max_size=4))
def test_whatever_is_said_nobody_is_two_and_who_is_not_it_is_not_it(left, right, said):
    said = {(one, other): is_same for (one, other), is_same in said.items() if one < len(left) and other < len(right)}
    found, without = pair(left, right, said), pair(left, right)
    assert len(set(found.pairs.values())) == len(found.pairs)
    assert not set(found.pairs) & set(found.left_doubts)
    assert not set(found.pairs.values()) & set(found.right_doubts)
    assert not [numbers for numbers in found.pairs.items() if said.get(numbers) is False]
    same = [numbers for numbers, is_same in said.items() if is_same]
    if len({one for one, _ in same}) == len({other for _, other in same}) == len(same):
        assert set(same) <= set(found.pairs.items())
    if not said:
        assert found == without
