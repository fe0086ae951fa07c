"""How a state is shown: its colour and its icon stand beside its word, where the state is defined, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Look:
    """`kind` is the colour, a class of static/ladokflow.css; `icon` is one of static/icons.svg."""

    kind: str
    icon: str


OK = Look("ok", "check")
BAD = Look("bad", "alert")
WARN = Look("warn", "warning")
INFO = Look("info", "info")
BUSY = Look("busy", "sync")
NEUTRAL = Look("neutral", "info")
WAITING = Look("neutral", "clock")
UNKNOWN = Look("warn", "question")
REPLACED = Look("neutral", "sync")
PHASE = Look("info", "flag")
READY = Look("info", "export")

# What is no state, but a word or a box of a kind.
KINDS = {look.kind: look for look in (OK, BAD, WARN, INFO, BUSY, NEUTRAL)}


class Shown(Protocol):
    """A state that can be shown: nothing is told by colour alone."""

    @property
    def label(self) -> str | _StrPromise: ...

    @property
    def look(self) -> Look: ...
