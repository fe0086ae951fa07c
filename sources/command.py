"""What the commands have in common: English words, a refusal in one line with status 1, and JSON as one document."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from ladokflow.http import RemoteError
from ladokflow.messages import Message, Refused, message
from sources.models import Flow, Membership, Source
from sources.universities.permissions import COMMANDS, Needed, require

WAIT_SECONDS = 3600.0
CLOSED_PIPE = 141  # as of a program that the closed pipe has ended
T = TypeVar("T")


class PlainCommand(BaseCommand):
    """Subclasses write `work(**options)`. Refused and RemoteError in it become the one line.

    Exit status 0 means done as asked; `fail(...)` after the output says that it was not.
    """

    requires_migrations_checks = False
    # A service tells its log what it does; what else is run says its piece on stdout, and a refusal in one line.
    is_service = False

    @property
    def needed(self) -> Needed:
        """What the person needs in whose name it is done."""
        return COMMANDS[self.__module__.rpartition(".")[2]]

    def add_json(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON document.")

    def add_output(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, metavar="FILE", help="Without it: stdout.")

    @contextlib.contextmanager
    def output(self, path: Path | None) -> Iterator[IO[bytes]]:
        """Where bytes are written to: the file, or stdout. Refused where the file cannot be opened or written."""
        if path is None:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        try:
            with path.open("wb") as file:
                yield file
        except OSError as error:
            raise Refused(
                message("command.cannot_write", file=str(path), reason=error.strerror or str(error))
            ) from error

    def add_new_users(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--new-user",
            action="append",
            default=[],
            dest="new_users",
            metavar="ORGANISATION_ID",
            help="Who may be made a user in WISEflow if it does not know them; may be repeated. Nobody else is.",
        )

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with contextlib.nullcontext() if self.is_service or options["verbosity"] > 1 else only_errors_in_the_log():
                self.work(**options)
                self.stdout.flush()
        except BrokenPipeError:
            _leave_stdout()
            raise SystemExit(CLOSED_PIPE) from None
        except (Refused, RemoteError) as error:
            raise CommandError(one_line(error.message)) from error

    def work(self, **options: Any) -> None:
        raise NotImplementedError

    def print_json(self, document: Any) -> None:
        self.stdout.write(json.dumps(document))

    def fail(self, reason: Message | str) -> None:
        """End with status 1 and one line on stderr, after what was printed."""
        raise CommandError(one_line(reason))


def _leave_stdout() -> None:
    """Whoever read it, as `head`, wants no more: nothing is flushed into it at the end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def only_errors_in_the_log() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("ladokflow", "sources", "exports", "django-q")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def add_seen(
    parser: CommandParser,
    preview: str,
    seen: str = "Do it only if it is still what was printed with this fingerprint.",
) -> None:
    """The options of a command that does what somebody has looked at. `preview` and `seen` are their help."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--preview", "--dry-run", action="store_true", help=preview)
    which.add_argument("--seen", metavar="FINGERPRINT", help=seen)


def one_line(sentence: Message | str) -> str:
    return " ".join(str(sentence).split())


def find_source(slug: str) -> Source:
    source = Source.objects.filter(slug=slug).first()
    if source is None:
        raise Refused(message("sources.unknown_source", slug=slug))
    return source


def find_flow(pk: int | str) -> Flow:
    flow = Flow.objects.select_related("source").filter(pk=pk).first()
    if flow is None:
        raise Refused(message("sources.flow_not_found", flow=str(pk)))
    return flow


def find_member(source: Source, email: str, needed: Needed) -> AbstractBaseUser:
    """The person with this e-mail address; one who is no member of the source does not exist here. Refused where they may not do it."""
    users = get_user_model().objects.filter(
        email__iexact=email.strip(), is_active=True, pk__in=Membership.objects.filter(source=source).values("user_id")
    )
    user = users.order_by("pk").first()
    if user is None:
        raise Refused(message("sources.unknown_manager", email=email, source=source.name))
    require(user, needed, source)
    return user


def wait_until(read: Callable[[], T], is_over: Callable[[T], bool], *, seconds: float = WAIT_SECONDS) -> T:
    """Read until it is over: a worker had taken up the work before we did."""
    ends = time.monotonic() + seconds
    while True:
        value = read()
        if is_over(value) or time.monotonic() > ends:
            return value
        time.sleep(0.5)
