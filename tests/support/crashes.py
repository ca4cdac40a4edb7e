"""Has writes killed at a file-system step, in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVER = Path(__file__).with_name("crash_server.py")


class Crasher:
    """Carries out the operations of ``crash_operations`` by name."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, operation: str, lake: Path, step: int | None = None) -> bool:
        """Carry out an operation, killed at a step; tell whether it came that far."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps({"operation": operation, "lake": str(lake), "step": step}) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        assert answer["killed"] or answer["exit_code"] == 0
        return bool(answer["killed"])

    def each_crash(self, operation: str, before: Path, scratch: Path) -> Iterator[Path]:
        """Yield a copy of a lake after each crash of an operation, at one step after another."""
        for step in count(1):
            lake = scratch / f"crashed-at-{step}"
            copytree(before, lake)
            if not self.run(operation, lake, step):
                return
            yield lake
            rmtree(lake)


@contextmanager
def crasher() -> Iterator[Crasher]:
    """Start the process that can be killed in parts, and end it."""
    server = subprocess.Popen(
        [sys.executable, _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_SERVER.parent
    )
    with server:
        yield Crasher(server)
