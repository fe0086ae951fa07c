"""What every test may ask for: the sandbox, three universities in it, their people, and the services of the machine."""

from __future__ import annotations

import gc
import os
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from django.conf import settings
from django.db import connection

from tests import nobodys_turn, prepared, services, warm
from tests.cases import Cases
from tests.environment import ROOT
from tests.flushing import keep_content_types, let_flush_pass_triggers

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from ladokflow.sandbox.server import Sandbox
    from sources.models import Source


# How long one example takes depends on who else is using the machine: that is no fault of what is tested.
hypothesis.settings.register_profile(
    "ladokflow", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("hypothesis_profile", None):
        hypothesis.settings.load_profile("ladokflow")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Or each test client would look through all static files before its first page.
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector is not to look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


# --- Database --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """SQLite in a file with WAL, as in production: Django's own choice, memory, is another database to another process."""
    database = settings.DATABASES["default"]
    if settings.IS_SQLITE:
        database.setdefault("TEST", {})["NAME"] = str(settings.DATA_DIR / "test.sqlite3")
    prepared.copied(database, is_sqlite=settings.IS_SQLITE)
    let_flush_pass_triggers()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    keep_content_types()
    with django_db_blocker.unblock():
        prepared.keep_from_looking()
        prepared.wait_for_no_disk()


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """A copy is not to be made anew; it goes with its folder."""
    return (settings.IS_SQLITE and bool(os.environ.get(prepared.NAME))) or bool(request.config.getvalue("reuse_db"))


@pytest.fixture
def subprocess_environment(transactional_db: None) -> dict[str, str]:
    """The environment for a process of our own (`manage.py ...`) that is to work in the test's database."""
    name = connection.settings_dict["NAME"]
    if settings.IS_SQLITE:
        url = f"sqlite:///{name}"
    else:
        url = f"{os.environ['DATABASE_URL'].split('?')[0].rpartition('/')[0]}/{name}"
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "ladokflow.settings", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session", autouse=True)
def warm_processes() -> Iterator[None]:
    yield
    warm.stop()


# --- The world outside -----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves the machine. A name that is not ours is unknown, as it is on a machine without a network."""
    allowed = {"127.0.0.1", "::1", "localhost", "0.0.0.0", services.host_of(services.redis_address())}  # noqa: S104
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def known_names_only(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and host not in allowed:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *args, **kwargs)

    def near_addresses_only(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not address[0].startswith("127.") and address[0] not in allowed:
            raise OSError("Tests do not leave the machine.")
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", known_names_only)
    monkeypatch.setattr(socket.socket, "connect", near_addresses_only)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """No test has another's connections, answers or waiting, or what a sweep remembers of a flow: numbers of flows come again."""
    yield
    forget()


def forget() -> None:
    from ladokflow import tallies
    from ladokflow.kept import close_all

    close_all()
    tallies.take()
    if sweep := sys.modules.get("exports.operation.sweep"):
        sweep._asked.clear()
        sweep._tried.clear()
    nobodys_turn.forget()


@pytest.fixture(scope="session")
def sandbox_of_the_process() -> Iterator[Sandbox]:
    from ladokflow.sandbox.server import Sandbox
    from tests.keeping import KeepingControl

    with Sandbox() as server:
        server.control = KeepingControl(server)
        yield server


@pytest.fixture
def sandbox(sandbox_of_the_process: Sandbox) -> Iterator[Sandbox]:
    """Ladok at three universities and WISEflow, over HTTP, as new: `sandbox.url`, `sandbox.control`."""
    sandbox_of_the_process.control.reset()
    yield sandbox_of_the_process
    sandbox_of_the_process.control.clear_received()


@pytest.fixture
def cases(request: pytest.FixtureRequest, subtests: pytest.Subtests, db: None) -> Cases:
    """`cases.try_each({name: case, ...}, try_it)`: from the rows and the sandbox that the test has made by then."""
    sandbox = request.getfixturevalue("sandbox") if "sandbox" in request.fixturenames else None
    return Cases(request, subtests, sandbox, forget)


@pytest.fixture
def load_source(sandbox: Sandbox, db: None) -> Callable[[str], Source]:
    """A university of the demo, with its credentials and people, in this test's sandbox."""
    from tests.factories import CredentialFactory, MembershipFactory, SourceFactory, UserFactory

    text = (ROOT / "ladokflow/sandbox/demo.toml").read_text().replace("http://127.0.0.1:8099", sandbox.url)
    described = {entry["slug"]: entry for entry in tomllib.loads(text)["source"]}

    def load(slug: str) -> Source:
        fields = dict(described[slug])
        credentials, members = fields.pop("credential", []), fields.pop("member", [])
        source = SourceFactory(**fields)
        for credential in credentials:
            CredentialFactory(source=source, **credential)
        for member in members:
            email = member.pop("email")
            MembershipFactory(source=source, user=UserFactory(email=email, username=email), **member)
        return source

    return load


@pytest.fixture
def liu(load_source: Callable[[str], Source]) -> Source:
    """Linköping: anna is a manager, lars a licence admin."""
    return load_source("liu")


@pytest.fixture
def oru(load_source: Callable[[str], Source]) -> Source:
    """Örebro: olle is a manager, orsa a licence admin."""
    return load_source("oru")


@pytest.fixture
def boras(load_source: Callable[[str], Source]) -> Source:
    """Borås: bodil is a manager with the export right, bosse one without, birgit a licence admin."""
    return load_source("boras")


def member(source: Source, email: str) -> User:
    return source.memberships.get(user__email=email).user


@pytest.fixture
def anna(liu: Source) -> User:
    return member(liu, "anna@liu.example")


@pytest.fixture
def lars(liu: Source) -> User:
    return member(liu, "lars@liu.example")


@pytest.fixture
def olle(oru: Source) -> User:
    return member(oru, "olle@oru.example")


@pytest.fixture
def orsa(oru: Source) -> User:
    return member(oru, "orsa@oru.example")


@pytest.fixture
def bodil(boras: Source) -> User:
    return member(boras, "bodil@boras.example")


@pytest.fixture
def bosse(boras: Source) -> User:
    return member(boras, "bosse@boras.example")


@pytest.fixture
def birgit(boras: Source) -> User:
    return member(boras, "birgit@boras.example")


# --- Services of the machine: a test that asks for one is left out, and told, where there is none ------------------


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis that may be emptied (database 15), and that no other process of the tests uses meanwhile."""
    url = services.redis_address() or services.leave_out("no Redis answers on 127.0.0.1:6379 (or TEST_REDIS_URL)")
    with services.alone_with(url):
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running chromium (playwright's `Browser`): `chromium.new_page()`, together with the fixture `live_server`."""
    path = services.chromium_path() or services.leave_out("chromium is not installed (or CHROMIUM does not name it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def openapi_path() -> Path:
    """WISEflow's OpenAPI document, which is not ours to hand out."""
    return services.openapi_path() or services.leave_out("WISEFLOW_OPENAPI does not name WISEflow's OpenAPI document")
