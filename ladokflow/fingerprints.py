"""What a person has seen is what is done.

A form, or a command, carries a fingerprint of the plain facts that it showed. Whoever then does what is asked for makes it
anew of what is there by that time, under the flow's lock, and requires it to be the same: a page may be hours old, the
button pressed twice, and another manager faster. A job without a person has seen nothing, and carries none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import HMAC
from typing import Any

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from ladokflow.messages import MANAGER, Refused, Sentence, Trait, message, register

register(
    {
        "seen.changed": Sentence(
            _("Something has changed since this was shown to you."),
            _("Nothing was done."),
            _("Look at what is shown now, and decide again."),
            MANAGER,
            traits={Trait.NOT_AS_SHOWN},
        )
    }
)

WHOLE, PART = 32, 8  # hexadecimal digits; a part only helps to tell what differs

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode


@dataclass(frozen=True)
class Fingerprint:
    """`str()` of it is what a form carries; a command is given `whole` alone. `parts`: of each thing in it, by a key of letters, digits
    and hyphens."""

    whole: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return ".".join([self.whole, *(f"{key}:{part}" for key, part in self.parts.items())])


@dataclass(frozen=True)
class Difference:
    """Keys of the parts that have come, gone, or become others since something was shown."""

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


class NotAsShown(Refused):
    """What was to be done is no longer what was shown. `difference` is None where what was shown is not told part by part."""

    def __init__(self, difference: Difference | None = None) -> None:
        super().__init__(message("seen.changed"))
        self.difference = difference


def fingerprint(kind: str, facts: Any, parts: Mapping[str, Any] | None = None) -> Fingerprint:
    """Of what JSON can hold, and of what is told by its `str()`, as moments and decimals. `kind` tells two pages with the same
    facts apart.

    Keyed, for national ids are among the facts: a plain hash of one could be tried out.
    """
    keyed = salted_hmac(f"{__name__}.{kind}", "", algorithm="sha256")
    whole = {key: _digest(keyed, part) for key, part in (parts or {}).items()}
    own = {key: digest[:PART] for key, digest in whole.items()}
    return Fingerprint(_digest(keyed, [facts, whole])[:WHOLE], own)


def _digest(keyed: HMAC, facts: Any) -> str:
    digest = keyed.copy()
    digest.update(_canonical(facts).encode())
    return digest.hexdigest()


def require_seen(seen: str | None, *now: Fingerprint) -> None:
    """Raise NotAsShown unless `seen` is one of `now`: the places that a button stands on. The difference is told from the last.

    None is for who has seen nothing; the empty text of a form without a fingerprint is not.
    """
    if seen is None:
        return
    whole, *parts = seen.strip().split(".")
    if whole in {each.whole for each in now}:
        return
    raise NotAsShown(_difference(parts, now[-1].parts) if parts else None)


def _difference(parts: list[str], now: Mapping[str, str]) -> Difference:
    seen = {key: digest for key, _, digest in (part.partition(":") for part in parts)}
    return Difference(
        new=tuple(key for key in now if key not in seen),
        gone=tuple(key for key in seen if key not in now),
        other=tuple(key for key in now if key in seen and seen[key] != now[key]),
    )
