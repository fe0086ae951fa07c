"""WISEflow's limits per credential: 200 requests in a second and 5,000 in a minute, for all threads and processes together.

The count is kept in Redis where there is one, else in a file in DATA_DIR, which reaches the processes of one machine. When
WISEflow says 429, everybody with that credential waits. A store that fails never stops the work: WISEflow's own 429 is
still there, and is obeyed.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from django.conf import settings
from pyrate_limiter import AbstractBucket, Duration, Rate, RateItem, SQLiteBucket

from ladokflow import tallies
from ladokflow.response import seconds_in
from ladokflow.wiseflow.auth import credential_key

logger = logging.getLogger(__name__)

# Below the limits by what may be under way (`WISEFLOW_CONCURRENCY`, of three workers and more): requests that leave us evenly may
# arrive together, with 190 a second two workers met 429.
RATES = ((170, Duration.SECOND), (4_900, Duration.MINUTE))
LONGEST_WINDOW = max(int(window) for _, window in RATES)  # milliseconds
LEAK_EVERY_SECONDS = 10.0
LOCK_SECONDS = 5.0
# The limits are per second and per minute: who asks for more has made a mistake, and must not stop a licence for a day.
LONGEST_PAUSE_SECONDS = 600.0
SHORTEST_PAUSE_SECONDS = 0.5


class TooLong(Exception):
    """A turn would come too late for the caller; `seconds` is how long it would take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = math.ceil(seconds)


class StoreFailed(Exception):
    """A store other than a file cannot be used now."""


class Store(Protocol):
    """Where all that use a credential count together. OSError, sqlite3.Error or StoreFailed where it cannot be used."""

    def take(self) -> float:
        """0 if the request may go now, and it is counted; else the seconds until it is worth asking again."""

    def pause(self, seconds: float) -> None:
        """Nobody may go for that long."""


class Limit:
    """The limits of one credential."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._paused_until = 0.0

    def wait(self, *, until: float) -> None:
        """Return when a request may be sent. TooLong, at once, when that would be after `until` (monotonic seconds)."""
        began = time.monotonic()
        has_waited = False
        while (delay := self.take()) > 0:
            if time.monotonic() + delay > until:
                raise TooLong(delay)
            has_waited = True
            # Short naps: another process may have been told to pause meanwhile.
            time.sleep(min(delay, 1.0))
        if has_waited:
            tallies.count(tallies.LIMIT_WAITS)
            tallies.count(tallies.LIMIT_MILLISECONDS, by=round((time.monotonic() - began) * 1000))

    def obey(self, headers: Mapping[str, str]) -> None:
        """WISEflow has said 429."""
        seconds = min(max(pause_in(headers), SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        logger.warning("wiseflow.limit.reached seconds=%.1f", seconds)
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)
        with self._going_on():
            self._store.pause(seconds)

    def take(self) -> float:
        """0 if a request may go now, and it is counted; else the seconds until it is worth asking again."""
        if (pause := self._paused_until - time.monotonic()) > 0:
            return pause
        with self._going_on():
            return self._store.take()
        return 0.0

    @contextlib.contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, StoreFailed, OSError) as error:
            logger.warning("wiseflow.limit.store_failed kind=%s", type(error.__cause__ or error).__name__)


def pause_in(headers: Mapping[str, str], now: float | None = None) -> float:
    """Seconds to wait after a 429. Header names are lower case, as in Answer."""
    now = time.time() if now is None else now
    names = ["retry-after"]
    # Of the two windows the one that is used up tells; a minute's is no reason to wait when only the second's is.
    for window in ("minute", "second"):
        if headers.get(f"x-ratelimit-{window}-remaining", "").strip() == "0":
            names.append(f"x-ratelimit-{window}-reset")
    names += ["ratelimit-reset", "x-ratelimit-second-reset", "x-ratelimit-minute-reset"]
    for name in names:
        seconds = seconds_in(headers.get(name, ""), now)
        if seconds is not None:
            return seconds
    return 1.0


class Counting:
    """One bucket, used by one thread of this process at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._leak_at = 0.0

    def count(self, bucket: AbstractBucket, name: str) -> float:
        now = time.time_ns() // 1_000_000
        if time.monotonic() >= self._leak_at:
            self._leak_at = time.monotonic() + LEAK_EVERY_SECONDS
            bucket.leak(now)
        item = RateItem(name, now)
        if bucket.put(item):
            return 0.0
        milliseconds = int(bucket.waiting(item))  # type: ignore[arg-type]
        if milliseconds > LONGEST_WINDOW:
            # Counted by a clock that was ahead: such calls would hold everybody until it is that late.
            bucket.flush()
            bucket.put(item)
            return 0.0
        return max(milliseconds, 1) / 1000


