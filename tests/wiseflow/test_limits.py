import fcntl
import multiprocessing
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
import redis
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from ladokflow.wiseflow.limits import RATES, FileStore, Limit, Store, TooLong, pause_in
from ladokflow.wiseflow.limits_in_redis import RedisStore
from tests.wiseflow.conftest import envelope

PER_SECOND = RATES[0][0]


def take_for(path, count, results):
    """Runs in a process of its own: `count` turns, as fast as they are given."""
    limit = Limit(FileStore(path))
    for _ in range(count):
        limit.wait(until=time.monotonic() + 120)
    results.put(count)


def most_in_a_second(path):
    """Of the moments at which turns were given: when whoever had one came to it is the scheduler's affair."""
    with sqlite3.connect(path) as file:
        moments = [moment / 1000 for (moment,) in file.execute("SELECT item_timestamp FROM calls ORDER BY 1")]
    assert len(moments) == 450
    return max(sum(1 for later in moments[n : n + 400] if later - first < 0.95) for n, first in enumerate(moments))


def test_what_two_workers_have_under_way_fits_between_our_limit_and_wiseflows():
    """Turns are given evenly, and requests may still arrive together: so many as are under way, and WISEflow counts them then."""
    under_way = 3 * settings.WISEFLOW_CONCURRENCY  # with a page, or another worker, beside them
    assert [limit + under_way <= most for (limit, _), most in zip(RATES, (200, 5_000), strict=True)] == [True, True]


def test_threads_and_processes_share_the_limit_of_a_second(tmp_path):
    context, path = multiprocessing.get_context("spawn"), tmp_path / "limit.sqlite3"
    results = context.Queue()
    workers = [context.Process(target=take_for, args=(path, 150, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    here = Limit(FileStore(path))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: here.wait(until=time.monotonic() + 120), range(150)))
    assert [results.get(timeout=120) for _ in workers] == [150, 150]
    for worker in workers:
        worker.join(timeout=120)
    assert most_in_a_second(path) <= PER_SECOND


def test_limit_of_a_minute_is_kept_too(tmp_path):
    store = FileStore(tmp_path / "limit.sqlite3")
    assert store.take() == 0
    now = time.time_ns() // 1_000_000
    with sqlite3.connect(tmp_path / "limit.sqlite3") as file:
        file.executemany("INSERT INTO calls VALUES ('call', ?)", [(now - 30_000 - n,) for n in range(RATES[1][0])])
    assert 5 < store.take() < 40


@pytest.mark.parametrize("ahead", [120, 3_600, 20 * 365 * 86_400])
@pytest.mark.parametrize("kept", ["file", "redis"])
def test_calls_that_a_clock_has_counted_which_was_ahead_hold_nobody(kept, ahead, tmp_path, request):
    moments = [time.time_ns() // 1_000_000 + ahead * 1000 + n for n in range(PER_SECOND)]
    store: Store
    if kept == "file":
        store = FileStore(tmp_path / "limit.sqlite3")
        store.take()
        with sqlite3.connect(tmp_path / "limit.sqlite3") as file:
            file.executemany("INSERT INTO calls VALUES ('call', ?)", [(moment,) for moment in moments])
    else:
        url, key = request.getfixturevalue("redis_url"), str(time.time_ns())
        store = RedisStore(url, key)
        store.take()
        redis.Redis.from_url(url).zadd(
            f"ladokflow:calls:{key}", {f"call{n}": moment for n, moment in enumerate(moments)}
        )
    assert store.take() == 0


def test_pause_that_one_process_is_told_holds_for_another(tmp_path):
    one, other = Limit(FileStore(tmp_path / "limit.sqlite3")), Limit(FileStore(tmp_path / "limit.sqlite3"))
    other.wait(until=time.monotonic())
    one.obey({"retry-after": "200"})
    with pytest.raises(TooLong) as caught:
        other.wait(until=time.monotonic() + 5)
    assert 150 <= caught.value.seconds <= 200


def test_pause_and_count_are_shared_over_redis(redis_url):
    key = str(time.time_ns())
    one, other = Limit(RedisStore(redis_url, key)), Limit(RedisStore(redis_url, key))
    started = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: (one, other)[n % 2].wait(until=started + 30), range(PER_SECOND + 20)))
    assert 1 <= time.monotonic() - started < 25
    one.obey({"retry-after": "200"})
    with pytest.raises(TooLong):
        other.wait(until=time.monotonic() + 5)


def test_restarted_redis_that_has_forgotten_everything_is_used_again(redis_url):
    store = RedisStore(redis_url, str(time.time_ns()))
    limit = Limit(store)
    limit.wait(until=time.monotonic() + 5)
    redis.Redis.from_url(redis_url).script_flush()
    limit.wait(until=time.monotonic() + 5)
    assert store.take() == 0


@pytest.mark.parametrize("store", ["redis", "file"])
def test_store_that_fails_does_not_stop_the_work(tmp_path, store, caplog):
    if store == "redis":
        limit = Limit(RedisStore("redis://127.0.0.1:1/0", "x"))
    else:
        (tmp_path / "limit.sqlite3").write_bytes(b"this is no database" * 100)
        limit = Limit(FileStore(tmp_path / "limit.sqlite3"))
    started = time.monotonic()
    limit.wait(until=started + 1)
    limit.obey({"retry-after": "1"})
    limit.wait(until=started + 10)
    assert time.monotonic() - started >= 1


def test_process_that_is_stuck_with_the_lock_does_not_stop_the_others(tmp_path):
    store = FileStore(tmp_path / "limit.sqlite3", lock_seconds=0.2)
    with (tmp_path / "limit.lock").open("w") as stuck:
        fcntl.flock(stuck, fcntl.LOCK_EX)
        assert store.take() == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7", "ratelimit-reset": "3"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": formatdate(1_800_000_012, usegmt=True)}, 12),
        ({"ratelimit-reset": "3"}, 3),
        ({"ratelimit-reset": "1800000005"}, 5),
        ({"x-ratelimit-minute-remaining": "0", "x-ratelimit-minute-reset": "41", "x-ratelimit-second-reset": "1"}, 41),
        ({"x-ratelimit-second-remaining": "0", "x-ratelimit-second-reset": "1", "x-ratelimit-minute-reset": "41"}, 1),
        ({"x-ratelimit-second-remaining": "0", "x-ratelimit-second-reset": "1", "ratelimit-reset": "41"}, 1),
        ({"x-ratelimit-minute-reset": "9"}, 9),
        ({"retry-after": "soon", "ratelimit-reset": "-3"}, 1),
        ({"retry-after": "nan"}, 1),
        ({"retry-after": "-5"}, 1),
        ({"retry-after": "1e999"}, 1),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 -0000"}, 0),
        ({"retry-after": formatdate(1_700_000_000, usegmt=True)}, 0),
        ({}, 1),
    ],
)
def test_pause_is_as_long_as_the_headers_say(headers, seconds):
    assert pause_in(headers, now=1_800_000_000) == seconds


@given(
    st.dictionaries(
        st.sampled_from(["retry-after", "ratelimit-reset", "x-ratelimit-minute-reset"]), st.text(max_size=30)
    )
)
def test_no_header_whatever_makes_the_pause_fail(headers):
    assert pause_in(headers) >= 0


def test_many_calls_at_once_stay_within_the_limit_and_all_get_through(peer, make_client):
    peer.answer("GET", "/webhooks", envelope([]))
    client = make_client()
    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: client.webhooks(), range(260)))
    assert len(peer.asked("GET", "/webhooks")) == 260
    assert time.monotonic() - started >= 1
