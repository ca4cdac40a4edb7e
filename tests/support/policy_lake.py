"""A lake with two guests, one of them as every conflict rule fears it, and a command line over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ioledger.app import App
from ioledger.cli import run
from ioledger.lake import layout
from ioledger.lake.writer import write_run
from ioledger.model.records import Run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ioledger.model.records import Kind, Row

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


@dataclass(frozen=True)
class StoppedClock:
    """A clock that stands where the test put it."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def boottime_us(self) -> int:
        return 0

    def boot_id(self) -> str | None:
        return None


def ioledger(lake: Path, *arguments: str, now: datetime = NOON) -> int:
    """Run a command over a lake beside its configuration; return the exit code."""
    app = App(clock=StoppedClock(now), config_file=lake.parent / "ioledger.toml", lake_option=lake)
    return run(list(arguments), app)


def collect(lake: Path, kind: Kind, at: datetime, tables: Mapping[str, list[Row]]) -> None:
    """Store one complete run of the one source of a kind."""
    write_run(
        lake,
        Run(
            source=f"the-{kind}",
            run_id=at.strftime("%Y%m%dT%H%M%SZ"),
            kind=kind,
            started_at=at,
            ended_at=at,
            boottime_us=0,
            status="ok",
            collector_version="0",
            tables=tables,
        ),
    )


def disk(vm: str, volume: str | None, at: datetime, **columns: object) -> Row:
    """Make the sample of a guest's only disk."""
    return {
        "vm_id": vm, "device": "vda", "volume_id": volume, "sampled_at": at, "state": "ok", "epoch": f"{vm}-1",
        "read_ops": 1, "write_ops": 1, "read_bytes": 1, "write_bytes": 1, **columns,
    }  # fmt: skip


def collect_all(lake: Path, at: datetime, cap_iops: int | None = 500) -> None:
    """Read storage, control plane and hypervisor: `shop` has a cap below its guaranteed 2000 IOPS, `web` has none."""
    sold: list[Row] = [{"volume_id": name, "account_id": "acme", "sold_min_iops": 2000} for name in ("vol-s", "vol-w")]
    allocated: list[Row] = [{"volume_id": name, "min_iops": 2000, "min_enforced": True} for name in ("vol-s", "vol-w")]
    samples = [disk("shop", "vol-s", at, cap_total_iops=cap_iops), disk("web", "vol-w", at)]
    collect(lake, "storage", at, {"provisioned_iops": allocated})
    collect(lake, "controlplane", at, {"entitlement": sold})
    collect(lake, "hypervisor", at, {"disk_io_stat": samples})


def new_lake(directory: Path) -> Path:
    """Make a lake that has been read once, a minute before noon."""
    lake = directory / "lake"
    layout.create(lake)
    collect_all(lake, NOON - timedelta(minutes=1))
    return lake
