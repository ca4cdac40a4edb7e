"""The counters in libvirt's answers, as columns of ``disk_io_stat``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeGuard

from collectors.hypervisors.libvirt_caps import MAX_AMOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

BULK_FIELD_OF: Final = {
    "read_ops": "rd.reqs",
    "read_bytes": "rd.bytes",
    "read_time_ns": "rd.times",
    "write_ops": "wr.reqs",
    "write_bytes": "wr.bytes",
    "write_time_ns": "wr.times",
    "flush_ops": "fl.reqs",
    "flush_time_ns": "fl.times",
}
"""Columns and the fields after ``block.N.``; source: libvirt, virConnectGetAllDomainStats."""

BLOCK_STATS_COLUMNS: Final = ("read_ops", "read_bytes", "write_ops", "write_bytes")
"""The first four items of virDomainBlockStats, in its order."""


def has_block_fields(stats: Mapping[str, object]) -> bool:
    """Tell a driver that counts disks in bulk, even none, from one that must be asked disk by disk."""
    return "block.count" in stats


def bulk_counters(stats: Mapping[str, object]) -> dict[str, dict[str, int]]:
    """Return each disk's counters by target; a disk whose counters are missing has an empty entry.

    The number N in ``block.N`` is a position, not an identity: the target is in ``block.N.name``. What is no
    amount that the lake holds is missing: libvirt's are unsigned, and a QEMU that goes wrong may tell any.
    """
    counters = {}
    count = stats["block.count"]
    # Each disk has a name at least, so that there are no more of them than entries, whatever the count says.
    for number in range(min(count, len(stats)) if isinstance(count, int) else 0):
        counters[str(stats.get(f"block.{number}.name"))] = {
            column: amount
            for column, field in BULK_FIELD_OF.items()
            if _is_amount(amount := stats.get(f"block.{number}.{field}"))
        }
    return counters


def _is_amount(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MAX_AMOUNT


def block_stats_counters(answer: tuple[int, ...]) -> dict[str, int]:
    """Return one disk's counters from virDomainBlockStats, where -1 means not counted."""
    return {column: amount for column, amount in zip(BLOCK_STATS_COLUMNS, answer, strict=False) if _is_amount(amount)}
