"""The count of calls where all machines reach it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from pyrate_limiter import Rate, RedisBucket

from ladokflow.wiseflow.limits import Counting, StoreFailed, rates


class RedisStore(Counting):
    def __init__(self, url: str, key: str, limits: list[Rate] | None = None) -> None:
        super().__init__()
        self._rates = limits or rates()
        self._redis = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        self._calls, self._pause = f"ladokflow:calls:{key}", f"ladokflow:pause:{key}"
        self._bucket: RedisBucket | None = None

    def take(self) -> float:
        with self._lock, self._failing():
            left = self._redis.pttl(self._pause)
            if left > 0:
                return float(left) / 1000
            if self._bucket is None:
                self._bucket = RedisBucket.init(self._rates, self._redis, self._calls)
            return self.count(self._bucket, "call")

    def pause(self, seconds: float) -> None:
        milliseconds = math.ceil(seconds * 1000)
        with self._failing():
            if milliseconds > self._redis.pttl(self._pause):
                self._redis.set(self._pause, "1", px=milliseconds)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            # A restarted Redis has forgotten the bucket's script.
            self._bucket = None
            raise StoreFailed from error
