"""What was read of one guest, and the rows of ``disk_io_stat`` it makes.

A sample is plain data: whoever read it, in this process or another, the rows are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.volume_identity import volume_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from collectors.hypervisors.libvirt_epoch import CounterRun, Epochs
    from collectors.hypervisors.volume_identity import VolumeRule
    from ioledger.clock import Clock
    from ioledger.model.records import Row

OFF: Final = -1
"""The id of a domain that is not running."""


@dataclass(frozen=True, slots=True)
class GuestSample:
    """One guest at one moment.

    ``disks`` is None where they could not be listed. ``counters`` holds them by device, with an
    empty entry for a disk that libvirt names without counting it, and is None where there are none
    at all. ``problem`` is the first thing that could not be read. The counters are from between
    ``asked_us``, on the collector's CLOCK_BOOTTIME, and ``sampled_at``.
    """

    name: str
    uuid: str
    domain_id: int
    asked_us: int
    sampled_at: datetime
    disks: Sequence[Disk] | None = None
    counters: Mapping[str, Mapping[str, int]] | None = None
    problem: str | None = None

    @property
    def is_off(self) -> bool:
        """Tell whether the guest was off."""
        return self.domain_id == OFF


def counter_run(sample: GuestSample, epochs: Epochs, clock: Clock) -> CounterRun | None:
    """Return the run that the sample's counters belong to; None for a guest that is off.

    Raises UnreadableGuestError where that cannot be told: a process that started after the question
    was asked may have replaced the one that answered.
    """
    if sample.is_off:
        return None
    run = epochs.current(sample.name, sample.uuid, sample.domain_id, clock)
    if run.started_by_us is not None and run.started_by_us > sample.asked_us:
        raise UnreadableGuestError("it was started while its counters were being read")
    return run


def disk_rows(sample: GuestSample, run: CounterRun | None, host_id: str, rules: Sequence[VolumeRule]) -> list[Row]:
    """Make one row for each disk; ``run`` is None where the guest is off or its run is unknown."""
    common: Row = {
        "sampled_at": sample.sampled_at,
        "host_id": host_id,
        "vm_id": sample.uuid,
        "vm_name": sample.name,
    }
    if sample.disks is None:
        return [{**common, "device": device, "state": "error"} for device in sample.counters or [None]]
    return [
        {**common, "device": disk.device, **disk.facts, "volume_id": volume_id(rules, disk.facts), **reading}
        for disk in sample.disks
        if (reading := _reading(sample, run, disk)) is not None
    ]


def _reading(sample: GuestSample, run: CounterRun | None, disk: Disk) -> Row | None:
    """Return state, epoch and counters of one disk; None where it was plugged in after the answer."""
    if sample.is_off:
        return {"state": "off"}
    if run is None or sample.counters is None:
        return {"state": "error"}
    counters = sample.counters.get(disk.device)
    if disk.counted and not counters:
        return None if counters is None else {"state": "error"}
    return {
        "state": "ok",
        "epoch": run.epoch(disk.device),
        "epoch_started_at": run.started_at,
        **(counters or {}),
    }
