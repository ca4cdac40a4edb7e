"""The last run that a lake has, found without reading the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ioledger.errors import DamagedFileError
from ioledger.lake import layout, locks, merged
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from pathlib import Path


class LastRun(NamedTuple):
    """The run that ended last, as its ``collection_run`` row tells it; columns that are NULL there are None."""

    started_at: datetime
    ended_at: datetime
    boottime_us: int | None
    boot_id: str | None


def last_run(lake: Path, of: Collection[str] | None = None, until: datetime | None = None) -> LastRun | None:
    """Return the run that ended last, of some sources or of all; None if there is none.

    Runs that ended after ``until`` are passed over: a clock that is ahead stored them. Only the newest date
    is looked at that has any, and of each source there the file with the greatest run ids. Raises LakeError
    if the lake may not be listed.
    """
    with locks.reading(lake):
        for day in reversed(layout.days(lake, COLLECTION_RUN.name)):
            if until is not None and day > utc_day(until):
                continue
            names = layout.sources(lake, COLLECTION_RUN.name, day) if of is None else of
            rows = [row for name in names for row in _newest_rows(lake, day, name, until)]
            if rows:
                last = max(rows, key=lambda row: (row["ended_at"], row["run_id"]))
                return LastRun(last["started_at"], last["ended_at"], last.get("boottime_us"), last.get("boot_id"))
    return None


def _newest_rows(lake: Path, day: date, source: str, until: datetime | None) -> list[dict[str, Any]]:
    paths = layout.files_of_partition(lake, COLLECTION_RUN.name, day, source)
    for path in sorted(paths, key=merged.last_run_id, reverse=True):
        try:
            rows: list[dict[str, Any]] = merged.columns_of(path).to_pylist()
        except DamagedFileError:  # what is damaged is no reason to stop collecting
            continue
        if found := [row for row in rows if until is None or row["ended_at"] <= until]:
            return found
    return []
