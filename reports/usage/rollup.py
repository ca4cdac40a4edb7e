"""Makes the sums of usage records by billing day and month, after a build stored records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import files, layout, settings, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import TIME
from ioledger.model.period import days, months, utc_day
from ioledger.model.tables import USAGE_DAY, USAGE_MONTH, USAGE_RECORD
from reports.usage import statement
from reports.usage.collected import start_of
from reports.usage.cover import Rollups, dates_of, name_of, note, opens_at, path_of, show_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from ioledger.model.period import Window, ZoneSpan
    from ioledger.model.tables import Table


class _Kind(NamedTuple):
    """A table of rollups: the periods of which each has a file, and the rollups that such a file may sum."""

    table: Table
    periods: Callable[[datetime, datetime, Sequence[ZoneSpan]], list[Window]]
    finer: Sequence[Table]


_LONGEST: Final = timedelta(days=34)
"""Longer than any rollup: one that begins earlier before a time does not reach into it."""
_AT_ONCE: Final = 31
_BYTES_AT_ONCE: Final = 32 * 2**20
"""How many periods are summed in one go at most, and what the files of their usage records weigh together.

A day of 10,000 disks weighs about as much; 30 such days in one go took 9 GB of memory.
"""

_KINDS: Final = (_Kind(USAGE_DAY, days, ()), _Kind(USAGE_MONTH, months, (USAGE_DAY,)))


def update(opened: OpenLake, lake: Path, line: Timeline, built: Collection[date]) -> None:
    """Make the rollups of the billing days and months that touch some UTC dates, where they do not hold.

    Call it when the usage records of these dates are stored, under the lock of the build. Rollups there
    of days and months that are none by the settings of now are removed. Raises OSError or LakeError if
    the lake cannot be read or written; what was made until then holds.
    """
    if not built:
        return
    spans = settings.zone_spans(line)
    rollups = Rollups(lake)
    for kind in _KINDS:
        near = kind.periods(start_of(min(built)) - _LONGEST, start_of(max(built)) + timedelta(days=1), spans)
        _remove_others(rollups, kind.table, near)
        stale = [
            period
            for period in near
            if not set(built).isdisjoint(dates_of(period)) and not rollups.holds(kind.table, period)
        ]
        for periods in _in_parts(lake, stale):
            _make(opened, rollups, kind, periods)


def _in_parts(lake: Path, periods: Sequence[Window]) -> Iterator[list[Window]]:
    """Yield neighbouring periods that are summed in one go."""
    part: list[Window] = []
    room = _BYTES_AT_ONCE
    for period in periods:
        byte_count = _weight(lake, period)
        if part and (byte_count > room or len(part) == _AT_ONCE):
            yield part
            part, room = [], _BYTES_AT_ONCE
        part.append(period)
        room -= byte_count
    if part:
        yield part


def _weight(lake: Path, period: Window) -> int:
    partitions = (layout.derived_partition(lake, USAGE_RECORD.name, day) for day in dates_of(period))
    return sum(path.stat().st_size for partition in partitions for path in partition.glob("*.parquet"))


def _make(opened: OpenLake, rollups: Rollups, kind: _Kind, periods: Sequence[Window]) -> None:
    """Write the rollups of some periods; where there are no usage records, or too great sums, there is none."""
    show_parts(opened, rollups.cover(periods[0][0], periods[-1][1], kind.finer))
    opened.connection.execute("CREATE OR REPLACE TEMP TABLE rollup_period (opens TIMESTAMPTZ, closes TIMESTAMPTZ)")
    opened.connection.executemany("INSERT INTO rollup_period VALUES ($1, $2)", [list(period) for period in periods])
    summed = opened.connection.sql(statement("rollup")).to_arrow_table()
    for period in periods:
        rows = summed.filter(pc.equal(summed.column("window_start"), pa.scalar(period[0], TIME)))
        # Hours that were built by other settings may go on after it, until they are built again.
        if len(rows) and pc.all(rows.column("stands")).as_py():
            path = path_of(rollups.lake, kind.table, period)
            files.make_directories(path.parent)
            whole = rows.drop_columns("stands").cast(arrow_schema(kind.table.name))
            files.write_parquet(files.temporary(path), whole, note(period, rollups.made_of(period)), sealed=True)
            files.publish(path)
            rollups.add(kind.table, path)
        else:
            writer.remove_derived(rollups.lake, kind.table, utc_day(period[0]), name_of(period))


def _remove_others(rollups: Rollups, table: Table, periods: Sequence[Window]) -> None:
    """Remove the rollups that begin in some neighbouring periods, and at the start of none."""
    first, last = periods[0][0], periods[-1][1]
    starts = {opens for opens, _ in periods}
    for path in rollups.listed(table):
        opens = opens_at(path)
        if opens is not None and first <= opens < last and opens not in starts:
            writer.remove_derived(rollups.lake, table, utc_day(opens), path.stem)
