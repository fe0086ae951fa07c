"""One call to WISEflow's API: signing in, keeping to its limits, trying again where that is safe, opening the envelope."""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from django.conf import settings
from pydantic import TypeAdapter, ValidationError

from ladokflow.http import Answer, NoAnswer, build_client, exchange
from ladokflow.messages import message
from ladokflow.wiseflow.auth import Auth, build_auth
from ladokflow.wiseflow.errors import WiseflowError, not_json, not_understood, refused
from ladokflow.wiseflow.limits import Limit, TooLong, limit_for

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRIES = 3
FIRST_PAUSE_SECONDS = 0.5
CHUNK = 100
UNAUTHORISED = 401
TOO_MANY = 429
TRANSIENT = frozenset({408, 500, 502, 503, 504})

_adapters: dict[Any, TypeAdapter[Any]] = {}


def chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


class Connection:
    """A licence, reached with one credential. May be used by several threads at once.

    `kind` is "oauth_client" (`client_id` and `secret`) or "api_key" (`secret`). `patience` is how many seconds one call
    may wait for its turn under WISEflow's limits of requests before it gives up.
    """

    def __init__(
        self,
        *,
        base_url: str,
        kind: str,
        secret: str,
        client_id: str = "",
        client_name: str = "LadokFlow",
        patience: float = 90,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience = patience
        connections = max(1, settings.WISEFLOW_CONCURRENCY)
        self._http = build_client(headers={"X-Client-Name": client_name}, connections=connections)
        # A thread that waits for a free connection would otherwise spend its time limit waiting.
        self._turn = threading.BoundedSemaphore(connections)
        self._limit: Limit = limit_for(base_url=self.base_url, kind=kind, client_id=client_id, secret=secret)
        self._auth: Auth = build_auth(base_url=self.base_url, kind=kind, client_id=client_id, secret=secret)
        self._kept: dict[str, Any] = {}
        self._keeping = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # --- What the mixins use -------------------------------------------------------------------------------------

    def get(
        self, path: str, model: Any, *, params: Mapping[str, Any] | None = None, expected: int | None = None
    ) -> Any:
        """`model` is a pydantic model or a type such as list[Model]. `expected` is an HTTP status that is an answer too,
        though it raises WiseflowError as any other: it is not logged as a fault."""
        return self._read(self._ask("GET", path, params=params, expected=expected), model)

    def get_all(self, path: str, model: type[T], *, limit: int, body: Any = None) -> list[T]:
        """Every row of a list that comes in pages of at most `limit`; a `body` makes it a search by POST."""
        rows: list[T] = []
        while True:
            params = {"offset": len(rows), "limit": limit}
            came = self._ask("GET" if body is None else "POST", path, params=params, body=body, is_read=True)
            page = self._read(came, list[model])  # type: ignore[valid-type]
            rows += page
            total, size = _page_facts(came, limit)
            # Past the end the real API has been seen to answer 500: its own total tells when to stop, if it can be true.
            is_last = len(page) < size if total is None or total < len(rows) else len(rows) == total
            if not page or is_last:
                return rows

    def write(self, method: str, path: str, body: Any = None, model: Any = None) -> Any:
        """A change. It is sent once: after a time limit or a cut nobody knows if it was done, and the caller looks."""
        came = self._ask(method, path, body=body, is_read=False)
        if model is None:
            if came.body.strip():
                _opened(came)
            return None
        return self._read(came, model)

    def keep(self, name: str, read: Callable[[], T]) -> T:
        """`read()` once per client: for what belongs to the licence and does not change while we work."""
        with self._keeping:
            if name not in self._kept:
                self._kept[name] = read()
            kept: T = self._kept[name]
            return kept

    # --- One call ------------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        is_read: bool = True,
        expected: int | None = None,
    ) -> Answer:
        """The answer, if it is 2xx. Reads are tried up to three times; writes again only where nothing was done."""
        url = self.base_url + path
        pauses = iter([FIRST_PAUSE_SECONDS * 2**n for n in range(TRIES - 1)]) if is_read else iter(())
        is_renewed = False
        while True:
            headers = self._auth.headers(self._send)
            came = self._send(method, url, params=params, body=body, headers=headers, expected=expected)
            if isinstance(came, Answer):
                if 200 <= came.status < 300:
                    return came
                if came.status == UNAUTHORISED and not is_renewed and self._auth.renew(headers):
                    is_renewed = True
                    continue
            pause = next(pauses, None) if _is_transient(came) else None
            if pause is None:
                raise refused(url, came)
            time.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads clients, guards nothing

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        form: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expected: int | None = None,
    ) -> Answer | NoAnswer:
        """One exchange within the limits. A 429 makes everybody with this credential wait, and is then sent again."""
        content, headers = form, dict(headers or {})
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        give_up_at = time.monotonic() + self._patience
        while True:
            try:
                self._limit.wait(until=give_up_at)
            except TooLong as error:
                told = message("wiseflow.busy", seconds=error.seconds)
                raise WiseflowError(told, permanent=False, status=TOO_MANY) from None
            with self._turn:
                came = exchange(self._http, method, url, params=params, body=content, headers=headers)
            self._log(method, url, came, expected)
            if not isinstance(came, Answer) or came.status != TOO_MANY:
                return came
            self._limit.obey(came.headers)

    def _log(self, method: str, url: str, came: Answer | NoAnswer, expected: int | None) -> None:
        """Ids only: nothing we put in a path says who a person is, and bodies are never logged."""
        path = url.removeprefix(self.base_url)
        if isinstance(came, NoAnswer):
            logger.warning("wiseflow.call.no_answer method=%s path=%s kind=%s", method, path, came.kind)
            return
        is_fault = came.status >= 400 and came.status != expected
        level = logging.WARNING if is_fault else logging.DEBUG if method == "GET" else logging.INFO
        trace = came.headers.get("x-trace-id", "-")
        logger.log(level, "wiseflow.call method=%s path=%s status=%s trace=%s", method, path, came.status, trace)

    def _read(self, came: Answer, model: Any) -> Any:
        data = _opened(came)
        adapter = _adapters.get(model)
        if adapter is None:
            adapter = _adapters[model] = TypeAdapter(model)
        try:
            return adapter.validate_python(data)
        except ValidationError as error:
            # Where and why, without the value: it may be somebody's national id.
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "-"
            raise not_understood(came, f"{where}: {first['type']}") from None


def _is_transient(came: Answer | NoAnswer) -> bool:
    if isinstance(came, NoAnswer):
        return came.kind != "address"
    return came.status in TRANSIENT


def _json(came: Answer) -> Any:
    try:
        return came.json()
    except (ValueError, RecursionError):
        raise not_json(came) from None


def _opened(came: Answer) -> Any:
    """What is in the envelope, for both generations of endpoints: the older ones have none."""
    body = _json(came)
    if not isinstance(body, dict) or "success" not in body:
        return body
    if body["success"] is False:
        raise refused("", came)
    return body.get("data")


def _page_facts(came: Answer, limit: int) -> tuple[int | None, int]:
    """How many rows there are in all, if it is said, and how large a page is."""
    body = _json(came)
    facts = body.get("pagination") if isinstance(body, dict) else None
    facts = facts if isinstance(facts, dict) else {}

    def number(key: str) -> int | None:
        try:
            return int(facts[key])
        except (KeyError, TypeError, ValueError):
            return None

    return number("total"), number("limit") or limit
