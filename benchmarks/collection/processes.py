"""What a process and its children hold: memory, file handles and threads, as /proc tells."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PROC: Final = Path("/proc")
_ROLLUP: Final = re.compile(r"^(Rss|Pss): +(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Footprint:
    """What processes hold at a moment.

    ``rss_bytes`` is the resident memory, ``pss_bytes`` the same with pages that several processes
    map divided between them; ``handle_count`` are open file descriptors.
    """

    process_count: int
    rss_bytes: int
    pss_bytes: int
    handle_count: int
    thread_count: int


def footprint(pid: int) -> Footprint:
    """Measure one process; OSError if it is gone, or belongs to another user."""
    directory = _PROC / str(pid)
    sizes = memory_bytes((directory / "smaps_rollup").read_text(encoding="ascii"))
    return Footprint(
        process_count=1,
        rss_bytes=sizes["Rss"],
        pss_bytes=sizes["Pss"],
        handle_count=len(list((directory / "fd").iterdir())),
        thread_count=len(list((directory / "task").iterdir())),
    )


def total(footprints: Iterable[Footprint]) -> Footprint:
    """Add up what several processes hold."""
    parts = list(footprints)
    return Footprint(
        process_count=sum(part.process_count for part in parts),
        rss_bytes=sum(part.rss_bytes for part in parts),
        pss_bytes=sum(part.pss_bytes for part in parts),
        handle_count=sum(part.handle_count for part in parts),
        thread_count=sum(part.thread_count for part in parts),
    )


def footprints_of_children(pid: int) -> list[Footprint]:
    """Measure what a process has started, and what that has; one that nobody has waited for holds nothing."""
    found = []
    for child in descendants(pid, _parents()):
        try:
            found.append(footprint(child))
        except (FileNotFoundError, ProcessLookupError):
            if (_PROC / str(child)).exists():
                found.append(Footprint(process_count=1, rss_bytes=0, pss_bytes=0, handle_count=0, thread_count=0))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its children have used so far, in steps of 0.01 s as a rule.

    Of children that have ended it counts those that their parents have waited for.
    """
    ticks = 0
    for process in (pid, *descendants(pid, _parents())):
        with suppress(FileNotFoundError, ProcessLookupError):
            ticks += sum(map(int, _after_command((_PROC / str(process) / "stat").read_bytes())[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def descendants(pid: int, parents: Mapping[int, int]) -> list[int]:
    """List the children of a process and theirs, from the parent of each process."""
    found, generation = [], {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation}
        found += sorted(generation)
    return found


def memory_bytes(rollup: str) -> dict[str, int]:
    """Return ``Rss`` and ``Pss`` in bytes from the text of /proc/PID/smaps_rollup."""
    return {name: int(kilobytes) * 1024 for name, kilobytes in _ROLLUP.findall(rollup)}


def _parents() -> dict[int, int]:
    parents = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(_after_command(stat.read_bytes())[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return parents


def _after_command(stat: bytes) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the third on; the second may itself hold spaces and parentheses."""
    return stat.rpartition(b")")[2].split()
