"""Many collectors write one lake: a clock that is wrong, a host that is dead and a name that two use are told."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from clocks import CountingSource, HeldClock
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample

from collectors.beat import Beat
from collectors.runner import Outcome, collect_one
from ioledger.app import App
from ioledger.cli import run
from ioledger.health import runs
from ioledger.lake import layout
from ioledger.lake.compaction import compact
from ioledger.lake.last_run import last_run
from ioledger.lake.pruning import prune
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.health.check import Check

HOUR = timedelta(hours=1)


def arrive(lake: Path, source: str, at: datetime, arrived_at: datetime, boot_id: str = "b1") -> None:
    """Store a run that tells one time and is written at another, as the file server has it."""
    stored = a_run(sample(source, at), source=source, at=at)
    write_run(lake, replace(stored, boot_id=boot_id))
    path = layout.fact_partition(lake, "collection_run", at.date(), source) / f"{stored.run_id}.parquet"
    os.utime(path, (arrived_at.timestamp(),) * 2)


def to_mend(lake: Path, now: datetime) -> dict[tuple[str, str | None], str]:
    """Return what doctor finds wrong with runs at a moment, by check and source."""
    found: list[Check] = list(runs.checks(App(HeldClock(now), lake_option=lake)))
    return {(check.name, check.source): check.found for check in found if check.mend}


def collect(lake: Path, name: str, clock: HeldClock) -> Outcome:
    return collect_one(lake, name, CountingSource(clock), Beat(lake, clock, [name]))


def test_a_collector_that_is_ahead_stops_no_other(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    assert collect(lake, "kvm-1", HeldClock(NOON + HOUR)).status == "ok"
    assert collect(lake, "kvm-2", HeldClock(NOON, boots=2)).status == "ok"
    assert len(read(lake, "FROM collection_run")) == 2


def test_a_source_whose_first_run_was_killed_before_it_was_stored_has_none(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    layout.fact_partition(lake, "collection_run", NOON.date(), "kvm-1").mkdir(parents=True)
    (tmp_path / "array.csv").write_text("volume_id\nv1\n", encoding="utf-8")
    configured = tmp_path / "ioledger.toml"
    configured.write_text(
        '[sources.kvm-1]\ntype = "storage-inventory"\nprovisioned_iops = "array.csv"\n', encoding="utf-8"
    )
    found = list(runs.checks(App(HeldClock(NOON), configured, config_named=True, lake_option=lake)))
    assert [(check.source, check.found) for check in found] == [("kvm-1", "it was never read into this lake")]


def test_a_source_that_is_collected_alone_waits_for_the_others_of_its_collector(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    (tmp_path / "array.csv").write_text("volume_id\nv1\n", encoding="utf-8")
    configured = tmp_path / "ioledger.toml"
    source = 'type = "storage-inventory"\nprovisioned_iops = "array.csv"\n'
    configured.write_text(f"[sources.first]\n{source}[sources.second]\n{source}", encoding="utf-8")

    def collect_alone(name: str, at: datetime) -> int:
        app = App(HeldClock(at), configured, config_named=True, lake_option=lake)
        return run(["collect", "--source", name], app)

    assert collect_alone("first", NOON + HOUR) == 0
    assert collect_alone("second", NOON) != 0, "what it reads may be the disks of the first"
    assert read(lake, "SELECT source FROM collection_run") == [("first",)]


def test_a_clock_that_was_never_set_stores_nothing_and_that_is_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    arrive(lake, "kvm-1", NOON - MINUTE, NOON - MINUTE)
    clock = HeldClock(datetime(1970, 1, 1, 0, 5, tzinfo=UTC))
    assert "1970-01-01T00:05:00Z, and so was never set" in (collect(lake, "kvm-1", clock).error or "")
    assert len(read(lake, "FROM collection_run")) == 1
    assert "was never set" in to_mend(lake, NOON)["refused", "kvm-1"]


@pytest.mark.parametrize(("off", "way"), [(HOUR, "ahead"), (-HOUR, "behind"), (-2 * MINUTE, "behind")])
def test_a_clock_that_is_wrong_is_told_by_when_its_runs_arrive(tmp_path: Path, off: timedelta, way: str) -> None:
    lake = new_lake(tmp_path)
    for minute in range(-7, 0):
        at = NOON + minute * MINUTE
        arrive(lake, "kvm-1", at + off, at)
        arrive(lake, "kvm-2", at, at)
    seconds = f"{abs(off).total_seconds():,.0f} s"
    assert to_mend(lake, NOON) == {
        ("arrival", "kvm-1"): f"the clock of its collector is {seconds} {way}, as the lake's file system has it"
    }


def test_runs_that_arrive_together_are_late_and_their_clock_is_not_blamed(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for minute in range(-120, 0, 20):
        arrive(lake, "kvm-1", NOON + minute * MINUTE, NOON - MINUTE)
    assert to_mend(lake, NOON) == {
        ("arrival", "kvm-1"): (
            "its last runs arrived late, as a rule 3,540 s after they ended, the last at 2025-11-22T11:59:00Z"
        )
    }


def test_a_run_of_the_future_does_not_hide_that_its_source_is_silent(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for minute in range(-67, -60):
        arrive(lake, "kvm-1", NOON + 2 * HOUR + minute * MINUTE, NOON + minute * MINUTE)
    found = to_mend(lake, NOON)
    assert found["runs", "kvm-1"] == (
        "the last run says it was at 2025-11-22T12:59:00Z, one every 60 s, and arrived at 2025-11-22T10:59:00Z"
    )
    assert ("arrival", "kvm-1") in found


def test_files_that_were_written_later_than_now_witness_nothing(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    arrive(lake, "kvm-1", NOON - MINUTE, NOON + 400 * HOUR)
    assert to_mend(lake, NOON) == {}


def test_runs_of_the_future_are_not_the_newest_and_are_neither_merged_nor_pruned(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for ahead in (2 * HOUR, 2 * HOUR + MINUTE, 26 * HOUR, 26 * HOUR + MINUTE):
        write_run(lake, a_run(sample(at=NOON + ahead), at=NOON + ahead))
    before = content(lake)
    assert compact(lake, NOON).merged_count == 0
    assert content(lake) == before
    write_run(lake, a_run(sample("vm-2"), source="kvm-2"))
    newest = last_run(lake, until=NOON + MINUTE)
    assert newest is not None
    assert newest.ended_at == NOON
    prune(lake, NOON.date(), is_dry_run=False)
    assert before.items() <= content(lake).items()


def test_two_machines_of_one_source_are_told_by_the_one_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, first, second = new_lake(tmp_path), HeldClock(), HeldClock(NOON + MINUTE, boots=2)
    monkeypatch.setattr(socket, "gethostname", lambda: "host-a")
    assert collect(lake, "kvm-1", first).status == "ok"
    monkeypatch.setattr(socket, "gethostname", lambda: "host-b")
    stored = read(lake, "FROM disk_io_stat")
    outcome = collect(lake, "kvm-1", second)
    assert outcome.error == (
        "kvm-1 was stored at 2025-11-22T12:00:00Z by the machine host-a, and this is host-b; one source has one "
        "collector: give each machine a source name of its own, or stop the other and wait until 2025-11-22T12:15:00Z"
    )
    assert read(lake, "FROM disk_io_stat") == stored
    refused_at = (NOON + MINUTE).timestamp()
    os.utime(layout.refusal_file(lake, "kvm-1"), (refused_at, refused_at))
    found = to_mend(lake, NOON + 2 * MINUTE)["refused", "kvm-1"]
    assert found.startswith("host-b stored nothing at 2025-11-22T12:01:00Z: kvm-1 was stored at ")
    assert ("refused", "kvm-1") not in to_mend(lake, NOON + 2 * HOUR)


def test_two_machines_that_store_in_turn_are_told_by_their_boots(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for number, boot_id in enumerate(("b1", "b1", "b2")):
        at = NOON + number * MINUTE
        arrive(lake, "kvm-1", at, at, boot_id)
    assert to_mend(lake, NOON + 3 * MINUTE) == {}
    arrive(lake, "kvm-1", NOON + 3 * MINUTE, NOON + 3 * MINUTE, "b1")
    assert ("refused", "kvm-1") in to_mend(lake, NOON + 4 * MINUTE)
