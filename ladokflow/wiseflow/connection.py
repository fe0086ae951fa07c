"""One call to WISEflow's API: signing in, keeping to its limits, trying again where that is safe, opening the envelope."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from django.conf import settings
from pydantic import TypeAdapter, ValidationError

from ladokflow import tallies
from ladokflow.http import Answer, NoAnswer, build_client, exchange, failure_of
from ladokflow.kept import Answers, Kept, borrow, give_back
from ladokflow.messages import message
from ladokflow.response import NotData
from ladokflow.threads import Threads
from ladokflow.wiseflow.ahead import Ahead
from ladokflow.wiseflow.auth import Auth, build_auth, credential_key
from ladokflow.wiseflow.errors import WiseflowError, endless, not_understood
from ladokflow.wiseflow.limits import Limit, TooLong, limit_for
from ladokflow.wiseflow.wire import Rows

logger = logging.getLogger(__name__)

S = TypeVar("S")
T = TypeVar("T")

TRIES = 3
FIRST_PAUSE_SECONDS = 0.5
CHUNK = 100
MAX_PAGES = 2_000
MAX_ROWS = 100_000  # a flow of 10,000 is the largest there is
MAX_LIST_BYTES = 256 * 1024 * 1024
UNAUTHORISED = 401
TOO_MANY = 429

_adapters: dict[Any, TypeAdapter[Any]] = {}


def chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


@dataclass(frozen=True)
class _Page:
    """`total` is how many rows there are in all, where it is said; `size` how many a full page has."""

    response: Answer
    rows: Sequence[Any]
    total: int | None
    size: int

    def knows_total(self, count: int) -> bool:
        """Whether `total` can be true, where `count` rows have been read with this page."""
        return self.total is not None and self.total >= count

    def is_last(self, count: int) -> bool:
        """Past the end the real API has been seen to answer 500: its own total tells when to stop, if it can be true."""
        return count == self.total if self.knows_total(count) else len(self.rows) < self.size


class Connection:
    """A licence, reached with one credential. May be used by several threads at once.

    `kind` is "oauth_client" (`client_id` and `secret`) or "api_key" (`secret`). `patience` is how many seconds one call
    may wait for its turn under WISEflow's limits of requests before it gives up. `last_look` is called right before the first byte of each
    writing, by whichever thread makes it: what it raises comes out of the call, and nothing was written. `owner` is as of
    `borrow`. `shares_answers`: what others have read of the licence within the last minute is not read anew.
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
        last_look: Callable[[], None] | None = None,
        owner: str = "",
        shares_answers: bool = False,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience = patience
        self._last_look = last_look
        self._owner = owner
        credential = {"base_url": self.base_url, "kind": kind, "client_id": client_id, "secret": secret}
        self._limit: Limit = limit_for(**credential)
        self._auth: Auth = build_auth(**credential)
        self.breadth = max(1, settings.WISEFLOW_CONCURRENCY)  # how many requests are under way at once
        self._kept: Kept | None = borrow(
            f"{credential_key(**credential)} {client_name}",
            lambda: build_client(headers={"X-Client-Name": client_name}, connections=self.breadth),
            places=self.breadth,
            owner=owner,
        )
        self._http, self._turn = self._kept.http, self._kept.turn
        self._answers = self._kept.answers if shares_answers else Answers()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            give_back(kept)

    # --- What the mixins use -------------------------------------------------------------------------------------

    def get(
        self,
        path: str,
        model: Any,
        *,
        params: Mapping[str, Any] | None = None,
        expected: int | None = None,
        patience: float | None = None,
    ) -> Any:
        """`model` is a pydantic model or a type such as list[Model]. `expected` is an HTTP status that is an answer too,
        though it raises WiseflowError as any other: it is not logged as a fault. `patience` is of this one call."""
        return self._read(self._ask("GET", path, params=params, expected=expected, patience=patience), model)

    def get_all(self, path: str, model: type[T], *, limit: int, body: Any = None) -> list[T]:
        """Every row of a list that comes in pages of at most `limit`; a `body` makes it a search by POST.

        Once WISEflow has been seen to heed our `offset`, a few pages are asked for ahead, as far as its own total reaches; one that
        is not as long as it should be makes what was asked for after it worthless, and it is asked for anew.

        WiseflowError where it does not come to an end: a page with nothing new in it (our `offset` is not heeded), or
        more pages, rows or bytes than any list of a licence has.
        """

        def ask(offset: int) -> _Page:
            return self._ask_page(path, list[model], offset=offset, limit=limit, body=body)  # type: ignore[valid-type]

        rows: list[T] = []
        seen: set[T] = set()
        size_of_all = 0
        with Ahead(ask, self.breadth) as pages:
            for number in range(MAX_PAGES):
                page = pages.at(len(rows))
                new = set(page.rows) - seen
                size_of_all += len(page.response.body)
                if (page.rows and not new) or len(rows) + len(page.rows) > MAX_ROWS or size_of_all > MAX_LIST_BYTES:
                    break
                seen |= new
                rows += page.rows
                if not page.rows or page.is_last(len(rows)):
                    return rows
                if number and page.knows_total(len(rows)):
                    pages.ask_ahead(range(len(rows), min(page.total or 0, MAX_ROWS), len(page.rows)))
        raise endless(page.response)

    def get_page(
        self, path: str, model: type[T], *, offset: int, limit: int, body: Any = None
    ) -> tuple[list[T], int | None]:
        """One page of what `get_all` gives, and how many rows there are in all, if that is said."""
        page = self._ask_page(path, Rows[model], offset=offset, limit=limit, body=body)  # type: ignore[valid-type]
        return list(page.rows), page.total

    def get_first(
        self,
        path: str,
        model: Any,
        rows_in: Callable[[Any], Sequence[T]],
        *,
        limit: int,
        most: int,
        expected: int | None = None,
        patience: float | None = None,
    ) -> list[T]:
        """The first `most` rows of a list that comes in pages of at most `limit`, each within a `model` that `rows_in` takes them out of.

        As in `get_all` the total that WISEflow tells counts more than how long a page is. Pages that are all the same are read once.
        """
        found: list[T] = []
        before: Sequence[T] = ()
        while len(found) < most:
            page = self._ask_page(
                path, model, rows_in, offset=len(found), limit=limit, expected=expected, patience=patience
            )
            if not page.rows or page.rows == before:
                break
            found += page.rows
            if page.is_last(len(found)):
                break
            before = page.rows
        return found

    def _ask_page(
        self,
        path: str,
        model: Any,
        rows_in: Callable[[Any], Sequence[Any]] = lambda rows: rows,
        *,
        offset: int,
        limit: int,
        body: Any = None,
        expected: int | None = None,
        patience: float | None = None,
    ) -> _Page:
        response = self._ask(
            "GET" if body is None else "POST",
            path,
            params={"offset": offset, "limit": limit},
            body=body,
            expected=expected,
            patience=patience,
        )
        data = _json(response)
        rows = rows_in(self._validated(response, _opened(response, data), model))
        return _Page(response, rows, *_page_facts(data, limit))

    def side_by_side(self, do: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """`do` for each, a few at a time; what it gave, in their order. Where one fails, those that have not begun do not begin."""
        items = list(items)
        if len(items) < 2:
            return [do(item) for item in items]
        with Threads(max_workers=min(self.breadth, len(items))) as pool:
            waiting = [pool.submit(do, item) for item in items]
            try:
                return [future.result() for future in waiting]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def write(self, method: str, path: str, body: Any = None, model: Any = None) -> Any:
        """A change. It is sent once: after a time limit or a cut nobody knows if it was done, and the caller looks."""
        response = self._ask(method, path, body=body, is_read=False)
        if model is None:
            if response.body.strip():
                _opened(response, _json(response))
            return None
        return self._read(response, model)

    def keep(self, name: str, read: Callable[[], T], suffices: Callable[[T], bool] = lambda answer: True) -> T:
        """`read()` once: for what belongs to the licence and does not change while we work. What does not suffice is read anew."""
        return self._answers.get(name, read, suffices)

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
        patience: float | None = None,
    ) -> Answer:
        """The answer, if it is 2xx. Reads are tried up to three times; writes again only where nothing was done."""
        url = self.base_url + path
        pauses = iter([FIRST_PAUSE_SECONDS * 2**n for n in range(TRIES - 1)]) if is_read else iter(())
        is_renewed = False
        last_look = None if is_read else self._last_look
        while True:
            headers = self._auth.headers(self._send)
            response = self._send(
                method,
                url,
                params=params,
                body=body,
                headers=headers,
                expected=expected,
                patience=patience,
                last_look=last_look,
            )
            if isinstance(response, Answer):
                if response.is_success:
                    return response
                if response.status == UNAUTHORISED and not is_renewed and self._auth.renew(headers):
                    is_renewed = True
                    continue
            pause = next(pauses, None) if failure_of(response, WiseflowError.failures).is_retried else None
            if pause is None:
                raise WiseflowError.of(url, response)
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
        patience: float | None = None,
        last_look: Callable[[], None] | None = None,
    ) -> Answer | NoAnswer:
        """One exchange within the limits. A 429 makes everybody with this credential wait, and is then sent again."""
        content, headers = form, dict(headers or {})
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        give_up_at = time.monotonic() + (self._patience if patience is None else patience)
        while True:
            try:
                self._limit.wait(until=give_up_at)
            except TooLong as error:
                reason = message("wiseflow.busy", seconds=error.seconds)
                raise WiseflowError(reason, permanent=False, status=TOO_MANY) from None
            with self._turn:
                response = exchange(
                    self._http, method, url, params=params, body=content, headers=headers, last_look=last_look
                )
            self._log(method, url, response, expected)
            if not isinstance(response, Answer) or response.status != TOO_MANY:
                return response
            self._limit.obey(response.headers)

    def _log(self, method: str, url: str, response: Answer | NoAnswer, expected: int | None) -> None:
        """Ids only: nothing we put in a path says who a person is, and bodies are never logged."""
        path = url.removeprefix(self.base_url)
        tallies.count_answer(self._owner, response.kind if isinstance(response, NoAnswer) else response.status)
        if isinstance(response, NoAnswer):
            logger.warning("wiseflow.call.no_answer method=%s path=%s kind=%s", method, path, response.kind)
            return
        is_fault = response.status >= 400 and response.status != expected
        level = logging.WARNING if is_fault else logging.DEBUG if method == "GET" else logging.INFO
        trace = response.headers.get("x-trace-id", "-")
        logger.log(level, "wiseflow.call method=%s path=%s status=%s trace=%s", method, path, response.status, trace)

    def _read(self, response: Answer, model: Any) -> Any:
        return self._validated(response, _opened(response, _json(response)), model)

    def _validated(self, response: Answer, data: Any, model: Any) -> Any:
        adapter = _adapters.get(model)
        if adapter is None:
            adapter = _adapters[model] = TypeAdapter(model)
        try:
            return adapter.validate_python(data)
        except ValidationError as error:
            # Where and why, without the value: it may be somebody's national id.
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "-"
            raise not_understood(response, f"{where}: {first['type']}") from None


def _json(response: Answer) -> Any:
    try:
        return response.json()
    except NotData as error:
        raise WiseflowError.not_data(response, error) from None


def _opened(response: Answer, body: Any) -> Any:
    """What is in the envelope, for both generations of endpoints: the older ones have none."""
    if not isinstance(body, dict) or "success" not in body:
        return body
    if body["success"] is False:
        raise WiseflowError.of("", response)
    return body.get("data")


def _page_facts(body: Any, limit: int) -> tuple[int | None, int]:
    """How many rows there are in all, if it is said, and how large a page is."""
    facts = body.get("pagination") if isinstance(body, dict) else None
    facts = facts if isinstance(facts, dict) else {}

    def number(key: str) -> int | None:
        try:
            return int(facts[key])
        except (KeyError, TypeError, ValueError):
            return None

    return number("total"), number("limit") or limit
