"""The clock of runs, which no step of the wall clock reaches, and when a run may follow another.

Samples are put in order by their times, and the counters of a disk only rise: a sample that is
stamped earlier than one with lower counters would make the latter look like a restart, and bill a
lifetime again. So nothing is stored that a step of the wall clock has put out of order, nor what
would look like a burst because the time it took is short on paper. Counters are cumulative: what is
not stored now is part of the next interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ioledger.clock import Clock

MICROSECOND: Final = timedelta(microseconds=1)

STEP_US: Final = 100_000
"""What is less is no step: NTP daemons set the clock from 128 ms on, and slew both clocks for less."""

_SHORTER_BY_AT_MOST: Final = 100
"""An interval may be shorter on paper by one part in this many, and its rate as much too high."""

_READ_WITHIN_US: Final = 1_000
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment: by the wall clock, in microseconds of CLOCK_BOOTTIME, and the boot that these count from."""

    at: datetime
    boottime_us: int
    boot_id: str | None = None


def read_moment(clock: Clock) -> Moment:
    """Read both clocks at what is nearly one moment, also on a machine that is busy."""
    for _ in range(_TRIES):
        before, at, after = clock.boottime_us(), clock.now(), clock.boottime_us()
        if after - before <= _READ_WITHIN_US:
            break
    return Moment(at, before, clock.boot_id())


class RunClock:
    """The wall clock as it was when this was made, and from there on what has passed by CLOCK_BOOTTIME.

    All runs of a beat share one, so that their times agree whatever happens to the wall clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._anchor = read_moment(clock)

    def now(self) -> datetime:
        """Return the time, in the wall clock's reckoning."""
        return self.moment().at

    def boottime_us(self) -> int:
        """Return CLOCK_BOOTTIME in whole microseconds."""
        return self._clock.boottime_us()

    def boot_id(self) -> str | None:
        """Return what tells this boot of the machine from all others."""
        return self._anchor.boot_id

    def moment(self) -> Moment:
        """Return the time on both clocks."""
        boottime_us = self._clock.boottime_us()
        passed = (boottime_us - self._anchor.boottime_us) * MICROSECOND
        return Moment(self._anchor.at + passed, boottime_us, self._anchor.boot_id)

    def step_us(self) -> int:
        """Return how far the wall clock was put forward since this was made; negative if back, 0 if neither."""
        return step_us(self._anchor, read_moment(self._clock))


def step_us(since: Moment, now: Moment) -> int:
    """Return how far the wall clock was put forward between two moments, negative if back.

    It is 0 for less than ``STEP_US``, and between boots, where nobody knows.
    """
    if since.boot_id != now.boot_id:
        return 0
    step = (now.at - since.at) // MICROSECOND - (now.boottime_us - since.boottime_us)
    return step if abs(step) > STEP_US else 0


def may_follow(last: Moment, now: Moment) -> bool:
    """Tell whether what is read now may be stored after a moment, as far as the clocks are concerned.

    It may where the time since then is on the wall clock at most a hundredth shorter than it was.
    """
    on_paper_us, short_us = _since(last, now)
    return on_paper_us > 0 and short_us <= max(STEP_US, (on_paper_us + short_us) // _SHORTER_BY_AT_MOST)


def waits_until(last: Moment, now: Moment, max_gap: timedelta) -> datetime | None:
    """Return what the wall clock has to pass before anything is stored after a moment; None if it did.

    That is when a run may follow, or else after ``max_gap``: the interval is a gap then, and has no rate.
    """
    _, short_us = _since(last, now)
    needed = timedelta(0) if short_us <= STEP_US else short_us * (_SHORTER_BY_AT_MOST - 1) * MICROSECOND
    until = last.at + min(needed, max_gap)
    return until if now.at <= until else None


def _since(last: Moment, now: Moment) -> tuple[int, int]:
    """Return the microseconds since a moment by the wall clock, and by how many these are too few at least."""
    on_paper_us = (now.at - last.at) // MICROSECOND
    passed_us = 0
    if last.boot_id is not None and now.boot_id is not None:
        passed_us = max(0, now.boottime_us - (last.boottime_us if last.boot_id == now.boot_id else 0))
    return on_paper_us, passed_us - on_paper_us
