"""Packages in S3-compatible storage, against a server of its own; and where a package goes when it has been kept long enough."""

from __future__ import annotations

import datetime as dt
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bagit
import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from exports.archive import stores
from exports.archive.make import make_package
from exports.archive.request import remove_old, request_due, request_package
from exports.models import Package, PackageFile
from sources.models import AuditEntry, Flow, Source
from tests.exports.test_end_to_end import Exam

pytestmark = pytest.mark.django_db
MakeExam = Callable[..., Exam]
FlowOf = Callable[[Exam], Flow]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """moto's server, as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.fixture
def bucket(s3_server: str, settings: Any) -> Any:
    settings.ARCHIVE_S3_BUCKET, settings.ARCHIVE_S3_PREFIX = "arkiv", "ladokflow"
    settings.ARCHIVE_S3_ENDPOINT, settings.ARCHIVE_S3_REGION = s3_server, "us-east-1"
    settings.ARCHIVE_S3_ACCESS_KEY = settings.ARCHIVE_S3_SECRET_KEY = "only-for-tests"
    resource = boto3.resource(
        "s3",
        endpoint_url=s3_server,
        region_name="us-east-1",
        aws_access_key_id="only-for-tests",
        aws_secret_access_key="only-for-tests",
    )
    return resource.create_bucket(Bucket="arkiv")


def test_a_package_in_object_storage_is_the_same_bag_and_is_deleted_there(
    make_exam: MakeExam, flow_of: FlowOf, bucket: Any, tmp_path: Path, archive_dir: Path, settings: Any
) -> None:
    exam = make_exam(people=3)
    package = request_package(flow=flow_of(exam), trigger="command", enqueue=False)
    assert package.store == "s3"
    bucket.put_object(Key=f"ladokflow/{package.place}/data/left-behind.pdf", Body=b"x")
    bucket.put_object(Key="ladokflow/another", Body=b"stays")
    assert make_package(package.pk) == "ready"
    start = f"ladokflow/{package.place}/"
    for each in bucket.objects.filter(Prefix=start):
        target = tmp_path / "bag" / each.key.removeprefix(start)
        target.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(each.key, str(target))
    bagit.Bag(str(tmp_path / "bag")).validate()
    assert not [path for path in archive_dir.rglob("*") if path.is_file()]
    path = PackageFile.objects.filter(kind="document").first().path
    assert b"".join(stores.of(package).read(package.place, path)).startswith(b"%PDF")
    with pytest.raises(FileNotFoundError):
        list(stores.of(package).read(package.place, "data/none"))
    # Where it is does not follow the setting for new ones
    settings.ARCHIVE_RETENTION_DAYS = 1
    Package.objects.update(finished_at=timezone.now() - dt.timedelta(days=2))
    assert list(remove_old(timezone.now())) == [1]
    assert [each.key for each in bucket.objects.all()] == ["ladokflow/another"]


def test_storage_that_refuses_is_told_and_tried_again(
    make_exam: MakeExam, flow_of: FlowOf, bucket: Any, archive_dir: Path, settings: Any
) -> None:
    package = request_package(flow=flow_of(make_exam(people=1)), trigger="command", enqueue=False)
    settings.ARCHIVE_S3_BUCKET = "another"
    assert make_package(package.pk) == "queued"
    package.refresh_from_db()
    assert package.message["code"] == "archive.not_stored"
    assert "NoSuchBucket" in package.message["params"]["detail"]
    assert package.rests_until > timezone.now()
    store = stores.S3()
    tries: list[Callable[[], Any]] = [
        lambda: list(store.read(package.place, "x")),
        lambda: store.size(package.place, "x"),
        lambda: store.sizes(package.place),
        lambda: store.drop(package.place, "x"),
        lambda: store.remove(package.place),
    ]
    for attempt in tries:
        with pytest.raises(OSError, match="the storage answers"):
            attempt()


def test_storage_that_is_down_is_as_a_disk_that_cannot_be_read(bucket: Any, settings: Any) -> None:
    settings.ARCHIVE_S3_ENDPOINT = "http://127.0.0.1:9"
    with pytest.raises(OSError, match="the storage: EndpointConnectionError"):
        stores.S3().size("place", "x")


def test_an_address_without_tls_is_refused(settings: Any) -> None:
    settings.ARCHIVE_S3_BUCKET, settings.ARCHIVE_S3_ENDPOINT = "arkiv", "http://objects.example.se"
    with pytest.raises(ImproperlyConfigured):
        stores.current()


@pytest.mark.parametrize(
    ("own", "setting", "days", "is_gone"),
    [(None, 10, 9, False), (None, 10, 11, True), (20, 10, 11, False), (5, 0, 6, True), (None, 0, 4000, False)],
)
def test_a_package_is_kept_as_long_as_the_source_or_the_setting_says(
    make_exam: MakeExam,
    flow_of: FlowOf,
    archive_dir: Path,
    settings: Any,
    own: Any,
    setting: int,
    days: int,
    is_gone: bool,
) -> None:
    settings.ARCHIVE_RETENTION_DAYS = setting
    Source.objects.update(archive_days=own)
    package = request_package(flow=flow_of(make_exam(people=1)), trigger="command", enqueue=False)
    make_package(package.pk)
    Package.objects.update(finished_at=timezone.now() - dt.timedelta(days=days))
    list(remove_old(timezone.now()))
    package.refresh_from_db()
    assert (package.state == "removed") is is_gone
    assert (archive_dir / "packages" / package.place).exists() is not is_gone
    assert PackageFile.objects.exists() is not is_gone
    assert AuditEntry.objects.filter(message__code="audit.package_removed").exists() is is_gone


def test_the_schedule_makes_one_of_each_flow_that_is_old_enough(make_exam: MakeExam, flow_of: FlowOf) -> None:
    flow = flow_of(make_exam(people=1, marking_end_at=timezone.now() - dt.timedelta(days=3)))
    assert request_due() == 0  # nobody has switched it on
    Source.objects.update(archives_after_days=5)
    assert request_due() == 0
    Source.objects.update(archives_after_days=2)
    assert request_due() == 1
    assert request_due() == 0
    assert Package.objects.get(flow=flow).trigger == "schedule"
