"""Lakes with usage records and rate cards, rated and closed as the commands do it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import usage_lakes
from rate_cards import write

from ioledger.lake import layout, settings
from ioledger.model.tables import USAGE_AMOUNTS, USAGE_RECORD
from reports.charges import bill, stored
from reports.closing.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ioledger.model.records import Row
    from reports.charges.bill import Made
    from reports.charges.stored import Bill
    from reports.closing.archive import Closed

HOUR = timedelta(hours=1)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
CLOSED_AT = datetime(2027, 1, 1, tzinfo=UTC)

_NOTHING = {name: Decimal(0) if name in usage_lakes.EXACT else 0 for name in USAGE_AMOUNTS}


def record(at: datetime, kind: str = "allocation", **columns: object) -> Row:
    """Give the usage record of an hour, of a guaranteed volume of the account a unless ``columns`` say otherwise."""
    qos_class = str(columns.get("qos_class", "guaranteed"))
    provisioned, throttled = usage_lakes.CLASSES[qos_class]
    amounts = {name: Decimal(str(value)) if name in usage_lakes.EXACT else value for name, value in columns.items()}
    names = {"kind": kind, "window_start": at, "volume_id": "v1", "account_id": "a", **columns}
    return {
        "usage_record_id": " ".join(str(names[name]) for name in ("kind", "window_start", "volume_id", "account_id")),
        "kind": kind, "window_start": at, "window_end": at + HOUR, "volume_id": "v1", "account_id": "a",
        "qos_class": qos_class, "provisioned": provisioned, "throttled": throttled, **_NOTHING, **amounts,
    }  # fmt: skip


def sold(at: datetime, iops: int, **columns: object) -> Row:
    """Give an hour in which IOPS were sold and could be delivered."""
    amounts = {"sold_iops_seconds": 3600 * iops, "deliverable_iops_seconds": 3600 * iops}
    return record(at, **{**amounts, **columns})


def done(at: datetime, reads: int, **columns: object) -> Row:
    """Give an hour in which a disk read."""
    return record(at, "io", **{"read_ops": reads, "guaranteed_ops": reads, "vm_id": "vm", "device": "vda", **columns})


def lake_with(directory: Path, rows: Iterable[Row], *tables: Row) -> Path:
    """Make a lake of usage records, by ``[[settings]]`` tables."""
    lake = directory / "lake"
    usage_lakes.settle(lake, tables)
    put(lake, rows)
    return lake


def put(lake: Path, rows: Iterable[Row]) -> None:
    """Let these be all usage records of a lake."""
    stored_days = usage_lakes.store(lake, sorted(rows, key=_in_order))
    for path in layout.files(lake, USAGE_RECORD.name):
        if path.parent.name.removeprefix("date=") not in {day.isoformat() for day in stored_days}:
            path.unlink()


def _in_order(row: Row) -> tuple[Any, ...]:
    return tuple((row.get(name) is None, row.get(name)) for name in USAGE_RECORD.key)


def make(lake: Path, period: str, *texts: str) -> Made:
    """Rate a month by the cards of some texts, and store nothing."""
    path = write(lake.parent, *texts)
    month = stored.month_of(period, settings.load(lake))
    return bill.make(lake, month, path.read_text(encoding="utf-8"), path)


def rate(lake: Path, period: str, *texts: str) -> Bill:
    """Rate a month and keep its bill."""
    made = make(lake, period, *texts)
    stored.store(lake, made.bill)
    return made.bill


def close(lake: Path, rated: Bill) -> Closed:
    """Close the month of a bill that was kept, whatever speaks against it."""
    return freeze(lake, rated, [], None, CLOSED_AT)


def lines(made: Bill) -> list[dict[str, Any]]:
    """Give the lines of a bill as rows."""
    rows: list[dict[str, Any]] = made.lines.to_pylist()
    return rows
