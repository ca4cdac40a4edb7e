"""The process in which users' own rules run, so that one that hangs or takes all memory can be ended.

DuckDB stops a statement between two batches of rows and counts only the memory that it manages
itself: ``list_sum(range(1000000000))`` passes by both. The kernel limits the memory of this process,
and whoever started it ends it.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from ioledger.errors import IoledgerError
from ioledger.lake import reader
from ioledger.lake.state.tables import prepare
from policies import cases, engine, guarded
from policies.enclosed import enclose
from policies.guarded import Guard, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from multiprocessing.connection import Connection
    from types import TracebackType

    from ioledger.config import CheckTable
    from ioledger.lake.reader import OpenLake
    from policies.finding import Finding
    from policies.judged import Judged
    from policies.rule import Rule

GRACE_SECONDS: Final = 5
"""How long after its time a rule may take to notice that it was interrupted."""

_OVERHEAD_BYTES: Final = 128 << 20
"""What threads and Python need beside the memory that DuckDB counts."""

_DATA_FIELD: Final = 5
"""Of /proc/self/statm: private memory that can be written, in pages."""

_OUT_OF_MEMORY: Final = 3
"""The exit status of a process that had no memory left to say so."""


class _EndedError(Exception):
    """The process did not answer in time, or is gone; the message says which."""


@dataclass(frozen=True, slots=True)
class Over:
    """A lake, the time that is judged, and how far before that rules look at its tables."""

    lake: Path
    judged: Judged
    look_back: timedelta


class Sandbox:
    """Runs users' rules over a lake, or without one their cases, in a process of its own; use it in ``with``.

    The process starts with the first rule, and again after it had to be ended.
    """

    def __init__(self, limits: CheckTable, over: Over | None = None) -> None:
        self._limits = limits
        self._over = over
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def findings(self, rule: Rule, parameters: Mapping[str, int]) -> list[Finding]:
        """Return what a rule finds in the lake, or where it fails the one finding that says so.

        Raises LakeError where the lake is to blame and not the rule.
        """
        if self._over is None:
            raise ValueError("a sandbox without a lake runs cases alone")
        alone = rule.model_copy(update={"cases": [], "given": {}})
        found: list[Finding]
        try:
            found, is_doubtful = self._call(rule, _findings, alone, self._over.judged, parameters, self._limits)
        except _EndedError as error:
            return [failed(rule, self._over.judged, str(error))]
        if is_doubtful:
            with reader.open_lake(self._over.lake) as opened:
                opened.show_all()
                reader.refuse_unreadable(opened)
        return found

    def failures(self, rule: Rule) -> list[str]:
        """Run every case of a rule; return a sentence for each that does not come out as it says."""
        try:
            sentences: list[str] = self._call(rule, _failures, rule)
        except _EndedError as error:
            return [f"{rule.code}: {error}"]
        return sentences

    def _call(self, rule: Rule, function: Callable[..., object], *arguments: object) -> Any:  # noqa: ANN401 - what the function returns
        patience_seconds = self._limits.rule_timeout_seconds + GRACE_SECONDS
        try:
            pipe = self._pipe or self._start()
            pipe.send((function, arguments))
            if not pipe.poll(patience_seconds):
                self._end()
                raise _EndedError(guarded.out_of_time(rule, self._limits.rule_timeout_seconds))
            answer = pipe.recv()
        except (EOFError, OSError) as error:
            raise _EndedError(self._last_words(rule)) from error
        if isinstance(answer, IoledgerError):
            raise answer
        return answer

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self._limits, self._over), daemon=True)
        # A Ctrl-C is meant for the command, which ends its process: that inherits a signal that is blocked,
        # but for the tracker, whose start would let it through again.
        resource_tracker.ensure_running()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        is_open = self._pipe.recv()
        if isinstance(is_open, IoledgerError):
            raise is_open
        return self._pipe

    def _last_words(self, rule: Rule) -> str:
        """Say why the process is gone."""
        process = self._process
        if process:
            process.join(GRACE_SECONDS)
        self._end()
        if process and process.exitcode == _OUT_OF_MEMORY:
            return guarded.out_of_memory(rule)
        status = process.exitcode if process else None
        return f"{rule.file}: the rule ended the process that ran it (status {status}); write it otherwise"

    def _end(self) -> None:
        """End the process at once, whatever it is doing."""
        process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if pipe:
            pipe.close()
        if process:
            process.kill()
            process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()


def serve(pipe: Connection, limits: CheckTable, over: Over | None) -> None:
    """Answer calls until the other side has no more: what such a process does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        if over is None:
            _answer(pipe, limits, None)
            return
        with reader.open_lake(over.lake) as opened:
            prepare(opened, over.judged.start, over.judged.end, over.look_back)
            ((held,),) = opened.connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
            most = int(held) + (limits.own_rules_memory_mib << 20)
            opened.connection.execute(f"SET memory_limit = '{most}B'")
            enclose(opened.connection, (path for paths in opened.files.values() for path in paths))
            _answer(pipe, limits, opened)
    except IoledgerError as error:
        pipe.send(error)
    except MemoryError:
        sys.exit(_OUT_OF_MEMORY)
    except (EOFError, BrokenPipeError):
        return


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _answer(pipe: Connection, limits: CheckTable, opened: OpenLake | None) -> None:
    pipe.send(None)
    _limit_memory(limits.own_rules_memory_mib)
    while True:
        function, arguments = pipe.recv()
        pipe.send(function(opened, *arguments))


def _limit_memory(mebibytes: int) -> None:
    pa.allocate_buffer(1)  # Arrow reserves a gibibyte with the first, used or not
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[_DATA_FIELD])
    most = pages * resource.getpagesize() + (mebibytes << 20) + _OVERHEAD_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _findings(
    opened: OpenLake, rule: Rule, judged: Judged, parameters: Mapping[str, int], limits: CheckTable
) -> tuple[list[Finding], bool]:
    """Run a rule; tell also whether a broken file of the lake may be why it failed: reading it may take memory."""
    doubts: list[None] = []
    guard = Guard(limits.rule_timeout_seconds, partial(doubts.append, None))
    run = partial(engine.apply, opened.connection, rule, judged, parameters)
    return guarded.findings(opened.connection, rule, judged, run, guard), bool(doubts)


def _failures(_opened: None, rule: Rule) -> list[str]:
    return cases.failures(rule)
