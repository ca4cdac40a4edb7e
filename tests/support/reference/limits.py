"""What a disk can get at most and at least, from the text of the limits and QEMU's bucket, with fractions.

None is no limit; where a number cannot be told because something is not known, the answer is UNKNOWN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from reference.facts import MICROSECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal


class Unknown(Enum):
    """The one value that says that nobody knows."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
GIB: Final = 1024**3


def ceiling(total: int | None, read: int | None, write: int | None) -> int | None:
    """Try the two ways to limit reads and writes together; both hold where both are there."""
    limits = [] if total is None else [total]
    if read is not None and write is not None:
        limits.append(read + write)
    return min(limits, default=None)


def is_one_sided(total: int | None, read: int | None, write: int | None) -> bool:
    """Say whether exactly one direction is limited, and nothing else."""
    return total is None and [read, write].count(None) == 1


Caps = tuple[int | None, int | None, int | None]
"""A cap in total, on reads and on writes."""


def is_sum_changed(sold_caps: Caps, live_caps: Caps) -> bool:
    """Say whether one of two caps is a total and the other is not, and they let other amounts through."""
    if not any(cap is not None for cap in sold_caps) or not any(cap is not None for cap in live_caps):
        return False
    totals = [caps[0] is not None for caps in (sold_caps, live_caps)]
    return totals.count(True) == 1 and ceiling(*sold_caps) != ceiling(*live_caps)


def sold(iops: int | None, per_gib: Decimal | None, size_bytes: int | None) -> int | Unknown | None:
    """Return what was sold: as it stands, or by size, without the part of an operation at its end."""
    if iops is not None:
        return iops
    if per_gib is None:
        return None
    return UNKNOWN if size_bytes is None else floor(Fraction(per_gib) * Fraction(size_bytes, GIB))


def likely_size(iops: int, per_gib: Decimal) -> int | None:
    """Return the least whole GiB that come to these IOPS, else the least bytes that come to no less."""
    if iops == 0 or per_gib == 0:
        return None
    needed = Fraction(iops) / Fraction(per_gib)
    whole = ceil(needed) * GIB
    return whole if sold(None, per_gib, whole) == iops else ceil(needed * GIB)


def is_other_form(sold_caps: Sequence[int | None], live_caps: Sequence[int | None]) -> bool:
    """Say whether one of two sets of caps (total, read, write) has a total and the other has caps without."""
    with_total = [caps for caps in (sold_caps, live_caps) if caps[0] is not None]
    without = [caps for caps in (sold_caps, live_caps) if caps[0] is None and caps[1:] != (None, None)]
    return len(with_total) == len(without) == 1


def is_crossed(sold_caps: tuple[int | None, int | None], live_caps: tuple[int | None, int | None]) -> bool:
    """Say whether reads and writes are set, differ, and are swapped."""
    read, write = live_caps
    return None not in live_caps and read != write and sold_caps == (write, read)


def disks(attached_count: int | None) -> int:
    """Return how many share the volume; the disk that asks is one of them, whoever counted."""
    return attached_count or 1


def least_share(minimum: int, attached_count: int | None) -> int:
    """Divide a minimum so that the shares fit into it."""
    return floor(Fraction(minimum, disks(attached_count)))


def most_share(maximum: int, attached_count: int | None) -> int:
    """Divide a maximum so that the shares cover it."""
    return ceil(Fraction(maximum, disks(attached_count)))


@dataclass(frozen=True)
class Bucket:
    """A cap with a burst, as QEMU accounts it.

    A bucket leaks at the cap and takes requests until it is full: it holds what passes in a tenth of a
    second at the cap or, with a burst, in the burst's length at the burst. While a burst of more than a
    second lasts, a second bucket leaks at the burst and holds what passes in a tenth of a second.
    """

    cap: int
    burst: int | None = None
    burst_seconds: int | None = None

    def most_within(self, lasted_us: int) -> int:
        """Return how much passes within a time, the buckets being empty at its start."""
        seconds = Fraction(lasted_us, MICROSECONDS)
        if self.burst is None:
            return floor(Fraction(self.cap, 10) + self.cap * seconds)
        length = max(1, self.burst_seconds or 0)
        passed = self.burst * length + self.cap * seconds
        if length > 1:
            passed = min(passed, Fraction(self.burst, 10) + self.burst * seconds)
        return floor(passed)


def at_size(iops: int | None, unit_bytes: int | None, request_bytes: int | None) -> int | Unknown | None:
    """Return how many requests of a size fit, each costing one operation or its size in units."""
    if iops is None or not unit_bytes:
        return iops
    if request_bytes is None:
        return UNKNOWN
    return floor(iops / max(Fraction(1), Fraction(request_bytes, unit_bytes)))


def by_bytes(bps: int | None, request_bytes: int | None) -> int | Unknown | None:
    """Return how many requests of a size fit into a throughput; those without bytes always do."""
    if bps is None or request_bytes == 0:
        return None
    return UNKNOWN if request_bytes is None else floor(Fraction(bps, request_bytes))


@dataclass(frozen=True)
class Disk:
    """A disk's two ceilings in the hypervisor, and what its volume is set to."""

    cap_iops: int | None
    cap_io_size: int | None
    cap_bps: int | None
    min_iops: int | None
    min_enforced: bool | None
    max_iops: int | None
    iops_unit_bytes: int | None
    max_bps: int | None
    attached_count: int | None

    def at_most(self, request_bytes: int | None) -> int | None:
        """Return the least limit in requests of a size, of those that are known; None where there is none."""
        limits = (
            at_size(self.cap_iops, self.cap_io_size, request_bytes),
            by_bytes(self.cap_bps, request_bytes),
            at_size(self._share(self.max_iops), self.iops_unit_bytes, request_bytes),
            by_bytes(self._share(self.max_bps), request_bytes),
        )
        return min((limit for limit in limits if isinstance(limit, int)), default=None)

    def at_least(self, request_bytes: int | None) -> int | Unknown:
        """Return what is reserved for the disk in requests of a size, and within its reach."""
        if self.min_iops is None or not self.min_enforced:
            return 0
        reserved = at_size(least_share(self.min_iops, self.attached_count), self.iops_unit_bytes, request_bytes)
        if not isinstance(reserved, int):
            return UNKNOWN
        most = self.at_most(request_bytes)
        return reserved if most is None else min(reserved, most)

    def _share(self, maximum: int | None) -> int | None:
        return None if maximum is None else most_share(maximum, self.attached_count)
