"""The administration: for licence admins, each at their own sources, and for superusers."""

from django.contrib.admin import site

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
    sign_ins,
    source,
    subscription,
    user,
    webhook,
)

# As everywhere else in LadokFlow.
site.empty_value_display = "–"

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
    "sign_ins",
    "source",
    "subscription",
    "user",
    "webhook",
]
