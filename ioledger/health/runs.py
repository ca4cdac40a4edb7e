"""Whether each source was read when it should have been, and how that ended."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.errors import DamagedFileError
from ioledger.health.check import Check, moment
from ioledger.lake import journal, latest, layout, locks, merged, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from ioledger.app import App
    from ioledger.lake.latest import LatestRuns, RunTold

MISSED_BEATS: Final = 3
LEAST_LATE: Final = timedelta(minutes=3)
"""A run that is under way is not stored yet, so one beat may be missing though nothing is wrong."""

_LOOKED_AT: Final = 7
"""So many runs give a usual time between two of them that one outage does not change."""


class Expected(NamedTuple):
    """How often a source is read, as its last runs tell, and how long it may be silent; None: nothing tells."""

    beat: timedelta | None
    patience: timedelta


def checks(app: App) -> Iterator[Check]:
    """Check the runs of every source that is configured, or in the lake and not retired."""
    lake, now = layout.require(app.lake()), app.clock.now()
    in_force = settings.at(settings.load(lake), now)
    configured = app.configuration().sources
    with locks.reading(lake):
        known = {name: told for name, told in latest.latest_runs(lake).items() if name not in in_force.retired}
        for name in [*configured, *sorted(known.keys() - configured.keys())]:
            if name not in known:
                mend = f"run `ioledger collect --source {name}`, and have it run every minute"
                yield Check("runs", "it was never read into this lake", mend, name)
            else:
                patience = timedelta(seconds=in_force.max_gap_seconds)
                run = _last(known[name])
                usual = expected(_starts(lake, name, run), patience)
                yield last_run(name, run, usual, now, is_configured=name in configured)


def _last(told: LatestRuns) -> RunTold:
    if told.latest is None:
        raise LookupError("a source is known by its runs alone")
    return told.latest


def _starts(lake: Path, source: str, run: RunTold) -> list[datetime]:
    """Return when the last runs of a source started, a few of them, up to the date of ``run``."""
    starts: list[datetime] = []
    for path in _newest_files(lake, source, utc_day(run.started_at)):
        try:
            starts += merged.columns_of(path, ["started_at"]).column("started_at").to_pylist()
        except DamagedFileError:  # `lake verify` tells of it
            continue
        if len(starts) >= _LOOKED_AT:
            break
    return sorted(starts)[-_LOOKED_AT:]


def _newest_files(lake: Path, source: str, last: date) -> Iterator[Path]:
    """Give the files of a source's runs from its last date back, a date being looked at when it is reached."""
    for day in reversed(layout.days(lake, COLLECTION_RUN.name)):
        if day <= last:
            paths = layout.files_of_partition(lake, COLLECTION_RUN.name, day, source)
            yield from sorted(paths, key=_last_run_id, reverse=True)


def _last_run_id(path: Path) -> str:
    name = journal.own_name(path)
    ends = merged.run_range(name)
    return ends[1] if ends else name.removesuffix(".parquet")


def expected(starts: Sequence[datetime], patience: timedelta) -> Expected:
    """Return how often a source is read, by when its last runs started; ``patience`` is for one that was read once."""
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    if not gaps:
        return Expected(None, patience)
    beat = timedelta(seconds=round(median(gap.total_seconds() for gap in gaps)))
    return Expected(beat, max(LEAST_LATE, MISSED_BEATS * beat))


def last_run(name: str, run: RunTold, usual: Expected, now: datetime, *, is_configured: bool) -> Check:
    """Tell of a source's last run: whether it is too long ago, and how it ended."""
    often = "" if usual.beat is None else f", one every {usual.beat.total_seconds():.0f} s"
    told = f"the last run was at {moment(run.started_at)}{often}"
    if now - run.started_at > usual.patience:
        mend = (
            "see whether the collector runs (`systemctl status ioledger-collect`), and what it says"
            if is_configured
            else "it is not in this ioledger.toml, and usage waits for it: name it under `retired` in settings.toml of "
            "the lake, or configure it again"
        )
        return Check("runs", told, mend, name)
    if run.status == "ok":
        return Check("runs", f"{told}, and it was whole", None, name)
    mend = f"mend that, and see with `ioledger collect --source {name}`"
    return Check("runs", f"{told}, and it was {run.status}: {run.error}", mend, name)
