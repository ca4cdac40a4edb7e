"""The latest run of each source, found from the newest day backwards, without a look at the whole history."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import journal, layout, merged
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

_RUN_ID: Final = attrgetter("run_id")


class RunTold(NamedTuple):
    """What ``collection_run`` tells of one run."""

    run_id: str
    started_at: datetime
    ended_at: datetime
    status: str
    error: str | None = None


class LatestRuns(NamedTuple):
    """The ``latest`` run of a source, whatever became of it, and the latest that ``listed`` what there is.

    A run that failed lists nothing; ``listed`` is None where every run did. Their rows of
    ``collection_run`` lie in ``files``.
    """

    latest: RunTold
    listed: RunTold | None
    files: tuple[Path, ...]


def latest_runs(lake: Path) -> dict[str, LatestRuns]:
    """Return the latest runs of every source of a lake that has runs, by its name.

    A source whose first run is about to be stored, or was killed meanwhile, has none. Whoever opens their
    files holds ``locks.reading`` from before. Raises LakeError where the lake cannot be read.
    """
    found: dict[str, LatestRuns] = {}
    for day in reversed(layout.days(lake, COLLECTION_RUN.name)):
        for source in layout.sources(lake, COLLECTION_RUN.name, day):
            later = found.get(source)
            if later is None or later.listed is None:
                of_day = layout.files_of_partition(lake, COLLECTION_RUN.name, day, source)
                if runs := _look_through(later, of_day):
                    found[source] = runs
    return found


def _look_through(found: LatestRuns | None, paths: Iterable[Path]) -> LatestRuns | None:
    """Read the files of one day, the newest first, until none can hold a later run than what was found."""
    for path in sorted(paths, key=merged.last_run_id, reverse=True):
        if found and found.listed and merged.last_run_id(path) < found.listed.run_id:
            break
        found = _with_runs_of(path, found)
    return found


def _with_runs_of(path: Path, found: LatestRuns | None) -> LatestRuns:
    """Take note of the runs of one file of ``collection_run``, which has one at least."""
    runs = [RunTold(**row) for row in merged.columns_of(path, RunTold._fields).to_pylist()]
    if found:
        runs += filter(None, (found.latest, found.listed))
    listing = [run for run in runs if run.status != "failed"]
    latest, listed = max(runs, key=_RUN_ID), max(listing, key=_RUN_ID, default=None)
    return LatestRuns(latest, listed, (*(found.files if found else ()), path))


def files_of(lake: Path, table: str, runs: Mapping[str, RunTold]) -> list[Path]:
    """Return the files that can hold a table's rows of one run of each source.

    Rows lie under their own date, which is that of the run or next to it.
    """
    return [path for source, run in runs.items() for path in _files_of_run(lake, table, source, run)]


def _files_of_run(lake: Path, table: str, source: str, run: RunTold) -> Iterable[Path]:
    day, last = utc_day(run.started_at) - timedelta(days=1), utc_day(run.ended_at) + timedelta(days=1)
    while day <= last:
        for path in layout.files_of_partition(lake, table, day, source):
            if merged.may_hold(journal.own_name(path), run.run_id):
                yield path
        day += timedelta(days=1)
