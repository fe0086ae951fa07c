"""The administration: for licence admins, each at their own sources, and for superusers."""

from sources.admin import (
    access,
    audit,
    credential,
    identity,
    membership,
    preset,
    queue,
    rule,
    run,
    source,
    user,
    webhook,
)

__all__ = [
    "access",
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
