"""A host with disks that come and go, the array and the control plane that know them, and what was truly stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar, Final

from soak.virtual_clock import SECOND_US

from collectors.source import LONGEST_RUN_SECONDS
from ioledger.config import StrictModel
from ioledger.errors import SourceError
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from random import Random

    from pydantic import BaseModel
    from soak.virtual_clock import VirtualClock

    from collectors.source import Occasion
    from ioledger.model.records import Kind, Row

READ_BYTES: Final = 4096
WRITE_BYTES: Final = 16_384
ACCOUNT_COUNT: Final = 10


@dataclass(slots=True)
class Disk:
    """One run of a disk's counters: it began at ``since_us``, and all up to ``stored_reads`` is stored."""

    name: str
    epoch: str
    reads_per_second: int
    since_us: int
    stored_reads: int = 0

    def reads(self, true_us: int) -> int:
        return (true_us - self.since_us) * self.reads_per_second // SECOND_US


@dataclass
class Fleet:
    """So many disks at any moment. Of disks that went nothing is kept."""

    disk_count: int
    random: Random
    disks: list[Disk] = field(init=False)
    made_count: int = 0
    epoch_count: int = 0
    stored_reads: int = 0
    """What all disks did between the first run that was stored and the last one of each."""

    def __post_init__(self) -> None:
        self.disks = [self._new_disk(0) for _ in range(self.disk_count)]

    def replace_one(self, true_us: int) -> None:
        """Delete a guest and make another."""
        self.disks[self.random.randrange(self.disk_count)] = self._new_disk(true_us)

    def restart_one(self, true_us: int) -> None:
        """Restart a guest: its counters begin again."""
        self._restart(self.random.randrange(self.disk_count), true_us)

    def restart_all(self, true_us: int) -> None:
        for place in range(self.disk_count):
            self._restart(place, true_us)

    def _restart(self, place: int, true_us: int) -> None:
        disk = self.disks[place]
        self.disks[place] = Disk(disk.name, self._new_epoch(), disk.reads_per_second, true_us)

    def _new_disk(self, true_us: int) -> Disk:
        self.made_count += 1
        return Disk(f"disk-{self.made_count:06}", self._new_epoch(), 1 + self.made_count % 97, true_us)

    def _new_epoch(self) -> str:
        self.epoch_count += 1
        return f"epoch-{self.epoch_count:07}"


class HostSource:
    """A hypervisor that may be silent for a while, away, or not know one of its guests."""

    Settings: ClassVar[type[BaseModel]] = StrictModel
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, fleet: Fleet, clock: VirtualClock) -> None:
        self._fleet = fleet
        self._clock = clock
        self._read: list[tuple[Disk, int]] = []
        self._is_first = True
        self.silent_until_us = 0
        self.away_until_us = 0
        self.has_silent_guest = False

    def read(self, occasion: Occasion) -> Reading:
        if self._clock.true_us < self.silent_until_us:
            self._clock.wait_until(self.silent_until_us, get_ident())
        if self._clock.true_us < self.away_until_us:
            raise SourceError("the host does not answer; see whether it is up")
        true_us, at = self._clock.true_us, occasion.clock.now()
        silent = self._fleet.disks[0] if self.has_silent_guest else None
        self.has_silent_guest = False
        self._read = [(disk, disk.reads(true_us)) for disk in self._fleet.disks if disk is not silent]
        rows: list[Row] = [
            {
                "vm_id": f"vm-{disk.name}", "device": "vda", "volume_id": disk.name, "epoch": disk.epoch,
                "host_id": "host", "state": "ok", "sampled_at": at, "read_ops": reads, "write_ops": reads // 2,
                "flush_ops": reads // 16, "read_bytes": reads * READ_BYTES, "write_bytes": reads // 2 * WRITE_BYTES,
                "cap_total_iops": 500,
            }
            for disk, reads in self._read
        ]  # fmt: skip
        if silent:
            rows.append({"vm_id": f"vm-{silent.name}", "device": "vda", "state": "timeout", "sampled_at": at})
        # As libvirt's source does, it is handed back at each run what it said of each guest at the last.
        remember = {disk.name: [disk.epoch, reads] for disk, reads in self._read}
        error = "a guest did not answer" if silent else None
        return Reading({"disk_io_stat": rows}, "host", int(silent is not None), error, remember)

    def stored(self) -> None:
        """Hear that what was read last is stored: what a disk did since it was stored before counts."""
        for disk, reads in self._read:
            if not self._is_first:
                self._fleet.stored_reads += reads - disk.stored_reads
            disk.stored_reads = reads
        self._is_first = False

    def examine(self, _clock: object) -> list[Any]:
        return []

    def close(self) -> None:
        self._read = []


class ListedSource:
    """An array or a control plane that says the same of all volumes, if it is there."""

    Settings: ClassVar[type[BaseModel]] = StrictModel
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, kind: Kind, volumes: list[str], *, is_away: bool) -> None:
        self.kind: Kind = kind
        self._volumes = volumes
        self._is_away = is_away

    def read(self, _occasion: Occasion) -> Reading:
        if self._is_away:
            raise SourceError("the address does not answer; see whether it is up")
        told = _allocation if self.kind == "storage" else _entitlement
        table = "provisioned_iops" if self.kind == "storage" else "entitlement"
        return Reading({table: [{"volume_id": name, "pool_id": "pool", **told(name)} for name in self._volumes]})

    def examine(self, _clock: object) -> list[Any]:
        return []

    def close(self) -> None:
        pass


def _allocation(_name: str) -> Row:
    return {"min_iops": 50, "max_iops": 500, "min_enforced": True, "attached_count": 1, "size_bytes": 2**30}


def _entitlement(name: str) -> Row:
    account = f"account-{int(name.rpartition('-')[2]) % ACCOUNT_COUNT}"
    return {
        "vm_id": f"vm-{name}", "account_id": account, "account_name": account, "offering_id": "standard",
        "sold_min_iops": 50, "sold_max_iops": 500, "size_bytes": 2**30,
    }  # fmt: skip
