"""Which time of a period can still change, from the runs that tell it and no others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from ioledger.lake import layout, reader, settings
from ioledger.model.period import LONGEST_WINDOW, utc_day, windows
from ioledger.model.tables import COLLECTION_RUN
from reports.usage import statement
from reports.usage.day import show_hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.model.period import Window
    from reports.usage.samples import Files

_HOUR: Final = timedelta(hours=1)


class RunFiles(Protocol):
    """The files of ``collection_run``, wherever they are looked for."""

    def days_by_source(self, first: date) -> Mapping[str, Sequence[date]]:
        """Return, for each source, the dates from ``first`` on under which it has runs, in order."""

    def of(self, source: str, days: Iterable[date]) -> list[Path]:
        """Return the files of a source under some days."""


@dataclass(frozen=True, slots=True)
class StoredRuns:
    """Those that lie in a lake now; a directory is listed when it is asked for."""

    lake: Path

    def days_by_source(self, first: date) -> Mapping[str, Sequence[date]]:
        """Return, for each source, the dates from ``first`` on under which it has runs, in order."""
        found: dict[str, list[date]] = {}
        for day in layout.days(self.lake, COLLECTION_RUN.name):
            for source in layout.sources(self.lake, COLLECTION_RUN.name, day) if day >= first else ():
                found.setdefault(source, []).append(day)
        return found

    def of(self, source: str, days: Iterable[date]) -> list[Path]:
        """Return the files of a source under some days."""
        return [path for day in days for path in layout.files_of_partition(self.lake, COLLECTION_RUN.name, day, source)]


class OpenedRuns:
    """Those that a lake had when it was opened."""

    def __init__(self, files: Files) -> None:
        self._files: dict[str, dict[date, list[Path]]] = {}
        for day in files.days(COLLECTION_RUN.name):
            for path in files.of(COLLECTION_RUN.name, [day]):
                self._files.setdefault(layout.source_of(path), {}).setdefault(day, []).append(path)

    def days_by_source(self, first: date) -> Mapping[str, Sequence[date]]:
        """Return, for each source, the dates from ``first`` on under which it has runs, in order."""
        found = {source: [day for day in by_day if day >= first] for source, by_day in self._files.items()}
        return {source: days for source, days in found.items() if days}

    def of(self, source: str, days: Iterable[date]) -> list[Path]:
        """Return the files of a source under some days."""
        return [path for day in days for path in self._files[source].get(day, ())]


def show_telling_runs(opened: OpenLake, runs: RunFiles, start: datetime, end: datetime) -> None:
    """Let ``collection_run`` be the runs that tell which billing hours of ``[start, end)`` are final.

    A source whose last run is complete and began after the period tells by that one file. Of any other
    that had a run in the period these are its last complete run since the period began, if there is
    one, and the runs of the period whose hours this does not make final.
    """
    first, last = utc_day(start - LONGEST_WINDOW), utc_day(end + LONGEST_WINDOW)
    waited_for = {source: days for source, days in runs.days_by_source(first).items() if days[0] <= last}
    latest = [path for source, days in waited_for.items() for path in runs.of(source, days[-1:])[-1:]]
    complete = _last_complete(opened, latest)
    undecided = {
        source: days
        for source, days in waited_for.items()
        if source not in complete or complete[source] <= end + LONGEST_WINDOW
    }
    telling: list[Path] = []
    days_back = 1
    while undecided:
        looked_at = {source: runs.of(source, [days[-days_back]]) for source, days in undecided.items()}
        complete = _last_complete(opened, [path for paths in looked_at.values() for path in paths])
        for source, days in tuple(undecided.items()):
            if source in complete or days_back == len(days):
                since = max(first, utc_day(complete[source] - LONGEST_WINDOW)) if source in complete else first
                telling += looked_at[source]
                telling += runs.of(source, [day for day in days if since <= day <= last])
                del undecided[source]
        days_back += 1
    opened.show(COLLECTION_RUN.name, sorted(set(telling)))


def provisional_time(opened: OpenLake, start: datetime, end: datetime) -> list[Window]:
    """List, hour by hour, the time in which runs may leave a billing hour open.

    ``collection_run`` is as ``show_telling_runs`` leaves it.
    """
    limits = {"start": start - LONGEST_WINDOW, "end": end + LONGEST_WINDOW, "longest": LONGEST_WINDOW}
    found = opened.connection.execute(statement("provisional"), limits).fetchall()
    return [(opens, opens + _HOUR) for (opens,) in found]


def provisional_hours(lake: Path, start: datetime, end: datetime) -> list[Window]:
    """List the billing hours of ``[start, end)`` that can still change; raises LakeError if runs cannot be read."""
    with reader.open_unlisted(lake) as opened:
        return provisional_hours_of(opened, lake, start, end)


def provisional_hours_of(opened: OpenLake, lake: Path, start: datetime, end: datetime) -> list[Window]:
    """Do the same with an open lake, whose ``collection_run`` is then what ``show_telling_runs`` leaves."""
    return provisional_of(opened, StoredRuns(lake), windows(start, end, settings.zone_spans(settings.load(lake))))


def provisional_of(opened: OpenLake, runs: RunFiles, hours: Sequence[Window]) -> list[Window]:
    """Return those of some billing hours, in order, that can still change by the runs of these files."""
    if not hours:
        return []
    show_telling_runs(opened, runs, hours[0][0], hours[-1][1])
    show_hours(opened.connection, hours, hours[0][0])
    sql = "SELECT window_start, window_end, is_final(window_start, window_end) FROM usage_window ORDER BY ALL"
    found = opened.connection.execute(sql).fetchall()
    return [(opens, closes) for opens, closes, is_final in found if not is_final]


def _last_complete(opened: OpenLake, paths: Sequence[Path]) -> Mapping[str, datetime]:
    """Return the start of the last complete run of each source that has one in some files."""
    opened.show(COLLECTION_RUN.name, paths)
    found = opened.connection.execute(
        "SELECT source, max(started_at) FROM collection_run WHERE status = 'ok' GROUP BY source"
    ).fetchall()
    return dict(found)
