"""`make screenshots`: the pictures in docs/images/, taken of a demo of its own."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import services
from tests.environment import ROOT
from tests.running import demo

IMAGES = ROOT / "docs/images"
SIZE = {"width": 1280, "height": 800}
# File name, who is signed in, the page's address
PICTURES = (
    ("dashboard", "anna@liu.example", "/exports/"),
    ("flows", "anna@liu.example", "/flows/"),
    ("flow", "anna@liu.example", "/flows/1/"),
)


def sign_in(page: Any, url: str, email: str) -> None:
    from ladokflow.demo import PASSWORD

    page.goto(f"{url}/sign-in/")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_load_state()


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
            for name, email, address in PICTURES:
                page = browser.new_context(viewport=SIZE, locale="en-GB").new_page()
                sign_in(page, running.url, email)
                page.goto(running.url + address)
                page.screenshot(path=IMAGES / f"{name}.png")
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
