"""What is billed of the statistics of a pool: every operation once, however often and late its minute is read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lakes import NOON, a_run, read
from xen_pool import Load
from xen_reading import MINUTE, Runs, runs_of, steady
from xen_records import ref

from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = int(NOON.timestamp())


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    with runs_of(monkeypatch) as made:
        yield made


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def billed(lake: Path, columns: str = "sum(read_ops), sum(write_ops), sum(read_bytes), sum(write_bytes)") -> list[Any]:
    build(lake, NOON, NOON + timedelta(hours=6))
    return read(lake, f"SELECT vm_id, {columns} FROM usage_record WHERE kind = 'io' GROUP BY vm_id ORDER BY vm_id")  # noqa: S608


def rising(at: int) -> dict[str, float]:
    """Rates that differ from minute to minute, in whole operations a second."""
    minute = (at - 1 - START) // 60
    return {"iops_read": 1.0 + minute, "iops_write": 2.0, "read": 4096.0 * (1 + minute), "write": 8192.0}


def total(count: int) -> tuple[int, ...]:
    """Add up what such a disk did in so many minutes."""
    reads = sum(60 * (1 + minute) for minute in range(count))
    return reads, 120 * count, 4096 * reads, 8192 * 60 * count


def test_minutes_read_twice_late_and_on_two_hosts_are_billed_once(runs: Runs, lake: Path) -> None:
    pool = runs.pool
    vm = pool.vm(1)
    pool.disk(vm, load=Load(rising))
    assert runs.collect(lake) == "ok"
    for wait in (5, 5, 1, 3.5):
        assert runs.collect(lake, wait) == "ok"
    pool.change("VM", vm, resident_on=ref(pool.hosts[1]))
    assert runs.collect(lake, 5) == "ok"
    pool.answers["statistics of 1"] = 500, b"no"
    assert runs.collect(lake, 5).startswith("partial: ")
    pool.mend()
    for wait in (55, 5.7):
        assert runs.collect(lake, wait) == "ok"
    assert billed(lake) == [(vm, *total(85))]
    ((stored, different),) = read(
        lake, "SELECT count(*), count(DISTINCT sampled_at) FROM disk_io_stat WHERE window_start IS NOT NULL"
    )
    assert different == 85
    assert stored > 85, "minutes were read again"


def test_a_run_that_a_crash_lost_is_read_again(runs: Runs, lake: Path) -> None:
    """The memory of a run is stored before the run itself: here the run is lost, and the memory is not."""
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=Load(rising))
    runs.collect(lake)
    runs.collect(lake, 4)
    max(layout.files(lake, "collection_run")).unlink()
    runs.collect(lake, 4)
    assert billed(lake) == [(vm, *total(8))]


def test_where_the_memory_is_lost_nothing_is_billed_twice(runs: Runs, lake: Path) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=Load(rising))
    runs.collect(lake)
    runs.collect(lake, 5)
    for file in (lake / ".memory").iterdir():
        file.unlink()
    runs.collect(lake, 5)
    assert billed(lake) == [(vm, *total(10))]


def test_a_disk_whose_operations_are_not_recorded_is_not_billed(runs: Runs, lake: Path) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, load=steady(1, 1, 4096, 4096, without=("iops_read", "iops_write")))
    runs.pool.disk(vm, 1, load=steady(1, 1, 4096, 4096))
    runs.collect(lake)
    runs.collect(lake, 2)
    assert read(lake, "SELECT count(*) FROM disk_io_stat WHERE read_bytes IS NOT NULL") == [(4,)]
    assert billed(lake, "any_value(device), count(DISTINCT device), sum(read_ops)") == [(vm, "xvdb", 1, 120)]


def test_what_the_volume_is_set_to_splits_its_minutes(runs: Runs, lake: Path) -> None:
    """A minimum of 100 and a maximum of 150: of 200 a second in one minute 100 are guaranteed and 50 above."""
    vm = runs.pool.vm(1)
    rates = {0: 90.0, 1: 200.0}
    volume = runs.pool.disk(
        vm, load=Load(lambda at: {"iops_read": rates.get((at - 1 - START) // 60, 0.0), "read": 819200.0})
    )
    array = {"volume_id": volume, "min_iops": 100, "max_iops": 150, "min_enforced": True}
    sold = {"volume_id": volume, "account_id": "acme", "sold_min_iops": 100}
    at = NOON - MINUTE
    write_run(lake_of(lake), a_run(source="array", at=at, kind="storage", tables={"provisioned_iops": [array]}))
    write_run(lake, a_run(source="sold", at=at, kind="controlplane", tables={"entitlement": [sold]}))
    runs.collect(lake)
    runs.collect(lake, 3)
    columns = "any_value(account_id), sum(guaranteed_ops), sum(burst_ops), sum(best_effort_ops)"
    assert billed(lake, columns) == [(vm, "acme", 5400 + 6000, 3000, 3000)]


def lake_of(lake: Path) -> Path:
    layout.create(lake)
    return lake
