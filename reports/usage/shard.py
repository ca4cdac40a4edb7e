"""One shard of a UTC day: all that its records are made of, and the making of them, wherever that is done.

A shard is small enough to be sent; what it is made from and what comes of it stays in the lake, which all
who make shards see. What goes back are counts, how far the intervals of each hour reach, and what is
withheld.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ioledger.clock import to_us
from ioledger.lake import layout, parsed, reader
from ioledger.lake.schema import arrow_schema
from ioledger.model.tables import (
    COLLECTION_RUN,
    DISK_IO_STAT,
    ENTITLEMENT,
    PROVISIONED_IOPS,
    QUARANTINE,
    SAMPLE_STRETCH,
)
from reports.usage import parts, statement
from reports.usage.collected import hour_of
from reports.usage.cut import Name
from reports.usage.samples import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    import pyarrow as pa

    from ioledger.lake.reader import OpenLake
    from ioledger.model.period import Window
    from reports.usage.cut import Share
    from reports.usage.day import Plan, Reach


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of a day of the lake at ``location``; ``part`` is the file in it that takes the records.

    ``files`` are those of the lake that the shard needs, by table and UTC day, below the lake. Of the hours
    ``wanted`` records are made of those in ``stale``, and of those whose intervals reach one of
    ``changed_hours``, UTC hours since 1970 in order. ``threads`` are the cores it may use, None all.
    """

    location: str
    part: str
    plan: Plan
    share: Share
    files: Mapping[str, Mapping[date, Sequence[str]]]
    wanted: Sequence[Window]
    stale: frozenset[datetime]
    changed_hours: Sequence[int]
    threads: int | None = None


class Metered(NamedTuple):
    """What came of a shard: the hours of which records were made, how many, and the rows of ``quarantine``.

    ``reach`` is that of all hours of the day, as far as the disks of the shard go.
    """

    reach: Reach
    hours: Sequence[Window]
    record_count: int
    quarantined: pa.Table


class Engine(Protocol):
    """Who runs shards: as the built-in ``map``, which runs them here, one after another, when they are asked for."""

    def __call__(self, make: Callable[[Shard], Metered], shards: Iterable[Shard], /) -> Iterator[Metered]:
        """Yield what comes of each shard, in their order."""


def located(location: str) -> Path:
    """Return where the lake of a shard lies for this process."""
    return Path(location)


def files_of(location: Path, files: Files, plan: Plan, share: Share) -> dict[str, dict[date, list[str]]]:
    """Return the files of a lake at ``location`` that a share of a day needs, as ``Shard.files``."""
    days = {
        COLLECTION_RUN.name: plan.run_days,
        DISK_IO_STAT.name: (*plan.sample_days, *plan.late_days),
        SAMPLE_STRETCH.name: plan.sample_days,
        PROVISIONED_IOPS.name: plan.snapshot_days,
        ENTITLEMENT.name: plan.snapshot_days,
    }
    of_guests = {DISK_IO_STAT.name, SAMPLE_STRETCH.name}
    return {
        table: {
            day: [
                str(path.relative_to(location))
                for path in files.of(table, [day])
                if share.sources is None or table not in of_guests or layout.source_of(path) in share.sources
            ]
            for day in set(of_table)
        }
        for table, of_table in days.items()
    }


def metered(shard: Shard) -> Metered:
    """Make the records of a shard and leave them in its part; raises LakeError or OSError."""
    lake = located(shard.location)
    by_table = {
        table: {day: [lake / name for name in names] for day, names in of_table.items()}
        for table, of_table in shard.files.items()
    }
    listed = {table: [path for paths in of_table.values() for path in paths] for table, of_table in by_table.items()}
    with reader.open_unlisted(lake, listed) as opened:
        if shard.threads is not None:
            opened.connection.execute(f"SET threads = {shard.threads}")
            # A worker of Dask looks like a notebook to DuckDB, which would draw bars there.
            opened.connection.execute("SET enable_progress_bar = false")
        _narrow(opened, shard.share)
        with shard.plan.opened(lake, opened, Files(by_table)) as day:
            reach = day.reach()
            hours = [hour for hour in shard.wanted if hour[0] in shard.stale or _reaches(reach, hour, shard)]
            if not hours:
                return Metered(reach, (), 0, arrow_schema(QUARANTINE.name).empty_table())
            made = day.records(hours)
    parts.write(lake / shard.part, made.records)
    return Metered(reach, hours, len(made.records), made.quarantined)


def joined_reach(of_shards: Iterable[Reach]) -> Reach:
    """Return how far the hours of a day reach, from how far they do in each shard."""
    found: Reach = {}
    for reach in of_shards:
        for opens, (since, until) in reach.items():
            before = found.get(opens, (since, until))
            found[opens] = (min(since, before[0]), max(until, before[1]))
    return found


def _reaches(reach: Reach, hour: Window, shard: Shard) -> bool:
    first, last = (hour_of(to_us(moment)) for moment in reach[hour[0]])
    at = bisect_left(shard.changed_hours, first)
    return at < len(shard.changed_hours) and shard.changed_hours[at] <= last


def _narrow(opened: OpenLake, share: Share) -> None:
    """Let an open lake be what a share has of it."""
    names = {column: [getattr(name, column) for name in share.names] for column in Name._fields}
    _run(opened, "known_name", names)
    if share.guests is None:
        return
    _run(opened, "share", {"guests": share.guests, "volumes": share.volumes})
    for table in (DISK_IO_STAT, SAMPLE_STRETCH):
        opened.narrowed[table.name] = "SEMI JOIN share_guest USING (vm_id)"
    for table in (PROVISIONED_IOPS, ENTITLEMENT):
        opened.narrowed[table.name] = "SEMI JOIN share_volume USING (volume_id)"


def _run(opened: OpenLake, name: str, values: Mapping[str, object]) -> None:
    parsed.run(opened.connection, opened.connection.extract_statements(statement(name)), values)
