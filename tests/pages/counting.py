"""What an errand costs whoever does it: each press of the mouse and of a key, each page, and the time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from tests.pages.browsing import Mouse

# Seconds that a practised hand needs to point at something and press the button, and to press a key: the keystroke-level model of
# Card, Moran and Newell (1980), P 1.1 and BB 0.2, K 0.28.
CLICK, KEY = 1.3, 0.28


@dataclass(frozen=True)
class Count:
    clicks: int = 0
    keys: int = 0  # a key that is held beside another, as Ctrl in Ctrl+V, is no press of its own
    pages: int = 0  # whole pages that were loaded, not what a page puts into itself
    waited: float = 0.0  # seconds until the pages were there

    @property
    def seconds(self) -> float:
        """Of pressing and waiting. What somebody reads and thinks is not in it."""
        return self.clicks * CLICK + self.keys * KEY + self.waited

    def fits(self, most: Count) -> bool:
        """Whether it is no more of anything than that; but for time, which is the machine's as well."""
        return self.clicks <= most.clicks and self.keys <= most.keys and self.pages <= most.pages

    def __add__(self, other: Count) -> Count:
        return Count(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __str__(self) -> str:
        return f"{self.clicks} clicks, {self.keys} keys, {self.pages} pages, {self.seconds:.0f} s"


def total(counts: Mapping[str, Count]) -> Count:
    return sum(counts.values(), Count())


class CountingMouse(Mouse):
    """Somebody with a mouse, a keyboard and a spreadsheet: what each errand takes is in `counts`.

    Whoever writes clicks into the field first, unless it has the focus. What has been copied elsewhere is pasted with one key.
    """

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.counts: dict[str, Count] = {}
        self._errand = ""
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.on("load", lambda _: self._count(pages=1))

    @contextmanager
    def errand(self, name: str) -> Iterator[None]:
        self._errand = name
        yield
        self._errand = ""

    def _count(self, **more: Any) -> None:
        if self._errand:
            self.counts[self._errand] = self.counts.get(self._errand, Count()) + Count(**more)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        since = time.monotonic()
        yield
        self._count(waited=time.monotonic() - since)

    def press(self, selector: str) -> None:
        with self._waiting():
            super().press(selector)

    def press_key(self, key: str) -> None:
        """One that leads to no other page."""
        self._count(keys=1)
        self.page.keyboard.press(key)

    def click(self, selector: str) -> None:
        """What leads to no other page."""
        self._activate(selector)

    def press_enter(self) -> None:
        with self._waiting(), self.page.expect_navigation():
            self.press_key("Enter")

    def _activate(self, selector: str) -> None:
        self._count(clicks=1)
        super()._activate(selector)

    def write(self, selector: str, text: str) -> None:
        self._enter(selector)
        self._count(keys=len(text))
        self.page.keyboard.type(text)

    def paste(self, selector: str, text: str) -> None:
        self._enter(selector)
        self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        self.press_key("Control+V")

    def _enter(self, selector: str) -> None:
        if not self.page.locator(selector).evaluate("field => field === document.activeElement"):
            self._activate(selector)

    def tick(self, selector: str) -> None:
        self._count(clicks=1)
        super().tick(selector)

    def untick(self, selector: str) -> None:
        self._count(clicks=1)
        super().untick(selector)

    def choose(self, selector: str, value: str) -> None:
        self._count(clicks=2)  # the list, and the line in it
        super().choose(selector, value)
