"""What was read of one guest, and the rows of ``disk_io_stat`` it makes.

A sample is plain data: whoever read it, the rows are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from collectors.hypervisors.volume_identity import volume_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from collectors.hypervisors.volume_identity import DiskRule
    from ioledger.model.records import Row

OFF: Final = -1
"""The id of a domain that is not running."""

Condition = Literal["running", "off", "silent"]


@dataclass(frozen=True, slots=True)
class CounterRun:
    """One run of a disk's counters, and when it began, None where that is not known."""

    epoch: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class GuestSample:
    """One guest at one moment.

    ``condition`` is ``off`` also for a guest that is still arriving by live migration, and ``silent``
    for one that did not answer, or was not asked because it would not have. ``disks`` is None where
    they could not be listed. ``counters`` holds them by device, with an empty entry for a disk that
    libvirt names without counting it, and is None where there are none at all. ``problem`` is the
    first thing that could not be read. The counters are from between ``asked_us``, on the collector's
    CLOCK_BOOTTIME, and ``sampled_at``.
    """

    name: str
    uuid: str
    domain_id: int
    condition: Condition
    asked_us: int
    sampled_at: datetime
    disks: Sequence[Disk] | None = None
    counters: Mapping[str, Mapping[str, int]] | None = None
    cpu_time_ns: int | None = None
    problem: str | None = None


def disk_rows(
    sample: GuestSample,
    epochs: Mapping[str, CounterRun],
    host_id: str,
    rules: Sequence[DiskRule],
    known_devices: Sequence[str] = (),
) -> list[Row]:
    """Make one row for each disk.

    ``epochs`` holds the run of each disk's counters, by device; none where they are not known.
    ``known_devices`` are those that the guest had before, for a sample that cannot tell.
    """
    common: Row = {
        "sampled_at": sample.sampled_at,
        "host_id": host_id,
        "vm_id": sample.uuid,
        "vm_name": sample.name,
    }
    if sample.disks is None:
        state = "timeout" if sample.condition == "silent" else "error"
        devices = known_devices or sample.counters or (None,)
        return [{**common, "device": device, "state": state} for device in devices]
    return [
        {**common, "device": disk.device, **disk.facts, "volume_id": volume_id(rules, disk.facts), **reading}
        for disk in sample.disks
        if (reading := _reading(sample, epochs.get(disk.device), disk)) is not None
    ]


def _reading(sample: GuestSample, run: CounterRun | None, disk: Disk) -> Row | None:
    """Return state, epoch and counters of one disk; None where it was plugged in after the answer."""
    if sample.condition == "off":
        return {"state": "off"}
    if sample.condition == "silent":
        return {"state": "timeout"}
    counters = {} if sample.counters is None else sample.counters.get(disk.device)
    if disk.counted and counters is None:
        return None
    if run is None or (disk.counted and not counters):
        return {"state": "error"}
    return {"state": "ok", "epoch": run.epoch, "epoch_started_at": run.started_at, **(counters or {})}
