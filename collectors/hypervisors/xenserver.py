"""VMs of a pool of XenServer or XCP-ng hosts: their disks, and what they did.

Nothing is changed in the pool. What is asked is in ``xenserver_inventory`` (lists) and
``xenserver_windows`` (statistics), how in ``xenserver_pool``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from collectors.hypervisors.xenserver_checks import checks
from collectors.hypervisors.xenserver_inventory import by_host, listing_of
from collectors.hypervisors.xenserver_pool import NoAnswerError, Pool
from collectors.hypervisors.xenserver_settings import XenserverSettings
from collectors.hypervisors.xenserver_watch import Watch
from collectors.hypervisors.xenserver_windows import Windows
from collectors.remote.unread import Unread
from ioledger.model.records import Kind, Reading, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collectors.hypervisors.xenserver_inventory import Machine
    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.health.check import Check


class XenserverSource:
    """A pool, as ``Settings`` names it; between runs it keeps its session."""

    Settings: ClassVar[type[XenserverSettings]] = XenserverSettings
    kind: ClassVar[Kind] = "hypervisor"

    def __init__(self, settings: XenserverSettings) -> None:
        self._settings = settings
        self._pool = Pool(settings)
        self.longest_run_seconds = settings.run_seconds

    def read(self, occasion: Occasion) -> Reading:
        """List the disks of all VMs with what they did, minute by minute, since the last run.

        A disk without a minute has a row without counters that says its state. Raises SourceError where the
        pool cannot be reached or listed. Where a host's statistics cannot be had, its VMs' rows are of state
        ``timeout`` or ``error``, and the next run reads what they did.
        """
        self._pool.begin()
        last_rows = occasion.last_rows() if occasion.remembered is None else ()
        watch = Watch(occasion.clock.now(), occasion.remembered, last_rows)
        unread = Unread()
        listing = listing_of(self._pool, self._settings.volume_id, unread)
        rows, silent = self._minutes(listing.machines, watch, unread)
        counted = {(row["vm_id"], row["device"]) for row in rows}
        now = occasion.clock.now()
        for machine in listing.machines:
            if not machine.is_up:
                watch.skipped(machine.vm_id, watch.now)
            for state in _states(machine, silent.get(machine.vm_id)):
                if (state["vm_id"], state["device"]) not in counted:
                    rows.append({**state, "sampled_at": now})
        return Reading(
            {"disk_io_stat": rows, "storage_pool": list(listing.pools)},
            timeout_count=sum(state == "timeout" for state in silent.values()),
            error=unread.sentence(),
            remember=watch.to_remember(machine.vm_id for machine in listing.machines),
        )

    def _minutes(self, machines: Sequence[Machine], watch: Watch, unread: Unread) -> tuple[list[Row], dict[str, str]]:
        """Return the rows of minutes, and what keeps VMs from having any: ``timeout`` or ``error``."""
        windows = Windows(self._pool, watch, unread)
        rows: list[Row] = []
        silent: dict[str, str] = {}
        for host, its in by_host(machines):
            try:
                rows += windows.of(host, its)
            except NoAnswerError as error:
                unread.note(f"what VMs did on {host.name}", error.reason)
                silent |= {machine.vm_id: "timeout" if error.is_silent else "error" for machine in its}
        return rows, silent

    def examine(self, clock: Clock) -> list[Check]:
        """Log in, and look at each host's clock and statistics; SourceError where the pool is not reached."""
        return checks(self._pool, clock)

    def close(self) -> None:
        """End the session."""
        self._pool.close()


def _states(machine: Machine, silent: str | None) -> Iterator[Mapping[str, object]]:
    for disk in machine.disks:
        state = "off"
        if machine.is_up and disk.is_plugged:
            state = silent or ("ok" if machine.host else "error")
        yield {**machine.columns, **disk.columns, "state": state}
