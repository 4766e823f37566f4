"""A cable to a server that can be cut: what a client sees when a server goes away."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit


class Cable:
    """Passes bytes between a port of 127.0.0.1 and a server, until it is cut.

    Attributes:
        uri: The server's address by way of the cable.
        cuts: Cut it at the next so many messages of a client that hold `mark`.
        mark: Bytes that tell the messages to wait for.
        whole: Set to False to refuse and drop all connections.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._server = (str(parts.hostname), int(parts.port or 0))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"bolt://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts, self.mark, self.whole = 0, b"", True
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Drop all connections now, and refuse new ones until `mend`."""
        self.whole = False
        for pair in self._pairs:
            _drop(*pair)
        self._pairs.clear()

    def mend(self) -> None:
        """Let connections through again."""
        self.whole = True

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if not self.whole:
                    client.close()
                    continue
                pair = client, socket.create_connection(self._server)
                self._pairs.append(pair)
                for source, target in (pair, pair[::-1]):
                    arguments = (source, target, source is client)
                    threading.Thread(target=self._pass_on, args=arguments, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if asks and self.cuts and self.mark in data:
                    self.cuts -= 1
                    break
                target.sendall(data)
        _drop(source, target)


def _drop(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
