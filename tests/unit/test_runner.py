"""Every run of a source leaves a row that says how it went."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pytest
from clocks import HeldClock
from lakes import NOON, content, new_lake, read, sample

from collectors import runner
from collectors.beat import Beat
from collectors.collection import Collection, collect_all
from collectors.remembered import recall
from collectors.runner import Outcome, collect_one, run_id_of
from collectors.source import LONGEST_RUN_SECONDS
from ioledger.config import StrictModel
from ioledger.errors import BusyError, LakeError, SourceError
from ioledger.lake import locks, memory
from ioledger.model.records import Kind, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from collectors.source import Occasion, Source

OUTCOMES = "SELECT source, status, row_count, error FROM collection_run ORDER BY source"


@dataclass
class FakeSource:
    """Gives a reading, or the error that it was made with."""

    Settings: ClassVar[type[StrictModel]] = StrictModel
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds = LONGEST_RUN_SECONDS

    reading: Reading = field(default_factory=lambda: Reading({"disk_io_stat": [sample()]}, host_id="h"))
    error: Exception | None = None
    meanwhile: Callable[[], None] = lambda: None

    def read(self, occasion: Occasion) -> Reading:  # noqa: ARG002 - a source's signature
        self.meanwhile()
        if self.error:
            raise self.error
        return self.reading

    def close(self) -> None:
        pass


def collect(lake: Path, sources: Mapping[str, Source]) -> list[Outcome]:
    return collect_all(Collection(lake, sources, HeldClock()))


def test_a_run_is_told_in_its_row(tmp_path: Path) -> None:
    lake, clock = new_lake(tmp_path), HeldClock(up=timedelta(seconds=5))
    source = FakeSource(meanwhile=lambda: clock.let_pass(seconds=2))
    outcome = collect_one(lake, "kvm-01", source, Beat(lake, clock, ["kvm-01"]))
    assert (outcome.status, outcome.row_count, outcome.error, outcome.is_defect) == ("ok", 1, None, False)
    columns = "run_id, kind, host_id, started_at, ended_at, boottime_us, boot_id, timeout_count"
    assert read(lake, f"SELECT {columns} FROM collection_run") == [  # noqa: S608 - the test's own columns
        ("20251122T120000.000000Z", "hypervisor", "h", NOON, NOON + timedelta(seconds=2), 5_000_000, "boot-1", 0)
    ]


def test_a_run_names_the_version_that_runs_not_one_that_was_installed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = new_lake(tmp_path)
    own = version("ioledger")
    monkeypatch.setattr(runner, "version", lambda _name: "99.0")
    collect(lake, {"kvm-01": FakeSource()})
    assert read(lake, "SELECT collector_version FROM collection_run") == [(own,)]


def test_nothing_is_written_where_the_lake_is_gone_or_of_a_newer_version(tmp_path: Path) -> None:
    lake, clock = new_lake(tmp_path), HeldClock()
    (lake / "lake.toml").write_text("schema_version = 2\n", encoding="utf-8")
    before = content(lake)
    with pytest.raises(LakeError, match=r"has schema version 2, .*; upgrade ioledger"):
        collect_one(lake, "kvm-01", FakeSource(), Beat(lake, clock, ["kvm-01"]))
    assert content(lake) == before
    (lake / "lake.toml").unlink()
    with pytest.raises(LakeError, match="there is no lake at"):
        collect_one(lake, "kvm-01", FakeSource(), Beat(lake, clock, ["kvm-01"]))
    assert content(lake).keys() == before.keys() - {"lake.toml"}


def test_run_ids_sort_by_time_in_whatever_zone() -> None:
    moments = [NOON + timedelta(microseconds=1), NOON + timedelta(days=1), NOON.replace(year=2026)]
    ids = [run_id_of(moment.astimezone()) for moment in moments]
    assert ids == sorted(ids)


def test_one_source_that_fails_costs_the_others_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lake = new_lake(tmp_path)
    sources = {
        "a-unreachable": FakeSource(error=SourceError("the host is gone; start it")),
        "b-defect": FakeSource(error=ZeroDivisionError("oops")),
        "c-partial": FakeSource(Reading({"disk_io_stat": [sample()]}, timeout_count=2, error="vm-2 did not answer")),
        "d-bad-rows": FakeSource(Reading({"disk_io_stat": [sample(), sample(device="vdb", read_ops=-1)]})),
        "e-wrong-table": FakeSource(Reading({"entitlement": [{"volume_id": "v"}]})),
        "f-sound": FakeSource(),
    }
    outcomes = collect(lake, sources)
    least = "valid are 0 to 9223372036854775807"
    valid = "valid are disk_cap, disk_io_stat, storage_pool, volume_alias"
    bad_rows = "the source gave rows that no table takes: "
    assert read(lake, OUTCOMES) == [
        ("a-unreachable", "failed", 0, "the host is gone; start it"),
        ("b-defect", "failed", 0, "ZeroDivisionError: oops"),
        ("c-partial", "partial", 1, "vm-2 did not answer"),
        (
            "d-bad-rows", "partial", 2,
            f"1 row could not be stored, the first because of disk_io_stat.read_ops: received -1; {least}",
        ),
        (
            "e-wrong-table", "failed", 0,
            f"{bad_rows}e-wrong-table is a hypervisor source and gave rows of 'entitlement'; {valid}",
        ),
        ("f-sound", "ok", 1, None),
    ]  # fmt: skip
    assert [outcome.is_defect for outcome in outcomes] == [False, True, False, False, True, False]
    assert read(lake, "SELECT timeout_count FROM collection_run WHERE source = 'c-partial'") == [(2,)]
    assert "b-defect: a defect of ioledger ended the run" in caplog.text


@pytest.mark.parametrize("where", ["read", "write_run"])
def test_what_the_process_lacks_fails_a_run_and_is_no_defect(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lacking = pa.ArrowMemoryError("malloc of size 128 failed")

    def refuse(*_: object, **__: object) -> None:
        raise lacking

    if where == "write_run":
        monkeypatch.setattr(runner, where, refuse)
    source = FakeSource(error=lacking) if where == "read" else FakeSource()
    (outcome,) = collect(new_lake(tmp_path), {"kvm-1": source})
    assert (outcome.status, outcome.is_defect) == ("failed", False)
    assert "may not have the memory, threads or open files that this takes (malloc of size 128" in str(outcome.error)
    assert "defect" not in caplog.text


ODD = {"an amount": {"read_ops": -1}, "its device": {"device": "v\udcff"}, "two rows of one disk": None}


@pytest.mark.parametrize("what", ODD)
def test_a_disk_that_was_left_out_is_not_taken_for_a_new_one(tmp_path: Path, what: str) -> None:
    lake, clock = new_lake(tmp_path), HeldClock()
    rows = [sample(), sample(**{"device": "vdb", "read_ops": 10**12} | (ODD[what] or {}))]
    first = Reading({"disk_io_stat": rows if ODD[what] else [*rows, {**rows[1], "read_ops": 1}]})
    assert collect_one(lake, "kvm-01", FakeSource(first), Beat(lake, clock, ["kvm-01"])).status == "partial"
    clock.let_pass(60)
    later = [sample(at=clock.now(), device=device, read_ops=10**12) for device in ("vda", "vdb")]
    collect_one(lake, "kvm-01", FakeSource(Reading({"disk_io_stat": later})), Beat(lake, clock, ["kvm-01"]))
    # What was counted before anybody watched is billed to nobody (metering.md, rule 4).
    assert read(lake, "SELECT DISTINCT device FROM interval") == [("vda",)]
    assert read(lake, "SELECT count(*) FROM disk_io_stat WHERE state = 'error'") == [(1,)]


def test_a_row_of_nobody_knows_which_guest_fails_the_run(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    reading = Reading({"disk_io_stat": [sample(), sample("vm-\udcff")]})
    outcome = collect_one(lake, "kvm-01", FakeSource(reading), Beat(lake, HeldClock(), ["kvm-01"]))
    assert (outcome.status, outcome.row_count) == ("failed", 0)
    assert "the source gave rows that no table takes: disk_io_stat.vm_id: " in (outcome.error or "")


def test_a_source_that_is_being_read_is_left_alone(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with locks.exclusive(lake, "collect-kvm-01"):
        outcomes = collect(lake, {"kvm-01": FakeSource(), "kvm-02": FakeSource()})
    assert [outcome.status for outcome in outcomes] == ["failed", "ok"]
    assert "is in use by process" in str(outcomes[0].error)
    assert read(lake, OUTCOMES) == [("kvm-02", "ok", 1, None)]
    later = HeldClock(NOON + timedelta(minutes=1))
    assert collect_one(lake, "kvm-01", FakeSource(), Beat(lake, later, ["kvm-01"])).status == "ok"


def test_a_lock_is_held_once_and_freed(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    told = rf"^x of {lake} is in use by process \d+ of .*; wait for it to end, or end it$"
    with locks.exclusive(lake, "x"), locks.exclusive(lake, "y"), pytest.raises(BusyError, match=told):
        locks.exclusive(lake, "x").__enter__()
    with locks.exclusive(lake, "x"):
        pass


def test_what_a_crash_left_is_removed_by_the_next_run(tmp_path: Path) -> None:
    lake, clock = new_lake(tmp_path), HeldClock()
    for _ in range(2):
        clock.let_pass(60)
        assert collect_one(lake, "kvm-01", FakeSource(), Beat(lake, clock, ["kvm-01"])).status == "ok"
    (last,) = (lake / "collection_run").rglob("20251122T120200.000000Z.parquet")
    last.rename(last.with_name(".20251122T120200.000000Z.parquet.tmp"))
    clock.let_pass(60)
    assert collect_one(lake, "kvm-01", FakeSource(), Beat(lake, clock, ["kvm-01"])).status == "ok"
    assert sorted(path.name for path in last.parent.iterdir()) == [
        "20251122T120100.000000Z.parquet",
        "20251122T120300.000000Z.parquet",
    ]


def test_the_cost_of_a_run_does_not_grow_with_those_of_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that follows another looks into no directory in which there are as many files as runs."""
    lake, clock = new_lake(tmp_path), HeldClock()
    listed: list[str] = []

    def noting(list_directory: Callable[..., object]) -> Callable[..., object]:
        def noted(path: object = ".") -> object:
            listed.append(str(path))
            return list_directory(path)

        return noted

    for name in ("listdir", "scandir"):
        monkeypatch.setattr(os, name, noting(getattr(os, name)))
    for is_first in (True, False):
        listed.clear()
        clock.let_pass(60)
        assert collect_one(lake, "kvm-01", FakeSource(), Beat(lake, clock, ["kvm-01"])).status == "ok"
        assert any("source=kvm-01" in path for path in listed) == is_first


@pytest.mark.parametrize(
    "run",
    ["x", {}, {"started_at_us": "1"}, {"started_at_us": 10**30, "ended_at_us": 10**30, "boottime_us": 1, "boot_id": 2}],
)
def test_what_is_remembered_of_a_run_and_makes_no_sense_is_as_good_as_lost(tmp_path: Path, run: object) -> None:
    lake = new_lake(tmp_path)
    memory.remember(lake, "kvm-01", {"run": run, "source": []})
    assert collect_one(lake, "kvm-01", FakeSource(), Beat(lake, HeldClock(), ["kvm-01"])).status == "ok"
    assert recall(lake, "kvm-01").last_run is not None
