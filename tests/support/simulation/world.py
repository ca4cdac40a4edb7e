"""What is metered: guests whose true counters are known at any moment, and what reads them, well or badly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ioledger.config import StrictModel
from ioledger.errors import SourceError
from ioledger.model.records import Reading, Run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from simulation.scheduler import Scheduler

    from collectors.source import Occasion
    from ioledger.model.records import Kind, Row

START: Final = datetime(2026, 10, 31, 21, tzinfo=UTC)
SECOND_US: Final = 1_000_000
BLOCK_BYTES: Final = 4096


@dataclass
class Clock:
    """The clocks of the machine: virtual time, and how far off the wall clock was put."""

    scheduler: Scheduler
    off: timedelta = timedelta(0)
    boots: int = 1
    booted_us: int = -86_400 * SECOND_US

    def true(self) -> datetime:
        return START + timedelta(microseconds=self.scheduler.now_us)

    def now(self) -> datetime:
        return self.true() + self.off

    def boottime_us(self) -> int:
        return self.scheduler.now_us - self.booted_us

    def boot_id(self) -> str | None:
        return f"boot-{self.boots}"

    def step(self, seconds: float) -> None:
        self.off += timedelta(seconds=round(seconds))

    def boot(self) -> None:
        self.boots += 1
        self.booted_us = self.scheduler.now_us


@dataclass
class Guest:
    """A guest with one disk, which does so many operations in every second; it was restarted at some moments."""

    vm_id: str
    reads_per_second: int
    restarts_us: list[int]
    before: int

    def counters(self, now_us: int) -> tuple[int, int]:
        """Return its epoch, and what it has read in it."""
        past = [at for at in self.restarts_us if at <= now_us]
        since = past[-1] if past else 0
        return len(past), (0 if past else self.before) + (now_us - since) * self.reads_per_second // SECOND_US

    def truly_read(self, now_us: int) -> int:
        """Return all that it read since the simulation began."""
        ends = [0, *[at for at in self.restarts_us if at <= now_us], now_us]
        return sum((end - start) * self.reads_per_second // SECOND_US for start, end in pairwise(ends))

    def row(self, now_us: int, at: datetime) -> Row:
        epoch, reads = self.counters(now_us)
        return {
            "vm_id": self.vm_id, "device": "vda", "volume_id": f"vol-{self.vm_id}", "state": "ok", "epoch": f"e{epoch}",
            "sampled_at": at, "read_ops": reads, "write_ops": reads // 2, "read_bytes": reads * BLOCK_BYTES,
            "write_bytes": reads // 2 * BLOCK_BYTES, "cap_total_iops": 500,
        }  # fmt: skip


@dataclass
class World:
    """All guests by host, the clock, and how often things go wrong."""

    random: Random
    scheduler: Scheduler
    trouble: float
    clock: Clock = field(init=False)
    hosts: dict[str, list[Guest]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = Clock(self.scheduler)
        for host in ("kvm-a", "kvm-far"):
            self.hosts[host] = [self._guest(f"{host}-{number}") for number in range(self.random.randint(1, 3))]

    def _guest(self, vm_id: str) -> Guest:
        moments = sorted(self.random.randrange(6 * 3600) * SECOND_US for _ in range(self.random.choice((0, 0, 1, 2))))
        return Guest(vm_id, self.random.randint(1, 400), moments, self.random.choice((0, 10**6, 10**12)))

    def goes_wrong(self, share: float) -> bool:
        return self.random.random() < share * self.trouble

    def volumes(self) -> list[str]:
        return [f"vol-{guest.vm_id}" for guests in self.hosts.values() for guest in guests]


@dataclass
class HostSource:
    """A host: it may hang, refuse, answer in part, answer nonsense, and see the clock being put."""

    world: World
    host: str
    name: str
    remembered_until: list[int]
    """How many readings there were of it, whichever process read."""

    Settings: ClassVar[type[StrictModel]] = StrictModel
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds: ClassVar[int] = 240

    def read(self, occasion: Occasion) -> Reading:
        world = self.world
        world.scheduler.may_switch()
        self.remembered_until[0] += 1
        number = self.remembered_until[0]
        self.see_memory(occasion)
        if world.goes_wrong(0.06):
            world.scheduler.sleep(world.random.uniform(1, 400))
        if world.goes_wrong(0.05):
            raise SourceError(f"{self.host} does not answer")
        if world.goes_wrong(0.02):
            raise RuntimeError("a defect of the source")
        if world.goes_wrong(0.02):
            return Reading({"disk_io_stat": [{"vm_id": 7}]})
        silent = world.random.randrange(3) if world.goes_wrong(0.1) else None
        rows: list[Row] = []
        for place, guest in enumerate(world.hosts[self.host]):
            world.scheduler.may_switch()
            if place == silent:
                rows.append({"vm_id": guest.vm_id, "state": "timeout", "sampled_at": occasion.clock.now()})
            else:
                rows.append(guest.row(world.scheduler.now_us, occasion.clock.now()))
            if world.goes_wrong(0.02):
                world.clock.step(world.random.choice((-3600, -5, 5, 3600)))
        is_partial = any(row["state"] == "timeout" for row in rows)
        return Reading(
            {"disk_io_stat": rows},
            host_id=f"{number}",
            timeout_count=int(is_partial),
            error="a guest did not answer" if is_partial else None,
            remember={"reading": number},
        )

    def see_memory(self, occasion: Occasion) -> None:
        """Hear what is remembered; whoever simulates a run replaces it."""

    def examine(self, _clock: object) -> list[Any]:
        return []

    def close(self) -> None:
        pass


@dataclass
class InventorySource:
    """An array or a control plane, which tells the same of all volumes each time."""

    world: World
    kind: Kind
    longest_run_seconds: ClassVar[int] = 240
    Settings: ClassVar[type[StrictModel]] = StrictModel

    def read(self, _occasion: Occasion) -> Reading:
        self.world.scheduler.may_switch()
        if self.world.goes_wrong(0.05):
            raise SourceError("the address does not answer")
        return Reading(told_of(self.world.volumes(), self.kind))

    def examine(self, _clock: object) -> list[Any]:
        return []

    def close(self) -> None:
        pass


def told_of(volumes: Sequence[str], kind: Kind) -> dict[str, list[Row]]:
    if kind == "storage":
        limits = {"pool_id": "p1", "min_iops": 100, "max_iops": 1000, "min_enforced": True, "attached_count": 1}
        return {"provisioned_iops": [{"volume_id": each, **limits} for each in volumes]}
    sold = {"account_id": "acme", "account_name": "Acme", "pool_id": "p1", "sold_min_iops": 100, "sold_max_iops": 1000}
    return {"entitlement": [{"volume_id": each, "vm_id": each[4:], **sold, "size_bytes": 2**30} for each in volumes]}


@dataclass
class Network:
    """What a far collector sends: it arrives late, in another order, twice, or first without a guest."""

    world: World
    on_the_way: list[tuple[int, Run]] = field(default_factory=list)

    def send(self) -> None:
        """Read the far host now."""
        world = self.world
        now_us, at = world.scheduler.now_us, world.clock.true()
        rows = [guest.row(now_us, at) for guest in world.hosts["kvm-far"]]
        whole = _run("kvm-far", "hypervisor", at, {"disk_io_stat": rows})
        runs = [whole]
        if len(rows) > 1 and world.goes_wrong(0.15):
            silent: Row = {"vm_id": rows[0]["vm_id"], "state": "timeout", "sampled_at": at}
            runs.insert(0, _run("kvm-far", "hypervisor", at, {"disk_io_stat": [silent, *rows[1:]]}))
        delay = world.random.choice((0, 0, 1200, 5400, 14_400)) if world.goes_wrong(0.6) else 0
        for run in runs:
            self.on_the_way.append((now_us + delay * SECOND_US, run))
        if world.goes_wrong(0.15):  # once more, at once or when it may be merged already
            again = delay + world.random.choice((0, 3600, 7200))
            self.on_the_way.append((now_us + again * SECOND_US, whole))

    def arrived(self) -> list[tuple[int, Run]]:
        there = [each for each in self.on_the_way if each[0] <= self.world.scheduler.now_us]
        self.world.random.shuffle(there)
        return there


def _run(source: str, kind: Kind, at: datetime, tables: dict[str, list[Row]]) -> Run:
    return Run(
        source=source,
        run_id=f"{at:%Y%m%dT%H%M%S.%fZ}",
        kind=kind,
        started_at=at,
        ended_at=at,
        boottime_us=1,
        status="ok",
        collector_version="0",
        tables=tables,
    )
