"""A lake at the end of October 2026: collected, built, checked and rated, and ready to be closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lakes import a_run, sample
from rate_cards import card, item, write

from ioledger.lake import layout
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Run

HOUR = timedelta(hours=1)
FIRST = datetime(2026, 10, 31, 20, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)

SETTINGS = "[[settings]]\nvalid_from = 2020-01-01T00:00:00Z\nmax_gap_seconds = 7200\n"

PRICED = card(
    item(price="0.05"),
    item(sku='"reads"', meter='"read_ops"', price="0.001"),
    item(sku='"writes"', meter='"write_ops"', price="0"),
    item(sku='"size"', meter='"gib"', price="0"),
)


def disk(at: datetime, vm_id: str = "vm-1") -> Run:
    """Give a run of the hypervisor: the disk reads 100 times an hour."""
    reads = 100 * ((at - FIRST) // HOUR)
    counters = {"read_ops": reads, "write_ops": 0, "read_bytes": 0, "write_bytes": 0}
    return a_run(sample(vm_id, at, volume_id="v1", **counters), at=at)


def array(at: datetime) -> Run:
    """Give a run of the storage: an enforced minimum of 100 IOPS."""
    volume = {"volume_id": "v1", "pool_id": "p1", "min_iops": 100, "max_iops": 1000, "min_enforced": True}
    return a_run(at=at, source="array", kind="storage", tables={"provisioned_iops": [{**volume, "attached_count": 1}]})


def shop(at: datetime) -> Run:
    """Give a run of the control plane: 100 IOPS were sold to the account acme."""
    sold = {"volume_id": "v1", "vm_id": "vm-1", "account_id": "acme", "account_name": "Acme", "pool_id": "p1"}
    row = {**sold, "sold_min_iops": 100, "sold_max_iops": 1000, "size_bytes": 2**30}
    return a_run(at=at, source="shop", kind="controlplane", tables={"entitlement": [row]})


def collect(lake: Path, since: datetime = FIRST, until: datetime = END + HOUR) -> None:
    """Store a run of every source each hour, both ends included."""
    for number in range((until - since) // HOUR + 1):
        for run in (disk, array, shop):
            write_run(lake, run(since + number * HOUR))


def new_lake(directory: Path) -> Path:
    """Make a lake with runs of the last hours of October and an hour of November, and a rate card beside it."""
    lake = directory / "lake"
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(SETTINGS, encoding="utf-8")
    collect(lake)
    write(directory, PRICED)
    return lake
