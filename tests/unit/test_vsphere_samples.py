"""Samples of virtual disks as vSphere writes them, and up to which of them a run has read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyVmomi import vim

from collectors.hypervisors.vsphere_disks import Disk
from collectors.hypervisors.vsphere_inventory import Machine
from collectors.hypervisors.vsphere_watch import Watch
from collectors.hypervisors.vsphere_windows import read_csv, rows_of

MANAGER = vim.PerformanceManager
IDS = {11: "numberReadAveraged", 12: "numberWriteAveraged", 13: "read", 14: "write"}
NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
INFO = "20,2026-11-05T12:00:20Z,20,2026-11-05T12:00:40Z,20,2026-11-05T12:01:00Z"
MACHINE = Machine(None, "vm-a", "web", "ok", {"vm_id": "vm-a"}, (Disk("scsi0:0", {"device": "scsi0:0"}),))


def csv(info: str = INFO, instance: str = "scsi0:0", **values: str) -> object:
    numbers = {name: number for number, name in IDS.items()}
    series = [
        MANAGER.MetricSeriesCSV(id=MANAGER.MetricId(counterId=numbers[name], instance=instance), value=value)
        for name, value in values.items()
    ]
    return MANAGER.EntityMetricCSV(sampleInfoCSV=info, value=series)


def rows(metric: object, since: datetime = NOON) -> list[dict[str, Any]]:
    return [dict(row) for row in rows_of(MACHINE, since, read_csv(metric, IDS))]


def test_amounts_are_rates_times_seconds_and_bytes_are_in_kib() -> None:
    found = rows(csv(numberReadAveraged="3,0,1", numberWriteAveraged="0,0,2", read="5,0,4", write="0,0,8"))
    assert [row["read_ops"] for row in found] == [60, 0, 20]
    assert [row["write_ops"] for row in found] == [0, 0, 40]
    assert [row["read_bytes"] for row in found] == [5 * 1024 * 20, 0, 4 * 1024 * 20]
    assert [row["window_start"] for row in found] == [NOON + timedelta(seconds=20) * number for number in range(3)]
    assert {row["epoch"] for row in found} == {"vm-a:scsi0:0"}


def test_what_is_missing_is_null_and_a_sample_without_anything_is_a_gap() -> None:
    found = rows(csv(numberReadAveraged="3,,-1", numberWriteAveraged="1,,-1", read="5,,7", write="-1,,-1"))
    assert [(row["read_ops"], row["write_ops"], row["read_bytes"], row["write_bytes"]) for row in found] == [
        (60, 20, 102400, None),
        (None, None, 143360, None),
    ]


def test_a_series_without_values_and_that_of_no_disk_say_nothing() -> None:
    assert rows(csv(numberReadAveraged="", read="")) == []
    assert rows(csv(instance="", numberReadAveraged="3,0,1")) == []
    assert rows(csv(info="", numberReadAveraged="")) == []


def test_samples_are_read_after_a_moment_alone() -> None:
    since = NOON + timedelta(seconds=40)
    assert [row["sampled_at"] for row in rows(csv(numberReadAveraged="1,2,3"), since)] == [NOON + timedelta(minutes=1)]


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        (csv(numberReadAveraged="1,2"), "3 of them, and 2 values of scsi0:0"),
        (csv(numberReadAveraged="1,2,x"), "is no rate"),
        (csv(info="300,2026-11-05T12:05:00Z", numberReadAveraged="1"), "of 300 seconds, and not of 20"),
        (csv(info="20,yesterday", numberReadAveraged="1"), "yesterday"),
    ],
)
def test_samples_that_cannot_be_are_refused(metric: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_csv(metric, IDS)


def test_the_first_run_counts_from_the_next_whole_sample_on() -> None:
    watch = Watch(NOON, None, ())
    assert not watch.has_begun
    assert watch.since("vm-a") == NOON + timedelta(seconds=20)


def test_each_machine_goes_on_where_it_ended_and_a_new_one_where_the_last_run_began() -> None:
    watch = Watch(NOON, None, ())
    watch.reached("vm-a", NOON - timedelta(seconds=10))
    later = Watch(NOON + timedelta(minutes=5), watch.to_remember(["vm-a"]), ())
    assert later.has_begun
    assert later.since("vm-a") == NOON - timedelta(seconds=10)
    assert later.since("vm-new") == NOON


def test_a_machine_that_was_not_listed_for_a_while_goes_on_where_it_ended() -> None:
    watch = Watch(NOON, None, ())
    watch.reached("vm-a", NOON)
    between = Watch(NOON + timedelta(minutes=5), watch.to_remember(["vm-a"]), ())
    later = Watch(NOON + timedelta(minutes=10), between.to_remember([]), ())
    assert later.since("vm-a") == NOON
    much_later = Watch(NOON + timedelta(hours=2), later.to_remember([]), ())
    last = Watch(NOON + timedelta(hours=2), much_later.to_remember([]), ())
    assert last.since("vm-a") == NOON + timedelta(hours=2), "the host has forgotten, and so may we"


def test_a_clock_that_was_put_back_keeps_nothing_waiting() -> None:
    watch = Watch(NOON + timedelta(days=1), None, ())
    put_back = Watch(NOON, watch.to_remember(["vm-a"]), ())
    assert put_back.since("vm-a") == NOON + timedelta(seconds=20)


def test_a_lost_memory_is_made_up_from_the_lake() -> None:
    ends = [NOON, NOON - timedelta(seconds=20)]
    watch = Watch(NOON, {"listed_at": "?"}, [{"vm_id": "vm-a", "sampled_at": end} for end in ends])
    assert watch.has_begun
    assert watch.since("vm-a") == NOON
