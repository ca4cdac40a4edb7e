"""One command in a fork of this process, which can be stopped at any of its calls, and tells when it waits."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow.parquet as pq
from file_calls import see_calls
from policy_lake import StoppedClock

from ioledger import cli
from ioledger.app import App

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from file_calls import Real

LONGEST_SECONDS: Final = 900
"""Nothing here takes more than seconds of a core: what is not done by then, also on a busy machine, waits for ever."""

_ASKS: Final = (
    (duckdb.DuckDBPyConnection, ("execute", "executemany", "sql", "table")),
    (duckdb.DuckDBPyRelation, ("fetchall", "to_arrow_table", "to_arrow_reader")),
    (pq, ("read_table", "read_metadata")),
    (pq.ParquetFile, ("__init__", "iter_batches")),
)
"""Calls that read files in C, where no call of the system is seen."""

_STOPPED, _WAITS, _GO = b"S", b"W", b"G"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, what it said, and how many calls it made."""

    code: int
    out: str
    err: str
    call_count: int


class _Gate:
    """Counts the calls of a process, stops it at one of them, and tells if it has to wait for a lock."""

    def __init__(self, told: int, asked: int, stop_at: int | None, directory: Path) -> None:
        self.count = 0
        self._was_stopped = False
        self._directory = str(directory)
        self._told, self._asked, self._stop_at = told, asked, stop_at
        self._one_at_a_time = threading.Lock()

    def pass_(self, name: str, real: Real, positional: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the call gives
        with self._one_at_a_time:
            self.count += name == "ask" or self._is_of_lake(positional[0])
            is_stopped = self.count == self._stop_at and not self._was_stopped
            self._was_stopped = self._was_stopped or is_stopped
        if is_stopped:
            os.write(self._told, _STOPPED)
            os.read(self._asked, 1)
        if name == "flock" and not positional[1] & (fcntl.LOCK_NB | fcntl.LOCK_UN):
            try:
                return real(positional[0], positional[1] | fcntl.LOCK_NB)
            except BlockingIOError:
                os.write(self._told, _WAITS)
        return real(*positional, **named)

    def _is_of_lake(self, place: object) -> bool:
        """Tell a call on the lake, or on what is open, from one on Python's own files."""
        return not isinstance(place, (str, bytes, os.PathLike)) or os.fsdecode(place).startswith(self._directory)

    def watch(self) -> None:
        see_calls(self.pass_)
        for owner, names in _ASKS:
            for name in names:
                setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, real: Real) -> Real:
        def call(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - likewise
            return self.pass_("ask", real, positional, named)

        return call


class Process:
    """A command that runs in a fork of this process, over the lake in ``directory``."""

    def __init__(
        self, words: tuple[str, ...], directory: Path, role: str, now: datetime, stop_at: int | None = None
    ) -> None:
        self._log = directory.parent / f"{directory.name}-{role}"
        self._log.mkdir(exist_ok=True)
        told, tell = os.pipe()
        asked, ask = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(told)
            os.close(ask)
            gate = _Gate(tell, asked, stop_at, directory)
            _run(words, directory, self._log, now, gate)
        os.close(tell)
        os.close(asked)
        self._told, self._ask = told, ask
        self.is_stopped = self.has_waited = self.has_ended = False

    def run_on(self) -> None:
        """Go until the process stops, waits for a lock, or has ended."""
        until = time.monotonic() + LONGEST_SECONDS
        ready, _, _ = select.select([self._told], [], [], max(0, until - time.monotonic()))
        if not ready:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise TimeoutError("a command did not end")
        said = os.read(self._told, 1)
        self.is_stopped = said == _STOPPED
        self.has_waited = self.has_waited or said == _WAITS
        self.has_ended = not said

    def let_go(self) -> None:
        """Let a stopped process go on."""
        os.write(self._ask, _GO)
        self.is_stopped = False

    def end(self) -> Ended:
        """Wait until the process has ended, however often it waits itself."""
        while not self.has_ended:
            if self.is_stopped:
                self.let_go()
            self.run_on()
        _, status = os.waitpid(self.pid, 0)
        os.close(self._told)
        os.close(self._ask)
        out, err, count = (
            (self._log / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err", "count")
        )
        return Ended(os.waitstatus_to_exitcode(status), out, err, int(count or "0"))


def _run(words: tuple[str, ...], directory: Path, log: Path, now: datetime, gate: _Gate) -> None:
    code = 99
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(log / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        (log / "count").write_text("", encoding="ascii")
        os.chdir(directory)
        app = App(clock=StoppedClock(now), config_file=Path("ioledger.toml"), lake_option=directory / "lake")
        gate.watch()
        code = cli.run(list(words), app)
        count = gate.count
        (log / "count").write_text(str(count), encoding="ascii")
    except BaseException:  # noqa: BLE001 - it would go with the process, unseen
        traceback.print_exc()
    finally:
        os._exit(code)


def in_fork(function: Callable[[], None]) -> bool:
    """Call a function in a fork, so that no thread of a library stays in this process; tell whether it went well."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            for number in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            function()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
