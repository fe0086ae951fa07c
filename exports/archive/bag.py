"""What makes the files of a package a bag (BagIt 1.0, RFC 8493): its declaration, what it says of itself, and its manifests.

The checksums were taken while the files were written, so that ten gigabytes are not read a second time for them. That the bag is whole is
then looked at: on disk by the Library of Congress's own validator.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, Sum
from django.utils import timezone

from exports.archive.paths import in_manifest
from exports.archive.stores import Disk, Store
from exports.models import Package, PackageFile
from ladokflow import __version__

DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST, TAGS = "manifest-sha256.txt", "tagmanifest-sha256.txt"
ROWS = 500


@dataclass(frozen=True)
class Figures:
    files: int
    size: int
    missing: int


def figures_of(package: Package) -> Figures:
    found = PackageFile.objects.filter(package=package).aggregate(
        files=Count("pk", filter=~Q(sha256="")), size=Sum("size"), missing=Count("pk", filter=Q(sha256=""))
    )
    return Figures(found["files"], found["size"] or 0, found["missing"])


class TagFiles:
    """(path, content) of each, the tag manifest last: it is of what was read of those before."""

    def __init__(self, package: Package, figures: Figures) -> None:
        self._package, self._figures = package, figures
        self._digests: dict[str, str] = {}

    @property
    def manifest_sha256(self) -> str:
        """Once it has been read."""
        return self._digests[MANIFEST]

    def __iter__(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        self._digests.clear()
        yield "bagit.txt", self._told("bagit.txt", [DECLARATION])
        yield "bag-info.txt", self._told("bag-info.txt", info_of(self._package, self._figures))
        yield MANIFEST, self._told(MANIFEST, manifest_of(self._package))
        yield TAGS, (f"{digest}  {path}\n".encode() for path, digest in sorted(self._digests.items()))

    def _told(self, path: str, parts: Iterable[str]) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for part in parts:
            encoded = part.encode()
            digest.update(encoded)
            yield encoded
        self._digests[path] = digest.hexdigest()


def tag_files(package: Package, figures: Figures) -> TagFiles:
    return TagFiles(package, figures)


def manifest_of(package: Package) -> Iterator[str]:
    rows = PackageFile.objects.filter(package=package).exclude(sha256="").order_by("path")
    for path, digest in rows.values_list("path", "sha256").iterator(chunk_size=ROWS):
        yield f"{digest}  {in_manifest(path)}\n"


def info_of(package: Package, figures: Figures) -> list[str]:
    flow = package.flow
    codes = ", ".join(flow.codes.order_by("position").values_list("code", flat=True))
    today: dt.date = timezone.now().astimezone(flow.source.tz).date()
    facts = {
        "Source-Organization": flow.source.name,
        "External-Description": flow.title,
        "External-Identifier": f"{flow.source.slug}/{flow.wiseflow_id} {codes}",
        "Internal-Sender-Identifier": str(package.pk),
        "Bagging-Date": today.isoformat(),
        "Bag-Software-Agent": f"LadokFlow {__version__}",
        "Payload-Oxum": f"{figures.size}.{figures.files}",
    }
    return [f"{name}: {' '.join(value.split())}\n" for name, value in facts.items()]


def check(package: Package, store: Store, tick: Callable[[], None]) -> None:
    """OSError where a file is not in the store, or not as long as it was written."""
    rows = PackageFile.objects.filter(package=package).exclude(sha256="")
    stored = store.sizes(package.place)
    for path, size in rows.values_list("path", "size").iterator(chunk_size=ROWS):
        tick()
        if stored.get(path) != size:
            raise OSError(f"{path} is not as long as it was written")
    if isinstance(store, Disk):
        _validate(str(store.root(package.place)))


def _validate(folder: str) -> None:
    """By structure, and by what is there and what is not: the bytes were counted and digested when they were written."""
    from bagit import Bag, BagError

    try:
        Bag(folder).validate(completeness_only=True)
    except BagError as error:
        raise OSError(f"the bag is not valid: {error}") from error
