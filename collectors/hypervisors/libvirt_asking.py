"""Asking a host for its guests' counters, so that one that hangs costs the others a second at most.

QEMU answers libvirt through a monitor. When a QEMU hangs (its storage is gone, the process is stopped),
the first call to touch it never returns, whatever its flags; calls that come later wait half a minute
for their turn. So guests are asked in groups by a worker that is ended when it takes too long, and the
next one asks libvirt, which knows without asking QEMU, whose monitor is taken. The others are asked
again without the guilty ones.

Every call that hangs keeps one of libvirtd's own workers, until that QEMU answers or ends. With all of
them taken (20, unless configured) libvirtd would read nothing for anybody, so a host on which many
guests hang is asked less: ``MAX_HUNG_CALLS``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from collectors.hypervisors import libvirt_numbers
from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_guest import OFF, Condition, GuestSample
from collectors.hypervisors.libvirt_host import LIST_SECONDS
from collectors.hypervisors.libvirt_stats import block_stats_counters, bulk_counters, has_block_fields
from collectors.worker_process import RefusedError, SilentError
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from collectors.hypervisors.libvirt_host import Host, ListedGuest
    from ioledger.clock import Clock

GROUP_GUESTS: Final = 32
"""Guests in one call; 32 with 4 disks take about 0.1 s."""

PATIENCE_SECONDS: Final = 0.8
LISTINGS_MORE: Final = 4
"""How long a group may take to answer: so long, and a few times as long as the list of guests, which asks
none of them: that tells how far away the host is, and how busy."""

OCCUPIED_MS: Final = 400
"""A QEMU that has left one question unanswered for so long hangs; healthy ones take a few milliseconds."""

MAX_NEW_HANGS: Final = 3
"""Calls of one run that may hang."""

MAX_HUNG_CALLS: Final = 15
"""Calls to one host that may hang at a time; 5 of libvirtd's usual 20 workers stay for everybody else."""

SILENT: Final = "it does not answer"
NOT_ASKED: Final = "it was not asked, because too many guests of its host do not answer"

_ARRIVING: Final = frozenset(
    {libvirt_numbers.VIR_DOMAIN_PAUSED_MIGRATION, libvirt_numbers.VIR_DOMAIN_PAUSED_STARTING_UP}
)
"""Why a guest is paused that has not arrived yet, or has left: its counters are on the other host."""


