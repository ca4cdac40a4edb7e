"""The samples of some UTC days, prepared for metering: whole stretches where they can be had, else row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ioledger.lake import layout, stretches
from ioledger.lake.reader import literal
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, SAMPLE_STRETCH
from reports.usage import statement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from ioledger.lake.reader import OpenLake


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a lake by UTC day, for each table; a day without files has no entry."""

    by_table: Mapping[str, Mapping[date, Sequence[Path]]]

    def of(self, table: str, days: Iterable[date]) -> list[Path]:
        """Return the files of a table that lie under some days, in a stable order."""
        return [path for day in sorted(days) for path in self.by_table[table].get(day, ())]

    def days(self, table: str) -> list[date]:
        """Return the days under which a table has files, in order."""
        return sorted(self.by_table[table])


def files_by_day(lake: OpenLake) -> Files:
    """Sort the files of a lake by day."""
    return Files({name: layout.by_day(paths) for name, paths in lake.files.items()})


def show_runs(lake: OpenLake, files: Files, days: Iterable[date]) -> None:
    """Let ``collection_run`` be what is filed under these days."""
    lake.show(COLLECTION_RUN.name, files.of(COLLECTION_RUN.name, days))


def prepare(lake: OpenLake, files: Files, days: Collection[date], *, streams: bool = True) -> list[Path]:
    """Make the view ``span`` of the samples of some days; their runs are shown already (``show_runs``).

    Returns the sorted files whose stretches are in ``day_stretch``, in the order of their
    ``file_number``, from 1. A file takes part in that when it has an index and all its runs exist; of
    a series that lies in several files at once, and where ``streams`` is false of all, every sample is
    in ``raw_sample`` instead. ``windowed_sample`` has the samples that report rates.
    """
    paths = files.of(DISK_IO_STAT.name, days)
    indices = files.of(SAMPLE_STRETCH.name, days) if streams else []
    lake.footers.refuse_newer([*paths, *indices])
    index_of = stretches.indices_of_committed(paths, indices, lake.committed_runs)
    streamed = list(index_of)
    others = [path for path in paths if path not in index_of]
    _load_stretches(lake, list(index_of.values()))
    lake.show(DISK_IO_STAT.name, others)
    lake.connection.execute(statement("raw_sample"))
    if streamed:
        _set_contested_apart(lake, streamed, others)
    lake.show(DISK_IO_STAT.name, ())
    lake.connection.execute(statement("span"))
    return streamed


def show_sorted_apart(lake: OpenLake, files: Files, days: Collection[date]) -> None:
    """Let ``disk_io_stat`` be the samples of some days that lie in files without an index.

    The others are in the view ``sorted_sample`` (``file_number``, ``stretch``, ``run_id``), and what they have
    in common in ``sorted_stretch``, so that what a disk is called is not read for each of its samples.
    """
    index_of = stretches.indices_of(files.of(DISK_IO_STAT.name, days), files.of(SAMPLE_STRETCH.name, days))
    lake.show(DISK_IO_STAT.name, [path for path in files.of(DISK_IO_STAT.name, days) if path not in index_of])
    for view, columns, paths in (
        ("sorted_sample", "run_id", index_of),
        ("sorted_stretch", "source, vm_id, device, epoch, state", index_of.values()),
    ):
        listed = ", ".join(map(literal, paths))
        rows = (
            f"FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
            if paths
            else "FROM (SELECT *, 0 AS file_index, NULL::VARCHAR AS run_id FROM day_stretch WHERE false)"
        )
        lake.connection.execute(
            f"CREATE OR REPLACE VIEW {view} AS SELECT file_index::BIGINT AS file_number, stretch, {columns} {rows}"
        )


def add_windowed(lake: OpenLake, files: Files, days: Collection[date], end: datetime) -> None:
    """Add to ``raw_sample`` what samples of some days report of the time before ``end``."""
    if days:
        lake.show(DISK_IO_STAT.name, files.of(DISK_IO_STAT.name, days))
        lake.connection.execute(statement("late_window"), {"end": end})
        lake.show(DISK_IO_STAT.name, ())


def _load_stretches(lake: OpenLake, paths: Sequence[Path]) -> None:
    """Make the table ``day_stretch`` of index files, numbered from 1."""
    lake.connection.execute(
        f"CREATE OR REPLACE TABLE day_stretch AS FROM ({lake.select(SAMPLE_STRETCH.name, paths, numbered=True)}) "
        "WHERE counts"
    )


def _set_contested_apart(lake: OpenLake, streamed: Sequence[Path], others: Sequence[Path]) -> None:
    """Take the series that several files tell of at the same time out of ``day_stretch``, into ``raw_sample``."""
    connection = lake.connection
    connection.execute(statement("contested"))
    if not connection.execute("SELECT count(*) FROM contested").fetchall()[0][0]:
        return
    held = connection.execute(
        "SELECT DISTINCT file_number FROM day_stretch SEMI JOIN contested USING (vm_id, device, epoch)"
    ).fetchall()
    theirs = [streamed[number - 1] for (number,) in sorted(held)]
    connection.execute("DELETE FROM day_stretch WHERE (vm_id, device, epoch) IN (FROM contested)")
    lake.show_rows(
        DISK_IO_STAT.name,
        f"SELECT * FROM ({lake.select(DISK_IO_STAT.name, others)}) UNION ALL BY NAME "
        f"SELECT * FROM ({lake.select(DISK_IO_STAT.name, theirs)}) SEMI JOIN contested USING (vm_id, device, epoch)",
    )
    connection.execute(statement("raw_sample"))
