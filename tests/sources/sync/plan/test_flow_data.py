"""A text of the flow that we wrote is known again, in whatever way WISEflow gives it back."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.ladok.base import Exam
from sources.sync.plan.flow_data import TEXT_LENGTH, plan_flow
from sources.sync.plan.values import Memory, Present, Wanted
from tests.sources.sync.plan.modelled import CREATED, TZ

TEXTS = st.text(
    st.sampled_from("aA\u00e5\u0301 \u00a0\u200b\u00ad") | st.characters(codec="utf-8", exclude_categories=["Cc"])
)
LONG = "x" * 254 + " " + "y" * 13  # 268 characters with a blank as the 255th


def follow(exam: Exam, present: Present, followed: dict[str, str]):
    memory = Memory(created_at=CREATED, tz=TZ, followed=followed, follows_dates=False)
    return plan_flow(Wanted(exams=(exam,)), present, memory)


def written(exam: Exam) -> dict[str, str]:
    found = follow(exam, Present(state=0), {"title": "", "subtitle": "", "code": ""})
    assert found.unfollowed == {}
    return {name: found.followed[name] for name in ("title", "subtitle", "code")}


GIVEN_BACK = [
    str,
    str.strip,
    lambda text: " ".join(text.split()),
    lambda text: f" {text} ",
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFD", text),
]


@given(TEXTS, TEXTS, st.integers(0, 300), st.sampled_from(GIVEN_BACK))
def test_our_own_text_is_known_again_and_a_renaming_is_followed(title, subtitle, more, given_back):
    exam = Exam(code="TEN1", title=title + "x" * more, subtitle=subtitle)
    ours = written(exam)
    assert all(len(text) <= TEXT_LENGTH for text in ours.values())
    there = Present(state=0, **{name: given_back(text) for name, text in ours.items()})
    again = follow(exam, there, ours)
    assert (again.changes, again.unfollowed) == ([], {})
    renamed = follow(Exam(code="TEN1", title="Another title", subtitle="Another subtitle"), there, ours)
    assert renamed.unfollowed == {}
    assert (renamed.followed["title"], renamed.followed["subtitle"]) == ("Another title", "Another subtitle")


@pytest.mark.parametrize("before", [LONG[:TEXT_LENGTH], LONG[:TEXT_LENGTH].strip()])
def test_a_title_that_is_cut_at_a_blank_is_ours(before):
    """Also where it was written with the blank behind it."""
    there = Present(state=0, title=LONG[:TEXT_LENGTH].strip(), code="TEN1")
    found = follow(Exam(code="TEN1", title=LONG), there, {"title": before, "subtitle": "", "code": "TEN1"})
    assert (found.changes, found.unfollowed) == ([], {})


def test_a_title_that_somebody_has_changed_is_theirs():
    there = Present(state=0, title="Our Title", code="TEN1")
    found = follow(Exam(code="TEN1", title="New"), there, {"title": "Our title", "subtitle": "", "code": "TEN1"})
    assert found.unfollowed == {"title": {"ladok": "New", "wiseflow": "Our Title"}}
