"""Where packages are: in a folder of their own, or in S3-compatible storage. Nothing passes through memory as a whole.

A file is written beside the store first, and put into it when it is whole: what a dead worker leaves is no part of any package.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from exports.models import Package
from ladokflow.http import fault_of

CHUNK = 256 * 1024
PART_BYTES = 16 * 1024 * 1024  # of an upload: the most of a file that is held at a time, by each of two threads
KEYS_AT_ONCE = 1000


@dataclass(frozen=True)
class Written:
    size: int
    sha256: str


class Store(Protocol):
    """OSError where it does not do what it is asked for, FileNotFoundError where a file is not there."""

    kind: str

    def put(self, place: str, path: str, spooled: Path) -> None:
        """Take a whole file over; one of the same path is replaced."""

    def read(self, place: str, path: str) -> Iterator[bytes]:
        """A part at a time."""

    def size(self, place: str, path: str) -> int: ...

    def sizes(self, place: str) -> dict[str, int]:
        """By path, of all that there is of a package."""

    def drop(self, place: str, path: str) -> None:
        """One file."""

    def remove(self, place: str) -> None:
        """All of a package; safe to be done again."""


class Disk:
    kind: str = Package.Store.DISK

    def root(self, place: str) -> Path:
        return private(Path(settings.ARCHIVE_DIR)) / "packages" / place

    def put(self, place: str, path: str, spooled: Path) -> None:
        target = self.root(place) / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        spooled.replace(target)

    def read(self, place: str, path: str) -> Iterator[bytes]:
        with (self.root(place) / path).open("rb") as file:
            while part := file.read(CHUNK):
                yield part

    def size(self, place: str, path: str) -> int:
        return (self.root(place) / path).stat().st_size

    def sizes(self, place: str) -> dict[str, int]:
        root = self.root(place)
        files = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in files}

    def drop(self, place: str, path: str) -> None:
        (self.root(place) / path).unlink(missing_ok=True)

    def remove(self, place: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.root(place))


class S3:
    kind: str = Package.Store.S3

    def __init__(self) -> None:
        if settings.ARCHIVE_S3_ENDPOINT and fault_of(httpx.URL(settings.ARCHIVE_S3_ENDPOINT)):
            raise ImproperlyConfigured(
                "ARCHIVE_S3_ENDPOINT must begin with https://, or its host stand in PLAIN_HTTP_HOSTS; one that leads inside stands in "
                "INSIDE_HOSTS."
            )

    @cached_property
    def _client(self) -> Any:
        return _client()  # takes long to load: only for whoever puts something there, or takes it

    def _key(self, place: str, path: str) -> str:
        return "/".join(part for part in (settings.ARCHIVE_S3_PREFIX.strip("/"), place, path) if part)

    def put(self, place: str, path: str, spooled: Path) -> None:
        key, size = self._key(place, path), spooled.stat().st_size
        from boto3.s3.transfer import TransferConfig

        parts = TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=2)
        with _refusals_as_files(), spooled.open("rb") as file:
            self._client.upload_fileobj(file, settings.ARCHIVE_S3_BUCKET, key, Config=parts)
        if self.size(place, path) != size:
            raise OSError(f"{key} is not as long in the store as it was")
        spooled.unlink()

    def read(self, place: str, path: str) -> Iterator[bytes]:
        with _refusals_as_files():
            answer = self._client.get_object(Bucket=settings.ARCHIVE_S3_BUCKET, Key=self._key(place, path))
            with contextlib.closing(answer["Body"]) as body:
                yield from body.iter_chunks(CHUNK)

    def size(self, place: str, path: str) -> int:
        with _refusals_as_files():
            head = self._client.head_object(Bucket=settings.ARCHIVE_S3_BUCKET, Key=self._key(place, path))
        return int(head["ContentLength"])

    def sizes(self, place: str) -> dict[str, int]:
        start = len(self._key(place, "")) + 1
        return {row["Key"][start:]: int(row["Size"]) for page in self._pages(place) for row in page}

    def drop(self, place: str, path: str) -> None:
        with _refusals_as_files():
            self._client.delete_object(Bucket=settings.ARCHIVE_S3_BUCKET, Key=self._key(place, path))

    def remove(self, place: str) -> None:
        for page in self._pages(place):
            keys = [{"Key": row["Key"]} for row in page]
            with _refusals_as_files():
                self._client.delete_objects(Bucket=settings.ARCHIVE_S3_BUCKET, Delete={"Objects": keys, "Quiet": True})

    def _pages(self, place: str) -> Iterator[list[Any]]:
        with _refusals_as_files():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=settings.ARCHIVE_S3_BUCKET,
                Prefix=self._key(place, "") + "/",
                PaginationConfig={"PageSize": KEYS_AT_ONCE},
            )
            yield from (rows for page in pages if (rows := page.get("Contents")))


def _client() -> Any:
    import boto3
    from botocore.config import Config

    endpoint = settings.ARCHIVE_S3_ENDPOINT
    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=settings.ARCHIVE_S3_REGION or None,
        aws_access_key_id=settings.ARCHIVE_S3_ACCESS_KEY or None,
        aws_secret_access_key=settings.ARCHIVE_S3_SECRET_KEY or None,
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path"} if endpoint else {},
            # What others than Amazon do not know is left out.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextlib.contextmanager
def _refusals_as_files() -> Iterator[None]:
    """What the storage says, or that it says nothing, as what a disk would say."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("404", "NoSuchKey", "NotFound"):
            raise FileNotFoundError(errno.ENOENT, f"the storage answers {code}") from error
        raise OSError(errno.EIO, f"the storage answers {code}") from error
    except BotoCoreError as error:
        raise OSError(errno.EIO, f"the storage: {type(error).__name__}") from error


def current() -> Store:
    """Where new packages go."""
    return S3() if settings.ARCHIVE_S3_BUCKET else Disk()


def of(package: Package) -> Store:
    """Where a package is, whatever the settings say now."""
    return S3() if package.store == Package.Store.S3 else Disk()


# --- Beside the store ---------------------------------------------------------------------------------------------


def private(folder: Path) -> Path:
    """The folder, for this user alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class Spool:
    """Files of one package on their way into the store. Each worker has a folder of its own; what it leaves is swept away by the next."""

    def __init__(self, package: Package) -> None:
        self._mother = private(Path(settings.ARCHIVE_DIR)) / "spool" / str(package.pk)
        self._folder = self._mother / str(package.token)

    def __enter__(self) -> Spool:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._mother)
        self._folder.mkdir(parents=True, mode=0o700)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    @contextlib.contextmanager
    def file(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A new file; it is gone afterwards, unless it has been taken over."""
        number, name = tempfile.mkstemp(dir=self._folder)
        path = Path(name)
        try:
            with os.fdopen(number, "wb") as file:
                yield file, path
        finally:
            path.unlink(missing_ok=True)


def write(into: BinaryIO, parts: Iterable[bytes], tick: Callable[[], None]) -> Written:
    digest, size = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        size += into.write(part)
        tick()
    return Written(size, digest.hexdigest())


def settle(file: BinaryIO) -> None:
    """On disk, before it is believed to be."""
    file.flush()
    os.fsync(file.fileno())
