"""A fleet: which disks it has, how busy they are, what they were sold and what limits them.

Everything about a disk is an array with one element per disk, and depends on the seed alone. What
the disks then do, day by day, is in ``activity.py``.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MINUTES: Final = 1440
MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

NONE: Final = 0
"""Stands for "not set" in arrays of limits: no limit of a fleet is 0."""

_DISKS_PER_VM: Final = 2
_DISKS_PER_HOST: Final = 250
_FEWEST_HOSTS: Final = 4
_LATEST_PHASE_US: Final = 30_000_000  # within a minute hosts are read at different moments, up to here
_BUSY_OPS_PER_MINUTE: Final = 600  # the median disk; one in a hundred does thirty times as much
_BUSY_SPREAD: Final = 1.5
_IDLE_SHARE: Final = 0.2
_MINIMUM_IOPS: Final = (5, 10, 20, 50)
_CAPS_IOPS: Final = (10, 20, 50, 100)
_GIB: Final = 2**30

# What is sold and what is capped, by the last digit of a disk's number: every class of service occurs.
_PROVISIONED: Final = (0, 1, 2, 3, 4)
_NOT_ENFORCED: Final = (3,)
_WITHOUT_MAXIMUM: Final = (0,)
_CAPPED: Final = (4, 5, 6)
_CAPPED_ON_ODD_DAYS: Final = (7,)


@dataclass(frozen=True)
class Fleet:
    """``disk_count`` disks on virtual machines with two disks each; the same seed gives the same fleet.

    ``crash_share`` is in how many of the stretches in which a host is not read it crashes, so that its guests start
    anew before it is read again.
    ``zone`` goes before the names of hosts and sources, so that fleets with other seeds fit into one lake.
    """

    disk_count: int
    seed: int = 1
    start: datetime = datetime(2025, 3, 1, tzinfo=UTC)
    crash_share: float = 0.0
    zone: str = ""

    @property
    def start_us(self) -> int:
        """Return the first moment of the fleet's first day, in microseconds since 1970."""
        return int(self.start.timestamp()) * 1_000_000

    def end(self, day_count: int) -> datetime:
        """Return the moment at which the fleet's first ``day_count`` days are over."""
        return self.start + timedelta(days=day_count)

    @property
    def host_count(self) -> int:
        """Return the number of hosts; each is a source that is read once a minute."""
        return max(_FEWEST_HOSTS, self.disk_count // _DISKS_PER_HOST)

    @cached_property
    def vm(self) -> Integers:
        """Return the number of each disk's virtual machine; the machines are as many as the greatest plus 1."""
        return np.arange(self.disk_count) // _DISKS_PER_VM

    @property
    def vm_count(self) -> int:
        """Return the number of virtual machines."""
        return -(-self.disk_count // _DISKS_PER_VM)

    @cached_property
    def first_host(self) -> Integers:
        """Return the host on which each virtual machine starts. Few are on host 0, which is read twice."""
        host = np.arange(self.vm_count) % (self.host_count - 1) + 1
        host[::50] = 0
        return host

    @cached_property
    def phase_us(self) -> Integers:
        """Return when within the minute each host is read."""
        return self._random("phase").integers(0, _LATEST_PHASE_US, self.host_count)

    @cached_property
    def ops_per_minute(self) -> npt.NDArray[np.float64]:
        """Return how busy each disk is in the mean."""
        random = self._random("busy")
        busy = random.lognormal(np.log(_BUSY_OPS_PER_MINUTE), _BUSY_SPREAD, self.disk_count)
        return np.where(random.random(self.disk_count) < _IDLE_SHARE, 0.0, busy)

    @cached_property
    def read_share(self) -> npt.NDArray[np.float64]:
        """Return which part of each disk's operations are reads."""
        return self._random("reads").random(self.disk_count)

    @cached_property
    def is_start_known(self) -> Flags:
        """Return for which disks the source can tell when their counters began."""
        return np.not_equal(np.arange(self.disk_count) % 7, 0)

    @cached_property
    def is_provisioned(self) -> Flags:
        """Return which disks have a minimum on the storage: half of them."""
        return self._ends_in(_PROVISIONED)

    @cached_property
    def is_enforced(self) -> Flags:
        """Return for which of those the storage really keeps the minimum."""
        return self.is_provisioned & ~self._ends_in(_NOT_ENFORCED)

    def minimum_iops(self, day: int) -> Integers:
        """Return the storage's minimum on a day: some double it every other day."""
        base = self._random("minimum").choice(_MINIMUM_IOPS, self.disk_count)
        doubled = np.where((np.arange(self.disk_count) % 4 == 0) & (day % 2 == 1), base * 2, base)
        return np.where(self.is_provisioned, doubled, NONE)

    def maximum_iops(self, day: int) -> Integers:
        """Return the storage's maximum on a day: four times the minimum, or none."""
        return np.where(self._ends_in(_WITHOUT_MAXIMUM), NONE, self.minimum_iops(day) * 4)

    @cached_property
    def attached_count(self) -> Integers:
        """Return on how many guest disks each volume is, as the storage says."""
        return np.where(np.arange(self.disk_count) % 30 == 1, 2, 1)

    def cap_iops(self, day: int) -> Integers:
        """Return the hypervisor's cap on a day: a third have one, some of them every other day."""
        cap = self._random("cap").choice(_CAPS_IOPS, self.disk_count)
        is_capped = self._ends_in((*_CAPPED, *_CAPPED_ON_ODD_DAYS) if day % 2 else _CAPPED)
        return np.where(is_capped, cap, NONE)

    @cached_property
    def size_bytes(self) -> Integers:
        """Return the size of each volume."""
        return self._random("size").integers(10, 2000, self.disk_count) * _GIB

    @cached_property
    def vm_ids(self) -> list[str]:
        """Return the virtual machines' UUIDs."""
        return [self._uuid("vm", number) for number in range(self.vm_count)]

    @cached_property
    def volume_ids(self) -> list[str]:
        """Return the UUID of each disk's volume."""
        return [self._uuid("volume", number) for number in range(self.disk_count)]

    def host_id(self, host: int) -> str:
        """Return the name of a host."""
        return f"{self.zone}host-{host:03}"

    def device(self, disk: int) -> str:
        """Return a disk's name in its guest."""
        return "vd" + "ab"[disk % _DISKS_PER_VM]

    def epoch_id(self, disk: int, epoch: int) -> str:
        """Name one run of a disk's counters; names do not sort by time."""
        guest = hashlib.blake2b(f"{self.seed}/{disk // _DISKS_PER_VM}/{epoch}".encode(), digest_size=16).hexdigest()
        return f"{guest}:{self.device(disk)}"

    def _ends_in(self, digits: Sequence[int]) -> Flags:
        return np.isin(np.arange(self.disk_count) % 10, digits)

    def _random(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, *purpose.encode()])

    def _uuid(self, kind: str, number: int) -> str:
        return str(uuid.UUID(bytes=hashlib.blake2b(f"{self.seed}/{kind}/{number}".encode(), digest_size=16).digest()))
