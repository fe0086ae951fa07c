"""`manage.py demo`: the whole house on one machine, for looking at it. Listens on loopback only."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import call_command
from honcho.compat import ProcessManager
from honcho.manager import Manager

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django.db.models import QuerySet

HOST = "127.0.0.1"
PASSWORD = "ladokflow-demo"  # noqa: S105 - for the demo's made-up people only, on loopback only
TEMPLATE = settings.BASE_DIR / "ladokflow" / "sandbox" / "demo.toml"
TEMPLATE_ADDRESS = "http://127.0.0.1:8099"
# Who, and what they are there to show.
PEOPLE = (
    ("anna@liu.example", "manager at Linköpings universitet"),
    ("lars@liu.example", "licence admin at Linköpings universitet"),
    ("olle@oru.example", "manager at Örebro universitet"),
    ("bodil@boras.example", "manager at Högskolan i Borås, may export"),
    ("bosse@boras.example", "manager at Högskolan i Borås, may not export"),
)
OPERATOR = "operator@demo.example"
PRESET = "Salstentamen"


class CannotStart(Exception):
    """The demo cannot start, for a reason that is one line long."""


def check(*, port: int, sandbox_port: int) -> None:
    """Refuse before anything is started or written. Raises CannotStart."""
    if settings.IS_PRODUCTION:
        raise CannotStart(
            "The demo makes accounts with a known password, so it does not start with ENVIRONMENT=production."
        )
    if port == sandbox_port:
        raise CannotStart("The pages and the sandbox need a port each.")
    for number, setting in ((port, "PORT"), (sandbox_port, "SANDBOX_PORT")):
        if not is_free(number):
            raise CannotStart(
                f"Port {number} is taken: stop what listens there, or choose another with `make demo {setting}={number + 1}`."
            )


def is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def prepare(*, sandbox_port: int) -> None:
    """Database, schedules, the three universities and their people. Safe to run again; keeps what is there."""
    call_command("migrate", interactive=False, verbosity=0)
    from sources.models import FlowPreset, Source

    strangers = [s.slug for s in Source.objects.all() if not s.wiseflow_url.startswith(f"http://{HOST}:")]
    if strangers:
        raise CannotStart(
            f"The database holds sources that are not the demo's ({', '.join(strangers)}): it is left alone."
        )
    described = Path(settings.DATA_DIR) / "demo-sources.toml"
    described.parent.mkdir(parents=True, exist_ok=True)
    described.write_text(TEMPLATE.read_text().replace(TEMPLATE_ADDRESS, f"http://{HOST}:{sandbox_port}"))
    call_command("loadsources", str(described), stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    call_command("setupschedules", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    for source in Source.objects.all():
        FlowPreset.objects.get_or_create(
            source=source, name=PRESET, defaults={"flow_type": "FLOWlock", "activates": True}
        )
    users = get_user_model()
    users.objects.get_or_create(username=OPERATOR, defaults={"email": OPERATOR, "is_staff": True, "is_superuser": True})
    set_passwords(users.objects.filter(username__in=[OPERATOR, *(email for email, _ in PEOPLE)]))


def set_passwords(people: QuerySet[User]) -> None:
    """All have the same hash: to make or to check one is a good part of a second's work, on purpose."""
    hashes = set(people.values_list("password", flat=True))
    if len(hashes) > 1 or not all(check_password(PASSWORD, each) for each in hashes):
        people.update(password=make_password(PASSWORD))


def beginning(*, port: int, sandbox_port: int) -> str:
    return (
        f"\n  LadokFlow starts: http://{HOST}:{port}. In a minute it has an exam administrator's week behind it; who to sign in as stands below "
        f"then.\n  Ladok and WISEflow are made up: http://{HOST}:{sandbox_port}. Ctrl-C stops everything.\n"
    )


def welcome(*, port: int, sandbox_port: int) -> str:
    width = max(len(email) for email, _ in PEOPLE)
    people = [f"      {email:<{width}}   {what}" for email, what in (*PEOPLE, (OPERATOR, "those who run LadokFlow"))]
    return "\n".join(
        [
            "",
            f"  LadokFlow: http://{HOST}:{port}   Sign in with the password {PASSWORD} as",
            *people,
            f"  Ladok and WISEflow are made up. There the students write and the examiners grade: http://{HOST}:{sandbox_port}",
            "  Ctrl-C stops everything.",
            "",
        ]
    )


def commands(*, port: int, sandbox_port: int) -> dict[str, str]:
    """Name and shell command of each process. `exec`: the process itself gets the signal, not a shell before it."""
    python = f"exec '{sys.executable}'"
    manage = f"{python} '{settings.BASE_DIR / 'manage.py'}'"
    state = Path(settings.DATA_DIR) / "demo-sandbox.json"
    return {
        "sandbox": f"{manage} sandbox --host {HOST} --port {sandbox_port} --state '{state}'",
        "web": (
            f"{python} -W 'ignore:No directory at' -m gunicorn ladokflow.wsgi --bind {HOST}:{port} --workers 1 --threads 8 --no-control-socket"
            " --no-control-socket --log-level warning --graceful-timeout 3"
        ),
        "worker": f"{manage} watch",
        "sweeper": f"{manage} sweep --loop",
        "demo": f"{python} -m ladokflow.sandbox.story {port} {sandbox_port}",
    }


class _Processes(ProcessManager):
    """Stops what honcho has started in the way the queue wants it (docs/operations.md)."""

    def terminate(self, pid: int) -> None:
        """To the process itself, not to its group: a qcluster whose workers are all told to stop never stops."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        """With all that it has started, also in groups of their own, as `watch` starts the qcluster."""
        for group in {pid, *descendants(pid)}:
            super().kill(group)


def descendants(pid: int) -> list[int]:
    """Children, their children and so on, where the system tells (Linux); deepest last."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = list(children.get(pid, []))
    for child in found:  # grows as it goes
        found.extend(children.get(child, []))
    return found


def run(*, port: int, sandbox_port: int) -> int:
    """Run all of it until it is told to stop, or one of them ends; the exit status."""
    manager = Manager()
    manager._procmgr = _Processes()
    environment = {
        "LOG_LEVEL": "ERROR",  # the screen is for the story; whoever wants more says so
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PUBLIC_URL": f"http://{HOST}:{port}",
    }
    for name, command in commands(port=port, sandbox_port=sandbox_port).items():
        manager.add_process(name, command, cwd=str(settings.BASE_DIR), env=environment)
    manager.loop()
    # Stopped by Ctrl-C or SIGTERM, it has ended as asked.
    return 0 if manager.returncode in (0, 130, 143) else 1
