"""The administration: for licence admins, each at their own sources, and for superusers."""

from sources.admin import (
    access,
    api,
    audit,
    credential,
    identity,
    membership,
    preset,
    queue,
    rule,
    run,
    source,
    subscription,
    user,
    webhook,
)

__all__ = [
    "access",
    "api",
    "audit",
    "credential",
    "identity",
    "membership",
    "preset",
    "queue",
    "rule",
    "run",
    "source",
    "subscription",
    "user",
    "webhook",
]
