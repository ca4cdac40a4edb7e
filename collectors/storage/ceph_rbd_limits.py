"""What limits of an RBD image come to, told in the columns of ``provisioned_iops``.

librbd enforces six limits at a time: of reads, of writes and of both together, each in operations and in
bytes per second, with 0 for none. A column holds one number for both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST: Final = 2**63 - 1
"""The most that a column holds; what is limited to more is not limited."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The operations or bytes per second that reads and writes together are held to; None: without end."""

    rate: int | None
    burst: int | None


def limit(settings: Mapping[str, str], amount: str) -> Limit:
    """Return the limit of an ``amount``, ``iops`` or ``bps``, from settings by their names in Ceph.

    It is the lower of the limit on both together and the sum of those on reads and on writes, if both are
    set. The burst is None where none of those that count has one.
    """
    both = _one(settings, amount)
    reads, writes = _one(settings, f"read_{amount}"), _one(settings, f"write_{amount}")
    bounds = [bound for bound in (both, _sum(reads, writes)) if bound.rate is not None]
    rates = [bound.rate for bound in bounds if bound.rate is not None]
    bursts = [bound.burst or bound.rate or 0 for bound in bounds]
    has_burst = any(bound.burst is not None for bound in bounds)
    return Limit(_told(min(rates)) if rates else None, _told(min(bursts)) if has_burst else None)


def _one(settings: Mapping[str, str], kind: str) -> Limit:
    rate = int(settings.get(f"rbd_qos_{kind}_limit", "0"))
    burst = int(settings.get(f"rbd_qos_{kind}_burst", "0"))
    # librbd takes a burst that is lower than its limit for a mistake, and enforces the limit without it.
    return Limit(rate or None, burst if rate and burst >= rate else None)


def _sum(reads: Limit, writes: Limit) -> Limit:
    if reads.rate is None or writes.rate is None:
        return Limit(None, None)
    if reads.burst is None and writes.burst is None:
        return Limit(reads.rate + writes.rate, None)
    return Limit(reads.rate + writes.rate, (reads.burst or reads.rate) + (writes.burst or writes.rate))


def _told(amount: int) -> int | None:
    return amount if amount <= LARGEST else None
