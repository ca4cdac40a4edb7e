"""Builds usage records for a stretch of time and stores them, one file per UTC day.

What a window holds depends on the lake alone, not on how the build was cut: a day's file takes the
new records of the windows that were built and keeps the others, in the order of the contract.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import layout, locks, reader, settings, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import TIME
from ioledger.model.period import Window, utc_days, windows
from ioledger.model.tables import USAGE_RECORD
from reports.usage import statement

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
    cursor.register("given", _hours_table(hours))
    cursor.execute("CREATE TEMP TABLE usage_window AS SELECT * FROM given")
    cursor.execute("CREATE TEMP VIEW metered_interval AS SELECT * FROM interval")
    for name in ("split", "held", "judgement", "piece", "io", "allocation"):
        cursor.execute(statement(name))
    records = cursor.sql(statement("usage_record")).to_arrow_table()
    cursor.close()
    return records.cast(arrow_schema(USAGE_RECORD.name))


def build(
    lake: Path, start: datetime, end: datetime, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Built:
    """Build the records of every billing hour that overlaps ``[start, end)`` and store them.

    ``progress`` is told how many steps of how many are done: computing, then storing each day. A
    day's file is replaced whole. Raises LakeError if the lake cannot be read or written, or if another
    process is building; days that are stored stay so.
    """
    hours = windows(start, end, settings.zone_spans(settings.load(layout.require(lake))))
    days = utc_days(opens for opens, _ in hours)
    steps = len(days) + 1
    progress(0, steps)
    with locks.exclusive(lake, "usage-build"), reader.connect(lake) as connection:
        records = usage_records(connection, hours)
        # All is read before anything is written: the connection knows the files that were there.
        whole = _with_those_kept(connection, days, hours, records)
        for done, day in enumerate(days, start=1):
            progress(done, steps)
            _store(lake, day, whole)
        provisional_count = _provisional_count(connection, hours)
    progress(steps, steps)
    return Built(len(hours), len(records), provisional_count)


def _provisional_count(connection: duckdb.DuckDBPyConnection, hours: Sequence[Window]) -> int:
    """Count the hours that can still change: a source that had a run in them has not reported since."""
    connection.register("hour", _hours_table(hours))
    counted = "SELECT count(*) FROM hour WHERE NOT is_final(window_start, window_end)"
    count: int = connection.execute(counted).fetchall()[0][0]
    return count


def _hours_table(hours: Sequence[Window]) -> pa.Table:
    return pa.table(
        {
            "window_start": pa.array([opens for opens, _ in hours], TIME),
            "window_end": pa.array([closes for _, closes in hours], TIME),
        }
    )


def _with_those_kept(
    connection: duckdb.DuckDBPyConnection, days: Sequence[date], hours: Sequence[Window], built: pa.Table
) -> pa.Table:
    """Add the stored records of the same UTC days whose windows were not built, in the order of the contract."""
    period = {"opens": _midnight(days[0]), "closes": _midnight(days[-1]) + timedelta(days=1)}
    stored = connection.sql(
        "SELECT * FROM usage_record WHERE window_start >= $opens AND window_start < $closes", params=period
    ).to_arrow_table()
    starts = pa.array([opens for opens, _ in hours], TIME)
    kept = stored.filter(pc.invert(pc.is_in(stored.column("window_start"), starts)))
    return pa.concat_tables([kept.cast(built.schema), built]).sort_by(
        [(name, "ascending") for name in USAGE_RECORD.key]
    )


def _store(lake: Path, day: date, records: pa.Table) -> None:
    """Make the file of one UTC day hold the records of that day and nothing else."""
    starts = records.column("window_start")
    opens = _midnight(day)
    of_day = pc.and_(pc.greater_equal(starts, opens), pc.less(starts, opens + timedelta(days=1)))
    whole = records.filter(of_day)
    if len(whole):
        writer.write_derived(lake, USAGE_RECORD, day, FILE, whole)
    else:
        writer.remove_derived(lake, USAGE_RECORD, day, FILE)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
