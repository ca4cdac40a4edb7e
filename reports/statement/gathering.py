"""Reads what a statement is made of: the charges and the usage of each account of a billing month."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow.compute as pc

from ioledger.lake import layout, reader, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import CHARGE, USAGE_RECORD
from ioledger.sql_files import statements_of
from reports.closing import archive
from reports.exports.rows import open_export

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from duckdb import DuckDBPyConnection

    from reports.exports.batch import Export

Row = dict[str, Any]

_statement = statements_of("reports.statement")

_AT_ONCE: Final = 4096
"""Rows that are made Python values at a time."""


@dataclass(frozen=True, slots=True)
class Month:
    """The billing month of a statement: its ends in UTC, the billing time zone, and what all charges rest on."""

    name: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    status: Literal["open", "closed"]
    provenance: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """The charges of an account in their order, and its usage, one row per volume or disk.

    ``account_id`` is None for what is of no known account.
    """

    account_id: str | None
    charges: tuple[Row, ...]
    usage: tuple[Row, ...]

    @property
    def name(self) -> str | None:
        """The account's name, None where no charge tells it."""
        return next((row["account_name"] for row in self.charges if row["account_name"]), None)

    @property
    def rate_cards(self) -> str:
        """The rate cards of its charges, with their versions; those of others may be named after them."""
        cards = {(row["rate_card"], row["rate_card_version"]) for row in self.charges if row["rate_card"] is not None}
        return ", ".join(f"{name} {version}" for name, version in sorted(cards))


@contextmanager
def gathered(lake: Path, period: str, account_id: str | None = None) -> Iterator[tuple[Month, Iterator[Account]]]:
    """Open a billing month and its accounts in the order of their ids, or the one account that is wanted.

    Raises ConfigurationError if ``period`` is no month, and LakeError if the lake cannot be read, has no
    charges of it, or holds others than it tells of.
    """
    zones = settings.load(layout.require(lake))
    with open_export(lake, CHARGE, period) as export, reader.open_unlisted(lake) as opened:
        month = Month(
            period, export.start, export.end, settings.at(zones, export.start).zone, export.status, export.provenance
        )
        opened.show(USAGE_RECORD.name, _usage_files(lake, month))
        values = {"start": month.start, "end": month.end, "account_id": account_id}
        cursor = opened.connection.execute(_statement("account_usage"), values)
        yield month, _accounts(_charges(export, account_id), _fetched(cursor))


def _usage_files(lake: Path, month: Month) -> list[Path]:
    """List the files of the month's usage records: of a closed month those that were frozen with it."""
    first, last = utc_day(month.start), utc_day(month.end)
    closed = archive.closed(lake, month.name)
    if closed is None:
        days = [day for day in layout.days(lake, USAGE_RECORD.name) if first <= day <= last]
        return layout.files_of_days(lake, USAGE_RECORD.name, days)
    return closed.usage_between(first, last)


def _accounts(charges: Iterator[Row], usage: Iterator[Row]) -> Iterator[Account]:
    rows = merge(((row, True) for row in charges), ((row, False) for row in usage), key=lambda each: _order(each[0]))
    for _, of_account in groupby(rows, lambda each: _order(each[0])):
        found = list(of_account)
        yield Account(
            found[0][0]["account_id"],
            tuple(row for row, is_charge in found if is_charge),
            tuple(row for row, is_charge in found if not is_charge),
        )


def _order(row: Row) -> tuple[bool, str]:
    return row["account_id"] is None, row["account_id"] or ""


def _charges(export: Export, account_id: str | None) -> Iterator[Row]:
    for batch in export.batches():
        wanted = batch if account_id is None else batch.filter(pc.equal(batch.column("account_id"), account_id))
        for start in range(0, wanted.num_rows, _AT_ONCE):
            yield from wanted.slice(start, _AT_ONCE).to_pylist()


def _fetched(cursor: DuckDBPyConnection) -> Iterator[Row]:
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(_AT_ONCE):
        for row in rows:
            yield dict(zip(names, row, strict=True))
