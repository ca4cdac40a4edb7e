"""Reads usage records back, summed for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.lake import reader
from ioledger.model.columns import COLUMNS, COUNT
from ioledger.model.tables import USAGE_AMOUNTS
from reports.usage import quarantine, statement

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

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

    Each row has ``id`` and ``name`` of what it was grouped by, the class and its two flags, the
    amounts of a usage record, and ``final``: none of its hours can still change. Raises LakeError
    if the lake cannot be read.
    """
    period = {"start": start, "end": end}
    with reader.connect(lake) as connection:
        found = connection.sql(statement("totals"), params={**period, "grouping": grouping}).to_arrow_table()
        median_seconds, longest_seconds = connection.sql(statement("sampling"), params=period).fetchall()[0]
        withheld = quarantine.withheld(connection, start, end)
    return Totals([_with_integers(row) for row in found.to_pylist()], median_seconds, longest_seconds, withheld)


def _with_integers(row: dict[str, Any]) -> dict[str, Any]:
    """Make integers of sums of counts, which come as decimals without places."""
    return {name: int(value) if name in _COUNTS else value for name, value in row.items()}
