"""What people are told.

A message is stored as a code and its parameters, never as text, and becomes words in the reader's own language when it is
shown. Every failure says what happened, what it means for the grades, what to do, and who can do it. The sentences
stand in one catalogue per package (`ladokflow/remote_answers.py`, `sources/messages`, `exports/messages`).

What code has to know of a message stands beside its sentence, as a `Trait`. Nobody else asks for a code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ladokflow import changes
from ladokflow.dates import in_words

Text = str | Promise

MANAGER = "manager"
LICENCE_ADMIN = "licence_admin"
RIGHTS_GIVER = "rights_giver"
OPERATOR = "operator"
LADOK = "ladok"
WISEFLOW = "wiseflow"

WHO: dict[str, Text] = {
    MANAGER: _("You, as manager"),
    LICENCE_ADMIN: _("Your licence admin"),
    RIGHTS_GIVER: _("A licence admin other than yourself"),  # nobody gives themselves a right
    OPERATOR: _("Those who run LadokFlow"),
    LADOK: _("Those who run Ladok at your university"),
    WISEFLOW: _("UNIwise support"),
}


class Trait(StrEnum):
    """What follows from a message, besides that people read it."""

    # Calls to Ladok and WISEflow
    NEVER_ARRIVED = "never_arrived"  # the other side has not had the request
    UNEXPLAINED = "unexplained"  # the other side refused, and did not say why
    # Forms and commands
    NOT_AS_SHOWN = "not_as_shown"  # what was to be done is no longer what the person has seen
    # Creations
    SCALE_UNCHOSEN = "scale_unchosen"  # `scale` is Ladok's: a manager chooses WISEflow's
    # Synchronisations
    ASKS = "asks"  # Ladok's answer would empty the flow if it were believed: a manager is asked
    BRAKE = "brake"  # the plan would take away too many: a manager can confirm it
    IS_STUDENT = "is_student"  # somebody works with the flow and is a student of the exam
    GONE = "gone"  # WISEflow does not have the flow any more
    QUESTION = "question"  # only a person can answer it: Home and the list tell it, too
    # Exports
    MARKING_IS_ON = "marking_is_on"
    ENDED = "ended"  # by removing the Ladok code
    READY = "ready"  # a grade can be exported now
    UNDER_WAY = "under_way"
    NOT_GRADED = "not_graded"
    LEFT_UNGRADED = "left_ungraded"  # of a flow: all grades there are have been exported, and some may never come
    EXPORTED = "exported"  # the grade is in Ladok
    ALREADY_IN_LADOK = "already_in_ladok"  # says Ladok of a grade it rejected: look there, and mark it as exported
    ONLY_TO_MARK = "only_to_mark"  # of a flow: it says so of all that is left
    CHANGED = "changed"  # WISEflow has another grade now than the one that was exported
    NOT_ASKED_FOR = "not_asked_for"  # the export that is asked for is not about this person
    WAITS_FOR_RETRY = "waits_for_retry"
    OUTCOME_UNKNOWN = "outcome_unknown"
    RETRY_REFUSED = "retry_refused"  # Ladok did not take it now; an earlier sending may be there
    MENDABLE = "mendable"  # a fault that somebody can mend: an export is not done while it stands
    SENT_ELSEWHERE = "sent_elsewhere"  # by another flow or for another account: a manager may say to send it again
    WITHOUT_PAPER = "without_paper"  # a passing grade, and nothing was handed in: a manager may say that it is right
    LIST_UNREAD = (
        "list_unread"  # Ladok's list could not be read right before sending: a manager may say to send all the same
    )
    # The audit log
    NAMES_STUDENT = (
        "names_student"  # `person` or `name` is a student: by the row, and in entries of earlier versions in plain
    )
    # of an export that a row of its own tells, too: a timeline tells it once
    STEP_ASKED = "step_asked"
    STEP_SENT = "step_sent"
    STEP_ENDED = "step_ended"
    STEP_SETTLED = "step_settled"
    STEP_HANDLED = "step_handled"
    SAID_BY_STATE = "said_by_state"  # says no more than the state that it stands beside


@dataclass(frozen=True)
class Sentence:
    """One entry of a catalogue. Placeholders are named, `%(name)s`; a plural is an `ngettext_lazy` on `count`."""

    what: Text
    effect: Text = ""
    todo: Text = ""
    who: str = ""
    traits: AbstractSet[Trait] = frozenset()


CATALOGUE: dict[str, Sentence] = {}
# What stands for a message that this version has no words for: its row was written by another one. `code` is its own.
WORDLESS = Sentence(
    _("What was written here by another version of LadokFlow cannot be shown in words (%(code)s)."),
    todo=_(
        "Go by the state that is shown. If it says the same tomorrow, tell those who run LadokFlow: all of it has to run in the "
        "same version."
    ),
    who=OPERATOR,
)
CLOSING_MARKS = (".", "!", "?", "…", ":")


def register(sentences: Mapping[str, Sentence]) -> None:
    """Add a package's catalogue; a code has one meaning only."""
    for code, sentence in sentences.items():
        if CATALOGUE.setdefault(code, sentence) is not sentence:
            raise ValueError(f"The message code {code} is taken.")


