"""A machine's clocks in the hands of a test, and a host whose counters tell the true time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from lakes import NOON

from ioledger.config import StrictModel
from ioledger.model.records import Kind, Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from collectors.source import Occasion

MICROSECOND = timedelta(microseconds=1)

OPS_PER_SECOND = 1_000
"""What the host's one disk does in every second that truly passes."""


@dataclass
class HeldClock:
    """Both clocks stand still until the test lets time pass, puts the wall clock, or boots the machine again."""

    moment: datetime = NOON
    up: timedelta = timedelta(days=1)
    boots: int = 1
    true_time: timedelta = timedelta(hours=1)

    def now(self) -> datetime:
        return self.moment

    def boottime_us(self) -> int:
        return self.up // MICROSECOND

    def boot_id(self) -> str | None:
        return f"boot-{self.boots}"

    def let_pass(self, seconds: float) -> None:
        length = timedelta(seconds=seconds)
        self.moment += length
        self.up += length
        self.true_time += length

    def step(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def reboot(self, down_seconds: float, shown_seconds: float) -> None:
        """Be down for some seconds, and come up with a wall clock on which other ones have passed."""
        self.moment += timedelta(seconds=shown_seconds)
        self.true_time += timedelta(seconds=down_seconds)
        self.up = timedelta(0)
        self.boots += 1


@dataclass
class CountingSource:
    """A host with one disk; things may happen before and after the disk's counters are read."""

    clock: HeldClock
    before: Callable[[], object] = field(default=lambda: None)
    after: Callable[[], object] = field(default=lambda: None)

    Settings: ClassVar[type[StrictModel]] = StrictModel
    kind: ClassVar[Kind] = "hypervisor"

    def read(self, occasion: Occasion) -> Reading:
        self.before()
        ops = self.clock.true_time // MICROSECOND * OPS_PER_SECOND // 1_000_000
        at = occasion.clock.now()
        self.after()
        disk = {"vm_id": "vm-1", "device": "vda", "epoch": "e1", "state": "ok", "sampled_at": at}
        return Reading({"disk_io_stat": [{**disk, "read_ops": ops, "write_ops": 0, "read_bytes": 0, "write_bytes": 0}]})

    def close(self) -> None:
        pass
