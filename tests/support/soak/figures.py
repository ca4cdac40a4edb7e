"""What a long-lived process holds, what a lake is made of, and what a run takes."""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_PIECE: Final = bytes(range(256)) * 64


class Held(NamedTuple):
    """What this process holds: memory of its own (not files that are mapped), objects, open files and threads."""

    memory_bytes: int
    objects: int
    handles: int
    threads: int


def held_now() -> Held:
    """Look at this process, after what nobody needs is gone."""
    gc.collect()
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
    handles = len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - one is this listing's
    return Held(kilobytes * 1024, sys.getallocatedblocks(), handles, threading.active_count())


def yardstick_seconds() -> float:
    """Return what a fixed piece of work takes of a processor now, by which other times are measured.

    How fast a processor is depends on what else goes on in the machine.
    """
    began = time.process_time()
    rows = [{"name": f"disk-{number}", "reads": number * 7, "digest": None} for number in range(2000)]
    for _ in range(20):
        hashlib.sha256(_PIECE).hexdigest()
    sorted(rows, key=lambda row: (row["name"], row["reads"]))
    return time.process_time() - began


def size_of(lake: Path) -> dict[str, tuple[int, int]]:
    """Return for each directory of a lake how many files it has, and their bytes."""
    found: dict[str, tuple[int, int]] = {}
    for top in sorted(lake.iterdir()):
        sizes = (
            [Path(below, name).stat().st_size for below, _, names in os.walk(top) for name in names]
            if top.is_dir()
            else [top.stat().st_size]
        )
        found[top.name] = len(sizes), sum(sizes)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all does not exceed; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """One simulated day: what was held and stored at its end, and what runs and commands took in it.

    ``run_times`` and ``command_times`` are times of a processor by the yardstick: a run as a rule, and all calls
    of a command together.
    """

    number: int
    held: Held
    files: int
    stored_bytes: int
    runs: int
    run_ms: float
    run_99_ms: float
    run_cpu_ms: float
    run_times: float
    command_cpu_seconds: dict[str, float]
    command_times: dict[str, float]
    command_peak_bytes: int
    files_of: dict[str, int]


def middle(values: Iterable[float]) -> float:
    """Return the median; 0 of nothing."""
    listed = list(values)
    return median(listed) if listed else 0.0
