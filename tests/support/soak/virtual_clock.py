"""Time that passes as fast as the work of it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Condition
from typing import Final

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

_UP_SINCE_US: Final = -3 * DAY_US


class KilledError(BaseException):
    """The process that waited was killed: nothing but locks is let go of."""


@dataclass
class VirtualClock:
    """The clocks of one machine, and those of its threads that wait for a moment.

    ``true_us`` has passed since ``start``; ``off_us`` is by how much the wall clock was put.
    """

    start: datetime
    true_us: int = 0
    off_us: int = 0
    booted_us: int = _UP_SINCE_US
    boots: int = 1
    _waiting: dict[int, int] = field(default_factory=dict)
    _killed: bool = False
    _changed: Condition = field(default_factory=Condition)

    def at(self, true_us: int) -> datetime:
        """Return what a clock that was never put shows at a moment."""
        return self.start + timedelta(microseconds=true_us)

    def now(self) -> datetime:
        return self.at(self.true_us + self.off_us)

    def boottime_us(self) -> int:
        return self.true_us - self.booted_us

    def boot_id(self) -> str | None:
        return f"00000000-0000-4000-8000-{self.boots:012d}"

    def boot(self) -> None:
        self.booted_us = self.true_us
        self.boots += 1

    @property
    def waiting_count(self) -> int:
        """How many threads wait for a later moment."""
        with self._changed:
            return len(self._waiting)

    @property
    def next_us(self) -> int | None:
        """When the first of them goes on."""
        with self._changed:
            return min(self._waiting.values(), default=None)

    def wait_until(self, true_us: int, thread: int) -> None:
        """Wait in a thread of its own; raises KilledError if the process is killed meanwhile."""
        with self._changed:
            if not self._killed:
                self._waiting[thread] = true_us
                self._changed.wait_for(lambda: thread not in self._waiting)
            if self._killed:
                raise KilledError

    def put(self, true_us: int) -> None:
        """Go on to a moment, and let go on whoever waited for it."""
        with self._changed:
            self.true_us = true_us
            self._waiting = {thread: until for thread, until in self._waiting.items() if until > true_us}
            self._changed.notify_all()

    def kill_waiting(self) -> None:
        """End the threads that wait, and those that are about to."""
        with self._changed:
            self._killed = True
            self._waiting = {}
            self._changed.notify_all()

    def revive(self) -> None:
        """Let threads wait again, once those that were killed are gone."""
        self._killed = False
