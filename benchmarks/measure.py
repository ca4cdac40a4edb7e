"""Runs the contenders in turn on lakes of growing length, and refuses to time wrong results."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from benchmarks.contenders import Measured
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from ioledger.lake import layout, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from benchmarks.fleet_lake import Layout
    from benchmarks.truth import Truth

BASELINE: Final = "bare scan"
SUBJECT: Final = "usage build"


@dataclass(frozen=True)
class Size:
    """How much is measured: a fleet, the numbers of days, and how often each contender runs.

    ``day_counts`` rise. ``peers`` run on the fewest days alone, for they hold all samples in memory.
    """

    disk_count: int
    day_counts: Sequence[int]
    repetitions: int
    peers: Sequence[str] = ("pandas, differences", "Polars, differences")
    files_by: Sequence[Layout] = ("days",)


@dataclass(frozen=True)
class Stretch:
    """The first days of a fleet: what lies of them in ``lake``, and what must be found in it.

    ``difference_ops`` are the reads and writes that neighbouring samples of an epoch differ by.
    """

    lake: Path
    files_by: Layout
    day_count: int
    sample_count: int
    bytes_per_sample: float
    truth: pa.Table
    difference_ops: int


@dataclass(frozen=True)
class Result:
    """What one contender took on one stretch, once for each repetition."""

    contender: str
    stretch: Stretch
    runs: Sequence[Measured]


class WrongResultError(Exception):
    """A contender did not find what the fleet did, or did not finish: its speed means nothing."""


def measure(size: Size, directory: Path, tell: Callable[[str], None]) -> list[Result]:
    """Measure all contenders, one after another in each repetition, with files that were just read.

    ``directory`` takes the lakes, which are removed at the end; ``tell`` hears what is going on.
    Raises WrongResultError at the first result that differs from the fleet's truth.
    """
    fleet = Fleet(size.disk_count)
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory) as temporary:
        tell(f"writing {size.disk_count} disks, {max(size.day_counts)} days")
        stretches = [
            stretch
            for files_by in size.files_by
            for stretch in _stretches(fleet, Path(temporary) / files_by, files_by, size.day_counts)
        ]
        entries = [(name, stretch) for stretch in stretches for name in (BASELINE, SUBJECT)]
        entries[2:2] = [(name, stretches[0]) for name in size.peers]
        runs: list[list[Measured]] = [[] for _ in entries]
        for repetition in range(1, size.repetitions + 1):
            for of_entry, (name, stretch) in zip(runs, entries, strict=True):
                tell(f"{repetition} of {size.repetitions}: {name}, days: {stretch.day_count}")
                of_entry.append(_run(name, fleet, stretch))
    return [Result(name, stretch, of_entry) for of_entry, (name, stretch) in zip(runs, entries, strict=True)]


def _stretches(fleet: Fleet, lake: Path, files_by: Layout, day_counts: Sequence[int]) -> list[Stretch]:
    """Write the longest lake once; the shorter ones are its first days."""
    stretches = []

    def note(day_count: int, truth: Truth) -> None:
        if day_count in day_counts:
            paths = layout.files(lake, "disk_io_stat")
            sample_count = sum(pq.read_metadata(path).num_rows for path in paths)
            byte_count = sum(path.stat().st_size for path in (*paths, *layout.files(lake, "sample_stretch")))
            found = int(truth.amounts["read_ops"].sum() + truth.amounts["write_ops"].sum())
            stretches.append(
                Stretch(
                    lake=lake,
                    files_by=files_by,
                    day_count=day_count,
                    sample_count=sample_count,
                    bytes_per_sample=byte_count / sample_count,
                    truth=truth.table(),
                    difference_ops=found - truth.from_zero_ops,
                )
            )

    write_lake(lake, fleet, max(day_counts), files_by, after_day=note)
    return stretches


def _run(name: str, fleet: Fleet, stretch: Stretch) -> Measured:
    """Run one contender on a new lake, so that no build finds what another left."""
    lake = stretch.lake.with_name("stretch")
    end = fleet.end(stretch.day_count)
    _link(stretch.lake, lake, end.date())
    try:
        command = [sys.executable, "-m", "benchmarks.contenders"]
        period = [str(lake), fleet.start.isoformat(), end.isoformat()]
        _contend([*command, BASELINE, *period])  # so that no contender waits for the disk
        measured = _contend([*command, name, *period])
        if name == SUBJECT:
            check_usage(lake, stretch.truth)
        if measured.result not in {None, stretch.difference_ops}:
            raise WrongResultError(
                f"{name} found {measured.result} operations in {stretch.day_count} days, and there are "
                f"{stretch.difference_ops}"
            )
    finally:
        shutil.rmtree(lake)
    return measured


def _contend(command: Sequence[str]) -> Measured:
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise WrongResultError(f"{command[3]} did not finish: {reason[0]}")
    return Measured(**json.loads(done.stdout))


def _link(whole: Path, lake: Path, end: date) -> None:
    """Make a lake of the days before ``end`` whose files are those of ``whole``, under second names."""
    for path in whole.rglob("*"):
        if path.is_file() and layout.LOCKS not in path.parts and (path.name == layout.MARKER or _day(path) < end):
            linked = lake / path.relative_to(whole)
            linked.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, linked)


def _day(path: Path) -> date:
    return date.fromisoformat(next(part for part in path.parts if part.startswith("date=")).removeprefix("date="))


def check_usage(lake: Path, truth: pa.Table) -> None:
    """Raise WrongResultError unless the usage records of a lake tell what the fleet did."""
    sql = resources.files("benchmarks").joinpath("usage_by_volume.sql").read_text(encoding="utf-8")
    with reader.connect(lake) as connection:
        found = connection.sql(sql).to_arrow_table()
    compare(truth, found)


def compare(truth: pa.Table, found: pa.Table) -> None:
    """Raise WrongResultError, naming the first amount of a volume that is not what the fleet did."""
    ids = (truth.column("volume_id").to_pylist(), found.column("volume_id").to_pylist())
    if ids[0] != ids[1]:
        raise WrongResultError(f"usage tells of {len(ids[1])} volumes, and the fleet has {len(ids[0])}")
    for name in truth.column_names:
        for volume_id, true, counted in zip(
            ids[0], truth.column(name).to_pylist(), found.column(name).to_pylist(), strict=True
        ):
            if true != counted:
                raise WrongResultError(f"{name} of volume {volume_id} is {true}, and usage tells {counted}")