def _closed(text: str) -> str:
    """With a full stop where it has none: what Ladok or WISEflow says at the end of a sentence of ours may be a bare word."""
    return text if not text or text.rstrip("\"'”’»)]")[-1:] in CLOSING_MARKS else f"{text}."


@dataclass(frozen=True)
class Message:
    """A code of the catalogue and what to fill in. `str()` of it is the whole text, in the active language.

    A stored message may be older or newer than the catalogue. One that cannot be put into words says so, and never raises.
    """

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> Sentence:
        return CATALOGUE.get(self.code, WORDLESS)

    @property
    def kind(self) -> str:
        """What messages are counted by: the same for those that say the same. Nothing is decided by it."""
        return self.code

    def has(self, trait: Trait) -> bool:
        return trait in self.sentence.traits

    def is_due_to(self, trait: Trait) -> bool:
        """Whether it has the trait, or a message does that is a parameter of it."""
        return self.has(trait) or any(
            inner.is_due_to(trait) for value in self.params.values() if (inner := _inner(value))
        )

    @property
    def is_said_by_state(self) -> bool:
        return self.has(Trait.SAID_BY_STATE)

    def _fill(self, part: str) -> str:
        if self.sentence is not WORDLESS and not getattr(self.sentence, part):
            return ""  # no parameter is looked up for it
        # A parameter may be a stored message itself: it fills the place with its own words for the same part. Days are kept as ISO.
        params = {
            name: getattr(inner, part) if (inner := _inner(value)) else _in_words(value)
            for name, value in self.params.items()
        }
        try:
            if self.sentence is not WORDLESS:
                return _filled(getattr(self.sentence, part), params)
        except (KeyError, TypeError, ValueError):
            pass  # a parameter is missing, or of another kind
        return _filled(getattr(WORDLESS, part), {"code": self.code or "–"})

    @property
    def what(self) -> str:
        return self._fill("what")

    @property
    def effect(self) -> str:
        return self._fill("effect")

    @property
    def todo(self) -> str:
        return self._fill("todo")

    @property
    def who(self) -> str:
        who = self.sentence.who or next((party for party in map(_who_of, self.params.values()) if party), "")
        return str(WHO[who]) if who else ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.effect, self.todo) if part)

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params)}

    @classmethod
    def from_json(cls, stored: Any) -> Message | None:
        """The message a row holds, or None where it holds none. What is none, whatever it is, becomes one without words."""
        if not stored:
            return None
        if not isinstance(stored, Mapping):
            return cls("")
        params = stored.get("params")
        return cls(str(stored.get("code") or ""), params if isinstance(params, Mapping) else {})

    @classmethod
    def list_from_json(cls, stored: Any) -> list[Message]:
        """The messages of a row that holds several."""
        entries = stored if isinstance(stored, list) else [stored]
        return [entry for each in entries if (entry := cls.from_json(each))]


def _filled(text: Text, params: Mapping[str, Any]) -> str:
    # A lazy plural has to be chosen with the parameters at hand; a plain text without any must keep its "%".
    return _closed(str(text % params).strip()) if text else ""


# Who somebody is whom a parameter names by their row, `{"person": key}`: said by the app that has the rows. What is kept for ever names nobody
# itself, and is true also when the row has been emptied.
_person_of: list[Callable[[int], str]] = []


def tell_people_by(who_is: Callable[[int], str]) -> None:
    _person_of[:] = [who_is]


def by_row(key: int) -> dict[str, int]:
    """A parameter of a message that names a person by their row."""
    return {"person": key}


def _in_words(value: Any) -> Any:
    if (told := changes.in_words(value)) is not None:
        return told
    is_person = isinstance(value, Mapping) and isinstance(value.get("person"), int)
    return _person_of[0](value["person"]) if is_person and _person_of else in_words(value)


def _inner(value: Any) -> Message | None:
    """The message that is a parameter of another one; None for any other parameter."""
    is_message = isinstance(value, Mapping) and isinstance(value.get("code"), str)
    return Message.from_json(value) if is_message else None


def _who_of(value: Any) -> str:
    """Who can act on a message that is a parameter of another one; empty for any other parameter."""
    inner = _inner(value)
    return inner.sentence.who if inner else ""


def message(code: str, /, **params: Any) -> Message:
    """A message of the catalogue; ValueError for a code that is not in it."""
    if code not in CATALOGUE:
        raise ValueError(f"Unknown message code {code}.")
    return Message(code, params)


class Refused(Exception):
    """What was asked for is against a rule, and nothing was changed. `message` is what people are told."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.code)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)
