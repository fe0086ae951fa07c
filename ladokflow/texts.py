"""How a text is written elsewhere, and known again when it is given back.

WISEflow may trim a text, collapse its blanks, drop what cannot be seen, and compose or decompose its letters. None of that is
somebody's hand.
"""

from __future__ import annotations

import unicodedata

# What Unicode calls "default ignorable" besides the category Cf: joiners, variation selectors, fillers.
IGNORABLE = frozenset(
    chr(number)
    for first, last in (
        (0x34F, 0x34F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for number in range(first, last + 1)
)


def visible(text: str) -> str:
    """Without characters that cannot be seen: zero-width spaces and joiners, byte order marks, bidi marks, soft hyphens, variation
    selectors, fillers."""
    # Of what cannot be seen only the fillers and their like count as printable.
    if text.isascii() or (text.isprintable() and IGNORABLE.isdisjoint(text)):
        return text
    return "".join(ch for ch in text if unicodedata.category(ch) != "Cf" and ch not in IGNORABLE)


def as_stored(text: str, length: int) -> str:
    """A text as we write it: composed, with single blanks, and cut to `length` characters before it is stripped.

    What it gives, it gives back unchanged: as_stored(as_stored(x)) == as_stored(x).
    """
    composed = unicodedata.normalize("NFC", visible(text))
    return " ".join(composed.split())[:length].strip()


def is_same_text(text: str, other: str) -> bool:
    """Whether two texts read the same. Upper and lower case differ: that is how somebody corrects a name."""
    return _comparable(text) == _comparable(other)


def _comparable(text: str) -> str:
    return as_stored(text, len(text))
