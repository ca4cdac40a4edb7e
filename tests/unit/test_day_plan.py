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
