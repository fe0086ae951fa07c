"""The wire of one exchange: the look before its first byte, and a deadline that holds at every byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ladokflow.http import Answer, NoAnswer, build_client, exchange
from ladokflow.transport import TooLate
from tests.ladok.test_certificates import identity

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """`connections` counts those that were made, TLS included; `got` is every byte of theirs that was read. It answers what has a
    whole head, or reads a little at a time and never answers."""

    def __init__(self, tls: ssl.SSLContext | None, *, is_slow: bool = False) -> None:
        self.connections, self.got, self._tls, self._is_slow = 0, b"", tls, is_slow
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listening.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def come_to_it(self) -> None:
        """Wait until it has met the first connection, and a moment more for what may have come on it."""
        ends = time.monotonic() + 30
        while not self.connections and time.monotonic() < ends:
            time.sleep(0.01)
        time.sleep(0.1)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(peer,), daemon=True).start()

    def _read(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), self._tls.wrap_socket(peer, server_side=True) if self._tls else peer as wire:
            self.connections += 1
            while data := wire.recv(20_000 if self._is_slow else 65536):
                self.got += data
                if self._is_slow:
                    time.sleep(0.02)
                elif b"\r\n\r\n" in self.got:
                    wire.sendall(ANSWER)


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext | None:
    if request.param == "plain":
        return None
    authority = identity("CA")
    (tmp_path / "ca.pem").write_text(authority.public)
    (tmp_path / "peer.pem").write_text(identity("peer", authority).pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(str(tmp_path / "peer.pem"))
    return context


@pytest.fixture
def peer(tls: ssl.SSLContext | None) -> Iterator[Peer]:
    peer = Peer(tls)
    yield peer
    peer.stop()


def test_the_last_look_comes_once_when_the_connection_is_there_and_nothing_has_left(peer: Peer) -> None:
    seen: list[tuple[int, bytes]] = []

    def look() -> None:
        peer.come_to_it()
        seen.append((peer.connections, peer.got))

    with build_client() as client:
        for number in (1, 2):
            came = exchange(client, "POST", peer.url, body=b"x" * 200_000, seconds=60, last_look=look)
            assert isinstance(came, Answer)
            assert len(seen) == number
    assert seen[0] == (1, b"")


@pytest.mark.parametrize("error", [TooLate, RuntimeError, SystemExit])
def test_what_the_last_look_raises_comes_out_and_no_byte_has_left(peer: Peer, error: type[BaseException]) -> None:
    def look() -> None:
        raise error

    with build_client() as client, pytest.raises(error):
        exchange(client, "POST", peer.url, body=b"{}", seconds=10, last_look=look)
    peer.come_to_it()
    assert (peer.connections, peer.got) == (1, b"")


def test_an_exchange_whose_time_is_over_before_its_first_byte_was_not_sent(peer: Peer) -> None:
    with build_client() as client:
        came = exchange(client, "POST", peer.url, body=b"{}", seconds=0.2, last_look=lambda: time.sleep(0.3))
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("connect", False)
    time.sleep(0.1)
    assert peer.got == b""


def test_a_peer_that_takes_the_body_little_by_little_does_not_keep_us_longer_than_the_deadline(
    tls: ssl.SSLContext | None,
) -> None:
    peer, began = Peer(tls, is_slow=True), time.monotonic()
    with build_client() as client:
        came = exchange(client, "POST", peer.url, body=b"x" * 50_000_000, seconds=3)  # it would take fifty
    peer.stop()
    assert isinstance(came, NoAnswer)
    assert (came.kind, came.sent) == ("timeout", True)
    assert time.monotonic() - began < 20
