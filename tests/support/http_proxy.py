"""A reverse proxy before a real service, which fails, hangs or answers itself where it is told to."""

from __future__ import annotations

import http.client
import re
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from local_http import Quiet, serving

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
"""Headers that concern one connection; source: RFC 9110, section 7.6.1."""

PATIENCE_SECONDS: Final = 120


@dataclass(frozen=True)
class Asked:
    """A request as it came: its method, its path with the query, and its body."""

    method: str
    path: str
    body: bytes

    def matches(self, pattern: str | None) -> bool:
        """Tell whether a pattern is found in the method and path, or in the body."""
        if pattern is None:
            return True
        text = f"{self.method} {self.path}\n{self.body.decode(errors='replace')}"
        return re.search(pattern, text) is not None


@dataclass
class _Knob:
    """What happens to the requests that match: to the ``nth`` kind of them alone, counted from 1, or to all.

    What ``is_spent_by_one`` happens to the first request that matches, and to no later one.
    """

    pattern: str | None
    nth: int | None = None
    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    is_spent_by_one: bool = False
    seen: list[Asked] = field(default_factory=list)

    def takes(self, asked: Asked) -> bool:
        if not asked.matches(self.pattern) or (self.is_spent_by_one and self.seen):
            return False
        if asked not in self.seen:
            self.seen.append(asked)
        return self.nth is None or self.seen.index(asked) + 1 == self.nth


class Proxy:
    """A running proxy; ``requests`` are those that came, in order."""

    def __init__(self, target: str, host_header: str | None) -> None:
        self._target = urlsplit(target)
        self._host_header = host_header or self._target.netloc
        self._knobs: list[_Knob] = []
        self._mended = threading.Event()
        self._lock = threading.Lock()
        self.requests: list[Asked] = []
        self.url = ""

    def fail(self, pattern: str | None = None, nth: int | None = None, status: int = 500) -> None:
        """Answer with an error: all that match, or the nth kind of request that does, however often it is made."""
        self._add(_Knob(pattern, nth, status, b"the proxy was told to fail"))

    def answer(
        self,
        pattern: str | None,
        body: bytes,
        status: int = 200,
        headers: dict[str, str] | None = None,
        nth: int | None = None,
    ) -> None:
        """Answer requests in the service's place; of several knobs that match the first that was set counts."""
        self._add(_Knob(pattern, nth, status, body, headers or {}))

    def answer_once(self, pattern: str | None, body: bytes, status: int = 200) -> None:
        """Answer the next request that matches in the service's place, and pass those after it."""
        self._add(_Knob(pattern, None, status, body, is_spent_by_one=True))

    def hang(self, pattern: str | None = None, nth: int | None = None) -> None:
        """Take requests and do not answer, until ``mend``."""
        self._add(_Knob(pattern, nth))

    def mend(self) -> None:
        """Pass everything through again, and let go of those that wait."""
        with self._lock:
            self._knobs.clear()
            self._mended.set()
            self._mended = threading.Event()

    def _add(self, knob: _Knob) -> None:
        with self._lock:
            self._knobs.append(knob)

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request, or close its connection without an answer."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        asked = Asked(handler.command, handler.path, body)
        with self._lock:
            self.requests.append(asked)
            knob = next((knob for knob in self._knobs if knob.takes(asked)), None)
            mended = self._mended
        if knob is None:
            _reply(handler, *self._forwarded(asked, handler))
        elif knob.status is None:
            mended.wait(PATIENCE_SECONDS)
            handler.close_connection = True
        else:
            _reply(handler, knob.status, list(knob.headers.items()), knob.body)

    def _forwarded(self, asked: Asked, handler: BaseHTTPRequestHandler) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(str(self._target.hostname), self._target.port, timeout=PATIENCE_SECONDS)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Host"] = self._host_header
        try:
            connection.request(asked.method, asked.path, asked.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        return answer.status, kept, body


def _reply(handler: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        handler.send_response_only(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


@contextmanager
def proxied(target: str, host_header: str | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Have a proxy before a service run for the block; ``host_header`` is what the service is told its name is.

    With ``tls`` it is one that speaks TLS.
    """
    proxy = Proxy(target, host_header)

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            proxy.handle(self)

        do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_GET  # noqa: N815 - http.server finds them by these names

    with serving(Handler, tls) as port:
        proxy.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        try:
            yield proxy
        finally:
            proxy.mend()
