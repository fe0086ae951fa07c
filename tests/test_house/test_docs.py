"""The pages in docs/ say what the code does."""

import re
from pathlib import Path

import yaml
from django.conf import settings
from django.core.management import get_commands

from tests.environment import ROOT
from tests.written_docs import WRITERS, pages, rewritten


def test_the_parts_written_from_the_code_are_up_to_date() -> None:
    stale = [path.name for path in pages() if rewritten(path.read_text()) != path.read_text()]
    assert stale == [], "run `make docs`"


def test_every_part_that_can_be_written_stands_on_a_page() -> None:
    text = "".join(path.read_text() for path in pages())
    assert all(f"<!-- from the code: {name} -->" in text for name in WRITERS)


def places() -> list[Path]:
    return [
        *(ROOT / "docs").glob("*.md"),
        *(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
        *(ROOT / name for name in ("README.md", "Procfile", "Makefile", ".ci/run")),
    ]


def test_every_command_that_is_named_is_there() -> None:
    named = {name for path in places() for name in re.findall(r"manage\.py ([a-z]+)\b", path.read_text())}
    assert named - set(get_commands()) == set()


def test_every_command_of_ours_stands_in_the_readme() -> None:
    ours = {name for name, app in get_commands().items() if app in ("ladokflow", "sources", "exports")}
    text = (ROOT / "README.md").read_text()
    assert [name for name in sorted(ours) if f"`{name}" not in text] == []


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for path in places() for name in re.findall(r"`make ([a-z-]+)", path.read_text())}
    assert named - targets == set()


def test_the_units_start_what_the_operations_page_says() -> None:
    units = "".join(path.read_text() for path in (ROOT / "deploy/systemd").iterdir())
    page = (ROOT / "docs/operations.md").read_text()
    assert "KillMode=mixed" in units
    assert "OOMPolicy=kill" in units
    composed = (ROOT / "deploy/compose.yml").read_text()
    for process in (
        "gunicorn ladokflow.wsgi",
        "manage.py watch --queue common",
        "manage.py watch --queue exports",
        "manage.py sweep --loop",
    ):
        assert process in units
        assert process in composed
        assert process in page
    assert re.search(r"TimeoutStopSec=(\d+)", units)[1] == re.search(r"TimeoutStopSec=(\d+)", page)[1]


def test_the_compose_file_names_no_secret() -> None:
    services = yaml.safe_load((ROOT / "deploy/compose.yml").read_text())["services"]
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"SECRET|PASSWORD|KEYS|DATABASE_URL", name):
                assert name.endswith("_FILE"), name
                assert value.startswith("/run/secrets/")


def test_the_queue_s_settings_stand_on_the_operations_page_with_their_values() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    for name in ("timeout", "retry", "queue_limit", "bulk", "max_attempts", "save_limit", "poll", "guard_cycle"):
        value = settings.Q_CLUSTER[name]
        assert re.search(rf"\| `{name}` \| {value} \|", page), f"{name} is {value}"
