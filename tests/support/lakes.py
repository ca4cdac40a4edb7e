"""Small lakes with known rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ioledger.errors import LakeError
from ioledger.lake import layout, reader, stretches
from ioledger.lake.writer import write_run
from ioledger.model.records import Run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ioledger.model.records import Kind, Row, Status

NOON = datetime(2025, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sample(vm_id: str = "vm-1", at: datetime = NOON, **columns: object) -> Row:
    """Give a row of ``disk_io_stat`` whose counters tell its time, unless ``columns`` say otherwise."""
    ops = int(at.timestamp()) % 1_000_000
    counters = {"read_ops": ops, "write_ops": ops * 2, "read_bytes": ops * 4096, "write_bytes": ops * 8192}
    return {"vm_id": vm_id, "device": "vda", "state": "ok", "epoch": "e1", "sampled_at": at, **counters, **columns}


def a_run(  # noqa: PLR0913 - a run has these parts
    *rows: Row,
    source: str = "kvm-01",
    at: datetime = NOON,
    run_id: str | None = None,
    kind: Kind = "hypervisor",
    status: Status = "ok",
    tables: dict[str, list[Row]] | None = None,
) -> Run:
    """Give a run of a hypervisor with ``rows`` as its samples, or of any ``kind`` with ``tables``."""
    return Run(
        source=source,
        run_id=run_id or f"{at:%Y%m%dT%H%M%S}",
        kind=kind,
        started_at=at,
        ended_at=at,
        boottime_us=1,
        status=status,
        collector_version="0",
        tables=({"disk_io_stat": list(rows)} if tables is None else tables),
    )


def new_lake(directory: Path, *runs: Run) -> Path:
    """Make a lake in ``directory`` and store runs in it."""
    lake = directory / "lake"
    layout.create(lake)
    for run in runs:
        write_run(lake, run)
    return lake


def read(lake: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a lake as any reader would."""
    with reader.connect(lake) as connection:
        return connection.execute(sql).fetchall()


def assert_refused_as_committed_twice(lake: Path, run: str, first: Path, second: Path) -> None:
    """See that a reader is told which two files of a lake tell of one run."""
    with pytest.raises(LakeError) as caught:
        read(lake, "SELECT 1")
    assert str(caught.value) == (
        f"run {run} was committed twice, in {first.relative_to(lake)} and in {second.relative_to(lake)} of {lake}; "
        "move the one that is wrong out of the lake"
    )


def content(lake: Path) -> dict[str, bytes]:
    """Give all files of a lake by name, temporary ones too, but for the locks."""
    files = (path for path in lake.rglob("*") if path.is_file() and layout.LOCKS not in path.parts)
    return {str(path.relative_to(lake)): path.read_bytes() for path in files}


def sort_partitions(partitions: Iterable[Path]) -> None:
    """Put one sorted file with stretches in the place of all files of each partition of samples."""
    for partition in partitions:
        paths = sorted(partition.iterdir())
        rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])
        day, source = (part.partition("=")[2] for part in partition.parts[-2:])
        stretches.write(partition.parents[2], date.fromisoformat(day), source, "sorted", rows)
        for path in paths:
            path.unlink()