def rates() -> list[Rate]:
    return [Rate(limit, interval) for limit, interval in RATES]


class FileStore(Counting):
    def __init__(self, path: Path, limits: list[Rate] | None = None, *, lock_seconds: float = LOCK_SECONDS) -> None:
        super().__init__()
        self._rates = limits or rates()
        self._lock_seconds = lock_seconds
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._bucket: SQLiteBucket | None = None
        self._file: int | None = None

    def take(self) -> float:
        with self._held() as bucket:
            (until,) = bucket.conn.execute("SELECT max(until) FROM pause").fetchone()
            left = (until or 0.0) - time.time()
            # A clock that was set back must not stop us for longer than any pause lasts.
            return left if 0 < left <= LONGEST_PAUSE_SECONDS else self.count(bucket, "call")

    def pause(self, seconds: float) -> None:
        with self._held() as bucket:
            bucket.conn.execute("DELETE FROM pause WHERE until < ?", (time.time(),))
            bucket.conn.execute("INSERT INTO pause VALUES (?)", (time.time() + seconds,))
            bucket.conn.commit()

    @contextlib.contextmanager
    def _held(self) -> Iterator[SQLiteBucket]:
        """Reading the count and adding to it is one thing: a lock on a file keeps the other processes out."""
        with self._lock:
            if self._file is None:
                self._file = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _lock(self._file, self._lock_seconds)
            try:
                if self._bucket is None:
                    self._bucket = self._open()
                yield self._bucket
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _open(self) -> SQLiteBucket:
        bucket = SQLiteBucket.init_from_file(self._rates, table="calls", db_path=str(self._path))
        # Losing a count in a power cut costs nothing; waiting for the disk at every call would.
        bucket.conn.execute("PRAGMA journal_mode=WAL")
        bucket.conn.execute("PRAGMA synchronous=OFF")
        bucket.conn.execute("CREATE TABLE IF NOT EXISTS pause (until REAL)")
        bucket.conn.commit()
        return bucket


def _lock(file: int, seconds: float) -> None:
    """Take the lock, or go on without it when a process that is stuck holds it for long."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.002)
        else:
            return


_limits: dict[str, Limit] = {}
_of_the_parent: list[Limit] = []
_limits_lock = threading.Lock()


def _forget() -> None:
    """A forked worker opens its own files and connections. Closing the inherited ones could disturb its parent's."""
    global _limits_lock
    _of_the_parent.extend(_limits.values())
    _limits.clear()
    _limits_lock = threading.Lock()


os.register_at_fork(after_in_child=_forget)


def limit_for(*, base_url: str, kind: str, client_id: str, secret: str) -> Limit:
    """The limits of a credential: the same object for all clients of this process that use it."""
    return limit_named(credential_key(base_url=base_url, kind=kind, client_id=client_id, secret=secret))


def limit_named(key: str, limits: list[Rate] | None = None) -> Limit:
    """As `limit_for`, of anything else that is counted. `limits` go with the key; without, they are WISEflow's."""
    with _limits_lock:
        if key not in _limits:
            store: Store
            if settings.REDIS_URL:
                from ladokflow.wiseflow.limits_in_redis import RedisStore  # where there is one: it takes long to load

                store = RedisStore(settings.REDIS_URL, key, limits)
            else:
                store = FileStore(Path(settings.DATA_DIR) / "limits" / f"{key}.sqlite3", limits)
            _limits[key] = Limit(store)
        return _limits[key]
