"""Sequences that were thought of one by one; each stands for its kind, and the short run mixes them all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.owner.base import Base
from tests.owner.play import Step, play, play_each

ONE, TWO = ("liu", 4, 1), ("liu", 3, 2)

# A flow in its marking phase, written and graded; and what comes then.
STARTED: tuple[Step, ...] = (("sync",), ("activate",), ("start",), ("sync",))
GRADED: tuple[Step, ...] = (*STARTED, ("hand_in",), ("grade_all", 0), ("sync",))
END: tuple[Step, ...] = (("conclude",), ("sync",), ("export",), ("retry",))
EXAM_ID, LOGIN, NATIONAL_ID, STUDENT_UID, EXAM_ID_AND_LOGIN = 0, 1, 2, 3, 4

ROWS: dict[str, tuple[tuple[str, int, int], tuple[Step, ...]]] = {
    # --- Exchanged -----------------------------------------------------------------------------------------------
    "exam ids exchanged while marking": (ONE, (*GRADED, ("exchange", 0, 0, 0, EXAM_ID), *END)),
    "exam ids exchanged after marking": (
        ONE,
        (*GRADED, ("conclude",), ("sync",), ("exchange", 0, 0, 0, EXAM_ID), ("export",)),
    ),
    "exam ids exchanged while it waits": (
        ONE,
        (*GRADED, ("conclude",), ("export", "waits"), ("exchange", 0, 0, 0, EXAM_ID), ("work",)),
    ),
    "exam ids exchanged between the claim and the mark": (
        ONE,
        (*GRADED, ("conclude",), ("sync",), ("export", "", "", ("exchange", 0, 0, 0, EXAM_ID))),
    ),
    "exam ids exchanged after a worker died": (
        ONE,
        (*GRADED, ("conclude",), ("export", "claimed"), ("exchange", 0, 0, 0, EXAM_ID), ("work",)),
    ),
    "exam ids exchanged before a retry": (
        ONE,
        (*GRADED, ("conclude",), ("export", "some"), ("renew_exam_ids", 0), ("retry",)),
    ),
    "exam ids exchanged before Ladok is asked what it has": (
        ONE,
        (*GRADED, ("conclude",), ("export", "dropped"), ("exchange", 0, 0, 0, EXAM_ID), ("read_back",), ("retry",)),
    ),
    "exam ids of a whole exam moved round": (ONE, (*GRADED, ("renew_exam_ids", 0), *END)),
    "user names exchanged in setup": (ONE, (("exchange", 0, 0, 0, LOGIN), *GRADED, *END)),
    "user names exchanged while marking": (ONE, (*GRADED, ("exchange", 0, 0, 0, LOGIN), *END)),
    "user names and exam ids exchanged in setup": (ONE, (("exchange", 0, 0, 0, EXAM_ID_AND_LOGIN), *GRADED, *END)),
    "user names and exam ids exchanged while writing": (
        ONE,
        (*STARTED, ("exchange", 0, 0, 0, EXAM_ID_AND_LOGIN), ("sync",), ("hand_in",), ("grade_all", 0), *END),
    ),
    "user names and exam ids exchanged while marking": (ONE, (*GRADED, ("exchange", 0, 0, 0, EXAM_ID_AND_LOGIN), *END)),
    "personnummer exchanged in setup": (ONE, (("exchange", 0, 0, 0, NATIONAL_ID), *GRADED, *END)),
    "student numbers exchanged in setup": (ONE, (("exchange", 0, 0, 0, STUDENT_UID), *GRADED, *END)),
    "two of four identifiers exchanged while it is sent, and the third before the retry": (
        ("oru", 4, 2),
        (
            ("hand_in",),
            ("grade_all", 1),
            ("conclude",),
            ("newcomer", 0, 1),
            ("export", "failed", "", ("exchange", 0, 1, 1, 5)),
            ("exchange", 0, 2, 5, 3),
        ),
    ),
    "user names exchanged in Örebro": (("oru", 3, 1), (*GRADED, ("exchange", 0, 0, 0, LOGIN), *END)),
    "user names exchanged in Borås": (("boras", 3, 1), (*GRADED, ("exchange", 0, 0, 0, LOGIN), *END)),
    # --- Corrected -----------------------------------------------------------------------------------------------
    "an exam id corrected while marking": (ONE, (*GRADED, ("correct", 0, 0, 0), *END)),
    "a user name corrected while marking": (("oru", 3, 1), (*GRADED, ("no_exam_id", 0, 0), ("correct", 0, 0, 1), *END)),
    "a temporary number became a personnummer": (("boras", 3, 1), (*GRADED, ("correct", 0, 0, 2), *END)),
    "a temporary number became a personnummer while it waits": (
        ("boras", 3, 1),
        (*GRADED, ("conclude",), ("export", "waits"), ("correct", 0, 0, 2), ("work",)),
    ),
    "an exam id taken over by another": (ONE, (*GRADED, ("take_exam_id", 0, 0, 0), *END)),
    "an exam id taken over between the claim and the mark": (
        ONE,
        (*GRADED, ("conclude",), ("sync",), ("export", "", "", ("take_exam_id", 0, 0, 0))),
    ),
    "an exam id taken over by another after its owner left": (ONE, (*GRADED, ("merge", 0, 0, 0), *END)),
    # --- Gone and back -------------------------------------------------------------------------------------------
    "off the list while writing, on it again while marking": (
        ONE,
        (*STARTED, ("gone", 0, 0), ("sync",), ("hand_in",), ("back", 0, 0), ("sync",), ("grade_all", 0), *END),
    ),
    "off the list while writing, on it again after the export": (
        ONE,
        (*STARTED, ("gone", 0, 0), ("sync",), ("hand_in",), ("grade_all", 0), *END, ("back", 0, 0), ("sync",)),
    ),
    "off the list while marking": (ONE, (*GRADED, ("gone", 0, 0), *END)),
    "off the list while marking, and the exam id given to a newcomer": (
        ONE,
        (*GRADED, ("newcomer", 0, 0), ("take_exam_id", 0, 0, 3), ("gone", 0, 0), *END),
    ),
    "a newcomer while marking": (ONE, (*GRADED, ("newcomer", 0, 0), *END)),
    # --- New in everything but the name --------------------------------------------------------------------------
    **{
        f"registered anew under other numbers {name}": (kind, (*before, ("split", 0, 0), *gone, *after))
        for name, kind, before, gone, after in (
            ("while marking, the first merged away", ("oru", 3, 1), GRADED, (("merge", 0, 2, 6),), END),
            ("while marking, the first gone", ONE, GRADED, (("gone", 0, 0),), END),
            ("while writing, the first gone", ONE, STARTED, (("gone", 0, 0), ("sync",)), (("sync",),)),
            ("while writing, the first gone later", ONE, STARTED, (("sync",), ("gone", 0, 0)), (("sync",), ("sync",))),
        )
    },
    "off the list while marking, on it again under other numbers": (
        ("boras", 3, 1),
        (*GRADED, ("gone", 0, 0), ("sync",), ("anew", 0, 0), *END),
    ),
    # --- Two exams -----------------------------------------------------------------------------------------------
    "moved to the other exam while marking": (TWO, (*GRADED, ("move", 0, 1, 1), *END)),
    "moved to the other exam, where another has her exam id": (
        TWO,
        (*GRADED, ("move", 0, 1, 1), ("same_exam_id", 1, 0), *END),
    ),
    "on the other exam too after the export, where grades go to each": (
        TWO,
        (("place", "each"), *GRADED, *END, ("both", 1, 2), ("sync",), ("export",)),
    ),
    "an exam id that is another's on the other exam": (TWO, (("same_exam_id", 1, 1), *GRADED, *END)),
    "on two exams, and refused on the first": (
        TWO,
        (*GRADED, ("reject", 0, 0), ("conclude",), ("export",), ("retry",)),
    ),
    "on two exams under two exam ids, and off the first": (TWO, (*GRADED, ("gone", 0, 0), *END)),
    "the exam taken off the flow and put back with other exam ids": (
        TWO,
        (("sync",), ("remove_code", 1), ("sync",), ("renew_exam_ids", 1), ("add_code",), ("sync",), *GRADED, *END),
    ),
    # --- Lists that are not to be trusted ------------------------------------------------------------------------
    **{
        f"missing on one list while writing, and {name} on the other": (
            ("boras", 3, 2),
            (*STARTED, ("gone", 0, 2), *steps, ("sync",), ("list_whole", 1), ("sync",)),
        )
        for name, steps in {
            "most are missing": (("repeat", 1, 2, 2),),
            "somebody is twice": (("repeat", 1, 1, 0),),
            "somebody cannot be read": (("unreadable", 1, 0),),
        }.items()
    },
    **{
        f"moved while marking to a list where {name}": (("oru", 4, 2), (*GRADED, ("move", 0, 1, 0), *steps, *END))
        for name, steps in {
            "her own row has no user name": (("without_login", 1, -1),),
            "somebody cannot be read": (("without_login", 1, 0),),
        }.items()
    },
    "off the list while marking, on it again in a row without a user name": (
        ("oru", 4, 1),
        (*GRADED, ("gone", 0, 0), ("sync",), ("back", 0, 0), ("without_login", 0, -1), ("sync",), *END),
    ),
    "of an exam taken off the flow while marking, and moved to the other in a row without a user name": (
        ("oru", 4, 2),
        (("without_login", 1, 8), ("start",), ("grade_all", 3), ("remove_code", 1), ("move", 1, 8, 0)),
    ),
    "moved while marking to a list that cannot be read, right before the export": (
        ("oru", 4, 2),
        (
            *GRADED,
            ("conclude",),
            ("sync",),
            ("move", 0, 1, 0),
            ("without_login", 1, -1),
            ("export",),
            ("sync",),
            ("export",),
        ),
    ),
    "one missing and one twice while writing": (ONE, (*STARTED, ("repeat", 0, 1, 1), ("sync",))),
    "one missing and one unreadable while writing": (ONE, (*STARTED, ("gone", 0, 0), ("unreadable", 0, 0), ("sync",))),
    "unreadable while writing": (ONE, (*STARTED, ("unreadable", 0, 0), ("sync",))),
    "without a user name while writing": (ONE, (*STARTED, ("without_login", 0, 0), ("sync",))),
    "the list cannot be read at the export": (
        ONE,
        (*GRADED, ("conclude",), ("sync",), ("exchange", 0, 0, 0, EXAM_ID), ("export", "", "500")),
    ),
    **{
        f"the list is {name} at the export, and people have been exchanged": (
            ONE,
            (*GRADED, ("conclude",), ("sync",), ("exchange", 0, 0, 0, EXAM_ID), ("export", "", name)),
        )
        for name in ("404", "html", "empty", "broken")
    },
    # --- Accounts ------------------------------------------------------------------------------------------------
    "the user name of a former student": (ONE, (("recycle", 0, 0), *GRADED, *END)),
    "the user name of a former student while writing": (ONE, (*STARTED, ("recycle", 0, 0), ("sync",))),
    "the user name of somebody who has left, while writing": (
        ONE,
        (*STARTED, ("gone", 0, 1), ("recycle", 0, 1), ("sync",), ("hand_in",), ("grade_all", 0), *END),
    ),
    "the user name of somebody who has left, while marking": (ONE, (*GRADED, ("gone", 0, 1), ("recycle", 0, 1), *END)),
    "a newcomer without a name": (ONE, (("newcomer", 0, 0), ("no_name", 0, 4), *GRADED, *END)),
    "somebody without a name": (ONE, (("sync",), ("no_name", 0, 0), *GRADED, *END)),
    **{
        f"spelt in way {how}": (ONE, (("sync",), ("spell", 0, 0, kind, how), *GRADED, *END))
        for kind, how in ((0, 0), (0, 1), (0, 2), (0, 3), (1, 4), (1, 5))
    },
    **{
        f"an account that knows a personnummer only, in way {how}": (
            ONE,
            (("bare_account", how), ("newcomer", 0, 0), *GRADED, *END),
        )
        for how in range(3)
    },
    **{
        f"a newcomer spelt in way {how}": (ONE, (("newcomer", 0, 0), ("spell", 0, 4, 0, how), *GRADED, *END))
        for how in (0, 1, 2)
    },
    # --- Twice ---------------------------------------------------------------------------------------------------
    "the worker died after the mark": (
        ONE,
        (*GRADED, ("conclude",), ("export", "marked"), ("read_back",), ("export",)),
    ),
    "the answer was lost, and the exam id corrected": (
        ONE,
        (*GRADED, ("conclude",), ("export", "lost"), ("correct", 0, 0, 0), ("sync",), ("read_back",), ("export",)),
    ),
    "exported, then on the list under another user name": (
        ("oru", 3, 1),
        (*GRADED, *END, ("correct", 0, 0, 1), ("export",)),
    ),
}


KINDS = sorted({kind for kind, _ in ROWS.values()})


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_grade_is_its_owners(base_of: Callable[[str, int, int], Base], kind: tuple[str, int, int]) -> None:
    """All of a kind in one test: to make the flow that they begin with, and have it graded, takes longer than what comes then."""
    played = play_each(base_of(*kind), {name: steps for name, (its_kind, steps) in ROWS.items() if its_kind == kind})
    assert {name: each.violations for name, each in played.items() if each.violations} == {}


def test_a_list_of_which_half_comes_twice_shuts_nobody_out(base_of: Callable[[str, int, int], Base]) -> None:
    """Sixty are writing; Ladok answers with 25 of them twice, and 25 are missing."""
    steps: tuple[Step, ...] = (("activate",), ("start",), ("sync",), ("repeat", 0, 25, 25), ("sync",))
    found = play(base_of("liu", 60, 1), steps)
    assert found.violations == []


@pytest.mark.parametrize("kind", [ONE, TWO, ("oru", 3, 1), ("boras", 3, 1)])
def test_where_nothing_happens_everybody_is_sent(
    base_of: Callable[[str, int, int], Base], kind: tuple[str, int, int]
) -> None:
    found = play(base_of(*kind), (*GRADED, *END))
    assert found.violations == []
    assert found.counts["grades in the ledger"] == kind[1] + 2 * (kind[2] - 1)
