"""A server that answers with the bytes it is given, and then hangs up: for everything that no HTTP library would send."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import threading
import zlib
from collections.abc import Iterator


class RawServer:
    """`answer` is sent after the whole of each request has been read. What a test asks is in `requests`."""

    def __init__(self) -> None:
        self.answer = b""
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), peer:
                self.requests.append(_request(peer))
                peer.sendall(self.answer)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass


def _request(peer: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


def serving() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.stop()


# --- Bytes of answers

PACKINGS = {
    "plain": lambda body: body,
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
    "raw-deflate": lambda body: (packer := zlib.compressobj(wbits=-15)).compress(body) + packer.flush(),
}
FRAMINGS = ("length", "chunks", "close")


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def answer_bytes(
    body: bytes, *, status: int = 200, framing: str = "length", packing: str = "plain", more: str = ""
) -> bytes:
    packed = PACKINGS[packing](body)
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\n{more}"
    if packing != "plain":
        head += f"Content-Encoding: {packing.removeprefix('raw-')}\r\n"
    if framing == "length":
        head += f"Content-Length: {len(packed)}\r\n"
    if framing == "chunks":
        head += "Transfer-Encoding: chunked\r\n"
        packed = chunked(packed)
    return f"{head}\r\n".encode() + packed


EVERY_FORM = tuple(itertools.product(FRAMINGS, PACKINGS))
