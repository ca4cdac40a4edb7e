"""Small lakes of which control plane, storage and hypervisors tell, and what `ioledger volumes` shows of them."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lakes import a_run, new_lake
from policy_lake import ioledger

from ioledger.lake.writer import write_run
from ioledger.model.records import Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from ioledger.model.records import Kind, Row, Status

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GIB = 2**30


def a_disk(volume_id: str | None, vm_id: str = "vm-1", device: str = "vda", **columns: object) -> Row:
    """Give a sample of a disk, without its time."""
    return {
        "vm_id": vm_id, "device": device, "volume_id": volume_id, "state": "ok", "epoch": f"{vm_id}-{device}",
        "read_ops": 1, "write_ops": 1, "read_bytes": 1, "write_bytes": 1, **columns,
    }  # fmt: skip


def sold(*rows: Row, at: datetime = NOON - 2 * MINUTE, source: str = "cloud", status: Status = "ok") -> Run:
    """Give a run of a control plane."""
    return a_run(source=source, at=at, kind="controlplane", status=status, tables={"entitlement": list(rows)})


def is_set(*rows: Row, at: datetime = NOON - 3 * MINUTE, source: str = "array", status: Status = "ok") -> Run:
    """Give a run of a storage."""
    return a_run(source=source, at=at, kind="storage", status=status, tables={"provisioned_iops": list(rows)})


def enforced(*rows: Row, at: datetime = NOON - MINUTE, source: str = "kvm-01", status: Status = "ok") -> Run:
    """Give a run of a hypervisor, whose samples are of its start."""
    return a_run(*({**row, "sampled_at": at} for row in rows), source=source, at=at, status=status)


def stored(directory: Path, *runs: Run) -> Path:
    """Make a lake of these runs."""
    return new_lake(directory, *runs)


def store_tables(directory: Path, tables: Mapping[str, Sequence[Row]]) -> Path:
    """Make a lake of rows by table that have their source and run, as planted fleets do."""
    lake = new_lake(directory)
    by_run: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for name, rows in tables.items():
        for row in rows:
            if name not in ("collection_run", "usage_record"):
                told = {key: value for key, value in row.items() if key not in ("source", "run_id", "observed_at")}
                by_run[row["source"], row["run_id"]][name].append(told)
    for run in tables["collection_run"]:
        kind: Kind = run["kind"]
        write_run(
            lake,
            Run(
                source=run["source"],
                run_id=run["run_id"],
                kind=kind,
                started_at=run["started_at"],
                ended_at=run["ended_at"],
                boottime_us=run["boottime_us"],
                status=run["status"],
                collector_version="0",
                tables=dict(by_run[run["source"], run["run_id"]]),
            ),
        )
    return lake


def shown(
    lake: Path, capsys: pytest.CaptureFixture[str], *arguments: str, now: datetime = NOON
) -> list[dict[str, Any]]:
    """Return the rows for programs, without what is NULL in them."""
    capsys.readouterr()
    assert ioledger(lake, "volumes", "--format", "json", *arguments, now=now) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def some(row: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    """Return some columns of a row; None for what it lacks."""
    return tuple(row.get(name) for name in names)
