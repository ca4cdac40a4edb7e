"""``python -m benchmarks.distributed SIZE``: measure, print the table, and write docs/benchmarks-distributed.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import click

from benchmarks.distributed.cluster import cluster
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from benchmarks.measure import WrongResultError
from benchmarks.report import cores, cpu_model, markdown, memory_gib
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"
_DAYS: Final = 2
_REPETITIONS: Final = 2
_DISKS: Final = {"small": 1_000, "large": 10_000}
_FACTS: Final = ("disk_io_stat", "sample_stretch", "collection_run", "provisioned_iops", "entitlement")
_COLUMNS: Final = (
    "run", "disks", "days", "Dask ÷ local", "target", "local, s", "Dask, s", "read, MB", "moved, % of read",
    "target, %",
    "memory of a worker, MB", "target, MB", "local, MB", "driver, MB",
)  # fmt: skip


@dataclass(frozen=True)
class Round:
    """One local build and one by two workers, which gave the same bytes."""

    local_seconds: float
    local_peak_bytes: int
    dask_seconds: float
    driver_peak_bytes: int
    worker_peak_bytes: int
    read_bytes: int
    moved_bytes: int


@click.command()
@click.argument("size", type=click.Choice(list(_DISKS)), default="small")
def main(size: str) -> None:
    """Measure a build by one process of two threads beside one by two workers of Dask of a thread each."""
    fleet = Fleet(_DISKS[size])
    _CACHE.mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    try:
        with TemporaryDirectory(dir=_CACHE) as directory:
            click.echo(f"writing {fleet.disk_count} disks, {_DAYS} days", err=True)
            write_lake(Path(directory, "facts"), fleet, _DAYS)
            rounds = [_round(Path(directory), fleet, number) for number in range(1, _REPETITIONS + 1)]
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(_table(fleet, rounds))
    written = _page(fleet, rounds, f"make bench-dask SIZE={size}", (load_before, os.getloadavg()[2]))
    (_ROOT / "docs" / "benchmarks-distributed.md").write_text(written, encoding="utf-8")


def _round(directory: Path, fleet: Fleet, number: int) -> Round:
    facts, local, distributed = (directory / name for name in ("facts", "local", "distributed"))
    for lake in (local, distributed):
        shutil.copytree(facts, lake, copy_function=os.link)
    click.echo(f"{number} of {_REPETITIONS}: local", err=True)
    here = _contend("local", local, fleet)
    click.echo(f"{number} of {_REPETITIONS}: two workers", err=True)
    counts = directory / f"cluster-{number}"
    counts.mkdir()
    with cluster(counts, 2) as workers:
        before = workers.sent_bytes()
        there = _contend(workers.address, distributed, fleet)
        moved, peak = workers.sent_bytes() - before, max(workers.worker_peaks_bytes())
    if _made(local) != _made(distributed):
        raise WrongResultError("two workers gave other bytes than a local build")
    read = sum(path.stat().st_size for table in _FACTS for path in layout.files(facts, table))
    for lake in (local, distributed):
        shutil.rmtree(lake)
    return Round(here["seconds"], here["peak_bytes"], there["seconds"], there["peak_bytes"], peak, read, moved)


def _contend(engine: str, lake: Path, fleet: Fleet) -> dict[str, Any]:
    period = [fleet.start.isoformat(), fleet.end(_DAYS).isoformat()]
    command = [sys.executable, "-m", "benchmarks.distributed.contenders", engine, str(lake), *period]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        raise WrongResultError(f"{engine} did not finish: {(done.stderr.strip().splitlines() or ['no reason'])[-1]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _made(lake: Path) -> dict[str, bytes]:
    """Return what a build made: records, rollups, quarantine, edges and notes."""
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and not {*path.relative_to(lake).parts} & {layout.LOCKS, *_FACTS}
    }


def _table(fleet: Fleet, rounds: Sequence[Round]) -> str:
    rows = [
        (
            str(number),
            f"{fleet.disk_count:,}",
            str(_DAYS),
            f"{each.dask_seconds / each.local_seconds:.2f}",
            "1.30",
            f"{each.local_seconds:.1f}",
            f"{each.dask_seconds:.1f}",
            f"{each.read_bytes / 1e6:,.0f}",
            f"{100 * each.moved_bytes / each.read_bytes:.2f}",
            "5",
            f"{each.worker_peak_bytes / 1e6:,.0f}",
            "300",
            f"{each.local_peak_bytes / 1e6:,.0f}",
            f"{each.driver_peak_bytes / 1e6:,.0f}",
        )
        for number, each in enumerate(rounds, start=1)
    ]
    return markdown([_COLUMNS, *rows])


def _page(fleet: Fleet, rounds: Sequence[Round], command: str, loads: tuple[float, float]) -> str:
    return f"""# Builds on workers of Dask

What `usage build` takes in one process with two threads, and by two workers of Dask with one thread each, side by side
on one machine and one lake of {fleet.disk_count:,} disks at one minute ([distributed.md](distributed.md)). Both give
the same bytes, or nothing is written here. Written by `{command}`.

{_table(fleet, rounds)}
- Moved is what scheduler and workers sent while they built, but for heartbeats, some kilobytes a second; read are the
  facts that a build reads.
- The times are those of the build alone, without the start of processes; the memory is the most that a whole process
  had.
- {cores()} cores of {cpu_model()}, {memory_gib():.0f} GiB; load {loads[0]:.1f} before and {loads[1]:.1f} at the end.
  Ratios carry over to other machines, seconds do not.
"""


if __name__ == "__main__":
    main()
