"""What the operator sets: each name is told, and the queue's numbers fit each other."""

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from ladokflow.safe_settings import (
    days_faults,
    keep_private,
    key_faults,
    production_faults,
    proxy_faults,
    watching_faults,
)
from tests.environment import ROOT
from tests.providers.saml import key_pair

SECRET = "kQ8-3vZr_yB7wXn2LdTf6HjMs9PaEc4UgRi0oWlYbVxN1tKzSqJm5DhA"
READ = re.compile(r'\benv(?:\.\w+)?\(\s*"([A-Z][A-Z0-9_]+)"|_key\(\s*"([A-Z][A-Z0-9_]+)"')


def names_read() -> list[str]:
    text = (ROOT / "ladokflow/settings.py").read_text()
    return sorted({first or second for first, second in READ.findall(text)})


def test_the_settings_module_is_read_right() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "ENVIRONMENT", "QUEUE_WORKERS"} <= set(names_read())


@pytest.mark.parametrize("name", names_read())
def test_every_name_stands_in_the_example(name: str) -> None:
    assert re.search(rf"^(# )?{name}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", names_read())
def test_every_name_stands_in_the_readme(name: str) -> None:
    assert f"`{name}`" in (ROOT / "README.md").read_text()


def test_the_example_names_nothing_that_is_not_read() -> None:
    in_the_example = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(in_the_example) == names_read()


def test_a_healthy_task_is_never_leased_twice() -> None:
    """A leased task waits behind those in memory, each of them as long as the hard limit (docs/operations.md)."""
    queue = settings.Q_CLUSTER
    hard_limit = queue["timeout"] + 3 + queue["guard_cycle"]
    bound = hard_limit * (1 + math.ceil((queue["queue_limit"] + queue["bulk"]) / queue["workers"]))
    assert queue["retry"] > bound
    assert queue["retry"] > hard_limit * (1 + queue["queue_limit"] + queue["bulk"]) or queue["workers"] > 1


def test_the_queue_is_set_as_it_was_measured_to_be_safe() -> None:
    queue = settings.Q_CLUSTER
    assert queue["queue_limit"] == 1
    assert type(queue["timeout"]) is int
    assert queue["guard_cycle"] in (0.5, 1)
    assert queue["max_attempts"] == 1
    assert queue["ack_failures"] is True
    assert queue.get("sync", False) is False


def start(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "ENV_FILE": "/dev/null"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_production_does_not_start_without_its_secrets(missing: str) -> None:
    keys = {"SECRET_KEY": SECRET, "FIELD_ENCRYPTION_KEYS": settings.FIELD_ENCRYPTION_KEYS[0]}
    del keys[missing]
    ran = start("check", ENVIRONMENT="production", **keys)
    assert ran.returncode != 0
    assert f"{missing} is not set" in ran.stderr


def test_keys_can_be_made_before_there_are_any() -> None:
    ran = start("makekeys", ENVIRONMENT="production")
    assert ran.returncode == 0, ran.stderr
    made = dict(line.split("=", 1) for line in ran.stdout.splitlines())
    assert start("check", ENVIRONMENT="production", **made).returncode == 0


def test_a_secret_may_stand_in_a_file(tmp_path) -> None:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    keys = {"SECRET_KEY_FILE": str(path), "FIELD_ENCRYPTION_KEYS": settings.FIELD_ENCRYPTION_KEYS[0]}
    assert start("check", ENVIRONMENT="production", **keys).returncode == 0


SECRETS = {
    "SECRET_KEY": SECRET,
    "FIELD_ENCRYPTION_KEYS": f"{settings.FIELD_ENCRYPTION_KEYS[0]},{settings.FIELD_ENCRYPTION_KEYS[0]}",
    "DATABASE_URL": "postgres://ladokflow:word%2F1@db.example.se:5432/ladokflow",
    "REDIS_URL": "redis://:word@redis.example.se:6379/0",
    "EMAIL_URL": "smtp+tls://user:word@mail.example.se:587",
    "METRICS_TOKEN": "0123456789abcdefghij",
    "SENTRY_DSN": "https://public@sentry.example.se/1",
    "SAML_KEYS": "\n".join(key_pair("ladokflow")).strip(),
}
SHOW = (
    "import json; from ladokflow import settings as s; d = s.DATABASES['default']; "
    "print(json.dumps([s.SECRET_KEY, s.FIELD_ENCRYPTION_KEYS, [d['USER'], d['PASSWORD'], d['NAME']], s.REDIS_URL, "
    "[s.EMAIL_HOST_PASSWORD, s.EMAIL_PORT], s.METRICS_TOKEN, s.SENTRY_DSN, s.SAML_KEYS, s.CACHES['default']['LOCATION']]))"
)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["as it is", "with a line break", "of Windows"])
def test_every_secret_may_stand_in_a_file_as_editors_leave_it(tmp_path: Path, end: str) -> None:
    assert set(SECRETS) <= set(names_read())  # all names are read in the same way
    for name, value in SECRETS.items():
        (tmp_path / name).write_bytes(f"{value}{end}".encode())
    base = {"PATH": "/usr/bin:/bin", "ENV_FILE": "/dev/null", "ENVIRONMENT": "production"}
    told = []
    for given in (SECRETS, {f"{name}_FILE": str(tmp_path / name) for name in SECRETS}):
        ran = subprocess.run(
            [sys.executable, "-c", SHOW], cwd=ROOT, env=base | given, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        told.append(ran.stdout)
    assert told[0] == told[1]
    assert '["ladokflow", "word/1", "ladokflow"]' in told[0]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"metrics_token": "short"}, "METRICS_TOKEN"),
        ({"log_format": "xml"}, "LOG_FORMAT"),
        ({"opentelemetry": True}, ""),
        ({}, ""),
    ],
)
def test_what_an_installation_is_watched_by_is_looked_at(wrong: dict[str, Any], named: str) -> None:
    faults = watching_faults(**{"metrics_token": "", "opentelemetry": False, "log_format": "json", **wrong})
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(("days", "is_wrong"), [(0, False), (36500, False), (-1, True), (36501, True), (10**12, True)])
def test_days_are_those_of_a_calendar(days: int, is_wrong: bool) -> None:
    assert [str(days) in fault for fault in days_faults({"LOG_RETENTION_DAYS": days})] == [True] * is_wrong
    ran = start("check", LOG_RETENTION_DAYS=str(days))
    assert (ran.returncode != 0, "LOG_RETENTION_DAYS" in ran.stderr) == (is_wrong, is_wrong)


