"""Templates that can be read: lines that fit on a screen, with one element or one condition on each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environment import ROOT

LONGEST = 120  # as for code
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 50


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_line_of_a_template_is_too_long(path: Path) -> None:
    """A sentence that is longer stands in `{% blocktranslate trimmed %}`, which joins its lines."""
    lines = path.read_text().splitlines()
    assert [f"{number}: {line.strip()}" for number, line in enumerate(lines, 1) if len(line) > LONGEST] == []
