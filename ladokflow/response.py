"""What came back for one request: read to its end and within bounds, or not at all.

The wire is not to be trusted. Of a transfer that was cut anywhere nothing is read; its size is held while it is read, and once more
while it is unpacked; and what its JSON holds can be stored in any database and shown on any page, or it is no JSON.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

MAX_BODY_BYTES = 64 * 1024 * 1024  # of the transfer, and again of what is unpacked from it
MAX_PARTS = 100  # of a gzip body
MAX_VALUES = 2_000_000  # in one JSON document: an empty list takes three bytes on the wire and sixty of memory
MAX_DEPTH = 64
PARTIAL = 206
WHOLE_NUMBERS = range(-(2**63), 2**63)  # what a column holds

_SAID_CHARSET = re.compile(r"charset=[\"']?(iso-8859-1|latin-?1|windows-1252)\b", re.I)
# PostgreSQL stores neither; the halves of surrogate pairs cannot even leave as UTF-8.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
# In JSON they can only stand as escapes.
_MAY_BE_UNSTORABLE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_KIND = re.compile(r"(?:[a-zA-Z0-9][\w.+-]{0,30}/[a-zA-Z0-9][\w.+-]{0,40}(?=\s*(?:;|\Z)))?", re.ASCII)
_END_OF_HEAD = b"\n\r\n", b"\n\n"


class NotData(ValueError):
    """A body that is not JSON, or more of it than anybody would send."""


class Repeated(NotData):
    """JSON that gives one key twice: nobody can tell which of the two is meant."""


@dataclass(frozen=True)
class Answer:
    """What came back: headers with lower-case names, the body as it was before it was packed.

    That the body is all there is proven where the answer told its length (`content-length`, or in chunks). Where it did not, the
    transfer ended with the connection, and only what the body says of itself can show that nothing is missing.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """2xx, and not of a part only."""
        return 200 <= self.status < 300 and self.status != PARTIAL

    @property
    def is_proven_empty(self) -> bool:
        """It says itself that nothing is to come, and nothing came. A 204 has no body, unless it speaks of one."""
        length = self.headers.get("content-length", "0" if self.status == 204 else "").strip()
        return not self.body and length == "0" and "transfer-encoding" not in self.headers

    @property
    def tells_length(self) -> bool:
        """Whether the transfer was seen to be whole; else it was over when the connection was."""
        return self.status == 204 or "content-length" in self.headers or "transfer-encoding" in self.headers

    @property
    def kind(self) -> str:
        """The media type that it says it has, and "?" for anything else that stands in its place."""
        return _KIND.match(self.headers.get("content-type", "").strip())[0] or "?"  # type: ignore[index]

    @property
    def text(self) -> str:
        """The body for a person to look at; never fails, and can be stored."""
        return self.body.decode("utf-8", "replace").replace("\0", "")

    @property
    def is_data(self) -> bool:
        try:
            self.json()
        except NotData:
            return False
        return True

    def json(self) -> Any:
        """The body as JSON; NotData where it is not. UTF-8, but for peers that say `charset=iso-8859-1` and mean it.

        Stricter than Python's: no key twice, no NaN and no infinity, whole numbers that a column holds, no more than MAX_DEPTH
        levels; and without the characters that no database takes.
        """
        match = _SAID_CHARSET.search(self.headers.get("content-type", ""))
        try:
            text = self.body.decode(match[1] if match else json.detect_encoding(self.body))
            if sum(map(text.count, ",[{")) > MAX_VALUES:
                raise NotData("too many values")
            read = json.loads(
                text,
                object_pairs_hook=_object,
                parse_int=_whole_number,
                parse_float=_number,
                parse_constant=_constant,
            )
        except NotData:
            raise
        except (ValueError, RecursionError) as error:
            raise NotData(type(error).__name__) from None
        if not _is_within(read, MAX_DEPTH):
            raise NotData("too deep")
        return _storable(read) if _MAY_BE_UNSTORABLE.search(text) else read


