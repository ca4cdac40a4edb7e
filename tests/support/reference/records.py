"""A second implementation of docs/metering.md: slow, plain, in Python's integers and fractions.

It exists to disagree with the SQL. It knows nothing of ioledger but the names of columns, each
rule is one small function that says the rule in words, and nothing in it is clever.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from reference.facts import MICROSECONDS, Row, Settings, Tables, existing_facts, to_datetime, to_microseconds
from reference.in_force import History, InForce, history
from reference.intervals import AMOUNTS, all_intervals
from reference.modes import pool_of, what_counts
from reference.split import (
    rule_10_enforced_minimum,
    rule_10_is_provisioned,
    rule_10_is_throttled,
    rule_10_qos_class,
    rule_11_split,
    rule_12_is_at_cap,
    rule_13_cap_iops,
    rule_13_deliverable_iops,
)
from reference.windows import Piece, Window, rule_8_pieces, rule_8_windows

if TYPE_CHECKING:
    from datetime import datetime

KEY: Final = (
    "volume_id", "vm_id", "device", "account_id", "project_id", "offering_id", "pool_id", "zone_id", "qos_class",
)  # fmt: skip
COUNTS: Final = (
    *AMOUNTS, "guaranteed_ops", "burst_ops", "throttled_ops", "best_effort_ops", "unclassified_ops", "resets",
)  # fmt: skip
LEVELS: Final = (
    "observed_seconds", "gap_seconds", "at_cap_seconds", "cap_iops_seconds", "sold_iops_seconds",
    "guaranteed_iops_seconds", "deliverable_iops_seconds", "max_iops_seconds", "gib_seconds",
)  # fmt: skip
GIB: Final = 2**30

Record = dict[str, Any]
Contribution = tuple[tuple[Any, ...], Mapping[str, int]]
"""What one piece or moment adds to the record of its key; levels are still times microseconds."""


@dataclass(frozen=True)
class Disk:
    """Which disk a record is about; a record of a volume has no device."""

    volume_id: str | None
    vm_id: str | None
    device: str | None


def usage_records(tables: Tables, settings: Sequence[Row], start: datetime, end: datetime) -> list[Record]:
    """Return the records of the windows that begin in ``[start, end)``, in the contract's order."""
    facts = existing_facts(tables, settings)
    windows = rule_8_windows(facts.settings, to_microseconds(start), to_microseconds(end))
    pieces = [piece for interval in all_intervals(facts) for piece in rule_8_pieces(interval, windows)]
    past = history(facts)
    sums: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    settings_of_lake = facts.settings
    for key, amounts in (
        *_of_pieces(pieces, past, settings_of_lake),
        *_of_held_volumes(windows, pieces, past, settings_of_lake),
    ):
        for name, amount in amounts.items():
            sums[key][name] += amount
    withheld = {_disk_and_window(key) for key, amounts in sums.items() if is_oversized(amounts)}
    records = [_record(key, sums[key]) for key in sorted(sums, key=_order) if _disk_and_window(key) not in withheld]
    return [record for record in records if any(record[name] for name in (*COUNTS, *LEVELS))]


def _of_pieces(pieces: Sequence[Piece], past: History, settings: Settings) -> Iterator[Contribution]:
    for judged in pieces:
        there = past.at(judged.interval.volume_id, judged.start)
        in_force, (cap,) = what_counts(settings, judged.window, there, [judged.interval.cap])
        interval = replace(judged.interval, cap=cap)
        piece = replace(judged, interval=interval)
        length = piece.end - piece.start
        disk = Disk(interval.volume_id, interval.vm_id, interval.device)
        is_throttled = rule_10_is_throttled(interval.cap)
        yield (
            _key("io", piece.window, disk, in_force, is_throttled=is_throttled),
            {
                **piece.amounts,
                **rule_11_split(piece, in_force.allocation),
                "observed_seconds": 0 if interval.is_gap else length,
                "gap_seconds": length if interval.is_gap else 0,
                "at_cap_seconds": length if rule_12_is_at_cap(piece) else 0,
                "cap_iops_seconds": (rule_13_cap_iops(interval.cap) or 0) * length,
                "resets": piece.resets,
            },
        )


