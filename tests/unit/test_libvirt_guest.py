"""The rows that a guest's sample makes, whatever could be read of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from collectors.hypervisors.base import unreadable_guests
from collectors.hypervisors.libvirt_domain_xml import Disk
from collectors.hypervisors.libvirt_guest import CounterRun, GuestSample, disk_rows
from collectors.hypervisors.libvirt_stats import block_stats_counters, bulk_counters

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
VDA = Disk("vda", {"source_path": "/a", "cap_total_iops": 300})
RUN = {"vda": CounterRun("boot:17:4711:vda", NOON)}
SAMPLE = GuestSample(
    name="web", uuid="u-1", domain_id=3, condition="running", asked_us=1_000_000, sampled_at=NOON, disks=[VDA],
    counters={"vda": {"read_ops": 5, "write_ops": 7}},
)  # fmt: skip


def states(sample: GuestSample, run: Mapping[str, CounterRun], *known: str) -> dict[object, object]:
    rows = disk_rows(sample, run, "host-1", [], known)
    for row in rows:
        if row["state"] != "ok":
            assert not {"read_ops", "epoch"} & set(row), "what was not counted must stay NULL"
    return {row.get("device"): row["state"] for row in rows}


def test_a_disk_has_its_counters_its_caps_and_its_epoch() -> None:
    assert disk_rows(SAMPLE, RUN, "host-1", []) == [
        {
            "sampled_at": NOON,
            "host_id": "host-1",
            "vm_id": "u-1",
            "vm_name": "web",
            "device": "vda",
            "volume_id": None,
            "source_path": "/a",
            "cap_total_iops": 300,
            "state": "ok",
            "epoch": "boot:17:4711:vda",
            "epoch_started_at": NOON,
            "read_ops": 5,
            "write_ops": 7,
        }
    ]


def test_a_guest_that_is_off_is_off() -> None:
    off = replace(SAMPLE, condition="off", counters=None)
    assert states(off, {}) == {"vda": "off"}


def test_what_cannot_be_read_is_an_error_of_that_disk_alone() -> None:
    vdb = Disk("vdb", {})
    sample = replace(SAMPLE, disks=[VDA, vdb], counters={"vda": {"read_ops": 5}, "vdb": {}})
    assert states(sample, RUN) == {"vda": "ok", "vdb": "error"}


def test_without_a_run_of_the_counters_nothing_is_counted() -> None:
    assert states(SAMPLE, {}) == {"vda": "error"}
    assert states(replace(SAMPLE, counters=None), RUN) == {"vda": "error"}


def test_disks_that_cannot_be_listed_are_those_of_before_or_those_with_counters_or_not_named_at_all() -> None:
    assert states(replace(SAMPLE, disks=None), RUN) == {"vda": "error"}
    assert states(replace(SAMPLE, disks=None, counters={"vda": {}, "sda": {}}), RUN, "vda") == {"vda": "error"}
    assert states(replace(SAMPLE, disks=None, counters=None), RUN, "vda", "vdb") == {"vda": "error", "vdb": "error"}
    assert states(replace(SAMPLE, disks=None, counters=None), RUN) == {None: "error"}


def test_a_disk_that_was_plugged_in_after_the_answer_is_left_to_the_next_run() -> None:
    assert states(replace(SAMPLE, disks=[VDA, Disk("vdb", {})]), RUN) == {"vda": "ok"}


def test_a_disk_that_bypasses_qemu_is_seen_but_not_counted() -> None:
    sample = replace(SAMPLE, disks=[Disk("vda", {}, counted=False)], counters={"vda": {}})
    (row,) = disk_rows(sample, RUN, "host-1", [])
    assert row["state"] == "ok"
    assert "read_ops" not in row


def test_a_guest_that_does_not_answer_has_a_row_for_each_disk_it_is_known_to_have() -> None:
    silent = replace(SAMPLE, condition="silent", counters=None)
    assert states(silent, {}) == {"vda": "timeout"}
    (row,) = disk_rows(silent, {}, "host-1", [])
    assert row["cap_total_iops"] == 300
    assert states(replace(silent, disks=None), {}, "vda", "vdb") == {"vda": "timeout", "vdb": "timeout"}
    assert states(replace(silent, disks=None), {}) == {None: "timeout"}


def test_bulk_answers_are_read_by_target_not_by_position() -> None:
    stats = {
        "block.count": 3,
        "block.0.name": "sda", "block.0.rd.reqs": 3, "block.0.rd.bytes": 54, "block.0.rd.times": 2996,
        "block.1.name": "vda", "block.1.path": "/a", "block.1.backingIndex": 2,
        "block.1.rd.reqs": 10, "block.1.rd.bytes": 40960, "block.1.rd.times": 5,
        "block.1.wr.reqs": 20, "block.1.wr.bytes": 81920, "block.1.wr.times": 6,
        "block.1.fl.reqs": 1, "block.1.fl.times": 7, "block.1.allocation": 409600,
        "block.2.name": "vdb", "block.2.path": "/b",
    }  # fmt: skip
    assert bulk_counters(stats) == {
        "sda": {"read_ops": 3, "read_bytes": 54, "read_time_ns": 2996},
        "vda": {
            "read_ops": 10, "read_bytes": 40960, "read_time_ns": 5,
            "write_ops": 20, "write_bytes": 81920, "write_time_ns": 6,
            "flush_ops": 1, "flush_time_ns": 7,
        },
        "vdb": {},
    }  # fmt: skip


def test_a_counter_that_a_driver_does_not_have_is_unknown_not_zero() -> None:
    assert block_stats_counters((1, 512, -1, -1, -1)) == {"read_ops": 1, "read_bytes": 512}


def test_the_run_says_how_many_guests_and_why_the_first() -> None:
    assert unreadable_guests({}, 3) is None
    assert unreadable_guests({"web": "gone dark"}, 3) == (
        "1 of 3 guests could not be read in full; it is web: gone dark"
    )
    assert unreadable_guests({"web": "gone dark", "db": "x"}, 3) == (
        "2 of 3 guests could not be read in full; the first is web: gone dark"
    )
