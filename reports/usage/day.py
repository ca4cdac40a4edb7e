"""Meters the billing hours of one UTC day, from its own files and the edges of the days around."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ioledger.clock import to_us
from ioledger.lake import connections
from ioledger.lake.reader import literal
from ioledger.lake.schema import arrow_schema
from ioledger.lake.stretches import LONGEST_INTERVAL_US
from ioledger.model.period import utc_days
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS, USAGE_RECORD
from reports.usage import samples, statement
from reports.usage.collected import days_between, filed_under, hour_of, start_of
from reports.usage.conservation import checked
from reports.usage.edges import edges_file, no_edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime
    from pathlib import Path

    import duckdb

    from ioledger.lake.reader import OpenLake
    from ioledger.model.period import Window
    from reports.usage.collected import Collected
    from reports.usage.conservation import Checked
    from reports.usage.edges import Edges, EdgesOfDays
    from reports.usage.samples import Files

_THREADS: Final = 2
"""Files of samples that are streamed at a time, on as many cores; each stream runs on one."""

Reach = dict["datetime", tuple["datetime", "datetime"]]
"""For each billing hour, by its start: between which moments anything that was read may change it."""


@dataclass(frozen=True)
class Day:
    """The billing hours that begin on one UTC day, in order, and what was collected around them.

    ``edges`` are those of all days of the lake, ``longest_age`` the longest time for which any snapshot
    ever held.
    """

    collected: Collected
    edges: EdgesOfDays
    longest_age: timedelta
    hours: Sequence[Window]

    @property
    def start(self) -> datetime:
        """Return the start of the first hour."""
        return self.hours[0][0]

    @property
    def end(self) -> datetime:
        """Return the end of the last hour, exclusive."""
        return self.hours[-1][1]

    @cached_property
    def sample_days(self) -> list[date]:
        """Return the UTC days that the hours touch: two where billing hours do not begin as UTC hours do."""
        return utc_days((self.start, self.end - timedelta(microseconds=1)))

    def edges_inside(self) -> list[Edges]:
        """Return the edges of the days that the hours touch."""
        return self.edges.of(self.sample_days)

    def edges_after(self) -> list[Edges]:
        """Return the edges of later days into which an interval reaches from before the end of the hours."""
        return self.edges.reached_from_before(to_us(self.end), after=self.sample_days[-1])

    def reaches(self) -> tuple[int, int]:
        """Return the first and the last UTC hour of which samples may change these hours."""
        after = self.edges_after()
        since = [each.reaches_from_us for each in (*self.edges_inside(), *after) if each.reaches_from_us is not None]
        until = [to_us(start_of(each.day + timedelta(days=1))) - 1 for each in after]
        return hour_of(min([to_us(self.start), *since])), hour_of(max([to_us(self.end), *until]))

    def reaches_of_snapshots(self) -> tuple[int, int]:
        """Return the first and the last UTC hour of which snapshots may change these hours."""
        return hour_of(to_us(self.start - self.longest_age)), hour_of(to_us(self.end) - 1)

    def plan(self) -> Plan:
        """Say what of the lake it takes to meter the hours, for whoever does it."""
        first, last = self.reaches()
        first = min(first, hour_of(to_us(start_of(self.sample_days[0]))))
        last = max(last, hour_of(to_us(start_of(self.sample_days[-1] + timedelta(days=1)))))
        hypervisors = self.collected.between(first, last, is_hypervisor=True)
        others = self.collected.between(*self.reaches_of_snapshots(), is_hypervisor=False)
        return Plan(
            hours=tuple(self.hours),
            sample_days=self.sample_days,
            run_days=sorted({*filed_under(hypervisors), *filed_under(others)}),
            snapshot_days=list(days_between(*utc_days((self.start - self.longest_age, self.end)))),
            late_days=self._days_of_late_windows(),
            edges_inside=[edges.day for edges in self.edges_inside()],
            edges_after=[edges.day for edges in self.edges_after()],
            is_regular=self._is_regular(),
        )

    def _is_regular(self) -> bool:
        """Tell whether every hour is an hour long and follows the one before."""
        hour = timedelta(hours=1)
        return all(closes - opens == hour for opens, closes in self.hours) and all(
            before[1] == after[0] for before, after in pairwise(self.hours)
        )

    def _days_of_late_windows(self) -> list[date]:
        """Return the later days with samples that report what was done since before the end of the hours."""
        return [
            edges.day
            for edges in self.edges_after()
            if edges.windows_from_us is not None and edges.windows_from_us < to_us(self.end)
        ]


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a lake it takes to meter the billing hours that begin on one UTC day.

    The days are those under which lie: samples, runs, snapshots, later samples that report rates of these
    hours, and edges. ``is_regular``: every hour is an hour long and follows the one before.
    """

    hours: Sequence[Window]
    sample_days: Sequence[date]
    run_days: Sequence[date]
    snapshot_days: Sequence[date]
    late_days: Sequence[date]
    edges_inside: Sequence[date]
    edges_after: Sequence[date]
    is_regular: bool

    @property
    def start(self) -> datetime:
        """Return the start of the first hour."""
        return self.hours[0][0]

    @property
    def end(self) -> datetime:
        """Return the end of the last hour, exclusive."""
        return self.hours[-1][1]

    @contextmanager
    def opened(self, location: Path, lake: OpenLake, files: Files) -> Iterator[OpenDay]:
        """Prepare the samples of the day of an open lake at ``location``; what was prepared is gone at the end."""
        connection = lake.connection
        samples.show_runs(lake, files, self.run_days)
        _hold(lake, COLLECTION_RUN.name)
        no_edges(lake, files)
        streams = samples.prepare(lake, files, self.sample_days, streams=self.is_regular)
        samples.add_windowed(lake, files, self.late_days, self.end)
        for name, days in (("inside", self.edges_inside), ("after", self.edges_after)):
            _load_edges(lake, name, [edges_file(location, day) for day in days])
        connection.execute(statement("crossing"))
        with connections.cursor_of(connection) as cursor:
            first_moment = start_of(self.sample_days[0])
            cursor.execute("SET VARIABLE first_moment = $moment::TIMESTAMPTZ", {"moment": first_moment})
            cursor.execute("CREATE TEMP TABLE crossing_interval AS FROM interval")
            yield OpenDay(self, lake, files, cursor, streams)


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day whose samples are prepared; ``streams`` are the files that are metered in one go."""

    day: Plan
    lake: OpenLake
    files: Files
    cursor: duckdb.DuckDBPyConnection
    streams: Sequence[Path]

    def reach(self) -> Reach:
        """Say for each hour between which moments samples may change its records."""
        self._show_hours(self.day.hours)
        margin = timedelta(microseconds=LONGEST_INTERVAL_US) if self.streams else timedelta()
        found = self.cursor.execute(statement("reach")).fetchall()
        return {
            opens: (min(opens - margin, reaches_from), max(closes + margin, reaches_to))
            for opens, closes, reaches_from, reaches_to in found
        }

    def records(self, hours: Sequence[Window]) -> Checked:
        """Compute the usage records of some of the day's hours, in the order of the contract, and check them."""
        self._show_hours(hours)
        connection = self.lake.connection
        for table in (PROVISIONED_IOPS, ENTITLEMENT):
            self.lake.show(table.name, self.files.of(table.name, self.day.snapshot_days))
            _hold(self.lake, table.name)
        for name in ("split", "held", "judgement", "stretch_hour"):
            self.cursor.execute(statement(name))
        self._stream(connection, hours)
        for name in ("metered_interval", "piece", "streamed_piece", "cut_up", "io", "allocation"):
            self.cursor.execute(statement(name))
        self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE made AS {statement('usage_record')}")
        self.cursor.execute(statement("spent"))
        records = self.cursor.sql("FROM made").to_arrow_table().cast(arrow_schema(USAGE_RECORD.name))
        return checked(self.cursor, records, hours, self.streams)

    def _stream(self, connection: duckdb.DuckDBPyConnection, hours: Sequence[Window]) -> None:
        margin = timedelta(microseconds=LONGEST_INTERVAL_US)
        values = {"anchor": self.day.start, "since": hours[0][0] - margin, "until": hours[-1][1] + margin}
        # Of a file that holds other disks as well, what lies between the first and the last of these is read.
        extents = connection.execute(
            "SELECT file_number, min(stretch), max(stretch) FROM day_stretch GROUP BY file_number"
        ).fetchall()
        restless = connection.execute(
            "SELECT file_number, min(stretch), max(stretch) FROM stretch_hour WHERE NOT is_calm GROUP BY file_number"
        ).fetchall()

        def streamed(name: str, extent: tuple[int, int, int]) -> None:
            number, first_stretch, last_stretch = extent
            with connections.cursor_of(connection) as cursor:
                cursor.execute(statement("split"))
                path = str(self.streams[number - 1])
                here = {
                    "path": path,
                    "file_number": number,
                    "first_stretch": first_stretch,
                    "last_stretch": last_stretch,
                }
                cursor.execute(f"INSERT INTO {name} BY NAME {statement(name)}", {**values, **here})

        self.cursor.execute(statement("streamed"))
        (threads,) = connection.execute("SELECT current_setting('threads')").fetchall()[0]
        with ThreadPoolExecutor(min(_THREADS, threads)) as executor:
            list(executor.map(lambda extent: streamed("stream_group", extent), sorted(extents)))
            list(executor.map(lambda extent: streamed("stream_interval", extent), sorted(restless)))

    def _show_hours(self, hours: Sequence[Window]) -> None:
        show_hours(self.cursor, hours, self.day.start)


