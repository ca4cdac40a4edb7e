"""The capacity model: zones in one lake, formulas that are found again, and what is made of them for greater sizes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from benchmarks.capacity.fit import FIXED, fit
from benchmarks.capacity.lakes import Days, Weight, write_days
from benchmarks.capacity.large import measure_large
from benchmarks.capacity.measure import Measured, Observation, Weighed
from benchmarks.capacity.model import COSTS, FACTS, RECORDS, STATE, counts, model_of, most_disks, need
from benchmarks.capacity.report import lasting, page, size, written
from benchmarks.capacity.taken import Taken
from benchmarks.capacity.zones import Zones, lake_in, truth_of, whole_zones, write_zones
from benchmarks.measure import WrongResultError, check_usage
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

TWO_ZONES = Zones(zone_count=2, disk_count=4, day_count=1)


def silent(_step: str) -> None:
    pass


def test_the_usage_of_zones_in_one_lake_is_what_each_of_them_did_also_after_one_was_written_again(
    tmp_path: Path,
) -> None:
    write_zones(tmp_path, TWO_ZONES, 1, silent)
    written_once = {path: path.stat().st_mtime_ns for path in lake_in(tmp_path).rglob("*.parquet")}
    (tmp_path / "truth" / "z2-.parquet").unlink()
    (first,) = whole_zones(tmp_path, TWO_ZONES)
    heard: list[str] = []

    write_zones(tmp_path, TWO_ZONES, 1, heard.append)

    assert heard == ["zone z2- of 4 disks is written, 1 days"]
    again = {path: path.stat().st_mtime_ns for path in lake_in(tmp_path).rglob("*.parquet")}
    assert again.keys() == written_once.keys()
    assert {layout.source_of(path)[:3] for path in again if again[path] != written_once[path]} == {"z2-"}

    found = measure_large(model_of(measured_of(0.01, 1e6)), tmp_path, TWO_ZONES, silent)

    assert (found.disk_count, found.day_count) == (8, 1)
    assert found.sample_count == sum(
        pq.read_metadata(path).num_rows for path in layout.files(lake_in(tmp_path), "disk_io_stat")
    )
    with pytest.raises(WrongResultError, match="usage tells of 8 volumes, and the fleet has 4"):
        check_usage(tmp_path / "measured", truth_of(tmp_path, [first]))


def test_a_lake_of_a_sample_in_five_minutes_has_a_fifth_of_the_samples_and_indices_of_them(tmp_path: Path) -> None:
    lake = write_days(tmp_path, Days(Zones(1, 4, 1), every_minutes=5))

    for path in layout.files(lake, "disk_io_stat"):
        stretches = layout.fact_partition(lake, "sample_stretch", *_place(path)) / path.name
        row_count = pq.read_metadata(path).num_rows
        assert sum(pq.read_table(stretches, partitioning=None).column("row_count").to_pylist()) == row_count
    sample_count = sum(pq.read_metadata(path).num_rows for path in layout.files(lake, "disk_io_stat"))
    assert 4 * 288 * 0.9 < sample_count < 5 * 288 * 1.5  # the disks of the host that is read twice count twice


def _place(path: Path) -> tuple[date, str]:
    return next(iter(layout.by_day([path]))), layout.source_of(path)


def test_costs_are_found_again_and_none_is_negative() -> None:
    counts_of = [{"a": a, "b": b} for a, b in ((1, 2), (10, 1), (100, 50), (1000, 30))]

    found = fit(("a", "b"), counts_of, [5 + 2 * each["a"] + 0.5 * each["b"] for each in counts_of])
    falling = fit(("a", "b"), counts_of, [5 + 2 * each["a"] - 0.01 * each["b"] for each in counts_of])

    assert found.costs == pytest.approx({FIXED: 5, "a": 2, "b": 0.5})
    assert found.worst < 1e-9
    assert found.at({"a": 10_000, "b": 0}) == pytest.approx(20_005)
    assert "b" not in falling.costs
    assert 0 < falling.worst < 0.01


def measured_of(cpu_seconds: float, peak_bytes: float) -> Measured:
    """Make measurements in which every step takes so much a disk and day, and nothing else."""
    observations: list[Observation] = []
    days: list[Weighed] = []
    for disk_count, hosts in ((100, 4), (1000, 4), (10_000, 40)):
        there = {**counts(disk_count, hosts, hosts * 1440, 1), "file": disk_count}
        taken = Taken(cpu_seconds * disk_count, cpu_seconds * disk_count, int(peak_bytes * disk_count), 0, 0)
        observations += [Observation(step, there, taken) for step in COSTS]
        days.append(Weighed(there, weights(disk_count)))
    return Measured(observations, days, host_days=days)


def weights(disk_count: int) -> Mapping[str, Weight]:
    return {name: Weight(disk_count * 1000, 3, disk_count) for name in (*FACTS, *RECORDS, *STATE)}


def test_needs_grow_as_the_formulas_say() -> None:
    model = model_of(measured_of(cpu_seconds=0.01, peak_bytes=1e6))

    needed = need(model, 1_000_000, kept_days=90)

    assert needed.sample_count == 1_440_000_000
    assert needed.run_file_count == 2 * 4000 * 1440
    assert needed.check_seconds == pytest.approx(10_000, rel=0.01)
    assert needed.store_seconds == pytest.approx(10_000, rel=0.01)
    assert needed.lake_bytes == pytest.approx(90 * 1_000_000 * 1000 * 8, rel=0.01)
    assert most_disks(model, lambda needed: needed.check_peak_bytes <= 24e9) == pytest.approx(24_000, rel=0.02)


def test_the_page_marks_what_is_extrapolated_and_sorts_what_breaks_by_what_breaks_first() -> None:
    measured = measured_of(cpu_seconds=0.01, peak_bytes=1e6)

    told = page(measured, model_of(measured), None, "make bench-capacity SIZE=small", (0.5, 1.5))

    heads = next(line for line in told.splitlines() if line.startswith("| disks"))
    assert [cell.strip() for cell in heads.split("|")[2:-1]] == [
        "1,000", "10,000", "100,000 ≈", "1,000,000 ≈", "10,000,000 ≈",
    ]  # fmt: skip
    most = re.findall(r"^- \*\*([\d,]+)(?: ≈)?\*\*: .+ Above: ", told, re.MULTILINE)
    numbers = [int(number.replace(",", "")) for number in most]
    assert len(numbers) > 3
    assert numbers == sorted(numbers)
    assert "10 ms a disk" in told
    assert "$" not in told


def test_amounts_are_written_with_three_digits_at_most() -> None:
    assert [size(3), size(1_234_567), size(9.87e12)] == ["3 B", "1.23 MB", "9.87 TB"]
    assert [lasting(0.0000042), lasting(59), lasting(90), lasting(360_000)] == ["4.2 µs", "59 s", "1.5 min", "100 h"]
    formula = fit(("disk",), [{"disk": 1}, {"disk": 2}], [12, 14])
    assert written(formula, lasting) == "10 s + 2 s a disk"
