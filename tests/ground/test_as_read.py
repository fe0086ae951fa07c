"""Titles are sorted as they are read, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from ladokflow.identifiers import as_read


def test_two_comes_before_ten() -> None:
    titles = ["Exam 10", "exam 2", "Exam 2b", "٣", "2", "10", "", "²"]
    assert sorted(titles, key=as_read) == ["", "2", "10", "exam 2", "Exam 2b", "Exam 10", "²", "٣"]


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "Z"])), max_size=5))
def test_any_titles_can_be_compared(titles: list[str]) -> None:
    in_order = sorted(titles, key=as_read)
    assert sorted(in_order, key=as_read) == in_order