def _of_held_volumes(
    windows: Sequence[Window], pieces: Sequence[Piece], past: History, settings: Settings
) -> Iterator[Contribution]:
    """Go through every volume and every stretch of time in which nothing about it changes."""
    for volume_id in past.volumes():
        own_pieces = [piece for piece in pieces if piece.interval.volume_id == volume_id]
        changes = {moment for piece in own_pieces for moment in (piece.start, piece.end)}
        changes |= {moment for hold in past.of_volume(volume_id) for moment in (hold.start, hold.end)}
        for window in windows:
            inside = {moment for moment in changes if window.start < moment < window.end}
            for start, end in pairwise(sorted({window.start, window.end, *inside})):
                there = past.at(volume_id, start)
                if there.allocation or there.entitlement:
                    set_caps = [piece.interval.cap for piece in own_pieces if piece.start < end and start < piece.end]
                    in_force, caps = what_counts(settings, window, there, set_caps)
                    is_throttled = any(rule_10_is_throttled(cap) for cap in caps)
                    disk = Disk(volume_id, in_force.entitlement.get("vm_id"), None)
                    key = _key("allocation", window, disk, in_force, is_throttled=is_throttled)
                    yield key, {name: level * (end - start) for name, level in _levels(in_force, caps).items()}


def _levels(in_force: InForce, caps: Sequence[Row]) -> Mapping[str, int]:
    allocation, entitlement = in_force.allocation, in_force.entitlement
    cap_iops = min((cap for cap in map(rule_13_cap_iops, caps) if cap is not None), default=None)
    size = allocation.get("size_bytes")
    return {
        "sold_iops_seconds": entitlement.get("sold_min_iops") or 0,
        "guaranteed_iops_seconds": rule_10_enforced_minimum(allocation) or 0,
        "deliverable_iops_seconds": rule_13_deliverable_iops(allocation, entitlement, cap_iops),
        "max_iops_seconds": allocation.get("max_iops") or 0,
        "gib_seconds": (entitlement.get("size_bytes") if size is None else size) or 0,
    }


def _key(kind: str, window: Window, disk: Disk, in_force: InForce, *, is_throttled: bool) -> tuple[Any, ...]:
    allocation, entitlement = in_force.allocation, in_force.entitlement
    values = {
        "volume_id": disk.volume_id,
        "vm_id": disk.vm_id,
        "device": disk.device,
        **{name: entitlement.get(name) for name in ("account_id", "project_id", "offering_id", "zone_id")},
        "pool_id": pool_of(in_force),
        "qos_class": rule_10_qos_class(allocation, is_throttled=is_throttled),
    }
    flags = (rule_10_is_provisioned(allocation), is_throttled)
    return (kind, window.start, window.end, *(values[name] for name in KEY), *flags)


def _order(key: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, start, _, *names = key[: 3 + len(KEY)]
    return (kind, start, *((name is None, (name or "").encode()) for name in names))


def is_oversized(amounts: Mapping[str, int]) -> bool:
    """Say whether an amount is more than a record holds: 63 bits of a count, 32 digits of a level's microseconds.

    Then nothing is recorded of the disk in that window, for its counters cannot be right.
    """
    return any(amounts.get(name, 0) >= 2**63 for name in COUNTS) or any(
        amounts.get(name, 0) >= 10**32 for name in LEVELS if name != "gib_seconds"
    )


def _disk_and_window(key: tuple[Any, ...]) -> tuple[Any, ...]:
    kind, start, _, *names = key[: 3 + len(KEY)]
    key_values = dict(zip(KEY, names, strict=True))
    return (kind, start, *(key_values[name] for name in ("vm_id", "device")))


def _record(key: tuple[Any, ...], sums: Mapping[str, int]) -> Record:
    kind, start, end, *names, provisioned, throttled = key
    record: Record = {
        "usage_record_id": record_id(kind, start, names),
        "kind": kind,
        "window_start": to_datetime(start),
        "window_end": to_datetime(end),
        **dict(zip(KEY, names, strict=True)),
        "provisioned": provisioned,
        "throttled": throttled,
        **{name: sums.get(name, 0) for name in COUNTS},
        **{name: exact_seconds(sums.get(name, 0)) for name in LEVELS},
        "revision": 0,
    }
    record["gib_seconds"] = exact_seconds(_rounded_half_up(Fraction(sums.get("gib_seconds", 0), GIB)))
    return record


def record_id(kind: str, window_start: int, names: Sequence[str | None], revision: int = 0) -> str:
    """Return the SHA-256 of the key as JSON: no spaces, other scripts as they are, in UTF-8."""
    text = json.dumps([kind, window_start, *names, revision], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def exact_seconds(microseconds: int) -> Decimal:
    """Turn microseconds, or a level times microseconds, into seconds with six places, exactly."""
    return Decimal(f"{microseconds // MICROSECONDS}.{microseconds % MICROSECONDS:06d}")


def _rounded_half_up(amount: Fraction) -> int:
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)
