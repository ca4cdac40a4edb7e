"""Where time comes from, so that a test or the demo can hand in its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """Return the microseconds since 1970, exactly."""
    return (moment - _UNIX_EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the moment that is so many microseconds after 1970 began; OverflowError beyond what a datetime holds."""
    return _UNIX_EPOCH + timedelta(microseconds=microseconds)


def utc_text(moment: datetime) -> str:
    """Return a moment as sentences have it, in UTC and to the second: ``2026-10-05T00:00:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class Clock(Protocol):
    """The two clocks that a run records, and the boot that the second one counts from."""

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    def boottime_us(self) -> int:
        """Return the microseconds since the machine booted, suspends included (CLOCK_BOOTTIME)."""
        ...

    def boot_id(self) -> str | None:
        """Return what tells this boot of the machine from all others; None where that is not known."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        """Return the wall clock's time in UTC."""
        return datetime.now(UTC)

    def boottime_us(self) -> int:
        """Return CLOCK_BOOTTIME in whole microseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000

    def boot_id(self) -> str | None:
        """Return the kernel's random id of this boot."""
        try:
            return _BOOT_ID.read_text(encoding="ascii").strip()
        except OSError:
            return None
