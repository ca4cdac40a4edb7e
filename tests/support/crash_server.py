"""A process that carries out writes in forks of itself and kills each at a chosen file-system step.

One JSON object a line on stdin: ``operation``, ``lake`` and ``step``, or null for no kill. One a line
on stdout: whether the fork was killed, and its exit code otherwise. A fork costs a hundredth of a
fresh interpreter, so that every step can be tried.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crash_operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_STEPS = ("fsync", "rename", "replace", "unlink", "remove", "mkdir", "rmdir", "truncate", "ftruncate", "link")


def _kill_at(step: int) -> None:
    """Count the calls that change files, and die by SIGKILL before one of them.

    What a call leaves is what is there before the next; only what was opened for writing is counted
    afterwards as well, when it is still empty.
    """
    passed = 0

    def reached() -> None:
        nonlocal passed
        passed += 1
        if passed == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the wrapped call takes and gives
            reached()
            return call(*positional, **named)

        return stepped

    def counted_open(call: Callable[..., Any], writes: Callable[..., bool]) -> Callable[..., Any]:
        def stepped(*positional: Any, **named: Any) -> Any:  # noqa: ANN401 - likewise
            if not writes(*positional, **named):
                return call(*positional, **named)
            reached()
            opened = call(*positional, **named)
            reached()
            return opened

        return stepped

    for name in _STEPS:
        setattr(os, name, counted(getattr(os, name)))
    os.open = counted_open(os.open, lambda _path, flags, *_, **__: bool(flags & (os.O_WRONLY | os.O_RDWR)))
    io.open = counted_open(io.open, lambda _path, mode="r", *_, **__: bool(set(mode) & set("wax+")))


def _serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            if request["step"] is not None:
                _kill_at(request["step"])
            OPERATIONS[request["operation"]](Path(request["lake"]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(json.dumps({"killed": code == -signal.SIGKILL, "exit_code": code}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
