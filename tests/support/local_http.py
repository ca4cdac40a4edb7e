"""Servers of HTTP on the loopback, in threads of the process that asks for them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler


class Quiet:
    """What handlers of requests have in common, which derive from this and from BaseHTTPRequestHandler."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Tests look at what was asked, and nobody at a log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake comes with the first read, lest a client that says nothing keep others waiting."""
        accepted, address = super().get_request()
        if self.tls is None:
            return accepted, address
        return self.tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Be quiet about clients that went away, or did not trust."""


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler],
    tls: ssl.SSLContext | None = None,
    address: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[int]:
    """Have a server run for the block, that speaks TLS with ``tls``; yields its port."""
    server = _Server(address, handler)
    server.tls = tls
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
