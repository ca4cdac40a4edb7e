"""The benchmark of many hosts: who is troubled, what it refuses, and what it makes of its numbers."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from lakes import new_lake

from benchmarks.many_hosts.hosts import MINUTE_US, Host, Trouble, counters
from benchmarks.many_hosts.measure import Compaction, Look, Measured, compare, unmerged
from benchmarks.many_hosts.report import page, raw, table
from benchmarks.many_hosts.writers import Size, trouble_of
from benchmarks.measure import WrongResultError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("host_count", "of_each"), [(10, 1), (1000, 10)])
def test_one_host_in_a_hundred_has_each_trouble_and_at_least_one(host_count: int, of_each: int) -> None:
    found = Counter(trouble_of(number, host_count, 100).name for number in range(host_count))
    assert found.pop("sound") == host_count - 5 * of_each
    assert set(found.values()) == {of_each}


def test_a_late_host_brings_its_runs_hours_later_and_they_are_what_the_disks_did(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    host = Host(lake, tmp_path / "spool", 3, 2, Trouble("late", waits_us=MINUTE_US))
    assert host.beat(0)
    assert not host.is_due()
    assert host.beat(1)
    assert host.is_due()
    assert unmerged(lake) == 0
    host.deliver()
    assert unmerged(lake) == 4
    first, second = (counters(6, minute * MINUTE_US + 21_000_000) for minute in (0, 1))
    assert host.truth()["kvm-0003-disk-000"] == {name: second[name] - first[name] for name in first}


def test_usage_that_misses_a_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongResultError, match="usage tells of 0 disks, and 1 did something"):
        compare(new_lake(tmp_path), {"vol-1": {"read_ops": 1}})


def test_the_page_shows_what_was_measured() -> None:
    calls = [Compaction(80, 18.0, 9.0, 300_000_000, 5_000, 40), Compaction(1600, 30.0, 20.0, 310_000_000, 40, 0)]
    measured = Measured(
        Size(10, 10, 80),
        800,
        8.0,
        60.0,
        calls,
        {"metrics, sources": Look(2.5, 310_400_000)},
        5_100,
        named={"dead": ["a"]},
    )
    shown = " ".join(table(measured).split())
    assert "share of the time in which compaction works | 1.0 %" in shown
    assert "metrics, sources, s and MB | 2.5, 310" in shown
    assert json.loads(raw(measured))["most_files"] == 5_100
    written = page(measured, "make bench-fleet", (0.1, 2.0), "ext4")
    assert table(measured) in written
    assert "| dead | 1 | 1 |" in " ".join(written.split())
