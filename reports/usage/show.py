"""Reads usage records back, summed for people and programs."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.lake import access, derived, layout, reader, settings
from ioledger.model.columns import COLUMNS, COUNT
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, QUARANTINE, USAGE_AMOUNTS, USAGE_RECORD
from reports.usage import quarantine, statement
from reports.usage.cover import BY_MONTH_AND_DAY, Rollups, show_parts
from reports.usage.finality import StoredRuns, provisional_time, show_telling_runs
from reports.usage.names import last_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.model.tables import Table

GROUPINGS: Final = ("volume", "vm", "account", "offering", "pool")

_COUNTS: Final = frozenset(name for name in USAGE_AMOUNTS if COLUMNS[name].type == COUNT)


class Totals(NamedTuple):
    """Usage of a period: rows by group and class, and how far apart the samples behind them are.

    ``quarantined`` are the rows of the table ``quarantine`` of the same hours, which the sums lack.
    """

    rows: list[dict[str, Any]]
    median_seconds: int | None
    longest_seconds: int | None
    quarantined: quarantine.Rows


def totals(lake: Path, grouping: str, start: datetime, end: datetime) -> Totals:
    """Sum the usage records of the hours that overlap ``[start, end)``.

    Whole months and days come from their rollups, where these hold. Each row has ``id`` and ``name``
    (the last one told in the period) of what it was grouped by, the class and its two flags, the
    amounts of a usage record, and ``final``: none of its hours can still change. Raises LakeError if
    the lake cannot be read.
    """
    return derived.consistently(lake, lambda: _totals(lake, grouping, start, end), (start, end))


def _totals(lake: Path, grouping: str, start: datetime, end: datetime) -> Totals:
    period = {"start": start, "end": end}
    with _named_errors(lake), reader.open_unlisted(lake) as opened:
        show_telling_runs(opened, StoredRuns(lake), start, end)
        show_parts(opened, Rollups(lake).cover(start, end, BY_MONTH_AND_DAY, provisional_time(opened, start, end)))
        summed = opened.connection.sql(statement("totals"), params={**period, "grouping": grouping})
        rows = [_with_integers(row) for row in summed.to_arrow_table().to_pylist()]
        told_since = start - timedelta(seconds=max(each.max_allocation_age_seconds for each in settings.load(lake)))
        names = last_names(opened, lake, grouping, {row["id"] for row in rows} - {None}, (told_since, end))
        opened.show(COLLECTION_RUN.name, _files_of(lake, COLLECTION_RUN.name, start, end))
        sampling = opened.connection.sql(statement("sampling"), params=period).fetchall()
        opened.show(QUARANTINE.name, _files_of(lake, QUARANTINE.name, start, end))
        withheld = quarantine.withheld(opened.connection, start, end)
    named = [{"id": row["id"], "name": names.get(row["id"]), **row} for row in rows]
    median_seconds, longest_seconds = sampling[0]
    return Totals(named, median_seconds, longest_seconds, withheld)


def _with_integers(row: dict[str, Any]) -> dict[str, Any]:
    """Make integers of sums of counts, which come as decimals without places."""
    return {name: int(value) if name in _COUNTS else value for name, value in row.items()}


def first_moment(lake: Path) -> datetime | None:
    """Return when the lake's first run or usage record began; None where there is neither. Raises LakeError."""
    with reader.open_unlisted(lake) as opened:
        found = [_first(opened, lake, COLLECTION_RUN, "started_at"), _first(opened, lake, USAGE_RECORD, "window_start")]
    return min((moment for moment in found if moment is not None), default=None)


def _first(opened: OpenLake, lake: Path, table: Table, column: str) -> datetime | None:
    for day in layout.days(lake, table.name):
        opened.show(table.name, layout.files_of_days(lake, table.name, [day]))
        first: datetime | None = opened.connection.table(table.name).min(column).fetchall()[0][0]
        if first is not None:
            return first
    return None


def _files_of(lake: Path, table: str, start: datetime, end: datetime) -> list[Path]:
    days = [day for day in layout.days(lake, table) if utc_day(start) <= day <= utc_day(end)]
    return layout.files_of_days(lake, table, days)


@contextmanager
def _named_errors(lake: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        access.refuse(f"usage cannot be read from {lake}: {error.filename}", error)
