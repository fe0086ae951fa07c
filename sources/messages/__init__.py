"""What this app says, sentence by sentence, by noun: the catalogue of `ladokflow/messages.py`."""

from sources.messages import (
    admin,
    adoption,
    allocations,
    asked,
    changes,
    codes,
    flows,
    identities,
    meanwhile,
    release,
    settings,
    sources,
    staff,
    times,
    webhooks,
)

__all__ = [
    "admin",
    "adoption",
    "allocations",
    "asked",
    "changes",
    "codes",
    "flows",
    "identities",
    "meanwhile",
    "release",
    "settings",
    "sources",
    "staff",
    "times",
    "webhooks",
]
