"""The export right, for whatever decides what Ladok gets besides the sending itself: each of these keeps a grade from it, or lets one go."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from exports.rules import rules
from exports.rules.facts import sender_of, source_facts
from ladokflow.messages import Message, Refused
from sources.models import Flow


def right_refusal(flow: Flow, by: AbstractBaseUser) -> Message | None:
    """Why somebody may not say anything of the flow's grades."""
    return rules.has_export_right(source_facts(flow.source), sender_of(flow, by))


def require_right(flow: Flow, by: AbstractBaseUser) -> None:
    if refusal := right_refusal(flow, by):
        raise Refused(refusal)
