"""What is read of a disk's history, against numbers that were worked out by hand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from plotted import HISTORY, STORY, at, disk, history_of, kvm, run

from reports.plot.disk import DiskHistory, Limit, Mark, Step, Stretch


@pytest.fixture(scope="module")
def history() -> DiskHistory:
    return history_of(STORY)


@pytest.mark.parametrize(
    "name", ["steps", "limits", "at_cap", "gaps", "unobserved", "marks", "qos_classes", "volume_name", "disk_names"]
)
def test_a_history_is_what_was_worked_out_by_hand(history: DiskHistory, name: str) -> None:
    assert getattr(history, name) == getattr(HISTORY, name)


def test_times_are_those_of_the_billing_zone() -> None:
    berlin = [{"valid_from": at(-600), "billing_time_zone": "Europe/Berlin"}]

    assert history_of(STORY[2:4], settings_tables=berlin).zone == ZoneInfo("Europe/Berlin")


def test_where_a_side_wins_the_other_ones_cap_is_no_cap_to_be_at() -> None:
    storage_wins = [{"valid_from": at(-600), "policy_mode": "storage_wins"}]

    told = history_of(STORY, settings_tables=storage_wins)

    assert told.at_cap == []
    assert Limit("cap", "IOPS", at(0), at(20), 100) in told.limits


def test_of_two_disks_at_the_same_time_the_busier_is_shown_and_the_other_named() -> None:
    other = {"vm_id": "vm-2", "vm_name": "mail", "device": "vdb", "epoch": "m1"}
    runs = [
        run("array", 0, "storage", provisioned_iops=[
            {"volume_id": "vol-1", "min_iops": 101, "min_enforced": False, "max_iops": 101, "attached_count": 2}]),
        run("kvm-a", 0, disk_io_stat=[disk(0, 0, 0), disk(0, 0, 0, **other)]),
        run("kvm-a", 10, disk_io_stat=[disk(10, 600, 0), disk(10, 1200, 0, **other)]),
    ]  # fmt: skip

    told = history_of(runs)
    chosen = history_of(runs, disk=("vm-1", "vda"))

    assert (told.disk_names, told.other_disks) == (["vdb of mail"], ["vda of web"])
    assert told.steps == [Step(at(0), at(10), 2, 0, 2000, 0)]
    assert (chosen.disk_names, chosen.other_disks) == (["vda of web"], ["vdb of mail"])
    assert chosen.steps == [Step(at(0), at(10), 1, 0, 1000, 0)]
    # of what two disks share, a minimum gives 50 to each and a maximum leaves 51 to each
    assert {(each.kind, each.value) for each in told.limits} == {("unenforced minimum", 50), ("maximum", 51)}
    assert told.sharing_disks == 2


def test_a_volume_that_went_to_another_guest_is_shown_on_both() -> None:
    other = {"vm_id": "vm-2", "vm_name": "mail", "device": "vdb", "epoch": "m1"}
    runs = [
        kvm(0, 0, 0),
        kvm(10, 600, 0),
        run("kvm-a", 20, disk_io_stat=[disk(20, 0, 0, **other)]),
        run("kvm-a", 30, disk_io_stat=[disk(30, 1200, 0, **other)]),
    ]

    told = history_of(runs)

    assert told.disk_names == ["vda of web", "vdb of mail"]
    assert [(step.start, step.read_iops) for step in told.steps] == [(at(0), 1), (at(10), 0), (at(20), 2)]
    assert told.marks == [Mark("attachment", at(10), "on vdb of mail")]


def test_rates_add_up_while_two_hosts_read_a_guest_that_migrates() -> None:
    runs = [
        kvm(0, 0, 0),
        run("kvm-b", 5),
        run("kvm-a", 10, disk_io_stat=[disk(10, 600, 0)]),
        run("kvm-b", 15, disk_io_stat=[disk(15, 600, 0, epoch="e2", host_id="kvm-b")]),
    ]

    told = history_of(runs)

    # (10:00, 10:10] at 1 a second on kvm-a, (10:05, 10:15] at 1 a second on kvm-b
    assert [(step.start, step.end, step.read_iops) for step in told.steps] == [
        (at(0), at(5), 1), (at(5), at(10), 2), (at(10), at(15), 1),
    ]  # fmt: skip
    assert told.marks == [Mark("migration", at(15), "kvm-a → kvm-b")]


def test_a_cap_on_bytes_is_a_limit_of_bytes() -> None:
    runs = [kvm(0, 0, 0, cap_write_bps=1000), kvm(10, 0, 600, cap_write_bps=1000)]

    told = history_of(runs)

    assert told.units() == ["IOPS", "bytes/s"]
    assert told.limits == [Limit("write cap", "bytes/s", at(0), at(10), 1000)]
    assert told.at_cap == [Stretch(at(0), at(10))]


def test_of_a_volume_without_a_disk_only_the_limits_are_known() -> None:
    told = history_of(STORY[:2])

    assert (told.steps, told.disk_names) == ([], [])
    assert told.unobserved == [Stretch(told.start, told.end)]
    assert ("minimum", 50) in {(each.kind, each.value) for each in told.limits}