@dataclass(frozen=True)
class NoAnswer:
    """No (whole) answer came. `sent` is False only where it is certain that nobody has read any of the request.

    `kind` is one of "address" (not allowed), "inside" (of our own network, and not named by the operator), "connect" (DNS, connection, TLS), "untrusted" (we do not trust the peer's
    certificate), "certificate" (the peer does not accept ours, or wants one), "timeout", "cut", "oversized" (more than
    MAX_BODY_BYTES), "garbled" (packed in a way that was not asked for, broken, or longer than it says).
    """

    kind: str
    sent: bool
    detail: str = ""


# --- The transfer


class _Unwhole(Exception):
    """`kind` as in NoAnswer."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail


def receive(response: httpx.Response, tail: bytes) -> Answer | NoAnswer:
    """The answer, once all of it is here. What the connection does in between is raised as httpx raises it.

    httpx sees to it that the length is met, or the last chunk is there; `tail` are the last bytes that came before the body was
    asked for.
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        packed = _transferred(response)
        answer = Answer(response.status_code, headers, _unpacked(packed, headers.get("content-encoding", "")))
        if not packed and answer.is_proven_empty and not tail.endswith(_END_OF_HEAD):
            raise _Unwhole("garbled", "longer than it says")
        return answer
    except _Unwhole as error:
        return NoAnswer(error.kind, sent=True, detail=error.detail)


def _transferred(response: httpx.Response) -> bytes:
    parts, size = [], 0
    # Not `iter_bytes`: it unpacks layer by layer without a limit, and takes the first half of a packed body for all of it.
    for part in response.iter_raw():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise _Unwhole("oversized", f"{MAX_BODY_BYTES}")
        parts.append(part)
    return b"".join(parts)


def _unpacked(packed: bytes, encodings: str) -> bytes:
    """At most one layer, of the two that we ask for."""
    layers = [name for each in encodings.split(",") if (name := each.strip().lower()) not in ("", "identity")]
    if not layers or not packed:
        return packed
    (layer, *more) = layers
    if more or layer not in ("gzip", "x-gzip", "deflate"):
        raise _Unwhole("garbled", ", ".join(layers)[:60])
    if layer == "deflate":
        # Most senders mean zlib's format, as they should; some leave its head and its checksum out.
        has_head = len(packed) > 1 and packed[0] & 0x0F == zlib.DEFLATED and int.from_bytes(packed[:2]) % 31 == 0
        return _inflated(packed, zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
    return _inflated(packed, zlib.MAX_WBITS | 16)


def _inflated(packed: bytes, window: int) -> bytes:
    """Unpacked to its end, checksum included. A gzip body may have several parts, one after the other."""
    body = bytearray()
    for _ in range(MAX_PARTS):
        part = zlib.decompressobj(window)
        try:
            body += part.decompress(packed, MAX_BODY_BYTES + 1 - len(body))
        except zlib.error as error:
            raise _Unwhole("garbled", str(error)[:60]) from None
        if len(body) > MAX_BODY_BYTES:
            raise _Unwhole("oversized", f"{MAX_BODY_BYTES}")
        if not part.eof:
            raise _Unwhole("cut", "unpacked to a part")
        if not part.unused_data:
            return bytes(body)
        if not window & 16:
            break
        packed = part.unused_data
    raise _Unwhole("garbled", "bytes after the end")


# --- JSON


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise Repeated("a key twice")
    return read


def _whole_number(text: str) -> int:
    if len(text) > 20 or (number := int(text)) not in WHOLE_NUMBERS:
        raise NotData("a number without bounds")
    return number


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotData("a number without bounds")
    return number


def _constant(text: str) -> Any:
    raise NotData(text)


def _is_within(value: Any, levels: int) -> bool:
    """Whether lists and objects stand at most so many deep in each other. Level by level: most of what is read is not deep, but long."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return True
    return not level


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return _object([(_UNSTORABLE.sub("", key), _storable(each)) for key, each in value.items()])
    return value


# --- How long to wait


def seconds_in(value: str, now: float) -> float | None:
    """Of `Retry-After` and its like: seconds, a point in time as seconds since 1970, or a date. None for anything else."""
    try:
        number = float(value)
    except ValueError:
        try:
            return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
    if not math.isfinite(number) or number < 0:
        return None
    return max(0.0, number - now) if number > 1_000_000_000 else number


def retry_after(headers: Mapping[str, str]) -> float | None:
    return seconds_in(headers.get("retry-after", ""), time.time())
