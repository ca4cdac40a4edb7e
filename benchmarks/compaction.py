"""Measures compaction: what it takes to make one file of a host's day, and what that file is like to read.

The samples are those of one host of a fleet, about 50,000 a day. The ideal file has the same rows, sorted
and written in one go.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from benchmarks.measure import WrongResultError
from ioledger.lake import layout, stretches
from ioledger.lake.compaction import compact

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_FLEET: Final = Fleet(104)
_HOST: Final = "source=kvm-001"
_SCANS: Final = 15


@dataclass(frozen=True)
class Compaction:
    """What it took to compact a host's day, samples and runs, and what came of it; medians of repetitions."""

    sample_count: int
    run_count: int
    from_runs_seconds: float
    hour_seconds: float
    """One hourly merge of run files."""
    from_hours_seconds: float
    bytes_per_sample: float
    """Of the file of samples and its index."""
    bytes_per_sample_in_runs: float
    scan_ratio: float
    """The time of a bare scan over the compacted file, by that over the ideal one."""


def measure_compaction(repetitions: int, directory: Path, tell: Callable[[str], None]) -> Compaction:
    """Write a host's day as collectors leave it, and compact copies of it.

    ``directory`` takes the lakes, which are removed at the end; ``tell`` hears what is going on. Raises
    WrongResultError if a compacted file has other rows than the run files.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory) as temporary:
        root = Path(temporary)
        tell("writing a host's day for compaction")
        lake = root / "runs"
        _write_host_day(lake)
        paths = layout.files(lake, "disk_io_stat")
        expected = _sorted(paths)
        ideal = root / "ideal"
        written = stretches.write(ideal, _FLEET.start.date(), "ideal", "day", expected)
        from_runs, hours, from_hours, ratios = [], [], [], []
        for repetition in range(1, repetitions + 1):
            tell(f"{repetition} of {repetitions}: compaction")
            night = _FLEET.end(1) + timedelta(hours=12)
            shutil.copytree(lake, root / "night")
            from_runs.append(_seconds(root / "night", night))
            shutil.rmtree(root / "night")
            shutil.copytree(lake, root / "hourly")
            hours += [_seconds(root / "hourly", _FLEET.start + timedelta(hours=number)) for number in range(1, 25)]
            from_hours.append(_seconds(root / "hourly", night))
            compacted = layout.files(root / "hourly", "disk_io_stat")
            if len(compacted) != 1 or not _sorted(compacted).equals(expected):
                raise WrongResultError(f"{len(compacted)} compacted files hold other rows than {len(paths)} run files")
            ratios.append(_scan_ratio(compacted[0], written[0]))
            byte_count = sum(
                path.stat().st_size for path in (*compacted, *layout.files(root / "hourly", "sample_stretch"))
            )
            shutil.rmtree(root / "hourly")
        return Compaction(
            sample_count=len(expected),
            run_count=len(layout.files(lake, "collection_run")),
            from_runs_seconds=median(from_runs),
            hour_seconds=median(hours),
            from_hours_seconds=median(from_hours),
            bytes_per_sample=byte_count / len(expected),
            bytes_per_sample_in_runs=sum(path.stat().st_size for path in paths) / len(expected),
            scan_ratio=median(ratios),
        )


def _write_host_day(lake: Path) -> None:
    write_lake(lake, _FLEET, 1, "runs")
    for partition in lake.glob("*/date=*/source=*"):
        if partition.name != _HOST:
            shutil.rmtree(partition)


def _sorted(paths: list[Path]) -> pa.Table:
    columns = [name for name in pq.read_schema(paths[0]).names if name != "stretch"]
    rows = pa.concat_tables([pq.read_table(path, columns=columns, partitioning=None) for path in paths])
    return rows.sort_by([(name, "ascending") for name in stretches.ORDER])


def _seconds(lake: Path, now: datetime) -> float:
    began = time.perf_counter()
    compact(lake, now)
    return time.perf_counter() - began


def _scan_ratio(compacted: Path, ideal: Path) -> float:
    """Scan both files in turn, so that whatever else the machine does meets both."""
    sql = resources.files("benchmarks").joinpath("bare_scan.sql").read_text(encoding="utf-8")
    seconds: dict[Path, list[float]] = {compacted: [], ideal: []}
    with duckdb.connect() as connection:
        for _ in range(_SCANS):
            for path, taken in seconds.items():
                began = time.perf_counter()
                connection.execute(sql, {"files": [str(path)]}).fetchall()
                taken.append(time.perf_counter() - began)
    return median(seconds[compacted]) / median(seconds[ideal])
