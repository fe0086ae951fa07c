"""Going through every address of the project, and judging what stands there."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import html5lib
from django.urls import get_resolver

# What html5lib calls an error but HTML allows: none at the moment.
HARMLESS: frozenset[str] = frozenset()
READ_ALOUD = ("aria-label", "title", "placeholder", "alt", "data-label")
NOT_SHOWN = ("script", "style", "svg")


def patterns(resolver: Any = None, before: str = "", space: str = "") -> list[tuple[str, str]]:
    """Each pattern of ours with its full name, such as ("flows/<int:pk>/", "flows:detail"). Not Django's admin, and not the API, which has no
    pages: `tests/api/test_rights.py` walks it."""
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        path = before + str(entry.pattern)
        if not hasattr(entry, "url_patterns"):
            found.append((path, space + (entry.name or "")))
        elif not path.startswith(("admin", "api/")):
            found += patterns(entry, path, f"{space}{entry.namespace}:" if entry.namespace else space)
    return found


def filled(pattern: str, values: dict[str, Any]) -> str:
    """The pattern's address. A value stands under "kind:name" or, for any kind, under "name"."""

    def value(found: re.Match[str]) -> str:
        return str(values[found[0][1:-1]] if found[0][1:-1] in values else values[found[2]])

    return "/" + re.sub(r"<(?:(\w+):)?(\w+)>", value, pattern)


def problems_of(page: str) -> list[str]:
    parser = html5lib.HTMLParser()
    parser.parse(page)
    return [f"{position}: {code} {data}" for position, code, data in parser.errors if code not in HARMLESS]


class _Reading(HTMLParser):
    """What can be read, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in NOT_SHOWN

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in NOT_SHOWN

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.read.append(data)


class _Texts(_Reading):
    """And what is read aloud; nothing in another language than the page's."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.foreign: list[str] = []  # elements in another language than the page's, such as the language switch

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        given = dict(attrs)
        if "lang" in given and tag != "html":
            self.foreign.append(tag)
        if not self.hidden and not self.foreign:
            self.found |= {_tidy(given[name] or "") for name in READ_ALOUD if name in given}

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if self.foreign and self.foreign[-1] == tag:
            self.foreign.pop()

    def handle_data(self, data: str) -> None:
        if not self.hidden and not self.foreign:
            self.found.add(_tidy(data))


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def texts_of(page: str) -> set[str]:
    """All that the page shows or has read aloud, piece by piece, where there is a word in it."""
    parser = _Texts()
    parser.feed(page)
    return {text for text in parser.found if re.search(r"[^\W\d_]{2}", text)}


def main_text(page: str) -> str:
    """What can be read in the page's `<main>`, or in a part of a page, on one line.

    Where something short is looked for, or is to be missing: a page's source has random tokens, and holds it by chance.
    """
    parser = _Reading()
    parser.feed(page[start:] if (start := page.find("<main")) >= 0 else page)
    return _tidy(" ".join(parser.read))
