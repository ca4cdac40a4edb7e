"""The source's side of its worker: a process that answers in time, or is ended."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKER: Final = (sys.executable, "-P", "-m", "collectors.hypervisors.libvirt_worker")

_INHERITED: Final = frozenset({
    *("HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
    *("LIBVIRT_AUTH_FILE", "LIBVIRT_DEBUG", "LIBVIRT_LOG_FILTERS", "LIBVIRT_LOG_OUTPUTS"),
    *("KRB5CCNAME", "KRB5_CONFIG", "KRB5_CLIENT_KTNAME", "SASL_CONF_PATH", "SASL_PATH", "SSH_AUTH_SOCK"),
    *("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"),
})  # fmt: skip
"""Environment variables that a worker gets. Sources' secrets are in others; so is what would let ssh ask on a screen
for a password, which nobody would answer."""

_READ_BYTES: Final = 1 << 20
_MILLISECONDS: Final = 1000


class SilentError(Exception):
    """The worker did not answer in time, and was ended."""


class RefusedError(Exception):
    """Libvirt refused a call; ``code`` is its error code, the message its own words in one line."""

    def __init__(self, code: int | None, message: str) -> None:
        super().__init__(" ".join(message.split()).rstrip("."))
        self.code = code


class LibvirtProcess:
    """A worker (``libvirt_worker``), started now and in use by one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(os.environ),
            # A Ctrl-C is meant for the collector, which ends its workers itself, each with the ssh that it started.
            start_new_session=True,
        )
        self._received = bytearray()

    def call(self, patience_seconds: float, name: str, *arguments: object) -> Any:  # noqa: ANN401 - JSON, which each call knows
        """Make one of the worker's calls and return its value.

        Raises RefusedError with libvirt's error; SilentError without an answer in time, after which
        the worker is no more.
        """
        give_up = time.monotonic() + patience_seconds
        try:
            self._stdin.write(json.dumps([name, arguments]).encode() + b"\n")
            answer = json.loads(self._line(give_up))
        except (OSError, EOFError) as error:
            status = self.end()
            raise SilentError(f"the process that talks to libvirt ended with status {status}") from error
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
                raise SilentError("libvirt did not answer in time")
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


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    # Libvirt's own warnings say no more than the errors that follow, and would stand between our lines.
    environment = {"LIBVIRT_DEBUG": "error"}
    environment |= {name: value for name, value in given.items() if name in _INHERITED or name.startswith("LC_")}
    return environment
