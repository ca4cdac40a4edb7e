"""Where time comes from, so that a test or the demo can hand in its own."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The two clocks that a run records, and the way to wait."""

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    def boottime_us(self) -> int:
        """Return the microseconds since the machine booted, suspends included (CLOCK_BOOTTIME)."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        """Return the wall clock's time in UTC."""
        return datetime.now(UTC)

    def boottime_us(self) -> int:
        """Return CLOCK_BOOTTIME in whole microseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
