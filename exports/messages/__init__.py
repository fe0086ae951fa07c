"""What this app says, sentence by sentence, by noun: the catalogue of `ladokflow/messages.py`."""

from exports.messages import (
    adoption,
    answer,
    archive,
    attempts,
    audit,
    findings,
    papers,
    place,
    release,
    rules,
    seen,
    settle,
    states,
    statistics,
)

__all__ = [
    "adoption",
    "answer",
    "archive",
    "attempts",
    "audit",
    "findings",
    "papers",
    "place",
    "release",
    "rules",
    "seen",
    "settle",
    "states",
    "statistics",
]
