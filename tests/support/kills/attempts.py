"""Runs real commands in processes of their own, each a fork of one that has loaded everything, and kills some.

A fork has its own process id, memory, open files and locks, and is ended by the kernel as any process is; it
differs from a fresh `ioledger` in that the interpreter need not start again, which takes half a second.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kills import site
from kills.watched import Board, Watch

from collectors import runner
from ioledger.cli import run
from ioledger.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from kills.watched import Aim
    from simulation.ledger import Ledger

    from ioledger.model.records import Run

STUCK_SECONDS: Final = 120
"""Nothing is measured: a command that takes longer hangs."""

_NOTES: Final = "acknowledged"
_STDERR: Final = "stderr"


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative for a signal; what it was in the middle of; what it said."""

    code: int
    within: frozenset[str]
    told: str
    seconds: float

    def is_ended_by(self, number: int) -> bool:
        """Tell whether a signal ended it, at once or in order."""
        return self.code in {-number, 128 + number}


class Commands:
    """Runs commands in a directory that holds a site; what they acknowledge is noted in a ledger."""

    def __init__(self, directory: Path, ledger: Ledger, apply: Callable[[], object] = lambda: None) -> None:
        """Have ``apply`` called in each process before its command."""
        self.directory = directory
        self.ledger = ledger
        self.board = Board()
        self._apply = apply

    def run(  # noqa: PLR0913 - a command and its end have these parts
        self,
        words: Sequence[str],
        moment: datetime,
        *,
        aim: Aim | None = None,
        kill_after: float | None = None,
        number: int = signal.SIGKILL,
        config: str = "ioledger.toml",
    ) -> Ended:
        """Run one command; with ``kill_after`` it is killed after some seconds, at ``aim`` when it comes there.

        ``number`` is that of the signal by which it is.
        """
        self.board.clear()
        calls, call_for_kill = os.pipe()
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self._be_command(words, moment, aim, call_for_kill, config)
        os.close(call_for_kill)
        _kill_or_wait(pid, calls, kill_after, number)
        _, status = os.waitpid(pid, 0)
        took = time.monotonic() - started
        os.close(calls)
        self._note()
        told = (self.directory / _STDERR).read_text(encoding="utf-8", errors="replace")
        return Ended(os.waitstatus_to_exitcode(status), frozenset(self.board.all_within()), told, took)

    def _be_command(
        self, words: Sequence[str], moment: datetime, aim: Aim | None, call_for_kill: int, config: str
    ) -> None:
        code = 4
        try:
            os.chdir(self.directory)
            null = os.open(os.devnull, os.O_RDWR)
            stderr = os.open(_STDERR, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            notes = os.open(_NOTES, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
            for here, there in ((null, 0), (null, 1), (stderr, 2)):
                os.dup2(here, there)
            runner.write_run = _noted(runner.write_run, notes)
            self._apply()
            Watch(self.board, aim, call_for_kill).begin()
            code = run(list(words), app=site.app(moment, config))
        except BaseException:  # noqa: BLE001 - a fork never goes on with what its parent does
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _note(self) -> None:
        """Read which runs were begun and which were acknowledged; what a kill tore off was not."""
        with (self.directory / _NOTES).open("rb") as stream:
            while True:
                try:
                    number, held = pickle.load(stream)  # noqa: S301 - written by our own fork
                except (EOFError, pickle.UnpicklingError):
                    return
                if held is None:
                    self.ledger.acknowledge(number)
                else:
                    self.ledger.begin(number, held)


def _noted(write: Callable[..., None], notes: int) -> Callable[..., None]:
    """Wrap ``write_run``: tell before it what is begun, and after it that it is acknowledged, for good."""

    def noted(lake: Path, run: Run, **options: bool) -> None:
        name = (run.source, run.run_id)
        os.write(notes, pickle.dumps((name, run)))
        try:
            write(lake, run, **options)
        except DataError:
            raise AssertionError("the site's rows are those of their tables") from None
        os.write(notes, pickle.dumps((name, None)))

    return noted


def _kill_or_wait(pid: int, calls: int, kill_after: float | None, number: int) -> None:
    """Kill a process after some time, or when it calls for it; or wait for it to end by itself."""
    ends = os.pidfd_open(pid)
    try:
        heard, _, _ = select.select([ends, calls], [], [], STUCK_SECONDS if kill_after is None else kill_after)
        if ends in heard:
            return
        if heard and not os.read(calls, 1):  # it ended, or is about to
            heard, _, _ = select.select([ends], [], [], STUCK_SECONDS if kill_after is None else kill_after)
            if heard:
                return
        signal.pidfd_send_signal(ends, number)
    finally:
        os.close(ends)
