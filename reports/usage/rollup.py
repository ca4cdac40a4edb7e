"""Makes the sums of usage records by billing day and month, after a build stored records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import files, settings, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import days, months, utc_day
from ioledger.model.tables import USAGE_DAY, USAGE_MONTH
from reports.usage import statement
from reports.usage.collected import start_of
from reports.usage.cover import Rollups, dates_of, name_of, note, opens_at, path_of, show_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

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
        for period in near:
            if not set(built).isdisjoint(dates_of(period)) and not rollups.holds(kind.table, period):
                _make(opened, rollups, kind, period)


def _make(opened: OpenLake, rollups: Rollups, kind: _Kind, period: Window) -> None:
    """Write the rollup of a period; without usage records there is none."""
    made_of = rollups.made_of(period)
    rows = _sums(opened, rollups, kind, period) if made_of else None
    if rows:
        path = path_of(rollups.lake, kind.table, period)
        files.make_directories(path.parent)
        whole = rows.cast(arrow_schema(kind.table.name))
        files.write_parquet(files.temporary(path), whole, note(period, made_of), sealed=True)
        files.publish(path)
        rollups.add(kind.table, path)
    else:
        writer.remove_derived(rollups.lake, kind.table, utc_day(period[0]), name_of(period))


def _sums(opened: OpenLake, rollups: Rollups, kind: _Kind, period: Window) -> pa.Table | None:
    """Sum the records of a period; None where the hours of some of them do not end with it."""
    cover = rollups.cover(*period, kind.finer)
    show_parts(opened, cover)
    limits = {"opens": period[0], "closes": period[1]}
    crossing = opened.connection.execute(
        "SELECT count(*) FROM usage_part "
        "WHERE window_start >= $opens AND window_start < $closes AND window_end > $closes",
        limits,
    ).fetchall()
    # Hours that were built by other settings may cross the border, until they are built again.
    rows = None if crossing[0][0] else opened.connection.sql(statement("rollup"), params=limits).to_arrow_table()
    for name in cover.files:
        opened.show(name, ())
    return rows


def _remove_others(rollups: Rollups, table: Table, periods: Sequence[Window]) -> None:
    """Remove the rollups that begin in some neighbouring periods, and at the start of none."""
    first, last = periods[0][0], periods[-1][1]
    starts = {opens for opens, _ in periods}
    for path in rollups.listed(table):
        opens = opens_at(path)
        if opens is not None and first <= opens < last and opens not in starts:
            writer.remove_derived(rollups.lake, table, utc_day(opens), path.stem)
