"""Asking libvirt for guests: all in one call, and one by one where that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import libvirt

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_connection import reason
from collectors.hypervisors.libvirt_domain_xml import disks_of
from collectors.hypervisors.libvirt_guest import OFF, GuestSample
from collectors.hypervisors.libvirt_stats import block_stats_counters, bulk_counters, has_block_fields
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from collectors.hypervisors.libvirt_domain_xml import Disk
    from ioledger.clock import Clock

STATS: Final = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BLOCK


@dataclass(frozen=True, slots=True)
class _Answer:
    """What libvirt said when asked for counters; ``stats`` is None, and ``problem`` set, where it refused."""

    guest: libvirt.virDomain
    asked_us: int
    sampled_at: datetime
    stats: Mapping[str, object] | None = None
    problem: str | None = None


def ask_all(connection: libvirt.virConnect, clock: Clock) -> Iterator[GuestSample]:
    """Yield a sample of every guest; one that vanishes in between is left out.

    Raises SourceError where the guests cannot be listed.
    """
    asked_us = clock.boottime_us()
    try:
        answers = connection.getAllDomainStats(STATS)
    except libvirt.libvirtError:
        # A single guest can make the call fail for all of them.
        yield from _ask_each(connection, clock)
        return
    sampled_at = clock.now()
    for guest, stats in answers:
        if (sample := _sample(_Answer(guest, asked_us, sampled_at, stats), clock)) is not None:
            yield sample


def ask_again(connection: libvirt.virConnect, sample: GuestSample, clock: Clock) -> GuestSample | None:
    """Return a fresh sample of a guest, the old one if libvirt knows no better, or None if the guest is gone."""
    try:
        guest = connection.lookupByUUIDString(sample.uuid)
    except libvirt.libvirtError as error:
        return None if _is_gone(error) else sample
    return _ask_one(connection, guest, clock)


def _ask_each(connection: libvirt.virConnect, clock: Clock) -> Iterator[GuestSample]:
    try:
        guests = connection.listAllDomains()
    except libvirt.libvirtError as error:
        raise SourceError(f"libvirt cannot list its guests: {reason(error)}; see libvirt's log on that host") from error
    for guest in guests:
        if (sample := _ask_one(connection, guest, clock)) is not None:
            yield sample


def _ask_one(connection: libvirt.virConnect, guest: libvirt.virDomain, clock: Clock) -> GuestSample | None:
    asked_us = clock.boottime_us()
    try:
        answers = connection.domainListGetStats([guest], STATS)
    except libvirt.libvirtError as error:
        if _is_gone(error):
            return None
        return _sample(_Answer(guest, asked_us, clock.now(), problem=reason(error)), clock)
    if not answers:
        return None
    current, stats = answers[0]
    return _sample(_Answer(current, asked_us, clock.now(), stats), clock)


def _sample(answer: _Answer, clock: Clock) -> GuestSample | None:
    """Add disks and caps from the live XML; None if the guest is gone."""
    guest, sampled_at = answer.guest, answer.sampled_at
    problem = answer.problem
    disks: list[Disk] | None = None
    try:
        disks = disks_of(guest.XMLDesc())
    except libvirt.libvirtError as error:
        if _is_gone(error):
            return None
        problem = problem or reason(error)
    except UnreadableGuestError as error:
        problem = problem or str(error)
    counters: dict[str, dict[str, int]] | None = None
    if answer.stats is not None and guest.ID() != OFF:
        if has_block_fields(answer.stats):
            counters = bulk_counters(answer.stats)
        else:
            counters = {disk.device: _counters_of(guest, disk) for disk in disks or ()}
            sampled_at = clock.now()
        problem = problem or _missing(disks or (), counters)
    return GuestSample(
        name=guest.name(),
        uuid=guest.UUIDString(),
        domain_id=guest.ID(),
        asked_us=answer.asked_us,
        sampled_at=sampled_at,
        disks=disks,
        counters=counters,
        problem=problem,
    )


def _counters_of(guest: libvirt.virDomain, disk: Disk) -> dict[str, int]:
    try:
        return block_stats_counters(guest.blockStats(disk.device))
    except libvirt.libvirtError:
        return {}


def _missing(disks: Sequence[Disk], counters: Mapping[str, Mapping[str, int]]) -> str | None:
    without = [disk.device for disk in disks if disk.counted and counters.get(disk.device) == {}]
    return f"libvirt gives no counters for {', '.join(without)}" if without else None


def _is_gone(error: libvirt.libvirtError) -> bool:
    return bool(error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)
