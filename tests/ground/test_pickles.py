"""What lies in the cache and in the queue's tables is not run, whoever has put it there."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from django.core import signing
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_q.models import Failure, Task
from django_q.signing import SignedPackage

from ladokflow.messages import message
from tests.factories import UserFactory


class Trap:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def cache(redis_url: str, settings: Any) -> Any:
    options = {"serializer": "ladokflow.cache_serializer.SignedSerializer"}
    backend = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_url, "OPTIONS": options}
    settings.CACHES = {"default": backend}
    made = caches["default"]
    made.clear()
    yield made
    made.clear()


def test_the_cache_in_redis_gives_back_what_was_put_there_and_counts(cache: Any) -> None:
    value = ([1, "två"], message("remote.timeout", system="Ladok", seconds=3))
    cache.set("a", value)
    assert cache.get("a") == value
    cache.add("n", 0, timeout=60)
    assert (cache.incr("n"), cache.get("n")) == (1, 1)
    assert cache.get("nothing") is None


def test_what_somebody_else_has_put_into_redis_is_not_opened(cache: Any, tmp_path: Path) -> None:
    made = tmp_path / "made"
    client = cache._cache.get_client(None, write=True)
    key = cache.make_and_validate_key("a")
    forged = base64.urlsafe_b64encode(pickle.dumps(Trap(made))).decode().rstrip("=")
    for value in (
        pickle.dumps(Trap(made)),
        forged,
        f"{forged}:1tz:abc",
        signing.TimestampSigner(salt="another").sign(forged),
    ):
        client.set(key, value)
        with pytest.raises((signing.BadSignature, ValueError)):
            cache.get("a")
    assert not made.exists()


def test_the_application_has_its_cache_in_redis_signed() -> None:
    from ladokflow import settings as module

    text = Path(module.__file__ or "").read_text()
    assert '"serializer": "ladokflow.cache_serializer.SignedSerializer"' in text


def test_an_entry_of_the_queue_that_we_have_not_signed_is_not_opened(tmp_path: Path) -> None:
    made = tmp_path / "made"
    forged = signing.b64_encode(pickle.dumps(Trap(made))).decode()
    for value in (
        forged,
        f"{forged}:{'x' * 43}",
        signing.TimestampSigner(key="another", salt="django_q.q").sign(forged),
    ):
        with pytest.raises(signing.BadSignature):
            SignedPackage.loads(value)
    assert not made.exists()


@pytest.mark.django_db
def test_what_a_failed_task_has_left_in_the_database_is_not_run_where_it_is_read(
    client: Client, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    facts = {"func": "exports.tasks.heartbeat", "started": timezone.now(), "stopped": timezone.now(), "success": False}
    Task.objects.create(id="1" * 32, name="plain", args=("7",), kwargs={}, result="Traceback", **facts)
    Task.objects.create(id="2" * 32, name="trap", args=("7",), kwargs={}, result="x", **facts)
    with connection.cursor() as cursor:
        trap = base64.b64encode(pickle.dumps(Trap(made))).decode()
        cursor.execute("UPDATE django_q_task SET result = %s, args = %s WHERE name = 'trap'", [trap, trap])
    rows = {row.name: row for row in Failure.objects.all()}
    assert (rows["plain"].args, rows["plain"].result) == (("7",), "Traceback")
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    assert client.get("/admin/django_q/failure/").status_code == 200
    assert client.get(f"/admin/django_q/failure/{'2' * 32}/change/").status_code == 200
    assert not made.exists()
