"""Which files of a partition are due to be merged: hours that are over, and days that are over."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from ioledger.lake import layout, merged
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

GRACE: Final = timedelta(hours=2)
"""How long after its end a day still counts as open: runs that were late would have it merged twice."""

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class _Told:
    """The files that tell of a source's runs, under some dates or all: those of one run by its id, and merged ones."""

    def __init__(self, lake: Path, source: str, days: Iterable[date] | None = None) -> None:
        files = layout.files_of_source(lake, COLLECTION_RUN.name, source, of_days=days)
        self._merged = {path: at for path, at in files.items() if merged.run_range(path.name)}
        self.alone = {path.stem: at for path, at in files.items() if path not in self._merged}

    def holding(self, run_id: str) -> list[Path]:
        """Return where the files lie that can tell of a run."""
        found = [self.alone[run_id]] if run_id in self.alone else []
        return found + [at for path, at in self._merged.items() if merged.may_hold(path.name, run_id)]


class Runs:
    """The committed runs of a source, looked up by name, for the files of one date.

    Whoever asks holds ``locks.reading`` from before.
    """

    def __init__(self, lake: Path, source: str, day: date) -> None:
        self._lake = lake
        self._source = source
        # A run's rows lie under its own date or next to it, but for sources that tell of long ago.
        self._near = _Told(lake, source, [day - _DAY, day, day + _DAY])
        self._starts: dict[Path, Mapping[str, datetime]] = {}

    @cached_property
    def _all(self) -> _Told:
        return _Told(self._lake, self._source)

    def is_committed(self, run_id: str) -> bool:
        """Tell whether a run's ``collection_run`` row is stored; raises DamagedFileError if a file cannot be read."""
        return run_id in self._near.alone or self.started_at(run_id) is not None

    def started_at(self, run_id: str) -> datetime | None:
        """Return when a committed run started; None for any other. Raises DamagedFileError as ``is_committed``."""
        near = self._started_in(self._near, run_id)
        return self._started_in(self._all, run_id) if near is None else near

    def _started_in(self, told: _Told, run_id: str) -> datetime | None:
        return next(
            (found for found in (self._starts_in(at).get(run_id) for at in told.holding(run_id)) if found), None
        )

    def _starts_in(self, at: Path) -> Mapping[str, datetime]:
        if at not in self._starts:
            rows = merged.columns_of(at, ["run_id", "started_at"])
            moments = rows.column("started_at").cast(pa.int64()).to_pylist()
            starts = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment) for moment in moments]
            self._starts[at] = dict(zip(rows.column("run_id").to_pylist(), starts, strict=True))
        return self._starts[at]


def groups(day: date, files: Mapping[Path, Path], runs: Runs, now: datetime) -> list[list[Path]]:
    """Return which files of one date are due to become one, by their own names.

    ``files`` are those that count, with where they lie. A day that is over becomes one file; of one
    that is not, the runs of each hour that is over do. What is one merged file already is not due,
    and files of runs that are not committed never are. Raises DamagedFileError if a file cannot be read.
    """
    committed = [path for path in files if merged.run_range(path.name) or runs.is_committed(path.stem)]
    if now >= datetime.combine(day, time(), UTC) + timedelta(days=1) + GRACE:
        together = [committed]
    else:
        by_hour: dict[datetime, list[Path]] = {}
        for path in committed:
            is_merged = merged.run_range(path.name) is not None
            started_at = runs.started_at(min(merged.run_ids_in(files[path])) if is_merged else path.stem)
            if started_at is not None and started_at.replace(minute=0, second=0, microsecond=0) + _HOUR <= now:
                by_hour.setdefault(started_at.replace(minute=0, second=0, microsecond=0), []).append(path)
        together = [by_hour[hour] for hour in sorted(by_hour)]
    return [paths for paths in together if len(paths) > 1 or any(not merged.run_range(path.name) for path in paths)]
