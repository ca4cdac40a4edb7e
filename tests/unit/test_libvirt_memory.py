"""What proves a new run of a disk's counters, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from collectors.hypervisors.libvirt_domain_xml import Disk
from collectors.hypervisors.libvirt_epoch import Process
from collectors.hypervisors.libvirt_guest import GuestSample
from collectors.hypervisors.libvirt_memory import (
    NodeMemory,
    SourceMemory,
    Witness,
    after,
    from_rows,
    has_rebooted,
    node_after,
    over,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.hypervisors.libvirt_memory import GuestMemory

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECOND_NS = 1_000_000_000
UUID = "5e0e4f1a-6f0e-4a11-9d4c-000000000001"
REMOTE = Process(f"host-1:{UUID}:4")
LOCAL = Process("0b00:17:4711", NOON - MINUTE, 5)
VDA = Disk("vda", {}, chain=frozenset({2}), traits={"serial": "vol-1"})
VDB = Disk("vdb", {}, chain=frozenset({1}))
BEFORE = GuestSample(
    "web", UUID, 4, "running", 1, NOON, [VDA, VDB], {"vda": {"read_ops": 100}, "vdb": {"read_ops": 7}}, 50 * SECOND_NS
)
LATER = replace(
    BEFORE,
    sampled_at=NOON + MINUTE,
    counters={"vda": {"read_ops": 120}, "vdb": {"read_ops": 7}},
    cpu_time_ns=60 * SECOND_NS,
)


def epochs(guest: GuestMemory) -> tuple[str, str]:
    return guest.epoch("vda"), guest.epoch("vdb")


def judged(
    sample: GuestSample, before: GuestMemory | None, process: Process = REMOTE, cpus: int | None = 8
) -> GuestMemory:
    return after(before, sample, process, is_certain=process is not REMOTE, witness=Witness(cpus))


@pytest.fixture(params=[REMOTE, LOCAL], ids=["remote", "local"])
def process(request: pytest.FixtureRequest) -> Process:
    found: Process = request.param
    return found


def test_a_first_sight_has_nothing_in_its_epoch_but_process_and_disk(process: Process) -> None:
    first = judged(BEFORE, None, process)
    assert epochs(first) == (f"{process.identity}:vda", f"{process.identity}:vdb")
    assert epochs(judged(LATER, first, process)) == epochs(first)


def with_vda(disk: Disk = VDA, **counters: int) -> GuestSample:
    return replace(LATER, disks=[disk, VDB], counters={"vda": counters or {"read_ops": 120}, "vdb": {"read_ops": 7}})


@pytest.mark.parametrize(
    "sample",
    [with_vda(read_ops=99), with_vda(replace(VDA, traits={"serial": "vol-2"}))],
    ids=["a counter fell", "another serial number"],
)
def test_a_disk_that_was_replugged_begins_again_and_the_others_go_on(process: Process, sample: GuestSample) -> None:
    second = judged(sample, judged(BEFORE, None, process), process)
    assert epochs(second) == (f"{process.identity}:vda:1", f"{process.identity}:vdb")


def test_a_counter_that_comes_or_goes_proves_nothing(process: Process) -> None:
    first = judged(BEFORE, None, process)
    second = judged(with_vda(read_ops=120, write_ops=1), first, process)
    assert epochs(second) == epochs(judged(with_vda(read_ops=130), second, process)) == epochs(first)


def test_a_disk_that_was_away_in_a_run_between_begins_again(process: Process) -> None:
    away = replace(LATER, disks=[VDB], counters={"vdb": {"read_ops": 7}})
    second = judged(away, judged(BEFORE, None, process), process)
    back = judged(with_vda(read_ops=10_000), second, process)
    assert back.epoch("vda") == f"{process.identity}:vda:1"
    assert judged(with_vda(read_ops=10_001), back, process).epoch("vda") == f"{process.identity}:vda:1"


def test_a_disk_that_could_not_be_read_in_a_run_between_was_not_away(process: Process) -> None:
    unread = replace(LATER, counters={"vda": {}, "vdb": {"read_ops": 7}})
    second = judged(unread, judged(BEFORE, None, process), process)
    assert judged(with_vda(read_ops=130), second, process).epoch("vda") == f"{process.identity}:vda"
    assert judged(with_vda(read_ops=99), second, process).epoch("vda") == f"{process.identity}:vda:1"


@pytest.mark.parametrize("chain", [{2, 3}, {3}, {5}, set()], ids=["snapshot", "copy", "pull", "not told"])
def test_other_images_behind_a_disk_prove_nothing(process: Process, chain: set[int]) -> None:
    first = judged(BEFORE, None, process)
    moved = replace(VDA, chain=frozenset(chain))
    assert epochs(judged(with_vda(moved, read_ops=120), first, process)) == epochs(first)


def test_a_new_process_is_a_new_run_of_every_disk() -> None:
    first = judged(BEFORE, None, LOCAL)
    assert epochs(judged(LATER, first, Process("0b00:18:5000"))) == ("0b00:18:5000:vda", "0b00:18:5000:vdb")


def test_an_id_that_comes_back_is_another_process_however_often() -> None:
    first = judged(BEFORE, None)
    other = Process(f"host-1:{UUID}:9")
    second = after(first, LATER, other, is_certain=False, witness=Witness(8))
    third = judged(LATER, second)
    assert second.epoch("vda") == f"host-1:{UUID}:9:1:vda"
    assert third.epoch("vda") == f"host-1:{UUID}:4:2:vda"
    assert len({first.epoch("vda"), second.epoch("vda"), third.epoch("vda")}) == 3


def test_a_guest_that_was_off_or_gone_in_between_is_another_process() -> None:
    assert judged(LATER, over(judged(BEFORE, None))).epoch("vda") == f"host-1:{UUID}:4:1:vda"


def test_less_cpu_time_than_before_is_another_process() -> None:
    restarted = replace(LATER, cpu_time_ns=3 * SECOND_NS)
    assert judged(restarted, judged(BEFORE, None)).epoch("vda") == f"host-1:{UUID}:4:1:vda"
    assert judged(restarted, judged(BEFORE, None), cpus=None).epoch("vda") == f"host-1:{UUID}:4:1:vda"


def test_less_cpu_time_that_no_new_process_can_have_used_proves_nothing() -> None:
    old = replace(BEFORE, cpu_time_ns=10_000 * SECOND_NS)
    elsewhere = replace(LATER, cpu_time_ns=9_000 * SECOND_NS)  # 8 processors have 480 seconds in a minute
    assert judged(elsewhere, judged(old, None)).epoch("vda") == f"host-1:{UUID}:4:vda"


def test_images_that_are_numbered_from_the_beginning_are_another_process() -> None:
    old = replace(BEFORE, disks=[replace(VDA, chain=frozenset({5, 6})), VDB])
    assert judged(LATER, judged(old, None)).epoch("vda") == f"host-1:{UUID}:4:1:vda"


def test_the_start_of_a_run_is_told_once_and_stays() -> None:
    first = judged(BEFORE, None, LOCAL)
    jittering = replace(LOCAL, started_at=NOON)
    assert judged(LATER, first, jittering).started_at == first.started_at == LOCAL.started_at
    told = after(None, BEFORE, REMOTE, is_certain=False, witness=Witness(started_at=NOON))
    assert judged(LATER, told).started_at == NOON


def test_a_lost_memory_is_made_up_from_the_lake(process: Process) -> None:
    guest = judged(BEFORE, None, process)
    for sample in (with_vda(read_ops=5), with_vda(read_ops=4)):
        guest = judged(sample, guest, process)
    if process is REMOTE:
        guest = judged(replace(LATER, cpu_time_ns=1), guest)
        guest = judged(with_vda(read_ops=1), guest)
    rows = [
        {
            "vm_id": UUID,
            "device": device,
            "epoch": guest.epoch(device),
            "epoch_started_at": guest.started_at,
            "sampled_at": NOON + MINUTE,
            "read_ops": disk.counters["read_ops"],
            "write_ops": None,
        }
        for device, disk in guest.disks.items()
    ]
    recovered = from_rows(rows)[UUID]
    later = replace(LATER, sampled_at=NOON + 2 * MINUTE, cpu_time_ns=99 * SECOND_NS)
    assert epochs(judged(later, recovered, process)) == epochs(guest)
    assert recovered.started_at == guest.started_at


def test_rows_that_another_source_wrote_are_no_memory() -> None:
    row = {"vm_id": UUID, "device": "vda", "epoch": "boot-4", "epoch_started_at": None, "sampled_at": NOON}
    assert from_rows([row]) == {}


@pytest.mark.parametrize("remembered", [None, {"guests": []}, {"version": 9}, {"guests": {"u": {"process": 5}}}])
def test_a_memory_of_another_version_is_none(remembered: Mapping[str, object] | None) -> None:
    assert SourceMemory.recalled(remembered) is None


def test_a_memory_survives_being_written() -> None:
    memory = SourceMemory(guests={UUID: judged(LATER, judged(BEFORE, None))}, node=node_after(None, 5, 2, 7))
    assert SourceMemory.recalled(memory.model_dump(mode="json", exclude_defaults=True)) == memory


DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LOOK = 400 * DAY
"""When a host is looked at first, on the collector's clock."""


