"""The source's side of a worker (``collectors.worker``): a process that answers in time, or is ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

INHERITED: Final = frozenset({
    *("HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"),
    *("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"),
})  # fmt: skip
"""Environment variables that every worker gets, with LC_*. Sources' secrets are in others."""

_READ_BYTES: Final = 1 << 20
_MILLISECONDS: Final = 1000


class SilentError(Exception):
    """The worker did not answer in time, and was ended."""


class RefusedError(Exception):
    """The system refused a call; ``code`` is its error code, the message its own words in one line."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(" ".join(message.split()).rstrip("."))
        self.code = code


class WorkerProcess:
    """A worker, started now and in use by one thread at a time; ``system`` names what it talks to."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], system: str) -> None:
        self._system = system
        self._process = subprocess.Popen(  # noqa: S603 - an interpreter and our own script
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
            # A Ctrl-C is meant for the collector, which ends its workers itself, each with what that started.
            start_new_session=True,
        )
        self._received = bytearray()

    def call(self, patience_seconds: float, name: str, *arguments: object) -> Any:  # noqa: ANN401 - JSON, which each call knows
        """Make one of the worker's calls and return its value.

        Raises RefusedError with the system's error; SilentError without an answer in time, after which
        the worker is no more.
        """
        give_up = time.monotonic() + patience_seconds
        try:
            self._stdin.write(json.dumps([name, arguments]).encode() + b"\n")
            answer = json.loads(self._line(give_up))
        except (OSError, EOFError) as error:
            status = self.end()
            raise SilentError(f"the process that talks to {self._system} ended with status {status}") from error
        if "error" in answer:
            raise RefusedError(*answer["error"])
        return answer["value"]

    def end(self) -> int:
        """End the worker at once with all that it started, whatever it is doing; return its exit status."""
        if self._process.returncode is None:  # until it is waited for, its id cannot be another's
            os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        return self._process.wait()

    def _line(self, give_up: float) -> bytes:
        poll = select.poll()
        poll.register(self._stdout, select.POLLIN)
        while (end := self._received.find(b"\n")) < 0:
            left = give_up - time.monotonic()
            if left <= 0 or not poll.poll(left * _MILLISECONDS):
                self.end()
                raise SilentError(f"{self._system} did not answer in time")
            received = self._stdout.read(_READ_BYTES)
            if not received:
                raise EOFError
            self._received += received
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    @property
    def _stdin(self) -> Any:  # noqa: ANN401 - a raw stream, which the types of Popen do not tell
        return self._process.stdin

    @property
    def _stdout(self) -> Any:  # noqa: ANN401 - likewise
        return self._process.stdout


def environment_with(more: Iterable[str] = ()) -> dict[str, str]:
    """Return what of our own environment a worker gets: ``INHERITED`` and ``more``."""
    names = INHERITED | frozenset(more)
    return {name: value for name, value in os.environ.items() if name in names or name.startswith("LC_")}