@dataclass(slots=True)
class Interview:
    """One round of questions to a host.

    ``parse`` lists the disks of a guest (UUID) from its XML. ``hangs_left`` is how many calls may still
    hang; ``hung`` collects the guests (UUID) whose calls did. ``with_cpu_time`` has the guests' CPU
    times read too.
    """

    host: Host
    clock: Clock
    parse: Callable[[str, str], Sequence[Disk]]
    with_cpu_time: bool
    hangs_left: int = MAX_NEW_HANGS
    hung: set[str] = field(default_factory=set)

    @property
    def patience_seconds(self) -> float:
        """How long to wait for guests that are asked in one call."""
        return PATIENCE_SECONDS + LISTINGS_MORE * self.host.listing_seconds

    def ask(self, guests: Sequence[ListedGuest]) -> Iterator[GuestSample]:
        """Ask running guests and yield a sample of each; one that is gone is left out."""
        busy: list[ListedGuest] = []
        waiting = deque(_groups(guests, GROUP_GUESTS))
        while waiting:
            group = waiting.popleft()
            if not self.hangs_left:
                yield from self.describe(group, "silent", NOT_ASKED)
                continue
            try:
                told = self._stats(group, no_waiting=True)
            except SilentError:
                guilty, rest = self._suspects(group)
                yield from self.describe(guilty, "silent", SILENT)
                waiting.extendleft(reversed(rest))
            except RefusedError as error:
                # A single guest can make the call fail for all of them.
                if len(group) > 1:
                    waiting.extendleft([guest] for guest in reversed(group))
                elif error.code != libvirt_numbers.VIR_ERR_NO_DOMAIN:
                    yield from self.describe(group, "running", str(error))
            except SourceError as error:
                yield from self.describe(group, "running", str(error))
            else:
                samples = list(self._samples(told))
                busy += [guest for guest in group if any(_is_busy(sample, guest) for sample in samples)]
                yield from (sample for sample in samples if sample.uuid not in {guest.uuid for guest in busy})
        yield from self._ask_busy(busy)

    def occupied(self, guests: Sequence[ListedGuest]) -> set[str]:
        """Return the guests (UUID) whose QEMU has left a question unanswered, as far as libvirt tells."""
        if not guests:
            return set()
        try:
            return self._occupied(guests)
        except SourceError:
            return set()

    def describe(
        self, guests: Sequence[ListedGuest], condition: Condition, problem: str | None = None
    ) -> Iterator[GuestSample]:
        """Yield samples of guests without their counters: disks and caps are known to libvirt itself."""
        asked_us = self.clock.boottime_us()
        told = self._descriptions([guest.uuid for guest in guests])
        for guest in guests:
            if (description := told.get(guest.uuid)) is not None:
                sample = GuestSample(
                    guest.name, guest.uuid, guest.domain_id, condition, asked_us, self.clock.now(), problem=problem
                )
                yield self._with_disks(sample, description)

    def _descriptions(self, uuids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return what libvirt tells of guests without asking them; those that are gone are left out."""
        if not uuids:
            return {}
        try:
            told = self.host.call(LIST_SECONDS, "describe", uuids)
        except (RefusedError, SilentError, SourceError) as error:
            return {uuid: {"xml": None, "problem": str(error)} for uuid in uuids}
        return {uuid: description for uuid, description in told.items() if not description.get("is_gone")}

    def found_hanging(self, uuid: str) -> None:
        """Take down that a call to one guest hangs."""
        self.hangs_left -= 1
        self.hung.add(uuid)

    def _stats(self, group: Sequence[ListedGuest], *, no_waiting: bool) -> Mapping[str, Any]:
        uuids = [guest.uuid for guest in group]
        told: Mapping[str, Any] = self.host.call(self.patience_seconds, "stats", uuids, no_waiting, self.with_cpu_time)
        return told

    def _occupied(self, guests: Sequence[ListedGuest]) -> set[str]:
        """Do the same, but raise SourceError where the host itself cannot be reached."""
        try:
            told = self.host.call(LIST_SECONDS, "control", [guest.uuid for guest in guests])
        except (RefusedError, SilentError):
            return set()
        return {uuid for uuid, answer in told.items() if _is_occupied(answer)}

    def _suspects(self, group: Sequence[ListedGuest]) -> tuple[list[ListedGuest], list[Sequence[ListedGuest]]]:
        """Find out which guests of a group made a call hang, and in which groups to ask the others."""
        self.hangs_left -= 1
        try:
            occupied = self._occupied(group) or ({group[0].uuid} if len(group) == 1 else set())
        except SourceError:  # all of the host is silent, for which no guest is to be left alone
            occupied = set()
        self.hung |= occupied
        rest = [guest for guest in group if guest.uuid not in occupied]
        size = GROUP_GUESTS if occupied else (len(group) + 1) // 2
        return [guest for guest in group if guest.uuid in occupied], list(_groups(rest, size))

    def _samples(self, told: Mapping[str, Any]) -> Iterator[GuestSample]:
        sampled_at = self.clock.now() - timedelta(microseconds=self.clock.boottime_us() - told["answered_us"])
        descriptions = self._descriptions([guest["uuid"] for guest in told["guests"]])
        for guest in told["guests"]:
            if guest["uuid"] not in descriptions:
                continue
            stats = guest["stats"]
            is_off = guest["id"] == OFF
            sample = GuestSample(
                name=guest["name"],
                uuid=guest["uuid"],
                domain_id=guest["id"],
                condition="off" if is_off else "running",
                asked_us=told["asked_us"],
                sampled_at=sampled_at,
                counters=bulk_counters(stats) if has_block_fields(stats) and not is_off else None,
                cpu_time_ns=stats.get("cpu.time"),
            )
            sample = self._with_disks(sample, descriptions[guest["uuid"]])
            if not is_off and not has_block_fields(stats):
                sample = self._disk_by_disk(sample)
            if sample.condition == "running" and not _has_counters(sample) and _is_elsewhere(stats):
                sample = replace(sample, condition="off", counters=None)
            yield _with_missing(sample)

    def _with_disks(self, sample: GuestSample, description: Mapping[str, Any]) -> GuestSample:
        if description["xml"] is None:
            return replace(sample, problem=sample.problem or description["problem"])
        try:
            return replace(sample, disks=self.parse(sample.uuid, description["xml"]))
        except UnreadableGuestError as error:
            return replace(sample, problem=sample.problem or str(error))

    def _disk_by_disk(self, sample: GuestSample) -> GuestSample:
        """Ask a driver that does not count in bulk."""
        devices = [disk.device for disk in sample.disks or ()]
        try:
            told = self.host.call(self.patience_seconds, "block_stats", sample.uuid, devices)
        except (RefusedError, SilentError, SourceError) as error:
            return replace(sample, problem=sample.problem or str(error))
        counters = {device: block_stats_counters(told.get(device, {}).get("value", ())) for device in devices}
        return replace(sample, counters=counters, sampled_at=self.clock.now())

    def _ask_busy(self, guests: Sequence[ListedGuest]) -> Iterator[GuestSample]:
        """Ask guests that another client was asking: now it should be done, or its call hangs."""
        occupied = self.occupied(guests)
        self.hung |= occupied
        for guest in guests:
            if guest.uuid in occupied or not self.hangs_left:
                yield from self.describe([guest], "silent", SILENT if guest.uuid in occupied else NOT_ASKED)
                continue
            try:
                yield from self._samples(self._stats([guest], no_waiting=False))
            except SilentError:
                self.found_hanging(guest.uuid)
                yield from self.describe([guest], "silent", SILENT)
            except (RefusedError, SourceError) as error:
                yield from self.describe([guest], "running", str(error))


def _groups(guests: Sequence[ListedGuest], size: int) -> Iterator[Sequence[ListedGuest]]:
    for start in range(0, len(guests), size):
        yield guests[start : start + size]


def _is_occupied(answer: Mapping[str, Any]) -> bool:
    state, _, milliseconds = answer.get("value", (libvirt_numbers.VIR_DOMAIN_CONTROL_OK, 0, 0))
    return bool(state == libvirt_numbers.VIR_DOMAIN_CONTROL_OCCUPIED and milliseconds >= OCCUPIED_MS)


def _has_counters(sample: GuestSample) -> bool:
    """Tell whether any disk has counters, or has none by nature."""
    counters = sample.counters or {}
    return any(counters.values()) or not any(disk.counted for disk in sample.disks or ())


def _is_busy(sample: GuestSample, guest: ListedGuest) -> bool:
    """Tell a guest whose counters another client's call kept from us."""
    return sample.uuid == guest.uuid and sample.condition == "running" and not _has_counters(sample)


def _is_elsewhere(stats: Mapping[str, Any]) -> bool:
    return stats.get("state.state") == libvirt_numbers.VIR_DOMAIN_PAUSED and stats.get("state.reason") in _ARRIVING


def _with_missing(sample: GuestSample) -> GuestSample:
    """Name the disks that libvirt lists without counting them."""
    counters = sample.counters or {}
    without = [disk.device for disk in sample.disks or () if disk.counted and counters.get(disk.device) == {}]
    if not without or sample.problem is not None:
        return sample
    return replace(sample, problem=f"libvirt gives no counters for {', '.join(without)}")
