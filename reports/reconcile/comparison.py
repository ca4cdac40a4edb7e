"""Puts our usage records beside what another system counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from ioledger.clock import utc_text
from ioledger.errors import DataError
from ioledger.lake import derived, layout, reader, settings
from ioledger.model.columns import COUNT, TEXT, TIME
from ioledger.model.period import days, utc_day
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, USAGE_RECORD, VOLUME_ALIAS
from reports.reconcile import statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from ioledger.model.period import Window
    from reports.reconcile.dump import Record

REASONS: Final = ("equal", "reset", "gap", "unmapped", "double count", "window", "unexplained")

COLUMNS: Final = ("day", "volume_id", "unit", "ours", "theirs", "difference", "reason", "evidence")

_GIVEN: Final = pa.schema(
    [("volume_id", TEXT), ("starts", TIME), ("ends", TIME), ("unit", TEXT), ("amount", COUNT), ("identity", TEXT)]
)

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows with the columns ``COLUMNS``, by day and volume, and the sums of one unit of all of them.

    ``unit`` is operations where the other system's file has any, else bytes. ``compared_days`` of the
    period's ``day_count`` are those of which the file tells.
    """

    rows: Sequence[dict[str, Any]]
    unit: str
    ours: int
    theirs: int
    compared_days: int
    day_count: int


def compare(lake: Path, period: Window, records: Sequence[Record]) -> Comparison:
    """Compare the usage records of a period with the other system's.

    Raises LakeError if the lake cannot be read, and DataError if the file tells of no day of the period.
    """
    line = settings.load(layout.require(lake))
    listed = days(period[0] - _DAY, period[1] + _DAY, settings.zone_spans(line))
    span = (listed[0][0], listed[-1][1])
    return derived.consistently(lake, lambda: _compare(lake, period, records, line, listed), span)


def _compare(
    lake: Path, period: Window, records: Sequence[Record], line: Timeline, listed: Sequence[Window]
) -> Comparison:
    span = (listed[0][0], listed[-1][1])
    with reader.open_unlisted(lake) as opened:
        connection = opened.connection
        opened.show(VOLUME_ALIAS.name, layout.files(lake, VOLUME_ALIAS.name))
        opened.show(COLLECTION_RUN.name, layout.files(lake, COLLECTION_RUN.name))
        opened.show(USAGE_RECORD.name, _files(lake, USAGE_RECORD.name, span))
        _create_days(connection, listed, period, line)
        connection.register("given", pa.Table.from_pylist([_row(record) for record in records], schema=_GIVEN))
        for name in ("macros", "their_record", "our_day", "cell"):
            connection.execute(statement(name))
        compared = _compared_days(connection)
        if not compared:
            raise DataError(_no_day_of(period, records))
        _show_samples_of_differences(opened, lake)
        connection.execute(statement("seen_day"))
        rows = connection.sql(statement("reason")).to_arrow_table().to_pylist()
        unit, ours, theirs = connection.execute(statement("sums")).fetchall()[0]
    day_count = sum(period[0] <= opens < period[1] for opens, _ in listed)
    return Comparison([_with_integers(row) for row in rows], unit, ours, theirs, compared, day_count)


def _create_days(connection: DuckDBPyConnection, listed: Sequence[Window], period: Window, line: Timeline) -> None:
    connection.execute(
        statement("billing_day"),
        {
            "day": [opens.astimezone(settings.at(line, opens).zone).date() for opens, _ in listed],
            "opens": [opens for opens, _ in listed],
            "closes": [closes for _, closes in listed],
            "is_in_period": [period[0] <= opens < period[1] for opens, _ in listed],
        },
    )


def _row(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _GIVEN.names}


def _compared_days(connection: DuckDBPyConnection) -> int:
    ((count,),) = connection.execute(statement("compared_days")).fetchall()
    return int(count)


def _no_day_of(period: Window, records: Sequence[Record]) -> str:
    if not records:
        return "the other system's file has no usage of volumes; dump the usage types 21 to 24, or see its columns"
    first, last = min(record.starts for record in records), max(record.starts for record in records)
    return (
        f"the other system's file tells of {utc_text(first)} to {utc_text(last)}, which is no day of the period "
        f"{utc_text(period[0])} to {utc_text(period[1])}; give another --period, or the file of this one"
    )


def _show_samples_of_differences(opened: OpenLake, lake: Path) -> None:
    """Read samples of those days alone on which the other system has more than we do."""
    wanted = {
        day
        for opens, closes in opened.connection.execute(statement("exceeded_days")).fetchall()
        for day in _dates((opens, closes))
    }
    listed = [day for day in layout.days(lake, DISK_IO_STAT.name) if day in wanted]
    opened.show(DISK_IO_STAT.name, layout.files_of_days(lake, DISK_IO_STAT.name, listed))


def _files(lake: Path, table: str, span: Window) -> list[Path]:
    first, last = utc_day(span[0]), utc_day(span[1])
    return layout.files_of_days(lake, table, [day for day in layout.days(lake, table) if first <= day <= last])


def _dates(span: tuple[datetime, datetime]) -> list[Any]:
    first, last = utc_day(span[0]), utc_day(span[1])
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _with_integers(row: dict[str, Any]) -> dict[str, Any]:
    """Make integers of the amounts, which come as decimals without places, and text of days."""
    return {
        name: str(value) if name == "day" else int(value) if isinstance(value, Decimal) else value
        for name, value in row.items()
    }
