"""Small lakes of usage records, and the bills of a month that are made of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import usage_lakes
from billed_months import record
from usage_lakes import EXACT

from ioledger.lake import settings as lake_settings
from ioledger.model.tables import OPERATION_CLASSES, USAGE_AMOUNTS
from reports.charges import bill, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ioledger.model.records import Row

HOUR = timedelta(hours=1)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
UTC_LAKE: list[Row] = [{"valid_from": datetime(2000, 1, 1, tzinfo=UTC), "billing_time_zone": "UTC"}]

KEY: Row = {
    "account_id": "acme", "volume_id": "v1", "vm_id": None, "device": None, "project_id": None, "offering_id": None,
    "pool_id": None, "zone_id": None, "qos_class": "best_effort",
}  # fmt: skip
DISK: Row = {**KEY, "vm_id": "m1", "device": "vda"}


def held(
    hours: Iterable[int] = range(720), start: datetime = NOVEMBER, length: timedelta = HOUR, **told: object
) -> list[Row]:
    """Give records of a volume that begin at some hours; amounts are levels, such as ``sold_iops``, the rest its key.

    Records can be longer than an hour, which makes smaller lakes: days cost what their hours cost.
    """
    levels = {f"{name}_seconds": level for name, level in told.items() if f"{name}_seconds" in USAGE_AMOUNTS}
    key = {**KEY, **{name: value for name, value in told.items() if f"{name}_seconds" not in USAGE_AMOUNTS}}
    amounts = {name: _held(levels.get(name, 0), length) if name in EXACT else 0 for name in USAGE_AMOUNTS}
    return [_record("allocation", start + hour * HOUR, length, key, amounts) for hour in hours]


def done(
    hours: Iterable[int] = (0,), start: datetime = NOVEMBER, length: timedelta = HOUR, **told: object
) -> list[Row]:
    """Give records of a disk that begin at some hours: operations and bytes, a level ``cap_iops``, and its key."""
    counted = {name.replace("cap_iops", "cap_iops_seconds"): value for name, value in told.items()}
    key = {**DISK, **{name: value for name, value in counted.items() if name not in USAGE_AMOUNTS}}
    amounts: Row = {name: Decimal(0) if name in EXACT else counted.get(name, 0) for name in USAGE_AMOUNTS}
    amounts["cap_iops_seconds"] = _held(counted.get("cap_iops_seconds", 0), length)
    if not any(name in counted for name in OPERATION_CLASSES):
        amounts["best_effort_ops"] = amounts["read_ops"] + amounts["write_ops"]
    return [_record("io", start + hour * HOUR, length, key, amounts) for hour in hours]


def _held(level: object, length: timedelta) -> Decimal:
    return Decimal(str(level)) * (length // timedelta(seconds=1))


def _record(kind: str, opens: datetime, length: timedelta, key: Row, amounts: Row) -> Row:
    return record(kind, (opens, opens + length), key, amounts)


def lake_of(directory: Path, rows: Sequence[Row], tables: Sequence[Row] = UTC_LAKE) -> Path:
    """Make a lake that has these usage records and nothing else."""
    lake = directory / "lake"
    usage_lakes.settle(lake, tables)
    usage_lakes.store(lake, rows)
    return lake


def bill_of(lake: Path, cards: str, period: str = "2026-11") -> stored.Bill:
    """Make the bill of a month by the text of a file of rate cards."""
    month = stored.month_of(period, lake_settings.load(lake))
    return bill.make(lake, month, cards, Path("rates.toml")).bill


def lines_of(
    directory: Path, rows: Sequence[Row], cards: str, tables: Sequence[Row] = UTC_LAKE, period: str = "2026-11"
) -> list[dict[str, Any]]:
    """Return the lines of the bill of some usage records."""
    lines: list[dict[str, Any]] = bill_of(lake_of(directory, rows, tables), cards, period).lines.to_pylist()
    return lines
