"""Pruning keeps what later hours rest on, refuses what must not go, and may be killed at any step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

from crash_operations import MIDNIGHT, OPERATIONS
from crash_states import files_of
from crashes import crasher
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample

from ioledger.app import App
from ioledger.cli import run
from ioledger.lake import layout
from ioledger.lake.pruning import prune
from ioledger.lake.verification import verify
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from ioledger.model.records import Row

BEFORE = MIDNIGHT.date()
END = MIDNIGHT + timedelta(hours=1)
# Fewer steps would mean that a change of files is no longer seen.
STEPS = 20


@dataclass(frozen=True)
class LateClock:
    """A clock that stands still, some days after the lake was written."""

    days: int = 60

    def now(self) -> datetime:
        return NOON + timedelta(days=self.days)

    def boottime_us(self) -> int:
        return 0


def silent(vm_id: str, at: datetime) -> Row:
    return {"vm_id": vm_id, "device": "vda", "state": "timeout", "sampled_at": at}


def history(directory: Path) -> Path:
    """Write a lake in which vm-2 is silent across midnight and comes back with a new epoch, and vm-3 is gone."""
    looks = [MIDNIGHT + minute * MINUTE for minute in (-50, -40, -30, -20, -10, 10, 20)]
    alias = {"namespace": "serial", "alias": "s", "volume_id": "vol-1", "valid_from": NOON}
    lake = new_lake(directory)
    for number, at in enumerate(looks):
        seen = [sample("vm-1", at, disk_serial="s"), *([sample("vm-3", at)] if number == 0 else [])]
        if 2 <= number <= 5:
            seen.append(silent("vm-2", at))
        else:
            seen.append(sample("vm-2", at, epoch="e1" if number < 2 else "e2"))
        tables = {"disk_io_stat": seen, "volume_alias": [alias]}
        write_run(lake, a_run(at=at, run_id=f"r{number}", tables=tables))
    for days in (2, 1):
        at = MIDNIGHT - timedelta(days=days) + MINUTE
        told = {"provisioned_iops": [{"volume_id": "vol-1", "min_iops": days, "min_enforced": True}]}
        write_run(lake, a_run(at=at, kind="storage", source="array", tables=told))
    write_run(lake, a_run(at=END + timedelta(hours=1), run_id="r9"))
    write_run(lake, a_run(at=END + timedelta(hours=1), kind="storage", source="array", run_id="a9", tables={}))
    return lake


def kept_usage(lake: Path) -> dict[str, bytes]:
    return {name: whole for name, whole in content(lake).items() if name.startswith(f"usage_record/date={BEFORE}")}


def built_anew(lake: Path) -> dict[str, bytes]:
    rmtree(lake / "usage_record", ignore_errors=True)
    rmtree(lake / ".usage", ignore_errors=True)
    build(lake, MIDNIGHT, END)
    return kept_usage(lake)


def test_what_is_kept_is_what_later_hours_rest_on(tmp_path: Path) -> None:
    lake = history(tmp_path)
    expected = built_anew(lake)
    counts = {row.table: row.row_count for row in prune(lake, BEFORE, is_dry_run=False)}
    kept = read(lake, "SELECT run_id, vm_id, state FROM disk_io_stat WHERE run_id < 'r5' ORDER BY ALL")
    assert kept == [
        ("r0", "vm-3", "ok"), ("r1", "vm-1", "ok"), ("r1", "vm-2", "ok"),
        ("r4", "vm-1", "ok"), ("r4", "vm-2", "timeout"),
    ], "the last of vm-3, the run that saw vm-2 last, and the last run"  # fmt: skip
    assert read(lake, "SELECT run_id, thinned FROM collection_run WHERE source = 'kvm-01' AND run_id < 'r5'") == [
        ("r0", True), ("r1", None), ("r4", None),
    ]  # fmt: skip
    assert read(lake, "SELECT min_iops FROM provisioned_iops") == [(1,)], "in force at midnight"
    assert counts["provisioned_iops"] == 1
    assert counts["disk_io_stat"] == 6
    born = read(lake, "SELECT interval_start FROM interval WHERE epoch = 'e2' AND vm_id = 'vm-2'")
    assert born == [(MIDNIGHT - 40 * MINUTE,)], "from the last run in which vm-2 was not silent"
    assert built_anew(lake) == expected
    assert verify(lake, LateClock().now()).problems == []


def test_whatever_a_crash_leaves_gives_the_same_usage_and_the_next_prune_ends_it(tmp_path: Path) -> None:
    lake = history(tmp_path)
    expected = built_anew(lake)
    finished = tmp_path / "finished"
    copytree(lake, finished)
    OPERATIONS["prune"](finished)
    step_count, seen = 0, {files_of(lake)}
    with crasher() as process:
        for crashed in process.each_crash("prune", lake, tmp_path):
            step_count += 1
            if files_of(crashed) in seen:
                continue
            seen.add(files_of(crashed))
            again = tmp_path / "again"
            copytree(crashed, again)
            assert built_anew(again) == expected
            rmtree(again)
            OPERATIONS["prune"](crashed)
            assert facts(crashed) == facts(finished)
    assert step_count >= STEPS


def facts(lake: Path) -> dict[str, bytes]:
    return {name: whole for name, whole in content(lake).items() if name.endswith(".parquet") and name[0] != "."}


def pruned(lake: Path, before: date, *words: str, days: int = 60) -> int:
    return run(
        ["lake", "prune", "--before", before.isoformat(), "--format", "json", *words],
        App(clock=LateClock(days), lake_option=lake),
    )


def test_the_command_refuses_what_is_not_settled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = history(tmp_path)
    before = facts(lake)
    assert pruned(lake, BEFORE, days=40) == 2
    assert "is within the 40 days for which late data still corrects bills; give 2025-11-22 or earlier" in (
        capsys.readouterr().err
    )
    assert pruned(lake, BEFORE) == 2
    assert "usage of the hour from 2025-11-21T00:00:00Z is not settled (it was not built before)" in (
        capsys.readouterr().err
    )
    build(lake, NOON - timedelta(days=2), END)
    at = MIDNIGHT - timedelta(hours=3)
    write_run(lake, a_run(sample("vm-9", at), source="kvm-09", at=at))
    assert pruned(lake, BEFORE) == 2
    assert "is not settled (" in capsys.readouterr().err
    build(lake, NOON - timedelta(days=2), END)
    assert pruned(lake, BEFORE) == 2
    assert "from 2025-11-22T21:00:00Z is not settled (a source has not reported since); run" in (
        capsys.readouterr().err
    )
    assert {name: facts(lake)[name] for name in before} == before


def test_a_dry_run_changes_nothing_and_tells_what_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = history(tmp_path)
    build(lake, NOON - timedelta(days=2), END)
    before = content(lake)
    assert pruned(lake, BEFORE, "--dry-run") == 0
    told = json.loads(capsys.readouterr().out)
    assert facts(lake).keys() <= before.keys()
    assert {name: whole for name, whole in content(lake).items() if not name.startswith(".usage")} == {
        name: whole for name, whole in before.items() if not name.startswith(".usage")
    }
    assert pruned(lake, BEFORE) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert {row["table"]: row["rows"] for row in told}["disk_io_stat"] == 6
    old = {name: whole for name, whole in before.items() if name.startswith("usage_record/")}
    assert run(["usage", "build"], App(clock=LateClock(2), lake_option=lake)) == 0
    assert {name: content(lake)[name] for name in old} == old, "records of pruned hours stay"
    assert layout.files(lake, "usage_record")
