"""Builds usage records for a stretch of time and stores them, one file per UTC day.

What a window holds depends on the lake alone, not on how the build was cut: a day's file takes the
new records of the windows that were built and keeps the others, in the order of the contract.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import layout, reader, settings, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import TIME
from ioledger.model.period import Window, utc_days, windows
from ioledger.model.tables import USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

FILE: Final = "usage"


class Built(NamedTuple):
    """What a build did: windows built, records stored, and windows that can still change."""

    window_count: int
    record_count: int
    provisional_count: int


def usage_records(connection: duckdb.DuckDBPyConnection, hours: Sequence[Window]) -> pa.Table:
    """Compute the usage records of some billing hours, in the order of the contract.

    ``connection`` has the lake's views (``ioledger.lake.reader``); ``hours`` do not overlap.
    """
    cursor = connection.cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    given = pa.table(
        {
            "window_start": pa.array([opens for opens, _ in hours], TIME),
            "window_end": pa.array([closes for _, closes in hours], TIME),
        }
    )
    cursor.register("given", given)
    cursor.execute("CREATE TEMP TABLE usage_window AS SELECT * FROM given")
    for name in ("piece", "io", "allocation"):
        cursor.execute(_sql(name))
    records = cursor.sql(_sql("usage_record")).to_arrow_table()
    cursor.close()
    return records.cast(arrow_schema(USAGE_RECORD.name))


def build(
    lake: Path, start: datetime, end: datetime, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Built:
    """Build the records of every billing hour that overlaps ``[start, end)`` and store them.

    ``progress`` is told how many days of how many are done. A day's file is replaced whole.
    Raises LakeError if the lake cannot be read or written; days that are done stay done.
    """
    hours = windows(start, end, settings.zone_spans(settings.load(layout.require(lake))))
    with reader.connect(lake) as connection:
        days = utc_days(opens for opens, _ in hours)
        record_count = provisional_count = 0
        for done, day in enumerate(days):
            progress(done, len(days))
            of_day = [hour for hour in hours if hour[0].astimezone(UTC).date() == day]
            records = usage_records(connection, of_day)
            _store(connection, lake, day, of_day, records)
            record_count += len(records)
            provisional_count += sum(not is_final(connection, hour) for hour in of_day)
        progress(len(days), len(days))
    return Built(len(hours), record_count, provisional_count)


def is_final(connection: duckdb.DuckDBPyConnection, hour: Window) -> bool:
    """Tell whether all sources that had a run in the hour have reported after it, or are retired."""
    return bool(
        connection.execute("SELECT is_final($opens, $closes)", {"opens": hour[0], "closes": hour[1]}).fetchall()[0][0]
    )


def _store(
    connection: duckdb.DuckDBPyConnection, lake: Path, day: date, hours: Sequence[Window], records: pa.Table
) -> None:
    """Replace the records of ``hours`` in the file of their UTC day."""
    opens = datetime.combine(day, time(), UTC)
    stored = connection.sql(
        "SELECT * FROM usage_record WHERE window_start >= $opens AND window_start < $closes",
        params={"opens": opens, "closes": opens + timedelta(days=1)},
    ).to_arrow_table()
    built = pa.array([hour[0] for hour in hours], TIME)
    kept = stored.filter(pc.invert(pc.is_in(stored.column("window_start"), built)))
    whole = pa.concat_tables([kept.cast(records.schema), records]).sort_by(
        [(name, "ascending") for name in USAGE_RECORD.key]
    )
    if len(whole):
        writer.write_derived(lake, USAGE_RECORD, day, FILE, whole)
    else:
        writer.remove_derived(lake, USAGE_RECORD, day, FILE)


def _sql(name: str) -> str:
    return resources.files("reports.usage").joinpath(f"{name}.sql").read_text(encoding="utf-8")
