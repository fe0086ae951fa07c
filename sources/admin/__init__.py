"""The administration: for licence admins, each at their own sources, and for superusers."""

from sources.admin import audit, credential, identity, membership, preset, queue, rule, run, source, user, webhook

__all__ = [
    "audit",
    "credential",
    "identity",
    "membership",
    "preset",
    "queue",
    "rule",
    "run",
    "source",
    "user",
    "webhook",
]
