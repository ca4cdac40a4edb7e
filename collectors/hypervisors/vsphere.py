"""VMs of VMware vSphere: virtual disks, their limits, and what they did, from a vCenter or an ESXi host.

Nothing is changed on the server. What is asked is in ``vsphere_inventory`` (lists) and
``vsphere_windows`` (samples), how in ``vsphere_server``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from pydantic import Field, field_validator

from collectors.hypervisors.vsphere_checks import checks
from collectors.hypervisors.vsphere_disks import VsphereRule
from collectors.hypervisors.vsphere_inventory import Machine, machines, pools, rows_now
from collectors.hypervisors.vsphere_server import Server
from collectors.hypervisors.vsphere_watch import Watch
from collectors.hypervisors.vsphere_windows import rows_of, samples
from collectors.remote.addresses import host_address
from collectors.remote.settings import RemoteSettings
from collectors.remote.unread import Unread
from ioledger.config import Secret
from ioledger.model.records import Kind, Reading, Row

if TYPE_CHECKING:
    from datetime import datetime

    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check


MOST_ROWS: Final = 300_000
"""Samples in a run, of some 1 kB each: those of 20,000 disks in five minutes. What is left is read by the next run."""


class VsphereSettings(RemoteSettings):
    """Which vCenter or ESXi host to ask, and as whom.

    ``url`` is its address, ``https://vcenter.example.org``; ``volume_id`` are rules that name the volume
    behind a disk.
    """

    url: str
    username: Annotated[str, Field(min_length=1)]
    password: Secret
    volume_id: list[VsphereRule] = Field(default_factory=list)

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        return host_address(url, "a vCenter or ESXi host", "https://vcenter.example.org", with_path=True)


class VsphereSource:
    """A vCenter or ESXi host, as ``Settings`` names it; between runs it keeps its session."""

    Settings: ClassVar[type[VsphereSettings]] = VsphereSettings
    kind: ClassVar[Kind] = "hypervisor"

    def __init__(self, settings: VsphereSettings) -> None:
        self._settings = settings
        self._server = Server(settings)
        self.longest_run_seconds = settings.run_seconds

    def read(self, occasion: Occasion) -> Reading:
        """List the disks of all VMs, with their limits as they are now and what they did since the last run.

        A disk has a row without counters that says its limits and its state, and one for each sample of
        20 seconds. Raises SourceError where the server cannot be reached or the VMs cannot be listed.
        """
        now = self._server.begin()
        last_rows = occasion.last_rows() if occasion.remembered is None else ()
        watch = Watch(now, occasion.remembered, last_rows)
        unread = Unread()
        listed: list[Machine] = []
        rows: list[Row] = []
        for machine in machines(self._server, self._settings.volume_id, unread):
            listed.append(machine)
            rows += rows_now(machine, occasion.clock.now())
        if watch.has_begun:
            rows += self._windows(now, listed, watch, unread)
        return Reading(
            {"disk_io_stat": rows, "storage_pool": pools(self._server, unread)},
            timeout_count=sum(machine.state == "timeout" for machine in listed),
            error=unread.sentence(),
            remember=watch.to_remember(machine.vm_id for machine in listed),
        )

    def _windows(self, now: datetime, listed: list[Machine], watch: Watch, unread: Unread) -> list[Row]:
        rows: list[Row] = []
        answering = [(each, watch.since(each.vm_id)) for each in listed if each.disks and each.state != "timeout"]
        answering.sort(key=lambda each: each[1])  # the longest behind first
        for machine, since, sample in samples(self._server, now, answering, unread):
            if len(rows) > MOST_ROWS:
                unread.note("the other samples", "there are too many for one run; collect more often")
                break
            found = list(rows_of(machine, since, sample))
            if found:
                rows += found
                watch.reached(machine.vm_id, max(row["sampled_at"] for row in found))
        return rows

    def examine(self, clock: Clock) -> list[Check]:
        """Log in, look at one VM and compare the clocks; SourceError where the server is not reached."""
        return checks(self._server, clock)

    def close(self) -> None:
        """End the session."""
        self._server.close()