def show_hours(cursor: duckdb.DuckDBPyConnection, hours: Sequence[Window], anchor: datetime) -> None:
    """Make the table ``usage_window`` of some hours: ``window_start``, ``window_end``, ``hour`` from ``anchor``."""
    # As lists: DuckDB would load pandas for a table of Arrow, which takes longer than a small build.
    cursor.execute(
        statement("usage_window"),
        {"starts": [opens for opens, _ in hours], "ends": [closes for _, closes in hours], "anchor": anchor},
    )


def _hold(lake: OpenLake, table: str) -> None:
    """Keep what is shown of a table in memory: the files behind it would be read for each of its many uses."""
    # In an order: as they come, the rows of each file get blocks of their own, and that of a run has one row or a few.
    lake.connection.execute(f"CREATE OR REPLACE TABLE held_{table} AS FROM stored_{table} ORDER BY source, run_id")
    lake.show_rows(table, f"FROM held_{table}")


def _load_edges(lake: OpenLake, where: str, paths: Sequence[Path]) -> None:
    listed = ", ".join(map(literal, paths))
    rows = f"FROM read_parquet([{listed}]) {lake.narrowed.get(DISK_IO_STAT.name, '')}" if paths else "FROM edge"
    lake.connection.execute(f"CREATE OR REPLACE TABLE edge_{where} AS {rows}")
