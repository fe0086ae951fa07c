"""`make screenshots`: the pictures in docs/images/ and in the manual, taken of a demo of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from ladokflow.sandbox.control import Control
from tests import services
from tests.environment import ROOT
from tests.running import demo

IMAGES = ROOT / "docs/images"
MANUAL = ROOT / "static/manual"  # a folder for each language
LOCALES = {"en": "en-GB", "sv": "sv-SE"}
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
ANNA, LARS = "anna@liu.example", "lars@liu.example"
CODES = "code=TDDE01-UTAN-ID&code=TDDE01-UTAN-DATUM"
TO_MAKE = ("TDDE01-TEN1-1002", "TDDE01-TEN1-1003")


class Picture(NamedTuple):
    """`press`: links and buttons that are pressed first, one after the other. `is_of_manual`: it stands in the manual, too, in both languages.
    `waits_for`: what is to be seen before it is taken."""

    name: str
    who: str
    address: str
    size: dict[str, int] = DESK
    press: tuple[str, ...] = ()
    is_of_manual: bool = False
    scheme: str = "light"
    waits_for: str = ""


PICTURES = (
    Picture("flows", ANNA, "/flows/"),
    Picture("flow", ANNA, "/flows/1/"),
    Picture("choose", ANNA, "/flows/new/liu/list/?course=TDDE01"),
    Picture("preview", ANNA, f"/flows/new/liu/preview/?{CODES}", is_of_manual=True),
    Picture("dashboard", ANNA, "/exports/", press=("details.flows__open summary",), is_of_manual=True),
    Picture("attempt", ANNA, "/flows/1/exports/", press=("main tbody th a",), is_of_manual=True),
    Picture(
        "connection",
        LARS,
        "/admin/sources/source/",
        press=("#result_list tbody th a", "form.tool button"),
        is_of_manual=True,
    ),
    Picture("phone", ANNA, "/exports/", size=PHONE, press=("details.flows__open summary",)),
)


def sign_in(page: Any, url: str, email: str) -> None:
    from ladokflow.sandbox.demo import PASSWORD

    page.goto(f"{url}/sign-in/")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_load_state()


def take(browser: Any, url: str, picture: Picture, language: str = "en") -> bytes:
    look = {"locale": LOCALES[language], "color_scheme": picture.scheme, "reduced_motion": "reduce"}
    context = browser.new_context(viewport=picture.size, **look)
    page = context.new_page()
    sign_in(page, url, picture.who)
    page.goto(url + picture.address)
    for selector in picture.press:
        page.click(f"{selector} >> nth=0")
        page.wait_for_load_state()
    if picture.waits_for:
        page.wait_for_selector(picture.waits_for)
    taken: bytes = page.screenshot()
    context.close()
    return taken


def keep(browser: Any, url: str, picture: Picture) -> None:
    (IMAGES / f"{picture.name}.png").write_bytes(take(browser, url, picture))
    for language in LOCALES if picture.is_of_manual else ():
        (MANUAL / language / f"{picture.name}.png").write_bytes(take(browser, url, picture, language))


def look_until(page: Any, selector: str) -> None:
    for _ in range(60):
        page.goto(page.url)
        if page.query_selector(selector):
            return
        page.wait_for_timeout(1000)
    raise SystemExit(f"{page.url}: no {selector}. It says: {page.inner_text('main')}")


def make_batch(page: Any, url: str, control: Control) -> Picture:
    """Several flows on their way, from a list, in a WISEflow that takes its time."""
    control.delay(1)
    page.goto(f"{url}/flows/new/liu/exams/")
    page.fill("textarea", "\n".join(f"{code}\torjha56@liu.example" for code in TO_MAKE))
    page.click("button[value=check]")
    page.click("button[value=make]")
    page.wait_for_selector("progress")
    return Picture("batch", ANNA, page.url.removeprefix(url), waits_for="progress")


def ask_of_brake(page: Any, url: str, control: Control) -> Picture:
    """Most of an exam's people are off its list in Ladok: a synchronisation asks before it takes anybody away."""
    control.delay(0)
    page.wait_for_selector(f"progress[value='{len(TO_MAKE)}']", timeout=120_000)
    page.click("main tbody th a >> nth=0")
    page.wait_for_selector("#lead")
    address, code = page.url.removeprefix(url), page.inner_text(".page-header__lead").split()[0]
    people = control.exam("liu", code)["participants"]
    control.change_people("liu", code, remove=len(people) * 2 // 3)
    page.click("text=Synchronise now")
    look_until(page, "text=synchronise anyway")
    return Picture("brake", ANNA, address, is_of_manual=True)


def lose_answer(page: Any, url: str, control: Control) -> Picture:
    """Of an export nobody knows whether it has arrived."""
    number = next(
        flow["id"] for flow in control.flows("liu") if flow["title"].startswith("TDDD17") and flow["state"] == 3
    )
    control.grade(number)
    control.fault("liu", "/exams/*/grades", "lost_answer", method="POST")
    control.end_marking(number)
    page.goto(f"{url}/flows/?q=TDDD17-DIT1-1001")
    page.click("main tbody th a >> nth=0")
    look_until(page, "#lead a.button")
    page.click("#lead a.button")
    page.click("#send")
    page.goto(f"{url}/exports/")
    page.wait_for_selector("text=Unknown >> nth=1", timeout=60_000)
    return Picture(
        "unknown", ANNA, "/exports/", press=("details.flows__open summary",), is_of_manual=True, scheme="dark"
    )


def main() -> int:
    chromium = services.chromium_path()
    if not chromium:
        print("chromium is not installed.", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ladokflow.settings")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        data = Path(folder) / "var"
        environment = os.environ | {"ENV_FILE": os.devnull, "DATABASE_URL": f"sqlite:///{data / 'ladokflow.sqlite3'}"}
        with demo(data, environment) as running:
            running.wait_until(lambda: running.said().count("Sign in with") == 1, 180)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for picture in PICTURES:
                keep(browser, running.url, picture)
            control = Control(f"http://127.0.0.1:{running.sandbox_port}")
            page = browser.new_context(locale="en-GB", viewport=DESK).new_page()
            sign_in(page, running.url, ANNA)
            for make in (make_batch, ask_of_brake, lose_answer):
                keep(browser, running.url, make(page, running.url, control))
            keep(browser, running.url, Picture("home", ANNA, "/"))
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
