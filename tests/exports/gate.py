"""TLS in front of a world, with a gate: one connection is held before its handshake, until a test lets it go on.

Whoever is held has marked its attempt, is connected, and has not sent a byte: the moment at which a sender may be too late.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path

from tests.ladok.test_certificates import identity


class Gate:
    """`held` is the number of the connection that is held, the first being 1: an attempt reads Ladok's list on one of its own
    before it sends on another. `trust` is the file of the authority."""

    def __init__(self, folder: Path, to: str, *, held: int = 2) -> None:
        authority = identity("CA")
        self.trust = folder / "authority.pem"
        self.trust.write_text(authority.public)
        (folder / "ladok.pem").write_text(identity("ladok", authority).pem())
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(str(folder / "ladok.pem"))
        self._to = int(to.rpartition(":")[2])
        self._held = held
        self.arrived, self.opened = threading.Event(), threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self.opened.set()
        self._listening.close()

    def _serve(self) -> None:
        count = 0
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            count += 1
            threading.Thread(target=self._relay, args=(peer, count == self._held), daemon=True).start()

    def _relay(self, peer: socket.socket, is_held: bool) -> None:
        if is_held:
            self.arrived.set()
            self.opened.wait(60)
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(peer, server_side=True) as near,
            socket.create_connection(("127.0.0.1", self._to)) as far,
        ):
            threading.Thread(target=_copy, args=(far, near), daemon=True).start()
            _copy(near, far)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
