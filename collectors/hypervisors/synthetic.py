"""Hosts that exist in a file only: a fleet with exactly known I/O, for the demo and for tests.

The file (TOML) lists guests, the lives of their processes on hosts, their disks and the load on
each. A disk's counters at a moment are the integral of its load since its process began, in whole
operations, so anyone can work out with a pencil what a collector has to find.
"""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AwareDatetime, Field

from collectors.source import LONGEST_RUN_SECONDS
from ioledger.config import ConfiguredPath, StrictModel, validated
from ioledger.errors import UNREADABLE, SourceError, counted, why_unreadable
from ioledger.health.check import Check
from ioledger.model.records import Kind, Reading, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.source import Occasion
    from ioledger.clock import Clock

_MICROSECOND = timedelta(microseconds=1)


class Load(StrictModel):
    """What a guest does to a disk between two minutes of the fleet's time; a request takes ``request_us``."""

    from_minute: int
    to_minute: int
    read_iops: Annotated[int, Field(ge=0)]
    write_iops: Annotated[int, Field(ge=0)]
    request_bytes: Annotated[int, Field(gt=0)] = 4096
    request_us: Annotated[int, Field(gt=0)] = 500


class Disk(StrictModel):
    """A disk, its volume, its caps and its load."""

    device: str
    volume_id: str
    loads: list[Load]
    cap_total_iops: int | None = None
    cap_read_iops: int | None = None
    cap_write_iops: int | None = None


class Process(StrictModel):
    """One life of a guest on a host: its counters start from zero at ``from_minute``."""

    host: str
    from_minute: int
    to_minute: int


class Guest(StrictModel):
    """A guest with its lives, in order, and its disks."""

    id: str
    name: str
    processes: list[Process]
    disks: list[Disk]


class Fleet(StrictModel):
    """A whole fleet; minutes count from ``start``."""

    start: AwareDatetime
    guests: list[Guest]


class SyntheticSettings(StrictModel):
    """Which host of which fleet file the source reads."""

    fleet: ConfiguredPath
    host: str


class SyntheticSource:
    """Reads one host of a fleet file as if it were a hypervisor."""

    Settings: ClassVar = SyntheticSettings
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, settings: SyntheticSettings) -> None:
        self._settings = settings

    def read(self, occasion: Occasion) -> Reading:
        """Give the disks of the guests that run on the host now; SourceError without a fleet file."""
        rows = list(_disks(self._fleet(), self._settings.host, occasion.clock.now().astimezone(UTC)))
        return Reading({"disk_io_stat": rows}, host_id=self._settings.host)

    def examine(self, clock: Clock) -> list[Check]:  # noqa: ARG002 - the fleet is the same at any time
        """Read the fleet file; SourceError without one."""
        return [Check("file", f"{self._settings.fleet} has {counted(len(self._fleet().guests), 'guest')}")]

    def _fleet(self) -> Fleet:
        path = self._settings.fleet
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except UNREADABLE as error:
            raise SourceError(
                f"the fleet file {path} cannot be read: {why_unreadable(error)}; correct the path or the file"
            ) from error
        return validated(Fleet, values, str(path))

    def close(self) -> None:
        """Nothing is kept open."""


def _disks(fleet: Fleet, host: str, now: datetime) -> Iterator[Row]:
    for guest in fleet.guests:
        for life, process in enumerate(guest.processes):
            born = fleet.start + timedelta(minutes=process.from_minute)
            dies = fleet.start + timedelta(minutes=process.to_minute)
            if process.host != host or not born <= now <= dies:
                continue
            for disk in guest.disks:
                yield {
                    "sampled_at": now,
                    "host_id": host,
                    "vm_id": guest.id,
                    "vm_name": guest.name,
                    "device": disk.device,
                    "volume_id": disk.volume_id,
                    "epoch": f"{host}:{guest.id}:{life}:{disk.device}",
                    "epoch_started_at": born,
                    "state": "ok",
                    "cap_total_iops": disk.cap_total_iops,
                    "cap_read_iops": disk.cap_read_iops,
                    "cap_write_iops": disk.cap_write_iops,
                    **_counters(fleet, disk, born, now),
                }


def _counters(fleet: Fleet, disk: Disk, born: datetime, now: datetime) -> Row:
    read_ops = write_ops = read_bytes = write_bytes = read_time_ns = write_time_ns = 0
    for load in disk.loads:
        begins = max(born, fleet.start + timedelta(minutes=load.from_minute))
        ends = min(now, fleet.start + timedelta(minutes=load.to_minute))
        lasted_us = max(0, (ends - begins) // _MICROSECOND)
        reads = load.read_iops * lasted_us // 1_000_000
        writes = load.write_iops * lasted_us // 1_000_000
        read_ops += reads
        write_ops += writes
        read_bytes += reads * load.request_bytes
        write_bytes += writes * load.request_bytes
        read_time_ns += reads * load.request_us * 1000
        write_time_ns += writes * load.request_us * 1000
    return {
        "read_ops": read_ops,
        "write_ops": write_ops,
        "flush_ops": 0,
        "read_bytes": read_bytes,
        "write_bytes": write_bytes,
        "read_time_ns": read_time_ns,
        "write_time_ns": write_time_ns,
    }
