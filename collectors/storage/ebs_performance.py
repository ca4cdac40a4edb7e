"""What a volume of Amazon EBS is set to and what AWS promises of it, by the volume's type.

Sources of the constants, all in the Amazon EBS User Guide (https://docs.aws.amazon.com/ebs/latest/userguide/):
"Amazon EBS General Purpose SSD volumes" (general-purpose.html) for gp2 and gp3, "Amazon EBS Provisioned
IOPS SSD volumes" (provisioned-iops.html) for io1 and io2, "Amazon EBS Throughput Optimized HDD and Cold
HDD volumes" (hdd-vols.html) for st1 and sc1, "Amazon EBS I/O characteristics and monitoring"
(ebs-io-characteristics.html) for the size of an operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

KIB: Final = 1024
MIB: Final = 1024**2
GIB: Final = 1024**3

_SSD_UNIT_BYTES: Final = 256 * KIB
_HDD_UNIT_BYTES: Final = 1024 * KIB

_PROVISIONED: Final = ("io1", "io2", "gp3")
"""Types whose IOPS are bought, and delivered for a stated part of the time: 99.9 % (io1, io2) or 99 % (gp3)."""

_GP2_IOPS_PER_GIB: Final = 3
_GP2_LEAST_IOPS: Final = 100
_GP2_MOST_IOPS: Final = 16_000
_GP2_BURST_IOPS: Final = 3_000
_GP2_SMALL_GIB: Final = 170
_GP2_SMALL_BPS: Final = 128 * MIB
_GP2_LARGE_BPS: Final = 250 * MIB

_BURST_MIB_PER_TIB: Final = {"st1": 250, "sc1": 80}
_MOST_HDD_MIB: Final = {"st1": 500, "sc1": 250}


@dataclass(frozen=True, slots=True)
class Setting:
    """What AWS tells of a volume: ``iops`` and ``throughput_mib`` (MiB per second) where it tells them."""

    volume_type: str | None
    size_gib: int | None
    iops: int | None
    throughput_mib: int | None


@dataclass(frozen=True, slots=True)
class Performance:
    """The columns of ``provisioned_iops`` that follow from the type and its settings; None is NULL."""

    min_iops: int | None = None
    max_iops: int | None = None
    burst_iops: int | None = None
    max_bps: int | None = None
    min_enforced: bool | None = None
    iops_unit_bytes: int | None = None


def performance(setting: Setting) -> Performance:
    """Return what a volume of these settings delivers; a type that is not known here has nothing."""
    kind = setting.volume_type
    if kind in _PROVISIONED:
        max_bps = setting.throughput_mib * MIB if setting.throughput_mib is not None else None
        return Performance(
            min_iops=setting.iops,
            max_iops=setting.iops,
            max_bps=max_bps,
            min_enforced=True,
            iops_unit_bytes=_SSD_UNIT_BYTES,
        )
    if kind == "gp2":
        return _gp2(setting)
    if kind in _BURST_MIB_PER_TIB:
        return Performance(max_bps=_hdd_bps(kind, setting.size_gib), iops_unit_bytes=_HDD_UNIT_BYTES)
    return Performance()


def _gp2(setting: Setting) -> Performance:
    size = setting.size_gib
    baseline, max_bps = setting.iops, None
    if size is not None:
        if baseline is None:
            baseline = min(max(_GP2_IOPS_PER_GIB * size, _GP2_LEAST_IOPS), _GP2_MOST_IOPS)
        max_bps = _GP2_SMALL_BPS if size <= _GP2_SMALL_GIB else _GP2_LARGE_BPS
    bursts = baseline is not None and baseline < _GP2_BURST_IOPS
    return Performance(
        max_iops=baseline,
        burst_iops=_GP2_BURST_IOPS if bursts else None,
        max_bps=max_bps,
        iops_unit_bytes=_SSD_UNIT_BYTES,
    )


def _hdd_bps(kind: str, size_gib: int | None) -> int | None:
    """Return the throughput that a volume of hard disks reaches while it has credits: so much for each TiB."""
    if size_gib is None:
        return None
    return min(_BURST_MIB_PER_TIB[kind] * size_gib * MIB // KIB, _MOST_HDD_MIB[kind] * MIB)


def between(original: Performance, target: Performance) -> Performance:
    """Return what is certain while a volume goes over from one performance to another.

    AWS says ("Monitor the progress of Amazon EBS volume modifications", monitoring-volume-modifications.html)
    that it is between the two, and no less than the lower: that is the minimum, and the higher the maximum.
    Where one of the two has no such limit, there is none.
    """
    return Performance(
        min_iops=_both(min, original.min_iops, target.min_iops),
        max_iops=_both(max, original.max_iops, target.max_iops),
        burst_iops=_both(max, original.burst_iops, target.burst_iops),
        max_bps=_both(max, original.max_bps, target.max_bps),
        min_enforced=True if original.min_enforced and target.min_enforced else None,
        iops_unit_bytes=original.iops_unit_bytes if original.iops_unit_bytes == target.iops_unit_bytes else None,
    )


def _both(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else choose(one, other)
