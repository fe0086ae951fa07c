"""What stands in the repository: no secret, no address of anyone's own machine, no dead link, nothing left to migrate."""

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.models import CheckConstraint, UniqueConstraint

import ladokflow
from tests.environment import ROOT

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".html",
    ".css",
    ".js",
    ".yml",
    ".yaml",
    ".conf",
    ".service",
    ".timer",
    ".po",
    ".txt",
    ".lock",
    "",
}
# A file by its path, `tests/suite.py`, or by its name alone; not the end of an address or of a pattern, nor FILE, which is anybody's.
NAMED = re.compile(r"(?<![\w./~*{}<>-])(?!FILE\.)((?:[\w-]+/)*[\w-]+\.(?:py|md|html|toml))\b(?![/(])")
LEAVES = ("ladokflow/http.py", "ladokflow/ladok", "ladokflow/wiseflow")


@cache
def files() -> list[Path]:
    """Everything that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        skipped = {".venv", "var", ".git", "staticfiles", "__pycache__"}
        listed = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if not skipped & set(p.relative_to(ROOT).parts)]
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    return [(path, path.read_text(errors="replace")) for path in files() if path.suffix in TEXT]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])


def locked(name: str) -> dict[str, str]:
    """The packages of a lock file, with their versions."""
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def names_of(wanted: list[str]) -> set[str]:
    return {re.split(r"[\[><=~!; ]", line)[0].lower().replace("_", "-") for line in wanted}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_names_packages_versions_and_hashes_only(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    foreign = re.compile(r"https?://|file:/|@ |^--?[a-z]|(^|[\s=])/[a-z]")
    assert [line for line in lines if foreign.search(line)] == []
    assert sum("--hash=sha256:" in line for line in lines) > 100


def test_the_locks_hold_every_dependency_of_the_project_and_production_s_none_of_development() -> None:
    production, development = locked("requirements.lock"), locked("requirements-dev.lock")
    needed, dev = names_of(project()["dependencies"]), names_of(project()["optional-dependencies"]["dev"])
    assert needed - production.keys() == set()
    assert dev - development.keys() == set()
    assert dev & production.keys() == set()
    assert production.items() - development.items() == set()


def test_version_is_the_same_everywhere_and_the_changes_begin_with_it() -> None:
    assert project()["version"] == ladokflow.__version__
    newest, released = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[:2]
    wanted = "Unreleased" if "dev" in ladokflow.__version__ else ladokflow.__version__
    assert newest.split(" (")[0] == wanted
    assert re.fullmatch(r"\d+\.\d+\.\d+ \(\d{4}-\d{2}-\d{2}\)", released)


def test_no_secret_is_in_the_repository() -> None:
    looks_secret = re.compile(
        r"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----\n[A-Za-z0-9+/]|\bghp_\w{20}|\bAKIA[A-Z0-9]{12}|\bgAAAAA[\w-]{40}"
    )
    assert [str(path) for path, text in texts() if looks_secret.search(text)] == []


def test_no_file_of_a_person_is_in_the_repository() -> None:
    assert [path.name for path in files() if path.name == ".env" or path.suffix in {".sqlite3", ".pem", ".key"}] == []


def test_only_names_that_are_reserved_for_examples_are_written_to() -> None:
    """No mail address of a person or a university that exists."""
    address = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
    reserved = re.compile(r"(^|\.)(example(\.(org|com|net|se))?|localhost|test|invalid)$")
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path, text in texts()
        if path.suffix in {".py", ".toml", ".html", ".md", ".yml", ""} and path.suffix != ".lock"
        for match in address.finditer(text)
        if not reserved.search(match[1]) and re.search(r"\.(se|com|org|net|eu|dk)$", match[1])
    }
    assert found == set()


def test_no_link_of_a_page_is_dead() -> None:
    pages = [path for path in files() if path.suffix == ".md"]
    assert pages
    assert [f"{path.relative_to(ROOT)}: {target}" for path in pages for target in dead_links(path)] == []


def dead_links(path: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        aimed = (path.parent / name).resolve() if name else path
        if not aimed.exists() or (anchor and anchor not in anchors(aimed)):
            dead.append(target)
    return dead


def test_every_file_that_is_named_is_there() -> None:
    named = [(path, name) for path in files() for text in prose(path) for name in NAMED.findall(text)]
    assert len(named) > 100
    assert [f"{path.relative_to(ROOT)}: {name}" for path, name in named if not is_there(path, name)] == []


def prose(path: Path) -> Iterator[str]:
    """What a page, or the docstrings and comments of a module, say. What has changed may name what is gone."""
    if path.suffix == ".md" and path.name != "CHANGELOG.md":
        yield re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    if path.suffix == ".py" and NAMED.search(text := path.read_text()):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield ast.get_docstring(node) or ""
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from (token.string for token in tokens if token.type == tokenize.COMMENT)


def is_there(path: Path, name: str) -> bool:
    """From the root, from the folder or the app of who names it; a name alone anywhere below that folder, or in a page of all."""
    app = ROOT / path.relative_to(ROOT).parts[0]
    if any((place / name).exists() for place in (ROOT, path.parent, app)):
        return True
    below = ROOT if path.parent == ROOT / "docs" else path.parent
    return "/" not in name and any(each.is_relative_to(below) for each in files() if each.name == name)


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_constraint_says_in_its_name_what_it_promises() -> None:
    constraints = [
        constraint
        for label in ("sources", "exports")
        for model in apps.get_app_config(label).get_models()
        for constraint in model._meta.constraints
    ]
    assert len(constraints) > 20
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", constraint.name) for constraint in constraints)
    unique = [c.name for c in constraints if isinstance(c, UniqueConstraint)]
    checks = [c.name for c in constraints if isinstance(c, CheckConstraint)]
    assert all(name.startswith("one_") for name in unique), unique
    assert not any(name.startswith("one_") for name in checks), checks


def test_every_state_column_is_guarded_by_the_database() -> None:
    for label in ("sources", "exports"):
        for model in apps.get_app_config(label).get_models():
            checked = " ".join(str(c.condition) for c in model._meta.constraints if isinstance(c, CheckConstraint))
            for field in model._meta.local_fields:
                if field.name.endswith("state") and field.choices:
                    assert f"'{field.name}" in checked, f"{model.__name__}.{field.name}"


def test_the_remote_sides_know_no_model_and_no_request() -> None:
    leaves = [path for path in files() if path.suffix == ".py" and str(path.relative_to(ROOT)).startswith(LEAVES)]
    forbidden = ("django.db", "django.http", "sources", "exports")
    assert [f"{leaf.name}: {name}" for leaf in leaves for name in imported(leaf) if name.startswith(forbidden)] == []


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names
