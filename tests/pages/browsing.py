"""Somebody in front of a browser: with a mouse, with the keyboard alone, or with JavaScript off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

Open = Callable[..., Any]
PATIENCE = 180_000  # milliseconds that an event is waited for: a machine that others use takes its time
MOST_TABS = 400
# How many others the keyboard stops at before it comes to the element, as far as can be told beforehand.
STOPS_BEFORE = """element => {
  const isStop = (one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility({visibilityProperty: true})
    && (one.type !== "radio" || one.checked || one === element);
  const stops = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter(isStop);
  return stops.indexOf(element) - stops.indexOf(document.activeElement) - 1;
}"""


def signed_in(page: Any, user: User, address: str = "") -> Any:
    """The page, in a browser that has a session of the user's. For where the signing in is not the matter."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    origin = address or page.context.request.get("/health/").url.removesuffix("/health/")
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": origin}])
    return page


def asks_no_more(page: Any) -> None:
    """Nothing on the page is asked for again and again. Waited for: what htmx puts in has for a moment what stood there before."""
    page.locator("[hx-trigger^=every]").first.wait_for(state="detached")


class Mouse:
    """Goes by what stands on the page, whatever its language: selectors name no words."""

    def __init__(self, page: Any, *, has_scripts: bool = True) -> None:
        self.page, self.has_scripts = page, has_scripts

    def press(self, selector: str) -> None:
        """A link or a button that leads to another page, or to this one anew."""
        self.page.wait_for_selector(selector)
        with self.page.expect_navigation():
            self._activate(selector)

    def _activate(self, selector: str) -> None:
        self.page.click(f"{selector} >> nth=0")

    def write(self, selector: str, text: str) -> None:
        self.page.fill(selector, text)

    def tick(self, selector: str) -> None:
        self.page.check(selector)

    def untick(self, selector: str) -> None:
        self.page.uncheck(selector)

    def choose(self, selector: str, value: str) -> None:
        self.page.select_option(selector, value)

    def download(self, selector: str) -> str:
        """What the file holds."""
        with self.page.expect_download() as waiting:
            self._activate(selector)
        return str(waiting.value.path().read_text(encoding="utf-8-sig"))

    def see(self, selector: str) -> None:
        """Wait until it stands there. The page looks for itself; without JavaScript one loads it anew, but while something is
        under way: then it loads itself."""
        if not self.has_scripts and not self.page.locator('meta[http-equiv="refresh"]').count():
            self.page.reload()
        self.page.wait_for_selector(selector)


class Keyboard(Mouse):
    def _activate(self, selector: str) -> None:
        self._tab_to(selector)
        self.page.keyboard.press("Enter")

    def _tab_to(self, selector: str) -> None:
        """Press Tab until what `selector` finds has the focus, which must be seen."""
        # Looked for each time: a part of a page may be put there anew meanwhile.
        wanted = self.page.locator(selector).first
        for _ in range(wanted.evaluate(STOPS_BEFORE)):
            self.page.keyboard.press("Tab")
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("element => element === document.activeElement"):
                assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") != "none", selector
                return
        raise AssertionError(f"The keyboard does not reach {selector}.")

    def write(self, selector: str, text: str) -> None:
        self._tab_to(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def tick(self, selector: str) -> None:
        self._tab_to(selector)
        if not self.page.is_checked(selector):
            self.page.keyboard.press("Space")
        assert self.page.is_checked(selector)

    def untick(self, selector: str) -> None:
        self._tab_to(selector)
        self.page.keyboard.press("Space")
        assert not self.page.is_checked(selector)

    def choose(self, selector: str, value: str) -> None:
        self._tab_to(selector)
        for _ in range(20):
            if self.page.input_value(selector) == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{selector} has no {value}.")
