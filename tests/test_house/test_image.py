"""What goes into the image is enough to run, and nothing but that: no sandbox, no tests, no package that only development needs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath

import pytest

from tests.environment import ROOT
from tests.test_house.test_repository import files

# Only what production's lock names can be imported; then every module of ours is, and the checks of a deployment are made.
START = """
import importlib, importlib.metadata, pkgutil, re, sys

locked = set(re.findall(r"^([a-z0-9.-]+)==", open("requirements.lock").read(), re.MULTILINE))
names = importlib.metadata.packages_distributions()
dev = {name for name, homes in names.items() if not {re.sub("[-_.]+", "-", home).lower() for home in homes} & locked}
assert "pytest" in dev and "django" not in dev

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in dev:
            raise ModuleNotFoundError(f"No module named {name!r} in production", name=name)

sys.meta_path.insert(0, Absent())
import django
django.setup()
for package in ("ladokflow", "sources", "exports"):
    for module in pkgutil.walk_packages([package], f"{package}."):
        importlib.import_module(module.name)
assert not [name for name in sys.modules if name.startswith(("ladokflow.sandbox", "tests"))]
from django.core.management import call_command, get_commands
assert "sandbox" not in get_commands() and "demo" not in get_commands() and "watch" in get_commands()
call_command("check", deploy=True, fail_level="ERROR")
call_command("migrate", verbosity=0)
from django.test import Client
client = Client()
answer = client.get("/sign-in/", headers={"host": "ladokflow.example.se", "x-forwarded-proto": "https"})
print(answer.status_code, client.get("/ready/", headers={"host": "10.128.0.7:8000"}).status_code)
"""


def is_ignored(path: PurePosixPath, lines: list[str]) -> bool:
    """As Docker reads `.dockerignore`: a pattern meets a path or a folder above it, and the last one that does decides."""
    ignored = False
    for line in lines:
        pattern = line.removeprefix("!")
        everywhere = pattern.removeprefix("**/")
        for place in (path, *path.parents[:-1]):
            depth_fits = len(place.parts) == len(PurePosixPath(pattern).parts)
            if (
                fnmatch(place.name, everywhere)
                if pattern != everywhere
                else depth_fits and fnmatch(str(place), pattern)
            ):
                ignored = not line.startswith("!")
                break
    return ignored


def in_the_image() -> list[PurePosixPath]:
    text = (ROOT / ".dockerignore").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    paths = [PurePosixPath(path.relative_to(ROOT)) for path in files()]
    return [path for path in paths if not is_ignored(path, lines)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    for path in in_the_image():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    build = dockerfile_run("collectstatic").replace("/venv/bin/python", shlex.quote(sys.executable))
    environment = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull}
    subprocess.run(build, shell=True, cwd=folder, env=environment, capture_output=True, check=True)  # noqa: S602
    return folder


def dockerfile() -> str:
    return (ROOT / "deploy/Dockerfile").read_text()


def dockerfile_run(part: str) -> str:
    """The one command of the Dockerfile that has this in it."""
    [command] = [run for run in re.findall(r"^RUN ((?:.*\\\n)*.*)$", dockerfile(), re.MULTILINE) if part in run]
    return command


def written_in(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_image_holds_no_sandbox_no_test_and_nothing_of_a_person() -> None:
    paths = in_the_image()
    assert {path.parts[0] for path in paths} == {
        *("manage.py", "requirements.lock"),
        *("ladokflow", "sources", "exports", "templates", "static", "locale"),
    }
    assert [path for path in paths if "sandbox" in str(path) or "demo" in path.name] == []
    assert any(path.suffix == ".mo" for path in paths)


def test_production_starts_from_what_is_in_the_image_and_writes_nothing_there(image: Path, tmp_path: Path) -> None:
    """Its file system is read-only, so what is written at the start is written when it is built: static files and bytecode."""
    built = written_in(image)
    assert {"staticfiles/staticfiles.json", cache_from_source("sources/tasks.py")} <= built.keys()
    environment = {
        "PATH": os.environ["PATH"],
        "ENV_FILE": os.devnull,
        "ENVIRONMENT": "production",
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
        "FIELD_ENCRYPTION_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "ALLOWED_HOSTS": "ladokflow.example.se",
        "PUBLIC_URL": "https://ladokflow.example.se",
        "BEHIND_PROXY": "true",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'database.sqlite3'}",
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "ladokflow.settings",
    }
    ran = subprocess.run(
        [sys.executable, "-c", START], cwd=image, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.split()[-2:]) == (0, ["200", "200"]), ran.stderr[-3000:]
    assert written_in(image) == built


def test_dockerfile_copies_and_installs_what_is_in_the_image() -> None:
    copied = re.findall(r"^COPY (.*)$", dockerfile(), re.MULTILINE)
    assert copied == ["requirements.lock .", ". .", "--from=build /venv /venv", "--from=build /app /app"]
    assert "--require-hashes" in dockerfile_run("-r requirements.lock")


def test_dockerfile_runs_as_a_number_in_the_group_that_platforms_give_and_holds_no_secret() -> None:
    *_, last = dockerfile().split("\nFROM ")
    assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["10001:0"]
    assert not re.search(r"SECRET_KEY|FIELD_ENCRYPTION_KEYS|DATABASE_URL|PASSWORD", dockerfile())
