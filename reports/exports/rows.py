"""Which rows of the lake belong to an export: the files, the control totals, and what they rest on."""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import layout, reader, settings
from ioledger.model.period import parse_period, utc_day
from ioledger.model.tables import CHARGE, USAGE_AMOUNTS, USAGE_RECORD
from reports.exports import statement
from reports.exports.batch import Export
from reports.exports.totals import ChargeGroup, Totals, charge_totals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import Literal

    from duckdb import DuckDBPyConnection

    from ioledger.model.tables import Table

_MONTH: Final = re.compile(r"[0-9]{4}-[0-9]{2}")
_MAKERS: Final = {
    USAGE_RECORD.name: "there are no usage records of {}; make them with `ioledger usage build`",
    CHARGE.name: "there are no charges of {}; make them with `ioledger rate`",
}
_MOMENT: Final = timedelta(microseconds=1)


@contextmanager
def open_export(lake: Path, table: Table, period: str) -> Iterator[Export]:
    """Open the rows of a billing month; files of facts stay where they are until the end of the block.

    Raises ConfigurationError if ``period`` is no month, and LakeError if the lake cannot be read or has
    no rows of it.
    """
    if not _MONTH.fullmatch(period):
        raise ConfigurationError(f"{period!r} is no billing month; write it as 2026-10")
    start, end = parse_period(period, settings.zone_spans(settings.load(layout.require(lake))))
    with reader.open_unlisted(lake) as opened:
        paths = _files(lake, table, period, start, end)
        opened.show(table.name, paths)
        totals = _totals(opened.connection, table, period, start, end)
        if not totals.row_count:
            raise LakeError(_MAKERS[table.name].format(period))
        digest = _manifest_digest(lake, period)
        status: Literal["open", "closed"] = "closed" if digest else "open"
        provenance = _provenance(opened.connection, table, period, digest)
        yield Export(table, period, start, end, status, provenance, totals, tuple(paths))


def _files(lake: Path, table: Table, period: str, start: datetime, end: datetime) -> list[Path]:
    """List the files with rows of a month, in the order in which an export has them."""
    if table is CHARGE:
        return [path for path in layout.files(lake, table.name) if path.stem == period]
    first, last = utc_day(start), utc_day(end - _MOMENT)
    return layout.files_of_days(lake, table.name, [d for d in layout.days(lake, table.name) if first <= d <= last])


def _totals(connection: DuckDBPyConnection, table: Table, period: str, start: datetime, end: datetime) -> Totals:
    if table is CHARGE:
        groups = connection.execute(statement("charge_totals"), {"period": period}).fetchall()
        return charge_totals(ChargeGroup(*group) for group in groups)
    row_count, *sums = connection.execute(statement("usage_totals"), {"start": start, "end": end}).fetchall()[0]
    return Totals(row_count, dict(zip(USAGE_AMOUNTS, sums, strict=True)) if row_count else {})


def _provenance(connection: DuckDBPyConnection, table: Table, period: str, digest: str | None) -> dict[str, str]:
    found = {"ioledger_version": version("ioledger")}
    if table is CHARGE:
        cards = connection.execute(statement("charge_cards"), {"period": period}).fetchall()
        found["rate_cards"] = ", ".join(f"{name} {card_version}" for name, card_version in cards)
    if digest:
        found["manifest_sha256"] = digest
    return found


def _manifest_digest(lake: Path, period: str) -> str | None:
    """Return the SHA-256 of a closed month's manifest, in hex; None while the month is open."""
    path = lake / "closed" / period / "manifest.json"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LakeError(f"{path} cannot be read: {error.strerror}; give this user access to it") from error
