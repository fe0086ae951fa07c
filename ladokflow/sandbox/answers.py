"""What the sandbox's systems answer with, and how a request is led to the function that answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ladokflow.sandbox.state import State


@dataclass
class Reply:
    """`body` is a JSON value, or text with `kind` saying what it is; None sends no body at all."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"


class Refusal(Exception):
    """An answer that is not what was asked for. `errors` are `(reason, message)` for each field at fault."""

    def __init__(
        self,
        status: int,
        message: str = "",
        *,
        errors: tuple[tuple[str, str], ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}


@dataclass
class Call:
    """A request as it came: `path` is within its system and still percent-encoded; header names are lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes
    body: Any = None
    parts: dict[str, str] = field(default_factory=dict)


Handler = Callable[[State, Call, dict[str, Any]], Reply]


class Routes:
    """Finds the handler of a method and path. A literal segment goes before a `{parameter}`."""

    def __init__(self) -> None:
        self._by_length: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
        self._paths: set[str] = set()

    def __call__(self, method: str, template: str) -> Callable[[Handler], Handler]:
        segments = template.strip("/").split("/")

        def keep(handler: Handler) -> Handler:
            found = self._by_length.setdefault((method, len(segments)), [])
            found.append((segments, handler))
            found.sort(
                key=lambda pair: sum(1 << place for place, part in enumerate(reversed(pair[0])) if part.startswith("{"))
            )
            return handler

        return keep

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        segments = path.strip("/").split("/")
        for template, handler in self._by_length.get((method, len(segments)), ()):
            parts = {}
            for wanted, given in zip(template, segments, strict=True):
                if wanted.startswith("{"):
                    parts[wanted[1:-1]] = unquote(given)
                elif wanted != given:
                    break
            else:
                return handler, parts
        return None


WHOLE_NUMBER = re.compile(r"-?\d+\Z")


def number_in_query(call: Call, name: str, default: int, *, most: int | None = None) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not WHOLE_NUMBER.match(text) or int(text) < (1 if name == "limit" else 0):
        raise Refusal(400, "Invalid request", errors=((name, "must be a whole number"),))
    if most is not None and int(text) > most:
        raise Refusal(400, "Invalid request", errors=((name, f"must be at most {most}"),))
    return int(text)
