"""Which time of a period can still change, from the runs that tell it and no others."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

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

_HOUR: Final = timedelta(hours=1)


def show_telling_runs(opened: OpenLake, lake: Path, start: datetime, end: datetime) -> None:
    """Let ``collection_run`` be the runs that tell which billing hours of ``[start, end)`` are final.

    A source whose last run is complete and began after the period tells by that one file. Of any other
    that had a run in the period these are its last complete run since the period began, if there is
    one, and the runs of the period whose hours this does not make final.
    """
    first, last = utc_day(start - LONGEST_WINDOW), utc_day(end + LONGEST_WINDOW)
    waited_for = {source: days for source, days in _days_by_source(lake, first).items() if days[0] <= last}
    latest = [path for source, days in waited_for.items() for path in _files(lake, source, days[-1:])[-1:]]
    complete = _last_complete(opened, latest)
    undecided = {
        source: days
        for source, days in waited_for.items()
        if source not in complete or complete[source] <= end + LONGEST_WINDOW
    }
    telling: list[Path] = []
    days_back = 1
    while undecided:
        looked_at = {source: _files(lake, source, [days[-days_back]]) for source, days in undecided.items()}
        complete = _last_complete(opened, [path for paths in looked_at.values() for path in paths])
        for source, days in tuple(undecided.items()):
            if source in complete or days_back == len(days):
                since = max(first, utc_day(complete[source] - LONGEST_WINDOW)) if source in complete else first
                telling += looked_at[source]
                telling += _files(lake, source, [day for day in days if since <= day <= last])
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
    hours = windows(start, end, settings.zone_spans(settings.load(lake)))
    show_telling_runs(opened, lake, start, end)
    show_hours(opened.connection, hours, start)
    sql = "SELECT window_start, window_end, is_final(window_start, window_end) FROM usage_window ORDER BY ALL"
    found = opened.connection.execute(sql).fetchall()
    return [(opens, closes) for opens, closes, is_final in found if not is_final]


def _days_by_source(lake: Path, first: date) -> dict[str, list[date]]:
    """Return, for each source, the dates from ``first`` on under which it has runs."""
    found: dict[str, list[date]] = {}
    for day in layout.days(lake, COLLECTION_RUN.name):
        for source in layout.sources(lake, COLLECTION_RUN.name, day) if day >= first else ():
            found.setdefault(source, []).append(day)
    return found


def _files(lake: Path, source: str, days: Iterable[date]) -> list[Path]:
    return [path for day in days for path in layout.files_of_partition(lake, COLLECTION_RUN.name, day, source)]


def _last_complete(opened: OpenLake, paths: Sequence[Path]) -> Mapping[str, datetime]:
    """Return the start of the last complete run of each source that has one in some files."""
    opened.show(COLLECTION_RUN.name, paths)
    found = opened.connection.execute(
        "SELECT source, max(started_at) FROM collection_run WHERE status = 'ok' GROUP BY source"
    ).fetchall()
    return dict(found)