@pytest.mark.parametrize("mode", [None, 0o644, 0o666])
def test_the_file_of_sqlite_is_read_by_nobody_else(tmp_path: Path, mode: int | None) -> None:
    database = tmp_path / "new" / "ladokflow.sqlite3"
    if mode is not None:
        database.parent.mkdir()
        for path in (database, database.with_name(f"{database.name}-wal")):
            path.write_bytes(b"")
            path.chmod(mode)
    keep_private(database)
    assert {path.stat().st_mode & 0o777 for path in database.parent.iterdir()} == {0o600}


SAFE: dict[str, Any] = {
    "debug": False,
    "secret_key": SECRET,
    "hosts": ["ladokflow.example.se", ".example.se"],
    "origins": ["https://ladokflow.example.se", "https://*.example.se"],
    "https": True,
}


@pytest.mark.parametrize(
    ("unsafe", "named"),
    [
        ({}, ""),
        ({"debug": True}, "DEBUG"),
        ({"secret_key": "abc"}, "SECRET_KEY"),
        ({"secret_key": "abc" * 30}, "SECRET_KEY"),
        ({"hosts": ["ladokflow.example.se", "*"]}, "ALLOWED_HOSTS"),
        ({"origins": ["http://ladokflow.example.se"]}, "CSRF_TRUSTED_ORIGINS"),
        ({"origins": ["https://*"]}, "CSRF_TRUSTED_ORIGINS"),
        ({"https": False}, "SECURE_HTTPS"),
    ],
)
def test_production_does_not_start_with_what_is_unsafe(unsafe: dict[str, Any], named: str) -> None:
    faults = production_faults(**SAFE | unsafe)
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize("name", ["0.0.0.0/0", "::/0", "proxy.example.se", "*", ""])
def test_everybody_is_no_proxy(name: str) -> None:
    assert len(proxy_faults(["127.0.0.1", "10.0.0.0/8", name])) == 1


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "holds no key"),
        (["none"], "Key 1 of 1"),
        ([settings.FIELD_ENCRYPTION_KEYS[0], "secret"], "Key 2 of 2"),
        (settings.FIELD_ENCRYPTION_KEYS, ""),
    ],
)
def test_what_is_no_key_is_told_and_not_repeated(keys: list[str], said: str) -> None:
    faults = key_faults(keys)
    assert said in " ".join(faults)
    assert bool(faults) == bool(said)
    assert not any(key in " ".join(faults) for key in keys)


def test_all_that_is_wrong_is_told_in_one_line_and_nothing_starts() -> None:
    unsafe = {"DEBUG": "true", "SECRET_KEY": "abc", "FIELD_ENCRYPTION_KEYS": "none", "ALLOWED_HOSTS": "*"}
    ran = start("check", ENVIRONMENT="production", **unsafe)
    assert ran.returncode != 0
    assert all(name in ran.stderr.splitlines()[-1] for name in unsafe)


def test_production_passes_its_own_deployment_check() -> None:
    ran = start(
        "check --deploy --fail-level WARNING",
        ENVIRONMENT="production",
        SECRET_KEY=SECRET,
        FIELD_ENCRYPTION_KEYS=settings.FIELD_ENCRYPTION_KEYS[0],
        ALLOWED_HOSTS="ladokflow.example.se",
    )
    assert ran.returncode == 0, ran.stderr
