"""`make screenshots`: the pictures in docs/images/ and in the manual, taken of a demo of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

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


class Picture(NamedTuple):
    """`press`: links and buttons that are pressed first, one after the other. `is_of_manual`: it stands in the manual, too, in both languages."""

    name: str
    who: str
    address: str
    size: dict[str, int] = DESK
    press: tuple[str, ...] = ()
    is_of_manual: bool = False


PICTURES = (
    Picture("home", ANNA, "/"),
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
    look = {"locale": LOCALES[language], "color_scheme": "light", "reduced_motion": "reduce"}
    context = browser.new_context(viewport=picture.size, **look)
    page = context.new_page()
    sign_in(page, url, picture.who)
    page.goto(url + picture.address)
    for selector in picture.press:
        page.click(f"{selector} >> nth=0")
        page.wait_for_load_state()
    taken: bytes = page.screenshot()
    context.close()
    return taken


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
            running.wait_until(lambda: running.said().count("Sign in with") == 2, 180)
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for picture in PICTURES:
                (IMAGES / f"{picture.name}.png").write_bytes(take(browser, running.url, picture))
                for language in LOCALES if picture.is_of_manual else ():
                    taken = take(browser, running.url, picture, language)
                    (MANUAL / language / f"{picture.name}.png").write_bytes(taken)
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
