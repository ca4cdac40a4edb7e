"""Makes usage records again from the facts, and says of which samples and snapshots they are made.

Only what concerns one disk or volume is read, of the days around; where that does not give the records
that are stored, of more and more days, for an interval may have begun long ago.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.lake import watermark
from ioledger.model.period import utc_day
from ioledger.model.tables import (
    COLLECTION_RUN,
    DISK_IO_STAT,
    ENTITLEMENT,
    PROVISIONED_IOPS,
    USAGE_AMOUNTS,
    USAGE_KEY,
)
from reports.explain import statement
from reports.usage import statement as usage_statement
from reports.usage.build import metered
from reports.usage.samples import files_by_day
from reports.usage.subject import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from ioledger.model.period import Window
    from reports.usage.samples import Files

Row = dict[str, Any]

COMPARED: Final = ("provisioned", "throttled", *USAGE_AMOUNTS)
"""The columns of a record that are made of the facts; the others are its key."""

_DAYS_AROUND: Final = (1, 8, 64, None)
"""How many days before and after are read, one number after the other; None: all."""


class Subject(NamedTuple):
    """What records are about: a disk, or a volume with the guests that it was attached to."""

    kind: str
    volume_id: str | None
    vm_ids: Sequence[str]


@dataclass(slots=True)
class MadeAgain:
    """Records made again, by their window and key, and what they are made of, by window.

    ``pieces`` are the parts of intervals that lie in a window, ``snapshots`` what was in force in it.
    """

    records: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    pieces: list[Row] = field(default_factory=list)
    snapshots: list[Row] = field(default_factory=list)
    days: tuple[date, date] | None = None


def key_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells records apart, but for their revision."""
    return (record["kind"], record["window_start"], *(record[name] for name in USAGE_KEY))


def differing(stored: Mapping[str, Any], made: Mapping[str, Any] | None) -> list[str]:
    """Return the columns in which a record is not as it was made again; None: it would not be there."""
    return [name for name in COMPARED if name in USAGE_AMOUNTS or made is not None
            if stored[name] != (made[name] if made else 0)]  # fmt: skip


def are_pruned(lake: Path, record: Mapping[str, Any]) -> bool:
    """Tell whether the facts of a record were pruned."""
    return not watermark.kept_hours(lake, [(record["window_start"], record["window_end"])])


def make_again(opened: OpenLake, line: Timeline, subject: Subject, stored: Sequence[Row]) -> MadeAgain:
    """Make stored records of one subject again. ``opened`` is a lake with its files listed."""
    files = files_by_day(opened)
    hours = sorted({(record["window_start"], record["window_end"]) for record in stored})
    volume_ids = [subject.volume_id] if subject.volume_id is not None else []
    made = MadeAgain()
    for around in _DAYS_AROUND:
        days = _days(files, hours, line, around)
        with shown(opened, files, days, subject.vm_ids, volume_ids) as connection:
            made = _made(connection, subject, hours)
        made.days = (days[0], days[-1]) if days else None
        if all(not differing(record, made.records.get(key_of(record))) for record in stored):
            break
        if len(days) == len(_all_days(files)):
            break
    return made


def _days(files: Files, hours: Sequence[Window], line: Timeline, around: int | None) -> list[date]:
    known = _all_days(files)
    if around is None:
        return known
    longest_age = timedelta(seconds=max(each.max_allocation_age_seconds for each in line))
    first = utc_day(hours[0][0] - max(longest_age, timedelta(days=around)))
    last = utc_day(hours[-1][1] + timedelta(days=around))
    return [day for day in known if first <= day <= last]


def _all_days(files: Files) -> list[date]:
    tables = (COLLECTION_RUN, DISK_IO_STAT, PROVISIONED_IOPS, ENTITLEMENT)
    return sorted({day for table in tables for day in files.days(table.name)})


def _made(connection: duckdb.DuckDBPyConnection, subject: Subject, hours: Sequence[Window]) -> MadeAgain:
    span = {"start": hours[0][0], "end": hours[-1][1]}
    with metered(connection, hours) as cursor:
        records = cursor.sql(usage_statement("usage_record")).to_arrow_table().to_pylist()
        pieces = cursor.sql(statement("record_piece"), params=span).to_arrow_table().to_pylist()
        snapshots = cursor.sql(statement("snapshot"), params=span).to_arrow_table().to_pylist()
    return MadeAgain(
        {key_of(record): record for record in records if record["kind"] == subject.kind}, pieces, snapshots
    )
