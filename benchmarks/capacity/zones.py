"""A large lake, written zone by zone: each zone is a fleet of its own, so that memory stays that of one.

What is written stays, and a call that was interrupted goes on with the zone that it was at. A zone is
whole when what metering must find in it is stored beside the lake.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Zones:
    """So many fleets of ``disk_count`` disks each, sampled once a minute for ``day_count`` days, in one lake."""

    zone_count: int
    disk_count: int
    day_count: int

    @property
    def fleets(self) -> Sequence[Fleet]:
        """Return the fleet of each zone."""
        return [Fleet(self.disk_count, seed=number, zone=f"z{number}-") for number in range(1, self.zone_count + 1)]


def lake_in(directory: Path) -> Path:
    """Return where the lake of zones lies in their directory."""
    return directory / "lake"


def write_zones(directory: Path, zones: Zones, process_count: int, tell: Callable[[str], None]) -> None:
    """Write the zones that are not whole yet; ``tell`` hears of each that is.

    Raises LakeError if the lake cannot be written.
    """
    layout.create(lake_in(directory))
    missing = [fleet for fleet in zones.fleets if not _truth_file(directory, fleet).exists()]
    with ProcessPoolExecutor(process_count, get_context("spawn"), max_tasks_per_child=1) as pool:
        for zone in pool.map(partial(_write_zone, directory, zones.day_count), missing):
            tell(f"zone {zone} of {zones.disk_count:,} disks is written, {zones.day_count} days")


def whole_zones(directory: Path, zones: Zones) -> Sequence[Fleet]:
    """Return the fleets that are written with all their days."""
    return [fleet for fleet in zones.fleets if _truth_file(directory, fleet).exists()]


def link_zones(directory: Path, fleets: Sequence[Fleet], lake: Path) -> None:
    """Make a new lake of some zones alone, whose files are theirs under second names."""
    layout.create(lake)
    for fleet in fleets:
        for path in lake_in(directory).glob(f"*/date=*/source={fleet.zone}*/*.parquet"):
            linked = lake / path.relative_to(lake_in(directory))
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.hardlink_to(path)


def truth_of(directory: Path, fleets: Sequence[Fleet]) -> pa.Table:
    """Return what metering must find in some zones: one row per volume, sorted by ``volume_id``."""
    return pa.concat_tables([pq.read_table(_truth_file(directory, fleet)) for fleet in fleets]).sort_by("volume_id")


def _write_zone(directory: Path, day_count: int, fleet: Fleet) -> str:
    for partition in lake_in(directory).glob(f"*/date=*/source={fleet.zone}*"):
        shutil.rmtree(partition)
    truth = write_lake(lake_in(directory), fleet, day_count).table()
    _truth_file(directory, fleet).parent.mkdir(exist_ok=True)
    pq.write_table(truth, _truth_file(directory, fleet).with_suffix(".new"))
    _truth_file(directory, fleet).with_suffix(".new").rename(_truth_file(directory, fleet))
    return fleet.zone


def _truth_file(directory: Path, fleet: Fleet) -> Path:
    return directory / "truth" / f"{fleet.zone}.parquet"
