"""Which locks of a lake are held, told without taking any: a collector must never find a lock in use by doctor."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX: Final = ".lock"


class HeldLock(NamedTuple):
    """A lock that process ``pid`` took at ``since``; ``is_alive`` tells whether that process is still there."""

    name: str
    pid: int
    since: datetime
    is_alive: bool


def held_locks(lake: Path, kernel_locks: str | None) -> list[HeldLock] | None:
    """Return the locks of a lake that are held alone, by /proc/locks; None where that cannot be read.

    A process writes its id into the lock's file when it has it, so the file of a lock that nobody holds
    tells of the last one.
    """
    if kernel_locks is None:
        return None
    held = set(_held(kernel_locks))
    found = []
    for path in sorted((lake / layout.LOCKS).glob(f"*{_SUFFIX}")):
        with suppress(OSError, ValueError):
            state, pid = path.stat(), int(path.read_text(encoding="ascii"))
            if (pid, state.st_ino) in held:
                since = datetime.fromtimestamp(state.st_mtime, UTC)
                found.append(HeldLock(path.name.removesuffix(_SUFFIX), pid, since, _is_alive(pid)))
    return found


def _is_alive(pid: int) -> bool:
    """Tell whether a process is there, also where /proc hides those of other users (hidepid, ProtectProc=)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        pass
    return True


def _held(kernel_locks: str) -> Iterator[tuple[int, int]]:
    """Yield process and inode of every flock that is held alone (proc_locks(5)); devices differ by file system."""
    for line in kernel_locks.splitlines():
        words = line.split()
        match words[1:]:
            case ["FLOCK", _, "WRITE", pid, place, *_]:
                yield int(pid), int(place.rpartition(":")[2])
