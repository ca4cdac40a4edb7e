"""What a libvirt source remembers of its host, and how that tells one run of counters from the next.

Within one process of a guest the counters of a disk begin again when it is unplugged and plugged in
again; a remote host may moreover give a new process the identity of an old one. Only what proves a new
run counts as one: taking a run that went on for a new one would bill the disk's whole life again, while
one that goes unnoticed costs no more than the operations between two samples, and only if all counters
have meanwhile passed their old values. Each proof was tried on libvirt 9 and QEMU 7.2 (docs/libvirt.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from ioledger.model.columns import COUNTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from collectors.hypervisors.libvirt_epoch import Process
    from collectors.hypervisors.libvirt_guest import GuestSample
    from ioledger.model.records import Row

FORGET_AFTER: Final = timedelta(days=30)
"""How long a guest that its host no longer lists is remembered: it may come back under its old id."""

_MICROSECOND: Final = timedelta(microseconds=1)
_NANOSECONDS: Final = 1_000_000_000

_PACE_PERCENT: Final = 95
_ROOM_US: Final = 10_000_000
_ROOM_PERCENT: Final = 20
"""A host may count 5 % less than the time that passes (seen under load), and more where a hypervisor steals."""


class _Memory(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiskMemory(_Memory):
    """The last sample of a disk.

    ``generation`` counts the times that it was plugged in again. ``chain`` are the numbers that QEMU
    gave to the images behind the disk, ``traits`` what cannot change while it is plugged in.
    """

    generation: int = 0
    counters: dict[str, int] = {}
    chain: frozenset[int] = frozenset()
    traits: dict[str, str] = {}
    is_gone: bool = False


class GuestMemory(_Memory):
    """The last sample of a guest.

    ``starts`` counts the processes that cannot be told by ``process`` alone. A process that
    ``is_over`` is not the one that the next sample will show.
    """

    process: str
    seen_at: datetime
    starts: int = 0
    started_at: datetime | None = None
    is_over: bool = False
    cpu_time_ns: int | None = None
    disks: dict[str, DiskMemory] = {}

    def epoch(self, device: str) -> str:
        """Return the epoch of one disk's counters; what is 0 is left out."""
        generation = self.disks[device].generation
        start = [str(self.starts)] if self.starts else []
        return ":".join([self.process, *start, device, *([str(generation)] if generation else [])])


class HungGuest(_Memory):
    """A guest that did not answer ``hangs`` times in a row, and when it may be asked again."""

    hangs: int
    ask_again_at: datetime


class NodeMemory(_Memory):
    """A host's CPU time since its boot, idle time included, at a moment of the collector's CLOCK_BOOTTIME.

    ``pace_percent`` is how much of the time that passed before it counted, 100 where nothing is lost.
    """

    cpu_time_ns: int
    cpus: int
    seen_us: int
    pace_percent: int | None = None

    @property
    def booted_us(self) -> int:
        """When the host must have booted, if it counted all of its time."""
        return self.seen_us - self.cpu_time_ns // self.cpus // 1000


class SourceMemory(_Memory):
    """All that a source remembers; guests by UUID."""

    guests: dict[str, GuestMemory] = {}
    hung: dict[str, HungGuest] = {}
    node: NodeMemory | None = None
    caps_read_at: datetime | None = None

    @classmethod
    def recalled(cls, remembered: Mapping[str, Any] | None) -> Self | None:
        """Read what was remembered; None where it is nothing, or not of this version."""
        try:
            return None if remembered is None else cls.model_validate(remembered)
        except ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class Witness:
    """What else tells of a guest's process, where its identity does not for certain.

    ``cpus`` are the host's, None where it does not say; ``started_at`` is when libvirt told of a start.
    """

    cpus: int | None = None
    started_at: datetime | None = None


def after(
    before: GuestMemory | None, sample: GuestSample, process: Process, *, is_certain: bool, witness: Witness
) -> GuestMemory:
    """Judge the sample of a running guest, with counters, by the one before; return what to remember of it.

    ``is_certain``: two processes never have the same identity.
    """
    is_new = (
        before is None
        or before.process != process.identity
        or (not is_certain and _is_another(before, sample, witness))
    )
    old = {} if before is None or is_new else before.disks
    return GuestMemory(
        process=process.identity,
        seen_at=sample.sampled_at,
        starts=0 if before is None or is_certain else before.starts + is_new,
        started_at=process.started_at or witness.started_at if before is None or is_new else before.started_at,
        cpu_time_ns=sample.cpu_time_ns,
        disks=_disks_after(old, sample.disks or (), sample.counters or {}),
    )


def _disks_after(
    before: Mapping[str, DiskMemory], disks: Sequence[Disk], counters: Mapping[str, Mapping[str, int]]
) -> dict[str, DiskMemory]:
    present = {disk.device for disk in disks}
    remembered = {
        device: old if device in present else old.model_copy(update={"is_gone": True}) for device, old in before.items()
    }
    for disk in disks:
        if (counted := counters.get(disk.device)) is not None and (counted or not disk.counted):
            old = before.get(disk.device)
            remembered[disk.device] = DiskMemory(
                generation=0 if old is None else old.generation + _was_replugged(old, disk, counted),
                counters=dict(counted),
                chain=disk.chain,
                traits=dict(disk.traits),
            )
    return remembered


