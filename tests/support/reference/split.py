"""Rules 10 to 13: what limited a piece, and how its operations and seconds divide."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Final

from reference.facts import MICROSECONDS, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reference.windows import Piece

BASE_CAPS: Final = (
    "cap_total_iops", "cap_read_iops", "cap_write_iops", "cap_total_bps", "cap_read_bps", "cap_write_bps",
)  # fmt: skip
NEARLY: Final = Fraction(95, 100)


def rule_10_is_provisioned(allocation: Row) -> bool:
    """An allocation is provisioned when it sets a minimum, a maximum or a burst."""
    return any(allocation.get(level) is not None for level in ("min_iops", "max_iops", "burst_iops"))


def rule_10_is_throttled(cap: Row) -> bool:
    """A disk is throttled when one of the six base caps is set."""
    return any(cap.get(base) is not None for base in BASE_CAPS)


def rule_10_enforced_minimum(allocation: Row) -> int | None:
    """Return the minimum if the backend really reserves it."""
    minimum: int | None = allocation.get("min_iops")
    return minimum if allocation.get("min_enforced") is True else None


def rule_10_qos_class(allocation: Row, *, is_throttled: bool) -> str:
    """Name who limits the disk; both at once is a conflict."""
    if not rule_10_is_provisioned(allocation):
        return "throttled" if is_throttled else "best_effort"
    if is_throttled:
        return "conflicting"
    return "limited" if rule_10_enforced_minimum(allocation) is None else "guaranteed"


def rule_11_split(piece: Piece, allocation: Row) -> Mapping[str, int]:
    """Divide the piece's reads and writes; the five classes add up to them.

    What an enforced minimum allows in the time is guaranteed, what exceeds the provisioned maximum
    is burst, the rest is throttled or best effort. Several disks on one volume share both evenly.
    """
    operations = piece.amounts["read_ops"] + piece.amounts["write_ops"]
    if piece.interval.is_gap:
        return {"unclassified_ops": operations}
    seconds = Fraction(piece.end - piece.start, MICROSECONDS)
    disks = max(1, allocation.get("attached_count") or 0)
    guaranteed = min(operations, floor((rule_10_enforced_minimum(allocation) or 0) // disks * seconds))
    burst = 0
    if allocation.get("max_iops") is not None:
        maximum = ceil(Fraction(allocation["max_iops"], disks))
        burst = min(operations - guaranteed, max(0, operations - ceil(maximum * seconds)))
    rest = "throttled_ops" if rule_10_is_throttled(piece.interval.cap) else "best_effort_ops"
    return {"guaranteed_ops": guaranteed, "burst_ops": burst, rest: operations - guaranteed - burst}


def rule_12_is_at_cap(piece: Piece) -> bool:
    """Say whether some base cap was reached, or nearly.

    A cap with a request size counts a large request as several, so its operations weigh at least
    their bytes divided by that size.
    """
    amounts = piece.amounts
    read, write = amounts["read_ops"], amounts["write_ops"]
    read_bytes, write_bytes = amounts["read_bytes"], amounts["write_bytes"]
    if piece.interval.is_gap or not (read or write or read_bytes or write_bytes):
        return False
    cap = piece.interval.cap
    size = cap.get("cap_io_size")

    def weight(operations: int, bytes_: int) -> Fraction:
        return max(Fraction(operations), Fraction(bytes_, size) if size is not None and size > 0 else Fraction(0))

    observed = {
        "cap_total_iops": weight(read + write, read_bytes + write_bytes),
        "cap_read_iops": weight(read, read_bytes),
        "cap_write_iops": weight(write, write_bytes),
        "cap_total_bps": Fraction(read_bytes + write_bytes),
        "cap_read_bps": Fraction(read_bytes),
        "cap_write_bps": Fraction(write_bytes),
    }
    seconds = Fraction(piece.end - piece.start, MICROSECONDS)
    return any(observed[base] >= NEARLY * cap[base] * seconds for base in BASE_CAPS if cap.get(base) is not None)


def rule_13_cap_iops(cap: Row) -> int | None:
    """Return the cap on all operations: the total, or reads and writes where both are capped."""
    total, read, write = (cap.get(base) for base in BASE_CAPS[:3])
    if total is not None:
        return int(total)
    return None if read is None or write is None else int(read + write)


def rule_13_deliverable_iops(allocation: Row, entitlement: Row, cap_iops: int | None) -> int:
    """Return what can be delivered at least: nothing without an enforced minimum, else the least limit."""
    minimum = rule_10_enforced_minimum(allocation)
    if minimum is None:
        return 0
    return min(limit for limit in (minimum, entitlement.get("sold_min_iops"), cap_iops) if limit is not None)
