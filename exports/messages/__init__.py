"""What this app says, sentence by sentence, by noun: the catalogue of `ladokflow/messages.py`."""

from exports.messages import adoption, answer, attempts, audit, findings, place, release, rules, seen, settle, states

__all__ = [
    "adoption",
    "answer",
    "attempts",
    "audit",
    "findings",
    "place",
    "release",
    "rules",
    "seen",
    "settle",
    "states",
]