def _was_replugged(old: DiskMemory, disk: Disk, counters: Mapping[str, int]) -> bool:
    """Tell whether a disk's counters began again for certain.

    Numbers of images alone prove nothing: a copy to another place changes all of them, and the counters go on.
    """
    return old.is_gone or _fell(old.counters, counters) or _differ(old.traits, disk.traits)


def _is_another(before: GuestMemory, sample: GuestSample, witness: Witness) -> bool:
    """Tell whether a process that has its predecessor's identity is another one for certain."""
    return before.is_over or _cpu_time_fell(before, sample, witness) or _numbering_began_again(before, sample)


def _cpu_time_fell(before: GuestMemory, sample: GuestSample, witness: Witness) -> bool:
    """Tell whether a guest used less CPU time than before, and no more than a new process can have used by now.

    The second half keeps a figure that libvirt takes from elsewhere all at once from looking like a start.
    """
    if before.cpu_time_ns is None or sample.cpu_time_ns is None or sample.cpu_time_ns >= before.cpu_time_ns:
        return False
    elapsed_us = (sample.sampled_at - before.seen_at) // _MICROSECOND
    return witness.cpus is None or sample.cpu_time_ns <= witness.cpus * elapsed_us * 1000


def _numbering_began_again(before: GuestMemory, sample: GuestSample) -> bool:
    """Tell whether QEMU numbers images from the beginning: within a process each is greater than all before."""
    chains = [
        (old.chain, disk.chain)
        for disk in sample.disks or ()
        if (old := before.disks.get(disk.device)) is not None and old.chain and disk.chain
    ]
    return any(old.isdisjoint(new) and max(new) < max(old) for old, new in chains)


def _fell(old: Mapping[str, int], new: Mapping[str, int]) -> bool:
    return any(new[name] < amount for name, amount in old.items() if name in new)


def _differ(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    return any(new[name] != value for name, value in old.items() if name in new)


def node_after(before: NodeMemory | None, cpu_time_ns: int, cpus: int, now_us: int) -> NodeMemory:
    """Return what to remember of a host's CPU time."""
    pace = None
    if before is not None and before.cpus == cpus and now_us > before.seen_us:
        passed_ns = cpus * (now_us - before.seen_us) * 1000
        pace = (cpu_time_ns - before.cpu_time_ns) * 100 // passed_ns
    return NodeMemory(cpu_time_ns=cpu_time_ns, cpus=cpus, seen_us=now_us, pace_percent=pace)


def has_rebooted(before: NodeMemory | None, now: NodeMemory) -> bool:
    """Tell whether a host booted since it was last looked at, for certain.

    Its CPU time then fell; or the whole of it fits into the time since then, with room for what such a
    figure may miss. That is believed of a host only whose figure kept pace with the time before, and
    never after a reboot of the collector itself, whose own clock then began anew.
    """
    if before is None:
        return False
    if now.cpu_time_ns + now.cpus * _NANOSECONDS < before.cpu_time_ns:
        return True
    keeps_pace = before.pace_percent is not None and before.pace_percent >= _PACE_PERCENT
    room_us = (now.seen_us - before.seen_us) * _ROOM_PERCENT // 100 + _ROOM_US
    return keeps_pace and now.seen_us > before.seen_us and now.booted_us - before.seen_us > room_us


def over(guest: GuestMemory) -> GuestMemory:
    """Remember that a guest's process has ended, so that the next one is another whatever it is called."""
    return guest.model_copy(update={"is_over": True})


def from_rows(rows: Iterable[Row]) -> dict[str, GuestMemory]:
    """Remember guests by their last rows in the lake, which know less than a memory."""
    guests: dict[str, GuestMemory] = {}
    for row in rows:
        uuid, device, found = str(row["vm_id"]), str(row["device"]), _parsed(row)
        if found is None:
            continue
        known = guests.get(uuid)
        disk = DiskMemory(
            generation=int(found["generation"] or 0),
            counters={name: amount for name in COUNTERS if isinstance(amount := row.get(name), int)},
        )
        starts, seen_at = int(found.groupdict().get("starts") or 0), cast("datetime", row["sampled_at"])
        if known is None or (known.starts, known.seen_at) < (starts, seen_at):
            others = known.disks if known is not None and known.process == found["process"] else {}
            started_at = cast("datetime | None", row["epoch_started_at"])
            guests[uuid] = GuestMemory(
                process=found["process"], seen_at=seen_at, starts=starts, started_at=started_at, disks=others
            )
        if guests[uuid].process == found["process"] and guests[uuid].starts == starts:
            guests[uuid].disks[device] = disk
    return guests


def _parsed(row: Row) -> re.Match[str] | None:
    disk = rf":{re.escape(str(row['device']))}(?::(?P<generation>\d+))?"
    remote = rf"(?P<process>[^:]+:{re.escape(str(row['vm_id']))}:\d+)(?::(?P<starts>\d+))?{disk}"
    local = rf"(?P<process>[0-9a-f-]+:\d+:\d+){disk}"
    return re.fullmatch(remote, str(row["epoch"])) or re.fullmatch(local, str(row["epoch"]))
