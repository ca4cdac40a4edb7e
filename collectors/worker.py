"""What every worker does: a process that makes calls which may hang, so that it can be ended instead of its source.

A line of JSON on standard input is a call, its name and its arguments; a line on standard output is the
answer. A worker leads a process group. When standard input ends, so does the group, whatever it waits
for. Some workers run on an interpreter of the system's: this file imports the standard library alone,
and keeps to Python 3.9.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def serve(answer: Callable[[str, list[Any]], dict[str, Any]]) -> None:
    """Make calls one after the other until standard input ends; never returns.

    ``answer`` makes one by its name and arguments, and returns ``{"value": …}`` or ``{"error": [code, message]}``.
    """
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever a library prints is no answer
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_read_calls, args=(lines,), daemon=True).start()
        while True:
            name, arguments = json.loads(lines.get())
            answers.write(json.dumps(answer(name, arguments)).encode() + b"\n")
            answers.flush()


def _read_calls(calls: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        calls.put(line)
    os.killpg(0, signal.SIGKILL)  # neither a call that hangs nor what it started may outlive the source
