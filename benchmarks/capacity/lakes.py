"""The lakes that are measured on: days of a fleet, hosts' days run by run, and histories of runs alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.capacity.zones import Zones, lake_in, write_zones
from benchmarks.fleet import DAY_US, MINUTE_US, MINUTES, Fleet
from benchmarks.fleet_lake import run_table
from ioledger.lake import files, layout, stretches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DERIVED: Final = {"usage_record": "usage_record", "usage_day": "rollups", "usage_month": "rollups", ".usage": "state"}
"""What a build makes, by the directory of the lake in which it lies."""
_PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Days:
    """Some days of a fleet, one sample in every ``every_minutes``."""

    zones: Zones
    every_minutes: int = 1

    @property
    def disk_count(self) -> int:
        """Return the number of disks of all zones."""
        return self.zones.zone_count * self.zones.disk_count

    @property
    def fleet(self) -> Fleet:
        """Return the first zone's fleet; all begin and end at the same moments."""
        return self.zones.fleets[0]


@dataclass(frozen=True, slots=True)
class Weight:
    """What the files of a table, or of several, amount to."""

    byte_count: int
    file_count: int
    row_count: int


def write_days(directory: Path, days: Days) -> Path:
    """Write some days of a fleet as compaction leaves them, and return the lake."""
    write_zones(directory, days.zones, _PROCESSES, lambda _step: None)
    lake = lake_in(directory)
    if days.every_minutes > 1:
        for path in layout.files(lake, "collection_run"):
            _thin(lake, path, days.every_minutes)
    return lake


def _thin(lake: Path, path: Path, every_minutes: int) -> None:
    """Keep one run in every so many minutes of one source and day, with its samples."""
    runs = pq.read_table(path, partitioning=None)
    if runs.column("kind")[0].as_py() != "hypervisor":
        return
    kept = runs.filter(pc.equal(_minute(runs.column("started_at"), every_minutes), 0))
    files.write_parquet(path, kept)
    day, source = next(iter(layout.by_day([path]))), layout.source_of(path)
    samples = layout.fact_partition(lake, "disk_io_stat", day, source)
    rows = pq.read_table(samples / path.name, partitioning=None).drop_columns("stretch")
    rows = rows.filter(pc.is_in(rows.column("run_id"), kept.column("run_id").combine_chunks()))
    shutil.rmtree(samples)
    shutil.rmtree(layout.fact_partition(lake, "sample_stretch", day, source))
    stretches.write(lake, day, source, path.stem, rows)


def _minute(moments: object, every: int) -> object:
    minutes = pc.minute(moments)
    return pc.subtract(minutes, pc.multiply(pc.divide(minutes, every), every))


def weigh(lake: Path) -> Mapping[str, Weight]:
    """Weigh what lies in a lake, by table, with what a build made under the names of ``DERIVED``."""
    found: dict[str, Weight] = {}
    for directory in sorted(path for path in lake.iterdir() if path.is_dir()):
        paths = [path for path in directory.rglob("*") if path.is_file() and path.suffix in {".parquet", ".json"}]
        name = DERIVED.get(directory.name, directory.name)
        before = found.get(name, Weight(0, 0, 0))
        found[name] = Weight(
            before.byte_count + sum(path.stat().st_size for path in paths),
            before.file_count + len(paths),
            before.row_count + sum(pq.read_metadata(path).num_rows for path in paths if path.suffix == ".parquet"),
        )
    return {name: weight for name, weight in found.items() if weight.file_count}


@dataclass(frozen=True, slots=True)
class History:
    """The runs of so many hosts, one a minute for so many days, as compaction leaves them; no samples."""

    source_count: int
    day_count: int

    @property
    def file_count(self) -> int:
        """Return the number of files: one per source and day."""
        return self.source_count * self.day_count

    @property
    def run_count(self) -> int:
        """Return the number of runs."""
        return self.file_count * MINUTES


def write_history(lake: Path, history: History) -> None:
    """Write a history of runs into a new lake. Raises LakeError if it cannot be written."""
    layout.create(lake)
    minutes = Fleet(1).start_us + np.arange(MINUTES) * MINUTE_US
    for day in range(history.day_count):
        for number in range(history.source_count):
            source = f"kvm-{number:05}"
            rows = run_table(source, minutes + day * DAY_US, np.full(MINUTES, 250), "disk_io_stat", f"host-{number:05}")
            on = datetime.fromtimestamp(minutes[0] / 1e6 + day * DAY_US / 1e6, UTC).date()
            partition = layout.fact_partition(lake, "collection_run", on, source)
            partition.mkdir(parents=True)
            # Not flushed: it is read at once, and thousands of flushes take longer than what is measured.
            with (partition / "day.parquet").open("wb") as stream, files.parquet_writer(stream, rows.schema) as writer:
                writer.write_table(rows)


def write_empty(lake: Path, source_count: int, run_count: int) -> None:
    """Write so many files without content per source, as an open day has them, for what only lists them."""
    layout.create(lake)
    for number in range(source_count):
        partition = layout.fact_partition(lake, "disk_io_stat", Fleet(1).start.date(), f"kvm-{number:05}")
        partition.mkdir(parents=True)
        for run in range(run_count):
            (partition / f"{run:05}.parquet").touch()
