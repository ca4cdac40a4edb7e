"""Who holds a lock of a lake: written into the lock's file by whoever took it, and read by who finds it taken."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.users import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_BYTES: Final = 4096
_TRIES: Final = 20
_BETWEEN_TRIES_SECONDS: Final = 0.01
"""Between taking a lock and writing who did lie microseconds; on a busy machine more."""

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
        return f"process {self.pid} of {self.user} on {self.host} ({self.command}) since {self.age_in_words(now)}"

    def age_in_words(self, now: datetime) -> str:
        """Say since when it has the lock, and how long that is."""
        return f"{self.since:%Y-%m-%dT%H:%M:%SZ} ({_length(now - self.since)})"


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


def read(descriptor: int) -> Holder | None:
    """Read who took a lock last; None where its file does not say so."""
    try:
        told: dict[str, Any] = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
        since = datetime.fromtimestamp(os.fstat(descriptor).st_mtime, UTC)
        return Holder(int(told["pid"]), str(told["user"]), str(told["host"]), str(told["command"]), since)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, also where /proc hides those of other users (hidepid, ProtectProc=)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # it is another user's
        pass
    return False


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
