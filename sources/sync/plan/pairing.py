"""Whether two records are one person, and who is who in two lists of people. Pure.

It is decided here for everybody who asks: Ladok's people and our rows, participants and users in WISEflow, and the registrations
of a code. No single identifier decides against two others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter

from ladokflow.memo import remembered
from sources.sync.identifiers import IDENTIFIERS, normal

# Kind -> the normal forms that a record has of it: an account in WISEflow may have several.
Identifiers = Mapping[str, frozenset[str]]
# Two people have both of these different, whatever else they share: a user name is given to a new person, an exam id moves.
NUMBERS = frozenset({"national_id", "external_user_id"})
OF_REGISTRATION = "unique_exam_id"
KINDS = (*IDENTIFIERS, OF_REGISTRATION)


def identifiers_of(record: object, kinds: tuple[str, ...] = IDENTIFIERS) -> Identifiers:
    """Those of a person in Ladok, a participant's row or a registration."""
    found = _identifiers(*_values_of(record))
    return found if kinds is KINDS else {kind: found[kind] for kind in kinds if kind in found}


_values_of = attrgetter(*KINDS)


@remembered
def _identifiers(*values: str) -> Identifiers:
    """The same for everybody who has them: nobody changes them."""
    return normal_forms({kind: (value,) for kind, value in zip(KINDS, values, strict=True)})


def normal_forms(values: Mapping[str, Iterable[str]]) -> Identifiers:
    """Of what WISEflow has of each kind."""
    normals = {kind: frozenset(normal(kind, value) for value in found) - {""} for kind, found in values.items()}
    return {kind: found for kind, found in normals.items() if found}


