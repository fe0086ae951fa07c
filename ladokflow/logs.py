"""Log lines: what they are about (request, flow, attempt), as text or as JSON, and never with a national id in them.

What a process is at is bound in a context (`about`), and stands on each line that is written meanwhile, also by libraries. Our own lines
are an event and its facts, `export.attempt.sent flow=3 status=200`; as JSON each fact is a field.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from ladokflow.privacy import redact_by_looks

FORMATS = ("text", "json")
KEPT = ("time", "level", "logger", "message", "exception")

_about: ContextVar[Mapping[str, str] | None] = ContextVar("about", default=None)
_EVENT = re.compile(r"(?P<event>[a-z][\w.]*\.[\w.]+)(?P<facts>(?: [a-z]\w*=\S*)*)")
_FACT = re.compile(r" ([a-z]\w*)=(\S*)")


@contextmanager
def about(**ids: Any) -> Iterator[None]:
    """Ids only: a name, or anything that a person has written, belongs in no log."""
    token = _about.set({**current(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _about.reset(token)


def bind(**ids: Any) -> None:
    """As `about`, until the context ends that it is called in."""
    _about.set({**current(), **{name: str(value) for name, value in ids.items()}})


def current() -> Mapping[str, str]:
    return _about.get() or {}


class Context(logging.Filter):
    """Puts on each record what the process is at."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.about = current()
        return True


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line, *rest = super().format(record).split("\n")
        facts = "".join(f" [{name}={value}]" for name, value in getattr(record, "about", {}).items())
        return redact_by_looks("\n".join([line + facts, *rest]))


class EventFormatter(JsonFormatter):
    """One JSON object a line: time, level, logger, message, what it is about, and each fact of an event of ours."""

    def __init__(self) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
            json_ensure_ascii=False,
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """What libraries put beside a message is left out: Django puts the whole request there."""
        facts: dict[str, Any] = {}
        if event := _EVENT.fullmatch(str(log_data.get("message", ""))):
            facts = {"event": event["event"], **dict(_FACT.findall(event["facts"]))}
        kept = {name: log_data[name] for name in KEPT if log_data.get(name)}
        return {**facts, **log_data.get("about", {}), **kept}

    def format(self, record: logging.LogRecord) -> str:
        return redact_by_looks(super().format(record))


def formatter(kind: str) -> dict[str, Any]:
    """For LOGGING. `kind` is one of FORMATS."""
    if kind == "json":
        return {"()": EventFormatter}
    return {"()": TextFormatter, "format": "{asctime} {levelname} {name} {message}", "style": "{"}
