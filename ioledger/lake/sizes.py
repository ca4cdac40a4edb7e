"""How much a lake holds, told from the ends of its files without reading a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from ioledger.lake import layout, merged, parquet
from ioledger.lake.files import TEMPORARY_SUFFIX
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.tables import Table


@dataclass(frozen=True, slots=True)
class Size:
    """What the files of one table amount to.

    ``partition_count`` counts the directories that hold files, ``most_file_count`` the files of the
    fullest. ``run_file_count`` counts files of facts that hold a single run: those that compaction
    has not merged. ``temporary_count`` counts what a crash left, or what is being written now.
    ``first`` and ``last`` are the ends of the table's time, None where it has no rows.
    """

    row_count: int
    byte_count: int
    file_count: int
    partition_count: int
    most_file_count: int
    run_file_count: int
    temporary_count: int
    source_count: int | None
    first: datetime | None
    last: datetime | None


def size_of(lake: Path, table: Table) -> Size:
    """Add up the files of a table, with the rows of runs that were never committed.

    Raises LakeError if a file's end cannot be read.
    """
    paths = layout.files(lake, table.name)
    by_partition: dict[Path, int] = {}
    row_count = byte_count = run_file_count = 0
    moments: list[datetime] = []
    for path in paths:
        metadata = _metadata(path)
        by_partition[path.parent] = by_partition.get(path.parent, 0) + 1
        row_count += metadata.num_rows
        byte_count += path.stat().st_size
        run_file_count += table.name in FACTS and not _is_merged(path, metadata)
        moments += _moments(metadata, table.time)
    return Size(
        row_count=row_count,
        byte_count=byte_count,
        file_count=len(paths),
        partition_count=len(by_partition),
        most_file_count=max(by_partition.values(), default=0),
        run_file_count=run_file_count,
        temporary_count=sum(1 for _ in (lake / table.name).rglob(f".*{TEMPORARY_SUFFIX}")),
        source_count=len({partition.name for partition in by_partition}) if table.name in FACTS else None,
        first=min(moments, default=None),
        last=max(moments, default=None),
    )


def _metadata(path: Path) -> pq.FileMetaData:
    with parquet.unreadable_named(path, "restore it, or set it aside with `ioledger lake verify --quarantine`"):
        return pq.read_metadata(path)


def _is_merged(path: Path, metadata: pq.FileMetaData) -> bool:
    return merged.run_range(path.name) is not None or "stretch" in metadata.schema.names


def _moments(metadata: pq.FileMetaData, time: str) -> Iterator[datetime]:
    """Yield the ends of a column of times in each row group, as far as they are noted."""
    if time not in metadata.schema.names:
        return
    index = metadata.schema.names.index(time)
    for number in range(metadata.num_row_groups):
        noted = metadata.row_group(number).column(index).statistics
        if noted is not None and noted.has_min_max:
            yield noted.min
            yield noted.max
