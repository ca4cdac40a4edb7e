"""The plan of a day pairs what lies in other days and files, and nothing twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, a_run, new_lake, read, sample, sort_partitions

from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
START = datetime.fromisoformat("2025-11-20T00:00:00Z")
READS = "SELECT vm_id, sum(read_ops)::BIGINT FROM usage_record GROUP BY ALL ORDER BY ALL"
# A sample of ``lakes.sample`` has made one read a second.


def test_a_disk_that_is_silent_for_a_day_goes_on_where_it_was(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for day, guests in enumerate((("vm-1", "vm-2"), ("vm-2",), ("vm-1", "vm-2"))):
        at = START + day * DAY + HOUR
        write_run(lake, a_run(*(sample(guest, at) for guest in guests), at=at))
    build(lake, START, START + 3 * DAY)
    assert read(lake, READS) == [("vm-1", 2 * 86_400), ("vm-2", 2 * 86_400)]


@pytest.mark.parametrize("is_sorted", [False, True])
def test_a_guest_that_two_sources_read_is_billed_once(tmp_path: Path, *, is_sorted: bool) -> None:
    lake = new_lake(tmp_path)
    for minute in range(60):
        at = START + minute * MINUTE
        source = ("kvm-01", "kvm-01 again")[minute % 2]
        write_run(lake, a_run(sample("vm-1", at), source=source, at=at))
    if is_sorted:
        sort_partitions(lake.glob("disk_io_stat/date=*/source=*"))
    build(lake, START, START + HOUR)
    assert read(lake, READS) == [("vm-1", 59 * 60)]


def test_what_crosses_full_hours_in_a_sorted_file_is_billed_once(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for minute in range(5, 180, 10):
        at = START + minute * MINUTE
        write_run(lake, a_run(sample("vm-1", at), at=at))
    sort_partitions(lake.glob("disk_io_stat/date=*/source=*"))
    build(lake, START, START + 3 * HOUR)
    by_hour = "SELECT epoch(window_start)::BIGINT, sum(read_ops)::BIGINT FROM usage_record GROUP BY ALL ORDER BY ALL"
    first = int(START.timestamp())
    assert read(lake, by_hour) == [(first, 55 * 60), (first + 3600, 60 * 60), (first + 7200, 55 * 60)]


def an_hour_of(directory: Path, *allocations: dict[str, object]) -> Path:
    """Sample a disk every ten minutes for an hour, sorted, with allocations that follow each other in it."""
    lake = new_lake(directory)
    for minute in range(0, 61, 10):
        at = START + minute * MINUTE
        write_run(lake, a_run(sample("vm-1", at, volume_id="vol-1"), at=at))
    for number, allocation in enumerate(allocations):
        told = {"provisioned_iops": [{"volume_id": "vol-1", **allocation}]}
        at = START + number * HOUR / len(allocations)
        write_run(lake, a_run(source="array-a", kind="storage", at=at, tables=told))
    sort_partitions(lake.glob("disk_io_stat/date=*/source=*"))
    build(lake, START, START + HOUR)
    return lake


def test_a_guarantee_that_ends_within_an_hour_covers_what_came_before(tmp_path: Path) -> None:
    lake = an_hour_of(tmp_path, {"min_iops": 100, "min_enforced": True}, {"min_iops": 100, "min_enforced": False})
    classes = "SELECT sum(guaranteed_ops)::BIGINT, sum(best_effort_ops)::BIGINT FROM usage_record"
    assert read(lake, classes) == [(30 * 60 * 3, 30 * 60 * 3)]


def test_what_exceeds_a_ceiling_is_measured_interval_by_interval(tmp_path: Path) -> None:
    lake = an_hour_of(tmp_path, {"max_iops": 2})
    assert read(lake, "SELECT sum(burst_ops)::BIGINT FROM usage_record") == [(60 * 60,)]
