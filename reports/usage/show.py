"""Reads usage records back, summed for people and programs."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.errors import LakeError
from ioledger.lake import layout, reader, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN
from reports.usage import statement
from reports.usage.cover import BY_MONTH_AND_DAY, Rollups, show_parts
from reports.usage.finality import provisional_time, show_telling_runs
from reports.usage.names import last_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

GROUPINGS: Final = ("volume", "vm", "account", "offering", "pool")


class Totals(NamedTuple):
    """Usage of a period: rows by group and class, and how far apart the samples behind them are."""

    rows: list[dict[str, Any]]
    median_seconds: int | None
    longest_seconds: int | None


def totals(lake: Path, grouping: str, start: datetime, end: datetime) -> Totals:
    """Sum the usage records of the hours that overlap ``[start, end)``.

    Whole months and days come from their rollups, where these hold. Each row has ``id`` and ``name``
    (the last one told in the period) of what it was grouped by, the class and its two flags, the
    amounts of a usage record, and ``final``: none of its hours can still change. Raises LakeError if
    the lake cannot be read.
    """
    period = {"start": start, "end": end}
    with _named_errors(lake), reader.open_files(lake, {}) as opened:
        show_telling_runs(opened, lake, start, end)
        show_parts(opened, Rollups(lake).cover(start, end, BY_MONTH_AND_DAY, provisional_time(opened, start, end)))
        summed = opened.connection.sql(statement("totals"), params={**period, "grouping": grouping})
        rows = summed.to_arrow_table().to_pylist()
        told_since = start - timedelta(seconds=max(each.max_allocation_age_seconds for each in settings.load(lake)))
        names = last_names(opened, lake, grouping, {row["id"] for row in rows} - {None}, (told_since, end))
        opened.show(COLLECTION_RUN.name, _runs_of(lake, start, end))
        sampling = opened.connection.sql(statement("sampling"), params=period).fetchall()
    return Totals([{"id": row["id"], "name": names.get(row["id"]), **row} for row in rows], *sampling[0])


def first_run(lake: Path) -> datetime | None:
    """Return when the lake's first run began; None where there is none. Raises LakeError."""
    for day in layout.days(lake, COLLECTION_RUN.name):
        runs = layout.files_of_days(lake, COLLECTION_RUN.name, [day])
        with reader.open_files(lake, {}) as opened:
            opened.show(COLLECTION_RUN.name, runs)
            first: datetime | None = opened.connection.execute("SELECT min(started_at) FROM collection_run").fetchall()[
                0
            ][0]
        if first is not None:
            return first
    return None


def _runs_of(lake: Path, start: datetime, end: datetime) -> list[Path]:
    days = [day for day in layout.days(lake, COLLECTION_RUN.name) if utc_day(start) <= day <= utc_day(end)]
    return layout.files_of_days(lake, COLLECTION_RUN.name, days)


@contextmanager
def _named_errors(lake: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"usage cannot be read from {lake}: {error.filename}: {error.strerror or error}; "
            "give this user access to it"
        ) from error
