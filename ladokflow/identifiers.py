"""How identifiers and codes are compared, and how they may be spelt where somebody compares them character by character.

One person, or one exam, has one normal form, whatever the case, the composition of its letters (å as one character or as two),
what cannot be seen in it, and the blanks around it. A normal form is for comparing: what is shown and sent is what was given.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable

from ladokflow.texts import visible

# Of a personnummer or samordningsnummer (the day and sixty): year, month and day, and the last four, the first of which is a
# letter in numbers that are given out in waiting for a real one.
_BIRTH = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]|6[1-9]|[78][0-9]|9[01])"
_TEN = re.compile(rf"([0-9]{{2}})({_BIRTH}[0-9a-z][0-9]{{3}})")
_TWELVE = re.compile(rf"([0-9]{{4}})({_BIRTH}[0-9a-z][0-9]{{3}})")
# What a word processor makes of a hyphen
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_OTHERS = re.compile(r"[\W_]+")  # all but letters and digits
_PLUS = re.compile(r"\+\s*[0-9a-zA-Z][0-9]{3}\s*")


def normal(value: str) -> str:
    """An organisation id, student number, exam id or address as it is compared."""
    if value.isascii():  # nothing of it is composed, or cannot be seen
        return value.casefold().strip()
    decomposed = unicodedata.normalize("NFD", visible(value))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", decomposed.casefold())).strip()


def normal_code(code: str) -> str:
    """A Ladok code as it is compared: blanks in it do not count either."""
    return "".join(normal(code).split())


def as_read(title: str) -> list[str | int]:
    """What titles are sorted by: 2 comes before 10. Texts and numbers take turns, so that any two can be compared."""
    parts = re.split(r"([0-9]+)", title)
    return [int(part) if place % 2 else normal(part) for place, part in enumerate(parts)]


def normal_national_id(value: str, *, today: dt.date | None = None) -> str:
    """A national id as it is compared: letters and digits only, and a personnummer with its century.

    With ten digits the person is under a hundred years old, or where a plus sign stands before the last four, over.
    """
    value = value if value.isascii() else unicodedata.normalize("NFKC", visible(value))
    plain = normal(value)
    if not plain.isalnum():
        plain = _OTHERS.sub("", plain)
    match = _TEN.fullmatch(plain)
    if not match:
        return plain
    this_year = (today or dt.date.today()).year
    year = this_year - (this_year - int(match[1])) % 100 - (100 if _PLUS.search(value) else 0)
    return f"{year}{match[2]}"


def normal_of(kind: str, value: str) -> str:
    """An identifier of a person as it is compared; `kind` is its name as a field of a person."""
    return normal_national_id(value) if kind == "national_id" else normal(value)


def normal_forms(value: str) -> tuple[str, ...]:
    """An identifier of an unknown kind as it is compared: as it stands, and as a national id where it looks like one."""
    national_id = normal_national_id(value)
    return (normal(value), national_id) if _TWELVE.fullmatch(national_id) else (normal(value),)


def spellings(value: str) -> tuple[str, ...]:
    """An identifier as somebody who compares character by character may have it, first as it is given."""
    plain = visible(value).strip()
    return _composed([plain, plain.lower(), plain.upper()])


def spellings_of_code(code: str) -> tuple[str, ...]:
    """The ways in which a code that was typed may be meant, first as it was typed."""
    typed = code.strip()
    plain = " ".join(visible(typed).split())
    closed = plain.replace(" ", "")
    dashed = [spelling.translate(_DASHES) for spelling in (plain, closed)]
    forms = [form for spelling in (plain, closed, *dashed) for form in (spelling, spelling.upper(), spelling.lower())]
    return tuple(dict.fromkeys(spelling for spelling in (typed, *_composed(forms)) if spelling))


def spellings_of_national_id(value: str, *, today: dt.date | None = None) -> tuple[str, ...]:
    """As `spellings`; a personnummer with ten and twelve digits, with and without its sign."""
    match = _TWELVE.fullmatch(normal_national_id(value, today=today))
    if not match:
        return spellings(value)
    year, rest = match[1], match[2].upper()
    sign = "+" if int(year) + 100 <= (today or dt.date.today()).year else "-"
    long, short = f"{year}{rest[:4]}", f"{year[2:]}{rest[:4]}"
    last = rest[4:]
    return _composed(
        spelling
        for form in (visible(value).strip(), long + last, f"{long}-{last}", f"{short}{sign}{last}", short + last)
        for spelling in (form, form.lower())
    )


def _composed(forms: Iterable[str]) -> tuple[str, ...]:
    both = ((unicodedata.normalize("NFC", form), unicodedata.normalize("NFD", form)) for form in forms)
    return tuple(dict.fromkeys(form for pair in both for form in pair if form))
