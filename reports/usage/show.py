"""Reads usage records back, summed for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.lake import reader
from reports.usage import quarantine, statement

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

GROUPINGS: Final = ("volume", "vm", "account", "offering", "pool")


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

    Each row has ``id`` and ``name`` of what it was grouped by, the class and its two flags, the
    amounts of a usage record, and ``final``: none of its hours can still change. Raises LakeError
    if the lake cannot be read.
    """
    period = {"start": start, "end": end}
    with reader.connect(lake) as connection:
        rows = connection.sql(statement("totals"), params={**period, "grouping": grouping}).to_arrow_table().to_pylist()
        sampling = connection.sql(statement("sampling"), params=period).fetchall()
        withheld = quarantine.withheld(connection, start, end)
    return Totals(rows, *sampling[0], withheld)
