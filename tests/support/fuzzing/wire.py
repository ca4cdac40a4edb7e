"""The far side of a network: services that answer what an input says, at once, by a clock of its own.

The products' own clients do all they do for a real service but for the bytes, which come from the input.
"""

from __future__ import annotations

import io
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch
from urllib.parse import parse_qsl

import requests
from fuzzing.rows import AT

from collectors.remote.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET: Final = "IOLEDGER_FUZZ_SECRET"  # noqa: S105 - a name
ANSWER_SECONDS: Final = 0.02

_HEADER: Final = re.compile(rb"^--- ([^\n]+)\n", re.MULTILINE)


@dataclass
class Clock:
    """Stands at one time for rows, and goes on with each request and wait for the run's limit."""

    elapsed: float = 0.0

    def now(self) -> datetime:
        return AT

    def boottime_us(self) -> int:
        return 86_400_000_000

    def boot_id(self) -> str:
        return "boot-1"

    def monotonic(self) -> float:
        self.elapsed += ANSWER_SECONDS
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += max(0.0, seconds)


@contextmanager
def unhurried() -> Iterator[None]:
    """Let waits for a service pass at once."""
    clock = Clock()
    with (
        patch.dict(Calls.__init__.__kwdefaults__, monotonic=clock.monotonic, sleep=clock.sleep),
        patch.dict(os.environ, {SECRET: "battery staple"}),
    ):
        yield


def parts(data: bytes) -> dict[str, bytes]:
    """Cut an input into the answers of a service, each below a line with its name."""
    cut = _HEADER.split(data)
    return dict(zip([name.decode("latin-1") for name in cut[1::2]], cut[2::2], strict=False))


def joined(answers: dict[str, bytes | str]) -> bytes:
    """Make such an input."""
    return b"".join(
        b"--- %s\n%s\n" % (name.encode(), text if isinstance(text, bytes) else text.encode())
        for name, text in answers.items()
    )


def document(data: bytes) -> dict[str, Any] | None:
    """Return an input as an object of JSON, or None: then its bytes are the answer to everything."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


@contextmanager
def answering(answer: Callable[[str, str, dict[str, str]], tuple[int, bytes]]) -> Iterator[None]:
    """Have all that is built on requests get what ``answer`` says of a method, a URL and the form or query."""

    def send(_self: object, request: requests.PreparedRequest, **_options: object) -> requests.Response:
        url, _, query = str(request.url).partition("?")
        body = request.body if isinstance(request.body, str) else (request.body or b"").decode()
        response = requests.Response()
        response.status_code, content = answer(str(request.method), url, dict(parse_qsl(f"{query}&{body}")))
        response.headers.update({"Content-Type": "application/json", "Date": "Sat, 28 Nov 2026 12:00:00 GMT"})
        response._content = content  # noqa: SLF001 - as a requests adapter sets it
        response.raw = io.BytesIO(content)
        response.request, response.url, response.reason = request, url, "fuzzed"
        response.elapsed = timedelta()
        return response

    with patch.object(requests.adapters.HTTPAdapter, "send", send):
        yield
