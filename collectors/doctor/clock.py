"""Whether the clock is right: kept by somebody, ahead of the lake, and not put forward and back."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from collectors.beat import step_in_words
from collectors.doctor.kernel_clock import kernel_clock
from collectors.run_clock import Moment, read_moment, step_us
from ioledger.clock import utc_text
from ioledger.errors import DamagedFileError, counted
from ioledger.health.check import Check
from ioledger.lake import layout, locks, merged
from ioledger.lake.last_run import last_run
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from collectors.doctor.kernel_clock import KernelClock
    from ioledger.app import App

MOST_ERROR_MILLISECONDS: Final = 1_000
"""Rates of intervals of a minute are then off by a sixtieth at most."""

_KEEP_IT: Final = (
    "let chrony, systemd-timesyncd or another NTP daemon keep the clock, here or on the host of this guest"
)


def checks(app: App) -> Iterator[Check]:
    """Check the clock of this machine, alone and against the lake."""
    yield synchronised(kernel_clock())
    lake = layout.require(app.lake())
    now = read_moment(app.clock)
    sources = app.configuration().sources
    last = last_run(lake, sources)
    yield against_lake(now.at, last.ended_at if last else None)
    with locks.reading(lake):
        yield steps(_in_order([*_moments(lake, now.at, sources), now]))


def synchronised(told: KernelClock | None) -> Check:
    """Tell whether a daemon keeps the clock, as the kernel has it; None: the kernel does not say."""
    if told is None:
        return Check("clock", "the kernel does not tell whether the clock is kept")
    if not told.is_kept:
        return Check("clock", "nobody keeps this machine's clock: the kernel calls it unsynchronised", _KEEP_IT)
    found = f"it is kept, and right to {told.most_error_milliseconds:,} ms at worst"
    return Check("clock", found, _KEEP_IT if told.most_error_milliseconds > MOST_ERROR_MILLISECONDS else None)


def against_lake(now: datetime, newest: datetime | None) -> Check:
    """Tell whether the lake holds of this collector what its clock says has not been yet; nothing is then collected."""
    if newest is None:
        return Check("clock and lake", "the lake has no run yet of a source of this collector")
    if newest <= now:
        return Check("clock and lake", f"it is {utc_text(now)}, and the newest run ended at {utc_text(newest)}")
    return Check(
        "clock and lake",
        f"the clock says {utc_text(now)}, and the newest run of its sources ended at {utc_text(newest)}: nothing is "
        "collected until that has passed",
        "set the clock right; if it was wrong before, `ioledger lake verify --quarantine` sets aside what was stored "
        "for the future",
    )


def _moments(lake: Path, now: datetime, sources: Iterable[str]) -> list[Moment]:
    """Return the beginnings of today's runs of the source with most of them: a collector's runs have one clock."""
    today = utc_day(now)
    paths = max(
        (layout.files_of_partition(lake, COLLECTION_RUN.name, today, name) for name in sources), key=len, default=[]
    )
    rows = [row for path in paths for row in _rows(path)]
    return [Moment(row["started_at"], row["boottime_us"], row.get("boot_id")) for row in rows]


def _in_order(moments: list[Moment]) -> list[Moment]:
    return sorted(moments, key=lambda each: (each.boot_id or "", each.boottime_us))


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = merged.columns_of(path, ["started_at", "boottime_us", "boot_id"]).to_pylist()
    except DamagedFileError:  # `lake verify` tells of it
        return []
    return rows


def steps(moments: Sequence[Moment]) -> Check:
    """Tell of the last step of the wall clock between moments, of which those of one boot are in their order."""
    told = [each for each in moments if each.boot_id is not None]
    found = [(later.at, step) for earlier, later in pairwise(told) if (step := step_us(earlier, later))]
    if not found:
        return Check("clock steps", f"none in {counted(len(moments) - 1, 'run')} of today")
    at, step = max(found)
    return Check(
        "clock steps",
        f"the clock was put {step_in_words(step)} before {utc_text(at)}, "
        f"and stepped {counted(len(found), 'time')} today",
        "see what set it; an NTP daemon that runs all the time slews a clock and need not step it",
    )
