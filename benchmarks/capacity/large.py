"""The larger run: a month of ten thousand disks, predicted by the formulas, then built and compared with the truth."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.capacity.lakes import Weight, weigh
from benchmarks.capacity.measure import counts_of
from benchmarks.capacity.model import FACTS, RECORDS, STATE
from benchmarks.capacity.taken import Taken, take
from benchmarks.capacity.zones import Zones, link_zones, truth_of, whole_zones
from benchmarks.measure import check_usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.capacity.model import Model


@dataclass(frozen=True, slots=True)
class Large:
    """What the formulas said of a large lake, and what was found."""

    disk_count: int
    day_count: int
    sample_count: int
    build: Taken
    predicted_seconds: float
    predicted_wall_seconds: float
    predicted_peak_bytes: float
    facts_bytes: int
    predicted_facts_bytes: float
    facts_files: int
    predicted_facts_files: float
    made_bytes: int
    predicted_made_bytes: float


def measure_large(model: Model, directory: Path, zones: Zones, tell: Callable[[str], None]) -> Large:
    """Build the usage of all zones that ``write_zones`` wrote, from nothing.

    Raises WrongResultError if the usage of a volume is not what the fleet did.
    """
    fleets = whole_zones(directory, zones)
    lake = directory / "measured"
    shutil.rmtree(lake, ignore_errors=True)
    link_zones(directory, fleets, lake)
    counts = counts_of(lake, len(fleets) * zones.disk_count, zones.day_count)
    tell(f"building {counts['sample']:,} samples")
    build = take("build", lake, fleets[0].start.isoformat(), fleets[0].end(zones.day_count).isoformat())
    tell(f"  {build.wall_seconds:.0f} s, {build.cpu_seconds:.0f} s of CPU, {build.peak_bytes / 1e6:,.0f} MB")
    check_usage(lake, truth_of(directory, fleets))
    weights = weigh(lake)
    seconds = model.cpu_seconds["usage build"].at(counts)
    return Large(
        disk_count=int(counts["disk"]),
        day_count=zones.day_count,
        sample_count=int(counts["sample"]),
        build=build,
        predicted_seconds=seconds,
        predicted_wall_seconds=seconds / model.cores_kept_busy,
        predicted_peak_bytes=model.peak_bytes["usage build"].at(counts),
        facts_bytes=_sum(weights, FACTS).byte_count,
        predicted_facts_bytes=model.facts_bytes.at(counts),
        facts_files=_sum(weights, FACTS).file_count,
        predicted_facts_files=model.facts_files.at(counts),
        made_bytes=_sum(weights, (*RECORDS, *STATE)).byte_count,
        predicted_made_bytes=model.records_bytes.at(counts) + model.state_bytes.at(counts),
    )


def _sum(weights: Mapping[str, Weight], names: tuple[str, ...]) -> Weight:
    found = [weights[name] for name in names if name in weights]
    return Weight(
        sum(each.byte_count for each in found), sum(each.file_count for each in found), sum(e.row_count for e in found)
    )
