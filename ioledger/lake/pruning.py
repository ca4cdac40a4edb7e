"""Prunes a lake: refuses what must not go, notes the date, and takes the facts away."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import locks, reader, settings, swaps, watermark
from ioledger.lake.prune.selection import select
from ioledger.lake.prune.thinning import Thinning
from ioledger.model.period import utc_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ioledger.lake.prune.thinning import Gone


def refuse_recent(lake: Path, before: date, now: datetime) -> None:
    """Raise ConfigurationError if a date is within the time for which late data still corrects bills."""
    days = settings.at(settings.load(lake), now).correction_look_back_days
    latest = utc_day(now) - timedelta(days=days)
    if before > latest:
        raise ConfigurationError(
            f"--before {before} is within the {days} days for which late data still corrects bills; "
            f"give {latest} or earlier, or set correction_look_back_days in {lake / 'settings.toml'}"
        )


def prune(
    lake: Path, before: date, *, is_dry_run: bool, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> list[Gone]:
    """Take away the facts of whole UTC dates before a date, but for what usage from then on rests on.

    Says for each table of facts what went, or with ``is_dry_run`` would go. The caller has made sure
    that usage of the hours before is built and final. ``progress`` is told how many files of how many were
    looked at. Raises BusyError if usage is being built or the
    lake is read, and LakeError if the lake cannot be read or written; pruning once more goes on where that ended.
    """
    with locks.exclusive(lake, "usage-build"), locks.exclusive(lake, locks.UPKEEP):
        swaps.settle(lake)
        with reader.open_lake(lake) as opened:
            longest = max(each.max_allocation_age_seconds for each in settings.load(lake))
            thinning = Thinning(lake, select(opened, before, timedelta(seconds=longest)))
            gone = thinning.plan(opened.files, progress)
        if not is_dry_run:
            try:
                with swaps.alone(lake):
                    watermark.move(lake, before)
                    thinning.carry_out()
            except OSError as error:
                raise LakeError(
                    f"{lake} cannot be pruned: {error.strerror or error}; make it writable and run the command again"
                ) from error
    return gone
