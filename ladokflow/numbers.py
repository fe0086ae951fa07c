"""Numbers as people read them: rounded once, and with the reader's own decimal sign. Django's `number_format` cuts off instead."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from django.utils import formats


def rounded(number: float | Decimal, decimals: int) -> str:
    """Half of the last digit goes up, away from nought."""
    nearest = Decimal(str(number)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return formats.number_format(nearest if nearest else abs(nearest), decimals)


def percent(rate: float) -> str:
    """Of a rate from 0 to 1, with one decimal."""
    return f"{rounded(100 * Decimal(str(rate)), 1)}\u00a0%"