def us(time: timedelta) -> int:
    return time // timedelta(microseconds=1)


def node(uptime: timedelta, passed: timedelta = timedelta(), pace_percent: int | None = 99) -> NodeMemory:
    """Give what a host of 4 processors says that has been up for so long and misses 1 % of its time."""
    return NodeMemory(cpu_time_ns=4 * us(uptime) * 990, cpus=4, seen_us=us(LOOK + passed), pace_percent=pace_percent)


def test_a_host_that_has_less_cpu_time_than_before_was_booted() -> None:
    assert has_rebooted(node(DAY), node(MINUTE, 2 * MINUTE))


def test_a_host_that_booted_while_nobody_looked_was_booted() -> None:
    assert has_rebooted(node(HOUR), node(2 * HOUR, 3 * HOUR))


def test_a_host_that_went_on_was_not_booted() -> None:
    assert not has_rebooted(None, node(MINUTE))
    for before in (MINUTE, HOUR, 400 * DAY):
        for passed in (timedelta(seconds=1), MINUTE, DAY, 30 * DAY):
            assert not has_rebooted(node(before), node(before + passed, passed))


def test_a_host_whose_figures_do_not_keep_pace_is_not_believed() -> None:
    for pace_percent in (None, 60):
        assert not has_rebooted(node(HOUR, pace_percent=pace_percent), node(2 * HOUR, 3 * HOUR))


def test_after_a_reboot_of_the_collector_only_a_fall_proves_one_of_the_host() -> None:
    assert not has_rebooted(node(HOUR), node(2 * HOUR, -LOOK / 2))
    assert has_rebooted(node(HOUR), node(MINUTE, -LOOK / 2))


def test_the_pace_of_a_host_is_measured_between_two_looks() -> None:
    first = node_after(None, 1000 * SECOND_NS, 4, 5)
    assert first.pace_percent is None
    assert node_after(first, 1000 * SECOND_NS + 4 * 57 * SECOND_NS, 4, 5 + us(MINUTE)).pace_percent == 95
    assert node_after(first, 2000 * SECOND_NS, 8, 5 + us(MINUTE)).pace_percent is None
