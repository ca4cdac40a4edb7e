"""Simulated hosts: a clock that may be wrong, disks whose counters tell the true time, and when runs arrive."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from collectors.beat import Beat
from collectors.runner import collect_one, run_id_of
from collectors.source import LONGEST_RUN_SECONDS
from ioledger.clock import from_us, to_us
from ioledger.config import StrictModel
from ioledger.lake import layout
from ioledger.model.records import Kind, Reading

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check
    from ioledger.model.records import Row

START: Final = datetime(2025, 11, 22, tzinfo=UTC)
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US

OPERATION: Final = ("read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes")
"""What the disks count, and usage has to tell."""

_READ_BYTES: Final = 4096
_WRITE_BYTES: Final = 8192
_PRIME: Final = 97


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a host: from when on it is dead, by how much its clock is wrong, how long runs wait.

    All are microseconds; ``wrong_from_us`` is when the clock begins to be wrong, since the start.
    """

    name: str = "sound"
    dies_at_us: int | None = None
    clock_off_us: int = 0
    wrong_from_us: int = 0
    waits_us: int = 0


@dataclass(slots=True)
class HostClock:
    """A host's clocks at a moment of true time, both standing still until the next."""

    host: str
    trouble: Trouble = field(default_factory=Trouble)
    true_us: int = 0

    def now(self) -> datetime:
        """Return what the host takes for the time."""
        off_us = self.trouble.clock_off_us if self.true_us >= self.trouble.wrong_from_us else 0
        return START + timedelta(microseconds=self.true_us + off_us)

    def boottime_us(self) -> int:
        """Return the time since the host booted, ten days before the start."""
        return self.true_us + 240 * HOUR_US

    def boot_id(self) -> str | None:
        """Return the host's one boot."""
        return f"boot-of-{self.host}"


def counters(disk: int, true_us: int) -> dict[str, int]:
    """Return what a disk of this number has done at a moment of true time: another amount for each."""
    reads = true_us * (1 + disk % _PRIME) // SECOND_US
    writes = true_us * (3 + disk % (_PRIME - 1)) // (2 * SECOND_US)
    return {
        "read_ops": reads,
        "write_ops": writes,
        "flush_ops": writes // 8,
        "read_bytes": reads * _READ_BYTES,
        "write_bytes": writes * _WRITE_BYTES,
    }


class HostSource:
    """The disks of one host."""

    Settings: ClassVar[type[BaseModel]] = StrictModel
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, host: str, number: int, disk_count: int, clock: HostClock) -> None:
        self._host = host
        self._clock = clock
        self.disks = {f"{host}-disk-{each:03}": number * disk_count + each for each in range(disk_count)}

    def read(self, occasion: Occasion) -> Reading:
        """Read the counters of every disk, by the host's own clock."""
        at = occasion.clock.now()
        rows: list[Row] = [
            {
                "vm_id": volume_id, "vm_name": volume_id, "device": "vda", "volume_id": volume_id, "epoch": volume_id,
                "host_id": self._host, "state": "ok", "sampled_at": at, **counters(disk, self._clock.true_us),
            }
            for volume_id, disk in self.disks.items()
        ]  # fmt: skip
        return Reading({"disk_io_stat": rows}, host_id=self._host)

    def examine(self, _clock: Clock) -> list[Check]:
        """Find nothing wrong."""
        return []

    def close(self) -> None:
        """Keep nothing."""


class Host:
    """A host that collects once a minute, and whose runs arrive in one lake, at once or hours later."""

    def __init__(self, lake: Path, spool: Path, number: int, disk_count: int, trouble: Trouble) -> None:
        self.name = f"kvm-{number:04}"
        self.trouble = trouble
        self._lake = lake
        self._clock = HostClock(self.name, trouble)
        self._source = HostSource(self.name, number, disk_count, self._clock)
        self._phase_us = number * 7 % 60 * SECOND_US
        self._spool = spool / self.name if trouble.waits_us else None
        self._waiting: list[datetime] = []
        self._first_us: int | None = None
        self._last_us = 0
        if self._spool:
            layout.create(self._spool)

    def beat(self, minute: int) -> bool:
        """Collect in a minute of true time; tell whether a run was stored."""
        self._clock.true_us = minute * MINUTE_US + self._phase_us
        dies_at_us = self.trouble.dies_at_us
        if dies_at_us is not None and self._clock.true_us >= dies_at_us:
            return False
        lake = self._spool or self._lake
        outcome = collect_one(lake, self.name, self._source, Beat(lake, self._clock, [self.name]))
        if outcome.status != "ok":
            return False
        self._first_us = self._clock.true_us if self._first_us is None else self._first_us
        self._last_us = self._clock.true_us
        if self._spool is None:
            self._arrived(self._clock.now())
        else:
            self._waiting.append(self._clock.now())
        return True

    def deliver(self) -> None:
        """Bring what waited into the lake: of each run the rows first, and what makes it exist last."""
        if self._spool is None:
            return
        for started_at in self._waiting:
            for table in ("disk_io_stat", "collection_run"):
                path = self._run_file(self._spool, table, started_at)
                to = self._run_file(self._lake, table, started_at)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(path, to)
            self._arrived(started_at)
        self._waiting.clear()

    def is_due(self) -> bool:
        """Tell whether runs wait that have waited for long enough."""
        return bool(self._waiting) and self._clock.now() - self._waiting[0] >= timedelta(
            microseconds=self.trouble.waits_us
        )

    def truth(self) -> dict[str, dict[str, int]]:
        """Return what each disk did between the first run and the last, which is what can be billed."""
        if self._first_us is None:
            return {}
        ends = self._first_us, self._last_us
        told = {volume_id: [counters(disk, at) for at in ends] for volume_id, disk in self._source.disks.items()}
        return {
            volume_id: {name: last[name] - first[name] for name in last} for volume_id, (first, last) in told.items()
        }

    def _run_file(self, lake: Path, table: str, started_at: datetime) -> Path:
        return layout.fact_partition(lake, table, started_at.date(), self.name) / f"{run_id_of(started_at)}.parquet"

    def _arrived(self, started_at: datetime) -> None:
        """Stamp a run's file with the true time, as a file server whose clock is right does."""
        at_ns = to_us(START + timedelta(microseconds=self._clock.true_us)) * 1000
        os.utime(self._run_file(self._lake, "collection_run", started_at), ns=(at_ns, at_ns))


def at_minute(minute: int) -> datetime:
    """Return the true time so many minutes after the start."""
    return from_us(to_us(START) + minute * MINUTE_US)
