"""Who holds a lock of a lake: written into the lock's file by whoever took it, and read by who finds it taken."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.clock import utc_text
from ioledger.users import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES: Final = 4096
_TRIES: Final = 20
_BETWEEN_TRIES_SECONDS: Final = 0.01
"""Between taking a lock and writing who did lie microseconds; on a busy machine more."""

_KERNEL_LOCKS: Final = Path("/proc/locks")
_START_AFTER_NAME: Final = 19
"""Where field 22 is in what follows field 2, the name, which may hold spaces."""

_NO_COMMAND: Final = "a program of its own"

_work: dict[str, str] = {}


class Holder(NamedTuple):
    """The process that took a lock at ``since``: on ``host``, of ``user``, at work on ``command``."""

    pid: int
    user: str
    host: str
    command: str
    since: datetime

    @property
    def is_here(self) -> bool:
        """Tell whether it ran on this machine."""
        return self.host == os.uname().nodename

    def in_words(self, now: datetime) -> str:
        """Name it in a sentence."""
        whoever = f"process {self.pid} of {self.user} on {self.host} ({self.command})"
        return f"{whoever} since {age_in_words(self.since, now)}"


def work_as(command: str) -> None:
    """Name what this process does, for those who find a lock that it holds: a command, without its options."""
    _work["command"] = command


def enter(descriptor: int) -> None:
    """Write into a lock's file that this process has it."""
    holder = {
        "pid": os.getpid(),
        "user": name_of(os.geteuid()),
        "host": os.uname().nodename,
        "command": _work.get("command", _NO_COMMAND),
    }
    with suppress(OSError):  # it is held all the same where a full disk has no room for who holds it
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def in_words(descriptor: int) -> str:
    """Name who holds a lock that was found taken; what is left of a holder that has ended is not told."""
    for _ in range(_TRIES):
        holder = read(descriptor)
        if holder is not None and not (holder.is_here and has_ended(holder.pid)):
            return holder.in_words(datetime.now(UTC))
        time.sleep(_BETWEEN_TRIES_SECONDS)
    return "process unknown"


def last_in_words(lock: Path) -> str:
    """Name who took a lock last, whether or not it is held still."""
    try:
        with lock.open("rb") as stream:
            holder = read(stream.fileno())
    except OSError:
        holder = None
    return "process unknown" if holder is None else holder.in_words(datetime.now(UTC))


def read(descriptor: int) -> Holder | None:
    """Read who took a lock last; None where its file does not say so."""
    try:
        told: dict[str, Any] = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
        since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        return Holder(int(told["pid"]), str(told["user"]), str(told["host"]), str(told["command"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def readers_in_words(lock: Path) -> str:
    """Name the processes of this machine that share a lock, as far as the kernel tells."""
    try:
        inode, kernel_locks = lock.stat().st_ino, _KERNEL_LOCKS.read_text(encoding="utf-8")
    except OSError:
        return "process unknown"
    pids = sorted({pid for pid, of in flocks(kernel_locks, "READ") if of == inode})
    return " and ".join(map(_reader_in_words, pids)) or "process unknown"


def _reader_in_words(pid: int) -> str:
    directory = Path("/proc", str(pid))
    try:
        user = name_of(directory.stat().st_uid)
        program = (directory / "comm").read_text(encoding="utf-8", errors="replace").strip()
        began = _began_at((directory / "stat").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return f"process {pid}"
    return f"process {pid} of {user} ({program}), which began {age_in_words(began, datetime.now(UTC))}"


def _began_at(stat: str) -> datetime:
    """Read when a process began, from its line in /proc: field 22, in clock ticks since the boot (proc_pid_stat(5))."""
    ticks = int(stat.rpartition(")")[2].split()[_START_AFTER_NAME])
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return datetime.fromtimestamp(booted + ticks / os.sysconf("SC_CLK_TCK"), UTC)


def flocks(kernel_locks: str, mode: str) -> Iterator[tuple[int, int]]:
    """Yield process and inode of each flock in ``mode`` READ or WRITE (proc_locks(5)); devices differ by file syste."""
    for line in kernel_locks.splitlines():
        words = line.split()
        match words[1:]:
            case ["FLOCK", _, found, pid, place, *_] if found == mode:
                yield int(pid), int(place.rpartition(":")[2])


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, also where /proc hides those of other users (hidepid, ProtectProc=)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # it is another user's
        pass
    return False


def age_in_words(since: datetime, now: datetime) -> str:
    """Say since when something is so, and how long that is."""
    return f"{utc_text(since)} ({_length(now - since)})"


def _length(passed: timedelta) -> str:
    """Write a length as people say it: the two greatest units of it."""
    return " ".join(list(_units(max(0, round(passed.total_seconds()))))[:2])


def _units(seconds: int) -> Iterator[str]:
    rest = seconds
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if rest >= length:
            yield f"{rest // length} {unit}"
            rest %= length
    if rest or not seconds:
        yield f"{rest} s"
