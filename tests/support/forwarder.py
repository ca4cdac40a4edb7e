"""A TCP forwarder on loopback whose connections can be made to stall, as behind a firewall that forgot them."""

from __future__ import annotations

import math
import selectors
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES = 1 << 16


class Forwarder:
    """Forwards what arrives at ``port`` to another port, and the answers back."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepted = 0
        self._first_flowing: float = 0
        self._ended = False

    def stall(self) -> None:
        """Accept connections and forward nothing any more."""
        self._first_flowing = math.inf

    def forget(self) -> None:
        """Forward nothing on the connections that there are, but everything on new ones."""
        self._first_flowing = self._accepted + 1

    @contextmanager
    def forwarding(self) -> Iterator[Forwarder]:
        """Forward in a thread of its own."""
        thread = threading.Thread(target=self._forward)
        thread.start()
        try:
            yield self
        finally:
            self._ended = True
            thread.join()

    def _forward(self) -> None:
        with selectors.DefaultSelector() as selector, self._listener:
            selector.register(self._listener, selectors.EVENT_READ)
            pairs: list[socket.socket] = []
            while not self._ended:
                for key, _ in selector.select(0.05):
                    if key.fileobj is self._listener:
                        self._accepted += 1
                        pairs += (pair := self._connected())
                        for end, other in (pair, pair[::-1]):
                            selector.register(end, selectors.EVENT_READ, (self._accepted, other))
                    elif not self._passed(key.fileobj, *key.data):  # type: ignore[arg-type]
                        selector.unregister(key.fileobj)
            for end in pairs:
                end.close()

    def _connected(self) -> tuple[socket.socket, socket.socket]:
        return self._listener.accept()[0], socket.create_connection(("127.0.0.1", self._target_port))

    def _passed(self, end: socket.socket, number: int, other: socket.socket) -> bool:
        """Pass on what has arrived; False where nothing more will."""
        if number < self._first_flowing:
            return False
        with suppress(OSError):
            if received := end.recv(_BYTES):
                other.sendall(received)
                return True
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)
        return False
