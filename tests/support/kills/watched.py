"""A command that is watched from outside: at which call on a file it is, and where it is to be killed.

What it does is told through memory that the one who kills shares with it, so that a SIGKILL, of which the
process itself can tell nothing, leaves behind in the middle of what it came.
"""

from __future__ import annotations

import io
import itertools
import mmap
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from file_calls import CHANGES, is_for_writing, see_calls

from ioledger.lake import compaction, swaps
from reports.closing import command as closing

if TYPE_CHECKING:
    from collections.abc import Callable

SWAP: Final = "swap"
CLOSE: Final = "close"
STEPS: Final = ("write", "open", *CHANGES, "flock", SWAP, CLOSE)
"""Calls on files, and the two parts of commands that are more than one call."""

BEFORE, HALF, AFTER, DURING = "before", "half", "after", "during"

_THREADS: Final = 24
_DEPTH: Final = 15
_COUNTS_AT: Final = _THREADS * (_DEPTH + 1)
_COUNT_BYTES: Final = 4


@dataclass(frozen=True)
class Aim:
    """To be sent a signal at the ``number``-th call of a step, or at that call within a part; and when of it.

    ``during`` means that somebody else sends it while the kernel makes the call.
    """

    step: str
    number: int
    moment: str
    signal_number: int = signal.SIGKILL


class Board:
    """What a process tells of itself; it outlives the process."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _COUNTS_AT + _COUNT_BYTES * len(STEPS))

    def clear(self) -> None:
        self._memory[:] = bytes(len(self._memory))

    def enter(self, thread: int, step: str) -> None:
        at = thread * (_DEPTH + 1)
        depth = self._memory[at]
        self._memory[at + 1 + depth] = STEPS.index(step)
        self._memory[at] = depth + 1

    def leave(self, thread: int) -> None:
        self._memory[thread * (_DEPTH + 1)] -= 1

    def within(self, thread: int) -> list[str]:
        """Name what a thread is in the middle of, the outer first."""
        at = thread * (_DEPTH + 1)
        return [STEPS[number] for number in self._memory[at + 1 : at + 1 + self._memory[at]]]

    def all_within(self) -> set[str]:
        """Name what any thread is in the middle of."""
        return {step for thread in range(_THREADS) for step in self.within(thread)}

    def count(self, step: str) -> int:
        """Count one more call of a step, or within a part, and return the number."""
        at = _COUNTS_AT + _COUNT_BYTES * STEPS.index(step)
        number = int.from_bytes(self._memory[at : at + _COUNT_BYTES], "little") + 1
        self._memory[at : at + _COUNT_BYTES] = number.to_bytes(_COUNT_BYTES, "little")
        return number

    def counted(self, step: str) -> int:
        at = _COUNTS_AT + _COUNT_BYTES * STEPS.index(step)
        return int.from_bytes(self._memory[at : at + _COUNT_BYTES], "little")


class Watch:
    """Watches the process it is made in, from ``begin`` on; whoever is to kill it reads ``call_for_kill``."""

    def __init__(self, board: Board, aim: Aim | None, call_for_kill: int) -> None:
        self._board = board
        self._aim = aim
        self._call_for_kill = call_for_kill
        self._threads = itertools.count()
        self._local = threading.local()
        self._counting = threading.Lock()

    def begin(self) -> None:
        see_calls(self._on, CHANGES)
        self._part(compaction.swaps, "commit", SWAP)
        self._part(compaction.swaps, "finish", SWAP)
        self._part(closing, "freeze", CLOSE)
        assert compaction.swaps is swaps

    def _part(self, owner: Any, name: str, step: str) -> None:  # noqa: ANN401 - a module
        real = getattr(owner, name)

        def call(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes and gives
            self._board.enter(self._thread(), step)
            try:
                return real(*positional, **named)
            finally:
                self._board.leave(self._thread())

        setattr(owner, name, call)

    def _thread(self) -> int:
        if not hasattr(self._local, "number"):
            self._local.number = next(self._threads)
        return int(self._local.number)

    def _on(self, name: str, real: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the call gives
        if name == "flock":
            return self.step(name, lambda: real(*positional, **named))
        if name not in {"open", "opens"}:
            return self.step("rename" if name == "replace" else name, lambda: real(*positional, **named))
        if not is_for_writing(name, positional, named) or isinstance(positional[0], int):
            return real(*positional, **named)  # a descriptor is of no file that anybody else sees
        if name == "open":
            return self.step(name, lambda: real(*positional, **named))
        return self.step("open", lambda: self._opened(real, positional, named))

    def _opened(self, real: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401 - a file of text or of bytes
        mode = positional[1] if len(positional) > 1 else named.get("mode", "r")
        if "+" in mode:
            return real(*positional, **named)
        opened = io.BufferedWriter(_Raw(positional[0], mode.replace("b", "").replace("t", ""), self))
        encoding, newline = named.get("encoding", "utf-8"), named.get("newline")
        return opened if "b" in mode else io.TextIOWrapper(opened, encoding=encoding, newline=newline)

    def step(self, name: str, change: Callable[[], Any], part: Callable[[], Any] | None = None) -> Any:  # noqa: ANN401 - what the call gives
        """Make one call, and be killed at it if that is the aim; ``part`` is a part of it."""
        thread, board, aim = self._thread(), self._board, self._aim
        around = board.within(thread)
        board.enter(thread, name)
        is_it = False
        with self._counting:
            for each in {name, *around} & {name, SWAP, CLOSE}:
                is_it |= board.count(each) == (aim.number if aim and aim.step == each else -1)
        try:
            return self._made(aim.moment if aim and is_it else None, change, part)
        finally:
            board.leave(thread)

    def _made(self, moment: str | None, change: Callable[[], Any], part: Callable[[], Any] | None) -> Any:  # noqa: ANN401 - what the call gives
        if moment == HALF and part:
            part()
        if moment in {BEFORE, HALF}:
            self._signal()
        if moment == DURING:
            os.write(self._call_for_kill, b"k")
        done = change()
        if moment == AFTER:
            self._signal()
        return done

    def _signal(self) -> None:
        assert self._aim
        os.kill(os.getpid(), self._aim.signal_number)


class _Raw(io.FileIO):
    """A file each of whose writes is a step."""

    def __init__(self, path: Any, mode: str, watch: Watch) -> None:  # noqa: ANN401 - as open takes it
        super().__init__(path, mode)
        self._watch = watch

    def write(self, content: Any) -> int:  # noqa: ANN401 - anything with bytes
        whole = memoryview(content).cast("B")
        put = super().write
        written: int = self._watch.step("write", lambda: put(whole), lambda: put(whole[: len(whole) // 2]))
        return written
