"""What was done and can be undone is told with a button that undoes it.

The button is a form of its own: it works without JavaScript, and asks the same address that the page of the matter asks, by the same
rules and with what was seen. It goes with the message, and is gone with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.messages.storage.base import Message as Note
from django.http import HttpRequest


@dataclass(frozen=True)
class Undo:
    """A form: where it is sent, and what is in it."""

    address: str
    fields: list[tuple[str, str]]


def tell(request: HttpRequest, text: str, address: str, fields: Iterable[tuple[str, Any]]) -> None:
    """Tell what was done, with what undoes it."""
    undo = [address, [[name, str(value)] for name, value in fields]]
    messages.success(request, text, extra_tags=json.dumps(undo))


def undo_of(note: Note) -> Undo | None:
    """What undoes that which the message tells."""
    if not note.extra_tags:
        return None
    address, fields = json.loads(note.extra_tags)
    return Undo(address, [(name, value) for name, value in fields])