def without_shared(people: Sequence[Identifiers]) -> list[Identifiers]:
    """A number that several people of one list have tells nobody apart: it is left out for all of them."""
    held = Counter((kind, value) for one in people for kind in NUMBERS for value in one.get(kind, ()))
    shared = {key for key, count in held.items() if count > 1}
    if not shared:
        return list(people)
    return [
        {kind: values for kind, values in one.items() if not any((kind, value) in shared for value in values)}
        for one in people
    ]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The kinds that both records have a value of: `agree` where it is the same, `differ` where it is not."""

    agree: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """One person: nothing speaks against it; or two identifiers say so, and not both numbers speak against it."""
        return bool(self.agree) and (not self.differ or (len(self.agree) > 1 and not set(self.differ) >= NUMBERS))

    @property
    def contradicts(self) -> bool:
        """They share an identifier and are not one person.

        An exam id is of a registration: people who differ in two identifiers of their own are just two who have had it.
        """
        own = [kind for kind in self.differ if kind != OF_REGISTRATION]
        return bool(self.agree) and not self.is_same and not (self.agree == (OF_REGISTRATION,) and len(own) > 1)

    @property
    def rank(self) -> tuple[int, tuple[bool, ...]]:
        """The more identifiers agree the better; then in the order in which WISEflow matches people."""
        return len(self.agree), tuple(kind in self.agree for kind in KINDS)


def compare(left: Identifiers, right: Identifiers) -> Likeness:
    both = [kind for kind in KINDS if kind in left and kind in right]
    agree = tuple(kind for kind in both if left[kind] & right[kind])
    return _likeness(agree, tuple(kind for kind in both if kind not in agree))


@cache
def _likeness(agree: tuple[str, ...], differ: tuple[str, ...]) -> Likeness:
    """There are few, and thousands are alike."""
    return Likeness(agree, differ)


@dataclass(frozen=True)
class Said:
    """What a manager has said of who has these identifiers in Ladok: it is the person of a row of ours, or it is not."""

    of: Identifiers
    is_same: bool


def said_pairs(people: Sequence[Identifiers], rows: Sequence[Sequence[Said]]) -> dict[tuple[int, int], bool]:
    """By the numbers of a person and of the row that something was said of. `rows` has what was said of each, the oldest first.

    It counts for the very identifiers only, and for nobody where several people have them.
    """
    if not any(rows):
        return {}
    alike: dict[tuple[tuple[str, frozenset[str]], ...], list[int]] = {}
    for number, person in enumerate(people):
        alike.setdefault(_form(person), []).append(number)
    said: dict[tuple[int, int], bool] = {}
    for row, of_row in enumerate(rows):
        for one in of_row:
            found = alike.get(_form(one.of), [])
            if len(found) == 1:
                said[found[0], row] = one.is_same
    return said


def _form(identifiers: Identifiers) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple(sorted(identifiers.items(), key=lambda item: item[0]))


@dataclass
class Pairing:
    """Who is who, by number in the two lists. Those in doubt are in no pair; each has the one they cannot be told from."""

    pairs: dict[int, int] = field(default_factory=dict)  # left -> right
    left_doubts: dict[int, tuple[int, Likeness]] = field(default_factory=dict)
    right_doubts: dict[int, tuple[int, Likeness]] = field(default_factory=dict)
    # Everybody on the right with whom somebody on the left shares an identifier
    met: dict[int, dict[int, Likeness]] = field(default_factory=dict)


def pair(
    left: Sequence[Identifiers],
    right: Sequence[Identifiers],
    said: Mapping[tuple[int, int], bool] | None = None,
) -> Pairing:
    """One to one: two are a pair where each is the other's only one who is the same, or clearly the best.

    What a manager has said, `said`, stands before what the identifiers say: those are a pair and nobody else's, or have nothing to
    do with each other. What is said of one by two is not heeded.

    Nobody is paired where two are equally good, or where one would do for two; nor where the only ones who share an identifier
    contradict. Who is left with that is in doubt. Somebody who shares an identifier with one who is clearly another's is not.
    """
    said = said or {}
    found = Pairing(pairs=_said_to_be_same(said))
    taken = set(found.pairs), set(found.pairs.values())
    holders: dict[str, dict[str, tuple[int, ...]]] = {kind: {} for kind in KINDS}
    for number, identifiers in enumerate(right):
        for kind, values in identifiers.items():
            of_kind = holders[kind]
            for value in values:
                of_kind[value] = (*of_kind.get(value, ()), number)
    reverse: dict[int, dict[int, Likeness]] = {}
    for number, identifiers in enumerate(left):
        sharing = (holders[kind].get(value, ()) for kind, values in identifiers.items() for value in values)
        for other in sorted(set().union(*sharing)):
            if number in taken[0] or other in taken[1] or said.get((number, other)) is False:
                continue
            likeness = compare(identifiers, right[other])
            if likeness.is_same or likeness.contradicts:
                found.met.setdefault(number, {})[other] = likeness
                reverse.setdefault(other, {})[number] = likeness
    for number, others in found.met.items():
        best = _best(others)
        if best is not None and _best(reverse[best]) == number:
            found.pairs[number] = best
    paired = set(found.pairs.values())
    found.left_doubts = _doubts(found.met, set(found.pairs), paired)
    found.right_doubts = _doubts(reverse, paired, set(found.pairs))
    return found


def _said_to_be_same(said: Mapping[tuple[int, int], bool]) -> dict[int, int]:
    same = [numbers for numbers, is_same in said.items() if is_same]
    lefts, rights = Counter(left for left, _ in same), Counter(right for _, right in same)
    return {left: right for left, right in same if lefts[left] == rights[right] == 1}


def _best(others: Mapping[int, Likeness]) -> int | None:
    """The one who is clearly the best of those who are the same.

    Two identifiers against two others decide nothing, in whatever order WISEflow matches people: they have been exchanged, and
    nobody can tell which of them.
    """
    if len(others) == 1:
        ((number, likeness),) = others.items()
        return number if likeness.is_same else None
    same = sorted(((likeness.rank, number) for number, likeness in others.items() if likeness.is_same), reverse=True)
    if len(same) > 1:
        (agree, order), (next_agree, next_order) = same[0][0], same[1][0]
        if agree == next_agree and (agree > 1 or order == next_order):
            return None
    if not same or _has_anothers_number(same[0][1], others):
        return None
    return same[0][1]


def _has_anothers_number(best: int, others: Mapping[int, Likeness]) -> bool:
    """Whether the number in which the best differs is another's: a number that is corrected is nobody's yet. With one number beside them,
    a user name and an exam id that have moved look as they do when the number has."""
    likeness = others[best]
    if NUMBERS.isdisjoint(likeness.differ) or not NUMBERS.isdisjoint(likeness.agree):
        return False
    return any(not NUMBERS.isdisjoint(other.agree) for number, other in others.items() if number != best)


def _doubts(
    met: Mapping[int, Mapping[int, Likeness]], paired: set[int], paired_others: set[int]
) -> dict[int, tuple[int, Likeness]]:
    doubts = {}
    for number, others in met.items():
        if number in paired:
            continue
        left = [
            (likeness.rank, other)
            for other, likeness in others.items()
            if likeness.is_same or other not in paired_others
        ]
        if left:
            other = max(left)[1]
            doubts[number] = (other, others[other])
    return doubts
