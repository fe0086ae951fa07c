"""What is worked out once for one piece of work is forgotten at its end."""

import threading

import pytest

from ladokflow.memo import remember, remembered, remembering

asked: list[tuple[int, ...]] = []


@remembered
def doubled(*numbers: int) -> int:
    asked.append(numbers)
    if 13 in numbers:
        raise ValueError
    return 2 * sum(numbers)


@pytest.fixture(autouse=True)
def _nothing_asked() -> None:
    asked.clear()


def test_within_a_piece_of_work_it_is_worked_out_once_for_each_value() -> None:
    with remembering():
        assert [doubled(1), doubled(2), doubled(1), doubled(1, 2)] == [2, 4, 2, 6]
    assert asked == [(1,), (2,), (1, 2)]


def test_outside_and_in_the_next_piece_nothing_is_kept() -> None:
    for _ in range(2):
        assert doubled(1) == 2
        with remembering():
            assert doubled(1) == 2
    assert asked == [(1,)] * 4


def test_what_is_known_by_another_way_is_not_worked_out() -> None:
    remember(doubled, 1, result=7)
    with remembering():
        remember(doubled, 1, result=2)
        remember(doubled, 1, result=3)
        assert doubled(1) == 2
    assert asked == []
    assert doubled(1) == 2


def test_what_fails_is_tried_again() -> None:
    with remembering():
        for _ in range(2):
            with pytest.raises(ValueError):  # noqa: PT011 - the function's own
                doubled(13)
    assert len(asked) == 2


def test_another_thread_keeps_its_own() -> None:
    with remembering():
        doubled(1)
        other = threading.Thread(target=doubled, args=(1,))
        other.start()
        other.join()
    assert asked == [(1,), (1,)]
