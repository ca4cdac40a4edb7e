"""Which locks of a lake are held, told without taking any: a collector must never find a lock in use by doctor."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import layout, lock_holders

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.lake.lock_holders import Holder

_SUFFIX: Final = ".lock"


class HeldLock(NamedTuple):
    """A lock and the process that took it; ``is_alive`` tells whether that process is still there."""

    name: str
    holder: Holder
    is_alive: bool


def held_locks(lake: Path, kernel_locks: str | None) -> list[HeldLock] | None:
    """Return the locks of a lake that are held alone, by /proc/locks; None where that cannot be read.

    A process writes into the lock's file who it is when it has it, so the file of a lock that nobody holds
    tells of the last one.
    """
    if kernel_locks is None:
        return None
    held = set(lock_holders.flocks(kernel_locks, "WRITE"))
    found = []
    for path in sorted((lake / layout.LOCKS).glob(f"*{_SUFFIX}")):
        with suppress(OSError), path.open("rb") as stream:
            holder = lock_holders.read(stream.fileno())
            if holder is not None and (holder.pid, path.stat().st_ino) in held:
                is_alive = not lock_holders.has_ended(holder.pid)
                found.append(HeldLock(path.name.removesuffix(_SUFFIX), holder, is_alive))
    return found
