"""A piece of work is not looked through for garbage, and what comes after it is."""

import contextlib
import gc

from ladokflow.garbage import uncollected


def test_it_is_looked_for_again_afterwards_whatever_came_of_the_work() -> None:
    assert gc.isenabled()
    with contextlib.suppress(ValueError), uncollected():
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()


def test_work_within_work_ends_nothing() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
