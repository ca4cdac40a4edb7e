"""A process that carries out writes in forks of itself, and keeps what a crash at each file-system step would leave.

One JSON object a line on stdin: ``operation``, ``lake``, and either ``states``, a directory, or ``step``. With
``states`` the lake is copied there before each step, by its number: that is what a process that is killed there
leaves, for what it holds in memory is nowhere. With ``step`` it is killed at that one. One object a line on stdout:
the exit code of the fork. A fork costs a hundredth of a fresh interpreter.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any

from crash_operations import OPERATIONS
from file_calls import CHANGES, is_for_writing, see_calls

if TYPE_CHECKING:
    from collections.abc import Callable


def _at_each_step(react: Callable[[int], None]) -> None:
    """Count the calls that change files, and have ``react`` told the number of each before it is made.

    What a call leaves is what is there before the next; only what was opened for writing is counted
    afterwards as well, when it is still empty.
    """
    passed, is_reacting = 0, False

    def reached() -> None:
        nonlocal passed, is_reacting
        if is_reacting:
            return
        passed += 1
        is_reacting = True
        react(passed)
        is_reacting = False

    def stepped(name: str, call: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the call gives
        opens = name in {"open", "opens"}
        if name == "flock" or (opens and not is_for_writing(name, positional, named)):
            return call(*positional, **named)
        reached()
        given = call(*positional, **named)
        if opens:
            reached()
        return given

    see_calls(stepped, CHANGES)


def _reaction(request: dict[str, Any]) -> Callable[[int], None]:
    if "states" in request:
        return lambda step: copytree(request["lake"], Path(request["states"], str(step)))  # type: ignore[return-value]
    return lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == request["step"] else None


def _serve() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _at_each_step(_reaction(request))
            OPERATIONS[request["operation"]](Path(request["lake"]))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({"exit_code": os.waitstatus_to_exitcode(status)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
