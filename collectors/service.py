"""The loop that keeps a beat, and tells systemd how it is."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from collectors.run_clock import MICROSECOND
from collectors.runner import Outcome, tell
from ioledger.clock import utc_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from collectors.collection import Collection, Ended
    from collectors.systemd import Notifier
    from ioledger.clock import Clock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


def keep_collecting(
    collection: Collection,
    clock: Clock,
    interval: timedelta,
    manager: Notifier,
    has_stored: Callable[[], None] = lambda: None,
) -> None:
    """Read all sources at every multiple of an interval since the epoch, by the wall clock, until told to stop.

    A beat that comes while the process sleeps or is late is skipped, never made up for. ``has_stored`` is called
    after each run.
    """
    status = _Status()
    # Ready before the first run: whoever waits for this service need not wait for a host that does not answer.
    manager.send(READY="1", STATUS="waiting for the first beat")
    last = _beat(clock, interval)[0]
    while not collection.is_stopping:
        number, to_next = _beat(clock, interval)
        if number != last:  # a clock that was put back begins a beat, too
            last = number
            collection.begin()
        if status.is_alive(collection):
            manager.send(WATCHDOG="1")
        half = manager.watchdog_seconds / 2 if manager.watchdog_seconds else to_next
        if (ended := collection.wait(min(to_next, half))) is not None:
            manager.send(STATUS=status.after(ended, clock))
            has_stored()
    manager.send(STOPPING="1", STATUS="ending the runs that were begun")
    while collection.has_to_wait():
        if (ended := collection.wait()) is not None:
            status.after(ended, clock)
            has_stored()
    for name in collection.unfinished:
        _log.warning("%s: was not read to the end before ioledger had to stop; nothing of this run is stored", name)


def _beat(clock: Clock, interval: timedelta) -> tuple[int, float]:
    """Return the number of the beat that it is, counted from the epoch, and the seconds to the next one."""
    number, passed = divmod(clock.now() - _EPOCH, interval)
    return number, (interval - passed) / MICROSECOND / 1_000_000


class _Status:
    """How each source's last run ended."""

    def __init__(self) -> None:
        self._failed: dict[str, bool] = {}
        self._is_stuck = False

    def is_alive(self, collection: Collection) -> bool:
        """Tell whether no run takes longer than any can; say so once if one does.

        The watchdog may then end the process, and another one starts afresh; nothing is lost, for what a
        disk did is in its next reading.
        """
        stuck = collection.stuck()
        if stuck and not self._is_stuck:
            _log.error("%s: in one run for longer than any can take; the watchdog is not fed any more", stuck[0])
        self._is_stuck = bool(stuck)
        return not stuck

    def after(self, ended: Ended, clock: Clock) -> str:
        """Tell how a run ended, and return how all sources are in one line."""
        if isinstance(ended.result, Outcome):
            tell(ended.result)
        else:  # a disk that is full now may have room at the next beat
            _log.error("ioledger: %s", ended.result)
        self._failed[ended.source] = not isinstance(ended.result, Outcome) or ended.result.status != "ok"
        troubled = sorted(name for name, failed in self._failed.items() if failed)
        of_these = f", not whole: {', '.join(troubled)}" if troubled else ""
        read = len(self._failed) - len(troubled)
        return f"{read} of {len(self._failed)} sources read at {utc_text(clock.now())}{of_these}"
