"""Answers of a real service, kept as they came, and given again as fast as a client takes them."""

from __future__ import annotations

import http.client
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import local_http
from local_http import Quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_SECONDS: Final = 300


@dataclass
class Recording:
    """The answers to GET requests of one service by path; what is not there yet is asked of ``target``."""

    target: str
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    is_over: bool = False

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """Return a kept answer, or the service's own; 404 where nothing is asked of it any more."""
        if path in self.answers or self.is_over:
            return self.answers.get(path, (404, b"{}"))
        split = urlsplit(self.target)
        connection = http.client.HTTPConnection(str(split.hostname), split.port, timeout=_PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            self.answers[path] = (response.status, response.read())
        finally:
            connection.close()
        return self.answers[path]


@contextmanager
def serving(recording: Recording) -> Iterator[str]:
    """Have a server before a recording; yields its URL."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            passed = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
            status, body = recording.answer(self.path, passed)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with local_http.serving(Handler) as port:
        yield f"http://127.0.0.1:{port}"
