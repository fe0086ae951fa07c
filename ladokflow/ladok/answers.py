"""What the answers of a university's service prove: tables of its own, strict where it has none.

A university's module may give others (`University.answers`), where its service is known to say more or less than this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

# HTTP statuses that turn a request down before any of it is acted on, and why. Of any other refusal nobody knows: 409 may say that the
# grades are there, 406 comes when the work is done, 408 and 425 are about time, 423 and 424 about what was done before.
CLEAR_REFUSALS: Mapping[int, str] = {
    400: "the request was not understood, so nothing in it was acted on",
    401: "who asked was not let in",
    403: "who asked may not do this",
    404: "there is no such exam",
    405: "exports are not taken there, or not by this method",
    410: "there is no such exam any more",
    411: "a request without a length is not read",
    413: "a request of this size is not read",
    414: "an address of this length is not read",
    415: "a body of this kind is not read",
    422: "the content was checked, and turned down as a whole",
    429: "turned away before it was looked at",
    431: "headers of this size are not read",
}

# How a service says of a person that the grade is there already: patterns, searched for in any case. "Redan registrerad på kursen" is
# another matter, but a look in Ladok is what both need.
ALREADY_REGISTERED = (
    r"(?<!inte )(?<!ej )\bredan\b.{0,40}\b(in)?(registrer|attester|rapporter|klarmarker|exporter|betygs|finns|skickat|mottag)",
    r"\b(finns|har)\b.{0,30}\bredan\b",
    r"\b(är|har) (attesterat|klarmarkerat)\b",
    r"(?<!not )\balready\b.{0,40}\b(regist|attest|certif|report|export|exist|record|submit|sent|grade|approved|received|in ladok|there)",
    r"\bresult\w* (is|has been) (attested|certified)\b",
    r"\b(dubblett|duplicate)",
)


@dataclass(frozen=True)
class AnswerRules:
    """`refusals`: statuses that mean "none of it", with the reason. `already`: patterns for "this grade is there already"."""

    refusals: Mapping[int, str] = field(default_factory=lambda: CLEAR_REFUSALS)
    already: tuple[str, ...] = ALREADY_REGISTERED

    def with_patterns(self, lines: str) -> AnswerRules:
        """With these patterns, one in each line, in the place of its own; none leaves it as it is."""
        patterns = tuple(line.strip() for line in lines.splitlines() if line.strip())
        return replace(self, already=patterns) if patterns else self

    @cached_property
    def _already(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{pattern})" for pattern in self.already), re.IGNORECASE)

    def says_already(self, words: str) -> bool:
        return bool(self.already) and bool(self._already.search(words))
