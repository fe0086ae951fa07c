"""What files and folders are called in a package: readable on any system, and never leading out of it. Pure."""

from __future__ import annotations

import re
import unicodedata

PAYLOAD = "data"
PEOPLE = f"{PAYLOAD}/people"
LONGEST = 100
MOST_BYTES = 180  # of a part of a path: what most disks take for a name is 255 in all, and some letters are four

_UNSAFE = re.compile(r"[^\w@.+-]+")


def _plain(text: str) -> str:
    """Letters, digits and a few signs; no blank and no dot at either end."""
    normal = unicodedata.normalize("NFC", text)
    short = _UNSAFE.sub("_", normal).strip("._- ")[:LONGEST]
    return short.encode()[:MOST_BYTES].decode(errors="ignore").strip("._- ")


def folder_of(organisation_id: str, number: int) -> str:
    """A person's, by organisation id; `number` is the participant's in WISEflow, for who has none."""
    return _plain(organisation_id) or f"participant-{number}"


def file_name(number: int, name: str) -> str:
    """A file's, by its id in WISEflow: two with the same name are two files."""
    stem, dot, ending = name.rpartition(".")
    stem, ending = (_plain(stem), _plain(ending)[:10]) if dot else (_plain(name), "")
    return f"{number}-{stem or 'file'}" + (f".{ending}" if ending else "")


def in_manifest(path: str) -> str:
    """As BagIt writes a path (RFC 8493, 2.1.3)."""
    return path.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")
