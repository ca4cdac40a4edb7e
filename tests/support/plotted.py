"""A disk whose history was worked out by hand, as rows of a lake and as what is drawn of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from golden import tables_of_runs

from ioledger.lake import reader, settings
from ioledger.model.records import Run
from reports.plot.disk import DiskHistory, Limit, Mark, Step, Stretch
from reports.plot.history import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ioledger.model.records import Kind, Row

TEN = datetime(2026, 11, 1, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
END = TEN + 80 * MINUTE


def at(minute: float) -> datetime:
    """Return a moment, by minutes since ten."""
    return TEN + minute * MINUTE


def run(source: str, minute: float, kind: Kind = "hypervisor", **tables: list[Row]) -> Run:
    """Give a complete run of a source."""
    return Run(
        source=source, run_id=f"{at(minute):%Y%m%dT%H%M%S}", kind=kind, started_at=at(minute), ended_at=at(minute),
        boottime_us=0, status="ok", collector_version="0", tables=tables,
    )  # fmt: skip


def disk(minute: float, read_ops: int, write_ops: int, **columns: object) -> Row:
    """Give a sample of vda of web, on kvm-a and volume vol-1 unless ``columns`` say otherwise."""
    return {
        "sampled_at": at(minute), "vm_id": "vm-1", "vm_name": "web", "device": "vda", "volume_id": "vol-1",
        "host_id": "kvm-a", "epoch": "e1", "state": "ok", "read_ops": read_ops, "write_ops": write_ops,
        "read_bytes": read_ops * 1000, "write_bytes": write_ops * 1000, **columns,
    }  # fmt: skip


def kvm(minute: float, read_ops: int, write_ops: int, **columns: object) -> Run:
    """Give a run of kvm-a that reads that disk."""
    return run("kvm-a", minute, disk_io_stat=[disk(minute, read_ops, write_ops, **columns)])


STORY: Sequence[Run] = [
    run("array", 0, "storage", provisioned_iops=[
        {"volume_id": "vol-1", "min_iops": 50, "min_enforced": True, "max_iops": 100, "burst_iops": 150}]),
    run("shop", 0, "controlplane", entitlement=[{"volume_id": "vol-1", "volume_name": "data"}]),
    kvm(0, 0, 0, cap_total_iops=100),
    kvm(10, 30_000, 6_000, cap_total_iops=100),  # 50 reads and 10 writes a second
    kvm(20, 84_000, 12_000, cap_total_iops=200),  # 90 and 10, which is its cap of 100; from here on it may do 200
    run("array", 30, "storage", provisioned_iops=[
        {"volume_id": "vol-1", "min_iops": 80, "min_enforced": True, "max_iops": 100, "burst_iops": 150}]),
    kvm(30, 108_000, 12_000, cap_total_iops=200),  # 40 and 0
    kvm(40, 6_000, 600, cap_total_iops=200),  # began again: 10 and 1
    kvm(60, 126_000, 600, cap_total_iops=200),  # twenty minutes: too long to say how even they were
    run("kvm-b", 60),
    run("kvm-b", 70, disk_io_stat=[disk(70, 12_000, 0, epoch="e2", host_id="kvm-b")]),  # 20 and 0, since 11:00
]  # fmt: skip
"""An hour and ten minutes of a disk that is throttled, restarted, lost from sight and migrated."""

HISTORY = DiskHistory(
    volume_id="vol-1",
    volume_name="data",
    disk_names=["vda of web"],
    other_disks=[],
    start=TEN,
    end=END,
    zone=ZoneInfo("UTC"),
    steps=[
        Step(at(0), at(10), 50, 10, 50_000, 10_000),
        Step(at(10), at(20), 90, 10, 90_000, 10_000),
        Step(at(20), at(30), 40, 0, 40_000, 0),
        Step(at(30), at(40), 10, 1, 10_000, 1_000),
        Step(at(60), at(70), 20, 0, 20_000, 0),
    ],
    limits=[
        Limit("minimum", "IOPS", at(0), at(30), 50),
        Limit("minimum", "IOPS", at(30), END, 80),
        Limit("maximum", "IOPS", at(0), END, 100),
        Limit("burst", "IOPS", at(0), END, 150),
        Limit("cap", "IOPS", at(0), at(20), 100),
        Limit("cap", "IOPS", at(20), at(60), 200),
    ],
    at_cap=[Stretch(at(10), at(20))],
    gaps=[Stretch(at(40), at(60))],
    unobserved=[Stretch(at(70), END)],
    marks=[Mark("reset", at(40), ""), Mark("migration", at(70), "kvm-a → kvm-b")],
    qos_classes=["conflicting", "guaranteed"],
    sharing_disks=1,
)
"""What the story comes to, by hand."""


def history_of(
    runs: Iterable[Run], settings_tables: Sequence[Row] = (), disk: tuple[str, str | None] | None = None
) -> DiskHistory:
    """Read the history of vol-1 in runs that are held in memory."""
    with reader.connect_tables(tables_of_runs(runs), settings_tables) as connection:
        return read(connection, "vol-1", TEN, END, settings.timeline(settings_tables), disk=disk)


def busy(count: int, **changes: object) -> DiskHistory:
    """Give a history of many short steps, of which one reads 1,000 times a second and the others 10."""
    length = (END - TEN) / count
    steps = [
        Step(TEN + n * length, TEN + (n + 1) * length, 1000 if n == count // 3 else 10, 5, 10_000, 5_000)
        for n in range(count)
    ]
    quiet = {"limits": [], "at_cap": [], "gaps": [], "unobserved": [], "marks": []}
    return replace(HISTORY, steps=steps, **{**quiet, **changes})
