"""National ids: as people may see one, and out of texts that came from elsewhere. How two are compared: `ladokflow/identifiers.py`.

A national id is a personnummer, a samordningsnummer (the day plus 60) or one of Ladok's interim numbers (a letter first among
the last four, the "T-number"). Its last four characters are never shown, however it is written: with 10 or 12 digits, with `-`,
`+`, `/` or a blank, as a date, with the country before it, with a digit too many or too few, and with signs that are escaped as in
an address, in HTML or in JSON. Whose it is, where that is known (`knowing`), is found in spellings that could be anything else's as well.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from urllib.parse import unquote

HIDDEN = "****"

_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:[06][1-9]|[1278]\d|[39][01])"  # 01-31, and 61-91 of a samordningsnummer
_DASH = "-‐‑‒–—―−﹣－"
_SIGN = rf"[^\S\r\n]?[{_DASH}+/_]{{1,2}}[^\S\r\n]?"
_LAST = r"(?:\d{4}|[A-Za-z]\d{3})"
# Whoever is examined was born before 2020, and exams are held after it: that tells the births among what is written as a date.
_BIRTH_YEAR = r"(?:19\d\d|20[01]\d)"
_NATIONAL_ID = re.compile(
    rf"""
    # What holds long numbers and is none: a UUID, a checksum.
      [0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}
    | (?<![0-9A-Za-z])[0-9A-Fa-f]{{32,}}(?![0-9A-Za-z])
    | (?<!\d)(?P<shown>
        (?:19|20)?\d\d{_MONTH}{_DAY}(?:{_SIGN})?(?={_LAST}(?!\d))
      | (?:{_BIRTH_YEAR}|\d\d){_MONTH}{_DAY}[^\S\r\n](?={_LAST}(?!\d))
      | {_BIRTH_YEAR}{_MONTH}{_DAY}[^\w\r\n]{{1,3}}(?={_LAST}(?!\d))
      # A digit too many or too few; of 11 that may be either, less is shown.
      | \d\d{_MONTH}{_DAY}(?=\d{{5}}(?!\d))
      | (?:19|20)\d\d{_MONTH}{_DAY}(?=\d{{3}}(?!\d)|\d{{5}}(?!\d))
      | {_BIRTH_YEAR}{_MONTH}{_DAY}{_SIGN}(?=\d{{3}}(?!\d)|\d{{5}}(?!\d))
      # As a date.
      | {_BIRTH_YEAR}(?P<apart>[{_DASH}./ ]){_MONTH}(?P=apart){_DAY}(?:{_SIGN}|[^\S\r\n]|(?P=apart))?(?={_LAST}(?!\d))
      | \d\d(?P<near>[{_DASH}./]){_MONTH}(?P=near){_DAY}(?:[{_DASH}+]|(?P=near))(?={_LAST}(?!\d))
      )
      (?:[A-Za-z]\d{{3}}|\d{{3,5}})
    """,
    re.VERBOSE,
)


def mask(national_id: str) -> str:
    """One national id as people may see it: `199001011234` and `19900101-1234` are shown as `19900101-****`, and
    `900101+1234` as `900101-****`. Of what is none, as a number with a digit missing, even less is shown."""
    signs = re.sub(r"[\W_]", "", national_id.replace("*", "0"))
    signs = re.sub(r"\A[Ss][Ee](?=\d)", "", signs)
    if not signs:
        return ""
    has_century = len(signs) == 12 and signs.startswith(("19", "20"))
    shown = signs[:8] if has_century else signs[:6][: max(0, len(signs) - 4)]
    return f"{shown}-{HIDDEN}" if shown else HIDDEN


def redact(text: str) -> str:
    """A text from elsewhere, with the last four characters of every national id in it hidden. Cut the text afterwards, if at
    all: half a number is not known for one."""
    return _hide(redact_by_looks(text), _of_the_known)


def redact_by_looks(text: str) -> str:
    """As `redact`, of what looks like one: nobody is read for it, so it may be called in any state of the database."""
    return _hide(text, _by_looks)


# --- Finding them

Spot = tuple[int, int, str]  # from where and up to where to hide, and what stands there then

# One sign in several: of an address, of HTML, of JSON. What was escaped may have been escaped once more.
_ESCAPED = re.compile(
    r"""
      (?P<utf8>(?:%(?:25)*[89A-Fa-f][0-9A-Fa-f]){1,4})
    | %(?:25)*(?P<ascii>[0-7][0-9A-Fa-f])
    | &(?:amp;)*(?P<html>\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});
    | \\+(?:u(?P<json>[0-9A-Fa-f]{4})|(?P<itself>["/])|[bfnrt])
    """,
    re.VERBOSE,
)


def _hide(text: str, find: Callable[[str], Iterable[Spot]]) -> str:
    """As the text is meant, where signs in it are escaped, and as it stands: what looks escaped may be none."""
    for read in (_as_it_is_meant, _as_it_stands) if _ESCAPED.search(text) else (_as_it_stands,):
        plain, places = read(text)
        parts, begin = list[str](), 0
        for start, end, instead in find(plain):
            parts += text[begin : places[start]], instead
            begin = places[end]
        text = "".join(parts) + text[begin:]
    return text


def _as_it_stands(text: str) -> tuple[str, Sequence[int]]:
    """The text with each sign in its plainest form, and where in the text each begins; the last ends there."""
    plain = text if text.isascii() else "".join(map(_plain, text))
    return plain, range(len(text) + 1)


def _as_it_is_meant(text: str) -> tuple[str, Sequence[int]]:
    """As `_as_it_stands`, with what is escaped as the sign that it stands for."""
    parts, places, begin = list[str](), list[int](), 0
    for match in _ESCAPED.finditer(text):
        parts += text[begin : match.start()], _unescaped(match)
        places += range(begin, match.start() + 1)
        begin = match.end()
    plain = "".join(parts) + text[begin:]
    return "".join(map(_plain, plain)), [*places, *range(begin, len(text) + 1)]


def _unescaped(escaped: re.Match[str]) -> str:
    if code := escaped["ascii"] or escaped["json"]:
        return chr(int(code, 16))
    if escaped["utf8"]:
        sign = unquote(escaped["utf8"].replace("%25", "%"))
    else:
        sign = html.unescape(f"&{escaped['html']};") if escaped["html"] else escaped["itself"] or " "
    return sign if len(sign) == 1 else " "


def _plain(sign: str) -> str:
    plain = unicodedata.normalize("NFKC", sign)
    return plain if len(plain) == 1 else sign


def _by_looks(plain: str) -> Iterator[Spot]:
    for match in _NATIONAL_ID.finditer(plain):
        if match["shown"]:
            yield match.end("shown"), match.end(), HIDDEN


# --- Names

_hides_names: ContextVar[bool] = ContextVar("hides_names", default=False)


@contextmanager
def names(*, hidden: bool) -> Iterator[None]:
    """In here `shown_name` tells no name, where students have a protected identity; around a request it is set back to telling them."""
    token = _hides_names.set(hidden)
    try:
        yield
    finally:
        _hides_names.reset(token)


@contextmanager
def names_of(*, is_protected: bool) -> Iterator[None]:
    """As `names`, of one university's students: what is around it may hide names already."""
    with names(hidden=is_protected or _hides_names.get()):
        yield


def hide_names() -> None:
    """Until the `names` around it ends."""
    _hides_names.set(True)


def shown_name(first_name: str, last_name: str, otherwise: str = "") -> str:
    """A student's name as people may see it; `otherwise` where there is none, or none is told."""
    return ("" if _hides_names.get() else f"{first_name} {last_name}".strip()) or otherwise


# --- Of whom it is known

NationalIds = Callable[[], Iterable[str]]
_known: ContextVar[Callable[[], frozenset[str]] | None] = ContextVar("known", default=None)
_TEN = re.compile(rf"(?=(\d\d{_MONTH}{_DAY}[0-9a-z]\d{{3}}))")
_LONGEST_GAP = 3  # characters between two signs of one number


@contextmanager
def knowing(national_ids: NationalIds) -> Iterator[None]:
    """In here `redact` finds the national ids of these people, however they are written. They are asked for where a text holds
    what may be one."""
    token = _known.set(cache(lambda: frozenset(_signs(_as_it_stands(each)[0])[0][-10:] for each in national_ids())))
    try:
        yield
    finally:
        _known.reset(token)


def _of_the_known(plain: str) -> Iterator[Spot]:
    known = _known.get()
    if known is None or sum(map(str.isdigit, plain)) < 9:
        return
    signs, places = _signs(plain)
    hidden = {
        place
        for match in _TEN.finditer(signs)
        if match[1] in known()
        for place in places[match.start() + 6 : match.start() + 10]
    }
    for place in sorted(hidden):
        yield place, place + 1, "*"


def _signs(plain: str) -> tuple[str, list[int]]:
    """The letters and digits of a text, and where each stands in it. Where others stand between them for too long, a blank."""
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(map(str.lower, plain)):
        if len(sign) != 1 or not (sign.isalnum() or sign == "*"):
            continue
        if places and place - places[-1] > _LONGEST_GAP + 1:
            signs.append(" ")
            places.append(place - 1)
        signs.append(sign)
        places.append(place)
    return "".join(signs), places
