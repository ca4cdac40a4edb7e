"""Has writes end at a file-system step, in another process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SERVER = Path(__file__).with_name("crash_server.py")


class Crasher:
    """Carries out the operations of ``crash_operations`` by name."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def killed(self, operation: str, lake: Path, step: int) -> bool:
        """Carry out an operation, killed at a step; tell whether it came that far."""
        return self._exit_code(operation, lake, {"step": step}) == -signal.SIGKILL

    def each_crash(self, operation: str, before: Path, scratch: Path) -> Iterator[Path]:
        """Yield what a crash of an operation leaves of a lake, at one step after another."""
        lake, states = scratch / "worked-on", scratch / "crashed-at"
        copytree(before, lake)
        states.mkdir()
        assert self._exit_code(operation, lake, {"states": str(states)}) == 0
        for step in range(1, len(list(states.iterdir())) + 1):
            yield states / str(step)
        rmtree(states)
        rmtree(lake)

    def _exit_code(self, operation: str, lake: Path, crash: Mapping[str, object]) -> int:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps({"operation": operation, "lake": str(lake), **crash}) + "\n")
        self._server.stdin.flush()
        answer: int = json.loads(self._server.stdout.readline())["exit_code"]
        assert answer in {0, -signal.SIGKILL}
        return answer


@contextmanager
def crasher() -> Iterator[Crasher]:
    """Start the process that can be killed in parts, and end it."""
    server = subprocess.Popen(
        [sys.executable, _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_SERVER.parent
    )
    with server:
        yield Crasher(server)
