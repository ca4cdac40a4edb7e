"""The last run that a lake has, found without reading the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ioledger.errors import DamagedFileError
from ioledger.lake import journal, layout, locks, merged
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from datetime import date, datetime
    from pathlib import Path


class LastRun(NamedTuple):
    """The run that ended last, as its ``collection_run`` row tells it; columns that are NULL there are None."""

    started_at: datetime
    ended_at: datetime
    boottime_us: int | None
    boot_id: str | None


def last_run(lake: Path) -> LastRun | None:
    """Return the run that ended last, of whatever source; None if there is none.

    Only the newest date is looked at that has one, and of each source there the file with the greatest
    run ids. Raises LakeError if the lake may not be listed.
    """
    with locks.reading(lake):
        for day in reversed(layout.days(lake, COLLECTION_RUN.name)):
            names = layout.sources(lake, COLLECTION_RUN.name, day)
            rows = [row for name in names for row in _newest_rows(lake, day, name)]
            if rows:
                last = max(rows, key=lambda row: (row["ended_at"], row["run_id"]))
                return LastRun(last["started_at"], last["ended_at"], last.get("boottime_us"), last.get("boot_id"))
    return None


def _newest_rows(lake: Path, day: date, source: str) -> list[dict[str, Any]]:
    paths = layout.files_of_partition(lake, COLLECTION_RUN.name, day, source)
    for path in sorted(paths, key=_greatest_run_id, reverse=True):
        try:
            rows: list[dict[str, Any]] = merged.columns_of(path).to_pylist()
        except DamagedFileError:  # what is damaged is no reason to stop collecting
            continue
        return rows
    return []


def _greatest_run_id(path: Path) -> str:
    name = journal.own_name(path)
    ends = merged.run_range(name)
    return ends[1] if ends else name.removesuffix(".parquet")
