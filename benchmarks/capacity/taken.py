"""What one step takes, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.measure import WrongResultError

_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step took from after the imports to its end.

    ``cpu_seconds`` is of all threads, ``peak_bytes`` of the whole process; ``read_bytes`` and
    ``written_bytes`` passed through its system calls, whether or not a disk had to be asked.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    read_bytes: int
    written_bytes: int


def take(step: str, *arguments: str | Path) -> Taken:
    """Run a step of ``benchmarks.capacity.steps``; raises WrongResultError if it does not finish."""
    command = [sys.executable, "-m", "benchmarks.capacity.steps", step, *map(str, arguments)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise WrongResultError(f"{step} did not finish: {reason[0]}")
    return Taken(**json.loads(done.stdout.splitlines()[-1]))
