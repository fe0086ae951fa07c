"""What columns hold, in the database's terms: states, each with how it is shown, and messages by what follows from them."""

from __future__ import annotations

from typing import Self

from django.db import models

from ladokflow.looks import Look
from ladokflow.messages import CATALOGUE, Trait


class StateChoices(models.TextChoices):
    """States, each with its look: `QUEUED = "queued", WAITING, _("Waiting")`. One without a look cannot be defined."""

    look: Look

    def __new__(cls, value: str, *looks: Look) -> Self:
        state = str.__new__(cls, value)
        state._value_ = value
        (state.look,) = looks
        return state


def with_trait(field: str, trait: Trait) -> models.Q:
    """For a query: the rows whose message, stored in the JSON column `field`, has the trait."""
    codes = [code for code, sentence in CATALOGUE.items() if trait in sentence.traits]
    return models.Q(**{f"{field}__code__in": codes})
