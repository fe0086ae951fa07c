"""What people are told.

A message is stored as a code and its parameters, never as text, and becomes words in the reader's own language when it is
shown. Every failure says what happened, what it means for the grades, what to do, and who can do it. The sentences
stand in one catalogue per package (`ladokflow/remote_answers.py`, `sources/messages/flows.py`, `exports/messages/rules.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

MANAGER = "manager"
LICENCE_ADMIN = "licence_admin"
OPERATOR = "operator"
LADOK = "ladok"
WISEFLOW = "wiseflow"

WHO: dict[str, Text] = {
    MANAGER: _("You, as manager"),
    LICENCE_ADMIN: _("Your licence admin"),
    OPERATOR: _("Those who run LadokFlow"),
    LADOK: _("Those who run Ladok at your university"),
    WISEFLOW: _("UNIwise support"),
}


@dataclass(frozen=True)
class Sentence:
    """One entry of a catalogue. Placeholders are named, `%(name)s`; a plural is an `ngettext_lazy` on `count`."""

    what: Text
    effect: Text = ""
    todo: Text = ""
    who: str = ""


CATALOGUE: dict[str, Sentence] = {}
CLOSING_MARKS = (".", "!", "?", "…", ":")


def register(sentences: Mapping[str, Sentence]) -> None:
    """Add a package's catalogue; a code has one meaning only."""
    for code, sentence in sentences.items():
        if CATALOGUE.setdefault(code, sentence) is not sentence:
            raise ValueError(f"The message code {code} is taken.")


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("code") in CATALOGUE


def _who_of(value: Any) -> str:
    """Who can act on a message that is a parameter of another one; empty for any other parameter."""
    return CATALOGUE[value["code"]].who if _is_message(value) else ""


def _closed(text: str) -> str:
    """With a full stop where it has none: what Ladok or WISEflow says at the end of a sentence of ours may be a bare word."""
    return text if not text or text.rstrip("\"'”’»)]")[-1:] in CLOSING_MARKS else f"{text}."


@dataclass(frozen=True)
class Message:
    """A code of the catalogue and what to fill in. `str()` of it is the whole text, in the active language."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise ValueError(f"Unknown message code {self.code}.")

    @property
    def sentence(self) -> Sentence:
        return CATALOGUE[self.code]

    def _fill(self, part: str) -> str:
        text: Text = getattr(self.sentence, part)
        if not text:
            return ""
        # A parameter may be a stored message itself: it fills the place with its own words for the same part.
        params = {
            name: getattr(Message(value["code"], value.get("params", {})), part) if _is_message(value) else value
            for name, value in self.params.items()
        }
        # A lazy plural has to be chosen with the parameters at hand; a plain text without any must keep its "%".
        return _closed(str(text % params).strip())

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
        who = self.sentence.who or next((found for found in map(_who_of, self.params.values()) if found), "")
        return str(WHO[who]) if who else ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.effect, self.todo) if part)

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "params": dict(self.params)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | None) -> Message | None:
        """The message a row holds, or None where it holds none."""
        if not stored:
            return None
        return cls(stored["code"], stored.get("params", {}))


def message(code: str, /, **params: Any) -> Message:
    return Message(code, params)


class Refused(Exception):
    """What was asked for is against a rule, and nothing was changed. `message` is what people are told."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.code)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)
