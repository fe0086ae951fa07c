"""What people type to find something."""

from __future__ import annotations

import functools
import operator

from django.db import connection
from django.db.models import Q


def contains(column: str, text: str) -> Q:
    """As `icontains`, also where the database is SQLite: there Å and å are two letters."""
    is_told_apart = connection.vendor == "sqlite" and not text.isascii()
    forms = {text, text.lower(), text.upper(), text.title()} if is_told_apart else {text}
    return functools.reduce(operator.or_, (Q(**{f"{column}__icontains": form}) for form in sorted(forms)))
