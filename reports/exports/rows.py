"""Which rows of the lake belong to an export: the files, the control totals, and what they rest on."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import files, layout, reader, settings
from ioledger.model.period import parse_period, utc_day
from ioledger.model.tables import CHARGE, QUARANTINE, USAGE_AMOUNTS, USAGE_RECORD
from reports.closing import archive
from reports.exports import statement
from reports.exports.batch import Export
from reports.exports.totals import ChargeGroup, Totals, charge_totals
from reports.usage import quarantine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import Literal

    from duckdb import DuckDBPyConnection

    from ioledger.model.tables import Table
    from reports.closing.archive import Closed

_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")
_MAKERS: Final = {
    USAGE_RECORD.name: "there are no usage records of {}; make them with `ioledger usage build`",
    CHARGE.name: "there are no charges of {}; make them with `ioledger rate`",
}
_MOMENT: Final = timedelta(microseconds=1)


@contextmanager
def open_export(lake: Path, table: Table, period: str, account_id: str | None = None) -> Iterator[Export]:
    """Open the rows of a billing month, of one account alone if it is named, and nothing that others have part in.

    Files of facts stay where they are until the end of the block. Raises ConfigurationError if ``period`` is
    no month or the account has no rows of it, and LakeError if the lake cannot be read or nobody has any.
    """
    if not _MONTH.fullmatch(period):
        raise ConfigurationError(f"{period!r} is no billing month; write it as 2026-10")
    month = archive.closed(layout.require(lake), period)
    start, end = (month.start, month.end) if month else parse_period(period, settings.zone_spans(settings.load(lake)))
    with reader.open_unlisted(lake) as opened:
        paths = _frozen(month, table) if month else _live(lake, table, period, start, end)
        opened.show(table.name, paths)
        totals = _totals(opened.connection, table, period, start, end, account_id)
        if not totals.row_count and account_id is not None:
            raise ConfigurationError(
                f"the account {account_id!r} has no rows of {table.name} in {period}; name one that has, or leave "
                "--account out for all"
            )
        if not totals.row_count:
            raise LakeError(_MAKERS[table.name].format(period))
        status: Literal["open", "closed"] = "closed" if month else "open"
        provenance = _provenance(opened.connection, table, period, month, account_id)
        yield Export(table, period, start, end, status, provenance, totals, tuple(paths), account_id)


def withheld(lake: Path, export: Export) -> quarantine.Rows:
    """List the usage records that an export of an open month lacks because they are quarantined; raises LakeError."""
    days = [day for day in layout.days(lake, QUARANTINE.name) if utc_day(export.start) <= day <= utc_day(export.end)]
    if not days or export.table is not USAGE_RECORD or export.status == "closed":
        return []
    with reader.open_unlisted(lake) as opened:
        opened.show(QUARANTINE.name, layout.files_of_days(lake, QUARANTINE.name, days))
        found = quarantine.withheld(opened.connection, export.start, export.end)
    return [row for row in found if export.account_id in {None, row["account_id"]}]


def _frozen(month: Closed, table: Table) -> list[Path]:
    """List the files with rows of a closed month as they were when it was closed, in the order of an export."""
    if table is CHARGE:
        return [month.bill]
    first, last = utc_day(month.start), utc_day(month.end - _MOMENT)
    return month.usage_between(first, last)


def _live(lake: Path, table: Table, period: str, start: datetime, end: datetime) -> list[Path]:
    """List the files with rows of an open month, in the order of an export."""
    if table is CHARGE:
        return [path for path in layout.files(lake, table.name) if path.stem == period]
    first, last = utc_day(start), utc_day(end - _MOMENT)
    return layout.files_of_days(lake, table.name, [d for d in layout.days(lake, table.name) if first <= d <= last])


def _totals(  # noqa: PLR0913, PLR0917 - which rows they are of
    connection: DuckDBPyConnection, table: Table, period: str, start: datetime, end: datetime, account_id: str | None
) -> Totals:
    if table is CHARGE:
        groups = connection.execute(statement("charge_totals"), {"period": period, "account_id": account_id}).fetchall()
        return charge_totals(ChargeGroup(*group) for group in groups)
    values = {"start": start, "end": end, "account_id": account_id}
    row_count, *sums = connection.execute(statement("usage_totals"), values).fetchall()[0]
    return Totals(row_count, dict(zip(USAGE_AMOUNTS, sums, strict=True)) if row_count else {})


def _provenance(
    connection: DuckDBPyConnection, table: Table, period: str, month: Closed | None, account_id: str | None
) -> dict[str, str]:
    found = {"ioledger_version": version("ioledger")}
    if table is CHARGE:
        values = {"period": period, "account_id": account_id}
        cards = connection.execute(statement("charge_cards"), values).fetchall()
        found["rate_cards"] = ", ".join(f"{name} {card_version}" for name, card_version in cards)
    if month:
        found["manifest_sha256"] = files.digest(month.directory / archive.MANIFEST)
    return found
