"""What axe says of a page that is shown."""

from __future__ import annotations

import json
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

# What is right is not told in full. And no style sheet is fetched a second time: that is for a rule that is on trial, and not asked for.
OPTIONS = {"resultTypes": ["violations"], "preload": False}


def violations(page: Any, options: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Nothing but these leaves the browser: to tell of all that is right takes as long as half of the page."""
    asked = f"axe.run({json.dumps(OPTIONS | (options or {}))})"
    found: list[dict[str, Any]] = page.evaluate(f"async () => {{ {AXE_SCRIPT}; return (await {asked}).violations; }}")
    return found
