"""What the runs of one beat share: a clock, and when this collector last wrote the lake by it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from collectors.remembered import latest_end
from collectors.run_clock import MICROSECOND, Moment, RunClock, may_follow, step_us, waits_until
from ioledger.clock import utc_text
from ioledger.lake import memory, settings
from ioledger.lake.last_run import last_run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from collectors.remembered import LastRun
    from ioledger.clock import Clock

EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""A clock that shows less was never set: a machine without a battery begins in 1970, and usage from there on."""

_log = logging.getLogger(__name__)


class Beat:
    """One moment at which sources are read.

    ``sources`` names all that this collector reads, also those that this beat leaves out: two can read the
    same disks. Sources that collectors elsewhere write have clocks of their own, which judge nothing here.
    """

    def __init__(self, lake: Path, clock: Clock, sources: Iterable[str]) -> None:
        self._lake = lake
        self._sources = sorted(set(sources))  # in an order, so that what is read is read in the same one everywhere
        # First the clock: a run that ends between the two is later than the clock, never unknown.
        self.clock = RunClock(clock)
        self._latest = latest_end(lake, self._sources)
        self._tell_of_step()

    def waits(self, source: str, last: LastRun | None) -> str | None:
        """Say why nothing may be stored of a source whose last run was ``last``; None if it may.

        ``last`` is None where that is not remembered. The source itself is not all that counts, but all that
        this collector reads. Raises LakeError if the lake cannot be read, and ConfigurationError if its
        settings cannot.
        """
        now = self.clock.moment()
        if now.at < EARLIEST:
            return (
                f"the wall clock stands at {utc_text(now.at)}, and so was never set; nothing is read until an "
                "NTP daemon or somebody sets it"
            )
        own = last.ended if last else None
        if own and self._latest and may_follow(own, now) and may_follow(self._latest, now):
            return None
        # What is remembered may also have left the lake, such as runs of a clock that was years ahead.
        stored = self._stored_end
        if stored is None or may_follow(stored, now):
            return None
        max_gap = settings.at(settings.load(self._lake), now.at).max_gap_seconds
        until = waits_until(stored, now, timedelta(seconds=max_gap))
        if until is None:
            return None
        if last and (other := _other_machine(last, now)):
            return (
                f"{source} was stored at {utc_text(last.ended.at)} by the machine {other}, and this is "
                f"{memory.machine()}; one source has one collector: give each machine a source name of its own, or "
                f"stop the other and wait until {utc_text(until)}"
            )
        return (
            f"the wall clock stands at {utc_text(now.at)}, and was put back since "
            "this source, or another of this collector, was stored at "
            f"{utc_text(stored.at)}; so that nothing counts twice, nothing is read until it has passed "
            f"{utc_text(until)}; if it was wrong before, `ioledger lake verify --quarantine` sets aside what "
            "was stored for the future"
        )

    @cached_property
    def _stored_end(self) -> Moment | None:
        """When the last run of these sources ended as the lake tells it: looked up once, for runs of a beat agree."""
        last = last_run(self._lake, self._sources)
        if last is None:
            return None
        if last.boottime_us is None:
            return Moment(last.ended_at, 0)
        took_us = (last.ended_at - last.started_at) // MICROSECOND
        return Moment(last.ended_at, last.boottime_us + took_us, last.boot_id)

    def _tell_of_step(self) -> None:
        now = self.clock.moment()
        step = step_us(self._latest, now) if self._latest else 0
        if step and self._latest and may_follow(self._latest, now):
            _log.warning("the wall clock was put %s since the last run", step_in_words(step))


def _other_machine(last: LastRun, now: Moment) -> str | None:
    """Name the machine that stored a run while this one was up; None where that was this one, or nobody knows."""
    booted_at = now.at - now.boottime_us * MICROSECOND
    is_another = last.ended.boot_id != now.boot_id and last.ended.at > booted_at
    return last.machine if is_another and last.machine != memory.machine() else None


def step_in_words(step: int) -> str:
    """Say which way and how far a clock was put, from microseconds."""
    return f"{'forward' if step > 0 else 'back'} by {abs(step) / 1_000_000:.1f} s"
