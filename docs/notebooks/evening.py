"""Writes what collectors would have read of one disk in one evening; throttled_disk.ipynb tells of it.

The disk was sold with a guarantee of 500 IOPS. At 19:00 somebody caps it at 300 in the hypervisor, and at
20:00 somebody takes the guarantee off the array.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ioledger.lake import layout
from ioledger.lake.writer import write_run
from ioledger.model.records import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.model.records import Kind, Row

START: Final = datetime(2026, 10, 12, 18, tzinfo=UTC)
CAPPED: Final = START + timedelta(hours=1)
FREED: Final = START + timedelta(hours=2)
END: Final = START + timedelta(hours=3)
STEP: Final = timedelta(minutes=2)

VM: Final = "6f1d0c1e-0001-4000-8000-000000000001"
VOLUME: Final = "vol-shop-db"
SOLD: Final[Row] = {
    "volume_id": VOLUME, "volume_name": "shop database", "vm_id": VM, "account_id": "acme", "account_name": "ACME Ltd",
    "offering_id": "provisioned-500", "sold_min_iops": 500, "sold_max_iops": 1000, "size_bytes": 100 * 2**30,
}  # fmt: skip
SET: Final = {"volume_id": VOLUME, "pool_id": "array-1", "min_enforced": True, "size_bytes": 100 * 2**30}
GUARANTEE: Final = {"min_iops": 500, "max_iops": 1000}


def collect(lake: Path) -> None:
    """Make a lake and store every run of the evening in it."""
    layout.create(lake)
    for run in (*_host(), *_array_and_shop()):
        write_run(lake, run)


def _host() -> Iterator[Run]:
    """Read the disk's counters every two minutes, as the hypervisor has them since the guest was started."""
    read_ops, write_ops = 90_000_000, 30_000_000
    at = START
    while at <= END:
        cap = {} if at < CAPPED else {"cap_total_iops": 300}
        sample = {
            "sampled_at": at, "vm_id": VM, "vm_name": "shop-db", "device": "vda", "volume_id": VOLUME, "state": "ok",
            "epoch": "4711", "epoch_started_at": START - timedelta(days=3), "read_ops": read_ops,
            "write_ops": write_ops, "read_bytes": read_ops * 8192, "write_bytes": write_ops * 8192,
        }  # fmt: skip
        yield _run("kvm-01", "hypervisor", at, {"disk_io_stat": [sample | cap]})
        wave = 7 * at.minute % 10  # people do not ask evenly
        read_ops += 120 * (220 if cap else 400 + 10 * wave)
        write_ops += 120 * (80 if cap else 120 + 4 * wave)
        at += STEP


def _array_and_shop() -> Iterator[Run]:
    """List every half hour what the array is set to, and what the shop sold."""
    at = START - timedelta(minutes=30)
    while at <= END + timedelta(minutes=30):
        yield _run("array-1", "storage", at, {"provisioned_iops": [SET | ({} if at >= FREED else GUARANTEE)]})
        yield _run("shop", "controlplane", at, {"entitlement": [SOLD]})
        at += timedelta(minutes=30)


def _run(source: str, kind: Kind, at: datetime, tables: dict[str, list[Row]]) -> Run:
    return Run(
        source=source,
        run_id=f"{at:%Y%m%dT%H%M%S.%fZ}",
        kind=kind,
        host_id=source if kind == "hypervisor" else None,
        started_at=at,
        ended_at=at,
        boottime_us=(at - START + timedelta(days=9)) // timedelta(microseconds=1),
        status="ok",
        collector_version="0",
        tables=tables,
    )
