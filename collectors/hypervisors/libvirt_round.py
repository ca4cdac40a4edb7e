"""One run of a libvirt source: from a list of guests to rows, and to what the next run has to know."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from collectors.hypervisors import libvirt_numbers
from collectors.hypervisors.base import UnreadableGuestError, unreadable_guests
from collectors.hypervisors.libvirt_asking import MAX_HUNG_CALLS, MAX_NEW_HANGS, SILENT, Interview
from collectors.hypervisors.libvirt_cap_check import CHECK_EVERY, check_caps
from collectors.hypervisors.libvirt_domain_xml import disks_of
from collectors.hypervisors.libvirt_epoch import process_of
from collectors.hypervisors.libvirt_guest import OFF, CounterRun, disk_rows
from collectors.hypervisors.libvirt_host import LIST_SECONDS, ListedGuest
from collectors.hypervisors.libvirt_memory import (
    FORGET_AFTER,
    HungGuest,
    SourceMemory,
    Witness,
    after,
    from_rows,
    has_rebooted,
    node_after,
    over,
)
from collectors.worker_process import RefusedError, SilentError
from ioledger.errors import SourceError
from ioledger.model.records import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from collectors.hypervisors.libvirt_epoch import Processes
    from collectors.hypervisors.libvirt_guest import GuestSample
    from collectors.hypervisors.libvirt_host import Host, Listing
    from collectors.hypervisors.libvirt_memory import GuestMemory, NodeMemory
    from collectors.hypervisors.volume_identity import DiskRule
    from collectors.source import Occasion
    from ioledger.model.records import Row

    ParsedDisks = dict[str, tuple[str, Sequence[Disk]]]

FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=30)
"""How long a guest that did not answer is left alone: the first at first, twice as long after each further try."""


class Round:
    """One run over the guests of a listing.

    ``parsed`` holds each guest's XML and disks as they were last, so that XML is parsed when it changes.
    """

    def __init__(
        self, host: Host, listing: Listing, occasion: Occasion, processes: Processes, parsed: ParsedDisks
    ) -> None:
        self._host = host
        self._listing = listing
        self._clock = occasion.clock
        self._processes = processes
        self._parsed = parsed
        self._before = SourceMemory.recalled(occasion.remembered) or SourceMemory(
            guests=from_rows(occasion.last_rows())
        )
        self._node = self._new_node()
        self._interview = Interview(host, self._clock, self._disks, with_cpu_time=not processes.is_certain)
        self._judged: dict[str, GuestMemory] = {}
        self._caps_read_at = self._before.caps_read_at

    def read(self, rules: Sequence[DiskRule]) -> Reading:
        """Ask every guest, and make rows of what is known of it."""
        samples = list(self._samples())
        failures = {sample.name: sample.problem for sample in samples if sample.problem is not None}
        tables = {"disk_io_stat": [row for sample in samples for row in self._rows(sample, rules)]}
        if self._caps_read_at is None or self._clock.now() - self._caps_read_at >= CHECK_EVERY:
            self._caps_read_at = self._clock.now()
            tables["disk_cap"], unread = check_caps(self._interview, samples)
            failures = unread | failures
        return Reading(
            tables=tables,
            host_id=self._host.identity,
            timeout_count=sum(sample.condition == "silent" for sample in samples),
            error=unreadable_guests(failures, len(samples)),
            remember=self._remembered(samples).model_dump(mode="json", exclude_defaults=True),
        )

    def _samples(self) -> Iterator[GuestSample]:
        """Ask those that are well first; those that hang cost time."""
        running = [guest for guest in self._listing.guests if guest.domain_id != OFF]
        off = [guest for guest in self._listing.guests if guest.domain_id == OFF]
        well = [guest for guest in running if guest.uuid not in self._before.hung]
        hung = [guest for guest in running if guest.uuid in self._before.hung]
        occupied = self._interview.occupied(hung)
        now = self._clock.now()
        left_alone = [
            guest for guest in hung if guest.uuid in occupied or now < self._before.hung[guest.uuid].ask_again_at
        ]
        self._interview.hangs_left = max(0, min(MAX_NEW_HANGS, MAX_HUNG_CALLS - len(occupied)))
        yield from self._identified(self._interview.ask(well))
        yield from self._identified(self._interview.describe(off, "off"))
        yield from self._interview.describe(left_alone, "silent", SILENT)
        for guest in hung:
            if guest not in left_alone:
                yield from self._identified(self._interview.ask([guest]))

    def _identified(self, samples: Iterator[GuestSample]) -> Iterator[GuestSample]:
        """Judge which run each sample's counters belong to.

        A guest whose process cannot be told may have stopped or started since it was asked, so it is
        asked once more; one that stays unknown is unreadable.
        """
        for sample in samples:
            try:
                self._judge(sample)
            except UnreadableGuestError:
                guest = ListedGuest(sample.uuid, sample.name, sample.domain_id)
                for again in self._interview.ask([guest]):
                    try:
                        self._judge(again)
                    except UnreadableGuestError as error:
                        yield replace(again, counters=None, problem=str(error))
                    else:
                        yield again
            else:
                yield sample

    def _judge(self, sample: GuestSample) -> None:
        before = self._before.guests.get(sample.uuid)
        if sample.domain_id == OFF and before is not None:
            self._judged[sample.uuid] = over(before)
        elif sample.condition == "running" and sample.counters is not None and sample.disks is not None:
            process = process_of(sample, self._processes, self._clock)
            cpus = None if self._node is None else self._node.cpus
            witness = Witness(cpus, self._started_at(sample.uuid))
            self._judged[sample.uuid] = after(
                before, sample, process, is_certain=self._processes.is_certain, witness=witness
            )

    def _rows(self, sample: GuestSample, rules: Sequence[DiskRule]) -> list[Row]:
        judged, before = self._judged.get(sample.uuid), self._before.guests.get(sample.uuid)
        runs = {} if judged is None else judged.disks
        return disk_rows(
            sample,
            {device: CounterRun(judged.epoch(device), judged.started_at) for device in runs} if judged else {},
            self._host.identity,
            rules,
            [] if before is None else [device for device, disk in before.disks.items() if not disk.is_gone],
        )

    def _remembered(self, samples: Sequence[GuestSample]) -> SourceMemory:
        now = self._clock.now()
        listed = {guest.uuid for guest in self._listing.guests}
        kept = {
            uuid: guest
            for uuid, guest in self._before.guests.items()
            if uuid in listed or (not self._processes.is_certain and now - guest.seen_at < FORGET_AFTER)
        }
        heard = {sample.uuid for sample in samples if sample.condition != "silent"}
        hung = {uuid: guest for uuid, guest in self._before.hung.items() if uuid in listed and uuid not in heard}
        for uuid in self._interview.hung:
            hangs = hung[uuid].hangs + 1 if uuid in hung else 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(hangs - 1, 16))
            hung[uuid] = HungGuest(hangs=hangs, ask_again_at=now + pause)
        return SourceMemory(
            guests={**kept, **self._judged}, hung=hung, node=self._node, caps_read_at=self._caps_read_at
        )

    def _disks(self, uuid: str, xml: str) -> Sequence[Disk]:
        known = self._parsed.get(uuid)
        if known is None or known[0] != xml:
            known = self._parsed[uuid] = xml, disks_of(xml)
        return known[1]

    def _new_node(self) -> NodeMemory | None:
        """Look at the host's CPU time; a host that booted meanwhile has none of its old processes left."""
        if self._processes.is_certain:
            return None
        try:
            told = self._host.call(LIST_SECONDS, "node")
        except (RefusedError, SilentError, SourceError):
            return self._before.node
        times: Mapping[str, int] = told["cpu_times_ns"]
        node = node_after(self._before.node, sum(times.values()), told["cpus"], self._clock.boottime_us())
        if has_rebooted(self._before.node, node):
            guests = {uuid: over(guest) for uuid, guest in self._before.guests.items()}
            self._before = self._before.model_copy(update={"guests": guests})
        return node

    def _started_at(self, uuid: str) -> datetime | None:
        """Return when libvirt told of a guest's start, since the last run on the same connection."""
        starts = [
            at_us
            for guest, event, _, at_us in self._listing.events
            if guest == uuid and event == libvirt_numbers.VIR_DOMAIN_EVENT_STARTED
        ]
        if not starts:
            return None
        return self._clock.now() - timedelta(microseconds=self._clock.boottime_us() - starts[-1])
