"""What several sendings of one person's grade to one place amount to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sending:
    """`is_registered`: Ladok has answered so of this very one. `replaces`: it was to be written over a grade that was there.
    `is_over`: it did not arrive, or Ladok did not take it. `is_absent`: that is known of it for certain. `is_in_doubt`: by it
    or one before it the grade may be there, and only a manager has said more."""

    pk: int
    is_registered: bool
    replaces: bool
    is_over: bool
    is_absent: bool = False
    is_in_doubt: bool = False


def stands_after_all(sendings: Sequence[Sending]) -> int | None:
    """The earlier one whose grade is in Ladok, where the newest, sent because nobody knew, came to nothing."""
    *earlier, newest = sendings
    registered = [each.pk for each in earlier if each.is_registered]
    return registered[-1] if registered and newest.is_over and not newest.replaces else None


def registered_twice(sendings: Sequence[Sending]) -> tuple[int, int] | None:
    """The last two of those that Ladok has registered beside each other. What is written over another counts with it."""
    registered = [each.pk for each in sendings if each.is_registered and not each.replaces]
    return (registered[-2], registered[-1]) if len(registered) > 1 else None


def none_arrived(sendings: Sequence[Sending]) -> bool:
    """Whether the doubt about the grade is over, since each of them is known not to have brought it."""
    return sendings[-1].is_in_doubt and all(each.is_absent for each in sendings)
