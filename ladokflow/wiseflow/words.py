"""WISEflow's own words, each once: the phases of a flow, the roles of those who work with it, and the types there are.

Where people read them they are named as in WISEflow's menus. Nothing else in the product spells them out.
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum, nonmember
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from ladokflow.identifiers import normal
from ladokflow.looks import PHASE, Look


def choices_of(words: type[Enum]) -> list[tuple[Any, Any]]:
    """As Django's fields take them. Its own kind of enumeration would bring the models along, which a leaf does not know."""
    return [(word.value, getattr(word, "label", word.value)) for word in words]


class FlowState(IntEnum):
    """A flow's phase: the numbers of `GET /flow/{flowId}`, key `state`, in the order that a flow goes through them."""

    label: Any
    do_not_call_in_templates = nonmember(True)

    def __new__(cls, number: int, label: Any) -> Self:
        state = int.__new__(cls, number)
        state._value_, state.label = number, label
        return state

    NOT_ACTIVATED = 0, _("Setup")
    PARTICIPATION_NOT_STARTED = 1, _("Activated")
    PARTICIPATION_STARTED = 2, _("Participation")
    PARTICIPATION_ENDED = 3, _("Marking")
    CONCLUDED = 4, _("Concluding")
    ARCHIVED = 5, _("Archived")

    @property
    def look(self) -> Look:
        return PHASE


BEFORE_MARKING = (FlowState.NOT_ACTIVATED, FlowState.PARTICIPATION_NOT_STARTED, FlowState.PARTICIPATION_STARTED)
MARKING_OVER = (FlowState.CONCLUDED, FlowState.ARCHIVED)
UNTIL_MARKING_ENDS = tuple(state for state in FlowState if state not in MARKING_OVER)
# Where the API spells a state out instead.
STATE_NAMES = {state.name: state.value for state in FlowState} | {
    "ACTIVATED": FlowState.PARTICIPATION_NOT_STARTED.value
}


class Role(StrEnum):
    """What somebody may be on a flow, in the order that pages show them."""

    label: Any
    do_not_call_in_templates = nonmember(True)

    def __new__(cls, word: str, label: Any) -> Self:
        role = str.__new__(cls, word)
        role._value_, role.label = word, label
        return role

    MANAGER = "manager", _("manager")
    ASSESSOR = "assessor", _("assessor")
    REVIEWER = "reviewer", _("reviewer")
    INVIGILATOR = "invigilator", _("invigilator")
    HEAD_INVIGILATOR = "head_invigilator", _("head invigilator")
    AUTHOR = "author", _("author")


class FlowType(StrEnum):
    """The names that licences use. Which of them there are, and with which ids, the licence says (`flow_types()`).

    The pages offer what the licence has, and need no name here. What we do otherwise with a type asks `is_type`.
    """

    DEFAULT = "FLOWdefault"
    DEMO = "FLOWdemo"
    ASSIGN = "FLOWassign"
    LOCK = "FLOWlock"
    MULTI = "FLOWmulti"
    HANDIN = "FLOWhandin"
    ORAL = "FLOWoral"
    ATTEND = "FLOWattend"


def is_type(name: str, *types: FlowType) -> bool:
    """Whether a flow's type is one of these: licences write the names in upper and lower case as they like."""
    return normal(name) in map(normal, types)


# Whether a paper is handed in, by type. Of a type that is in neither nobody knows.
HAND_IN = (FlowType.ASSIGN, FlowType.LOCK, FlowType.MULTI, FlowType.HANDIN)
HAND_NOTHING_IN = (FlowType.ORAL, FlowType.ATTEND)


USUAL_TYPE = FlowType.ASSIGN.value
# The numbers of a flow's type in `GET /flow/{flowId}`, which are not the licence's ids.
TYPE_NUMBERS = {
    0: FlowType.DEFAULT.value,
    1: FlowType.DEMO.value,
    2: FlowType.ASSIGN.value,
    4: FlowType.LOCK.value,
    8: FlowType.MULTI.value,
    16: FlowType.HANDIN.value,
    32: FlowType.ORAL.value,
    64: FlowType.ATTEND.value,
}
