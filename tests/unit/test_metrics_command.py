"""`ioledger metrics`: numbers that are those of the lake, for series that do not come and go."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from lakes import a_run, new_lake, sample
from policy_lake import NOON, ioledger
from told_metrics import Told, metrics_of, parsed
from usage_lakes import EXACT, store

from ioledger.lake import layout
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived, write_run
from ioledger.metrics.family import parts
from ioledger.model.tables import QUARANTINE, TABLES, USAGE_AMOUNTS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.records import Row, Run, Status

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SOURCES = """\
[sources.kvm-01]
type = "libvirt"
uri = "test:///default"

[sources.never]
type = "libvirt"
uri = "test:///default"

[sources.gone]
type = "libvirt"
uri = "test:///default"
"""


def guests(*names: str, at: datetime, source: str = "kvm-01", status: Status = "ok", seconds: int = 0) -> Run:
    rows = (sample(name, at + timedelta(seconds=1)) for name in names)
    return replace(a_run(*rows, at=at, source=source, status=status), ended_at=at + timedelta(seconds=seconds))


def failed(at: datetime, source: str = "kvm-01") -> Run:
    return a_run(at=at, source=source, status="failed", tables={})


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of three sources: one that is read every minute and failed at last, one that is not configured."""
    directory = tmp_path_factory.mktemp("watched")
    (directory / "ioledger.toml").write_text(SOURCES, encoding="utf-8")
    lake = new_lake(directory)
    (lake / "settings.toml").write_text(
        '[[settings]]\nvalid_from = 2026-11-01T00:00:00Z\nretired = ["gone", "old"]\n', encoding="utf-8"
    )
    write_run(lake, guests("vm-1", at=NOON - 25 * HOUR))
    for minute in range(-6, -2):
        write_run(lake, guests("vm-1", "vm-2", "vm-3", at=NOON + minute * MINUTE, seconds=4))
    write_run(lake, guests("vm-1", "vm-2", at=NOON - 2 * MINUTE, status="partial", seconds=7))
    write_run(lake, failed(NOON - MINUTE))
    for hours in (30, 29, 3, 2):
        write_run(lake, guests("vm-8", at=NOON - hours * HOUR, source="other"))
    write_run(lake, guests("vm-9", at=NOON - HOUR, source="old"))
    return lake


@pytest.fixture(scope="module")
def told(watched: Path) -> Told:
    return metrics_of(watched)


def of_source(told: Told, source: str) -> dict[str, float]:
    return {
        name.removeprefix("ioledger_source_") + "".join(f" {label}" for label in labels[1:]): value
        for name, values in told.items()
        for labels, value in values.items()
        if name.startswith("ioledger_source_") and labels[0] == source
    }


OF_ARRIVALS = {"last_arrival_timestamp_seconds", "arrival_delay_seconds"}


def test_arrivals_are_told_until_runs_are_merged(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for minute in (3, 2, 1):
        at = NOON - minute * MINUTE
        write_run(lake, a_run(sample(at=at), at=at))
        path = layout.fact_partition(lake, "collection_run", at.date(), "kvm-01") / f"{at:%Y%m%dT%H%M%S}.parquet"
        os.utime(path, ((at - 2 * MINUTE).timestamp(),) * 2)
    before = of_source(metrics_of(lake), "kvm-01")
    assert before["last_arrival_timestamp_seconds"] == (NOON - 3 * MINUTE).timestamp()
    assert before["arrival_delay_seconds"] == -120
    assert ioledger(lake, "lake", "compact", now=NOON + 2 * DAY) == 0
    after = of_source(metrics_of(lake), "kvm-01")
    assert all(math.isnan(after[name]) for name in OF_ARRIVALS)


def test_a_source_is_told_by_its_last_run_its_last_success_and_its_beat(told: Told) -> None:
    known = {name: value for name, value in of_source(told, "kvm-01").items() if name not in OF_ARRIVALS}
    assert known == {
        "last_run_timestamp_seconds": (NOON - MINUTE).timestamp(),
        "last_success_timestamp_seconds": (NOON - 2 * MINUTE).timestamp(),
        "last_run_status ok": 0,
        "last_run_status partial": 0,
        "last_run_status failed": 1,
        "last_run_duration_seconds": 0,
        "last_run_rows": 0,
        "last_run_guests": 0,
        "last_run_timeouts": 0,
        "newest_row_timestamp_seconds": (NOON - 2 * MINUTE).timestamp() + 1,
        "beat_seconds": 60,
        "runs ok": 4,
        "runs partial": 1,
        "runs failed": 1,
    }


def test_a_source_that_never_ran_has_every_series(told: Told) -> None:
    never = of_source(told, "never")

    assert never.keys() == of_source(told, "kvm-01").keys()
    assert {name for name, value in never.items() if math.isnan(value)} == {
        "last_run_duration_seconds",
        "beat_seconds",
        *OF_ARRIVALS,
    }
    assert {value for value in never.values() if not math.isnan(value)} == {0}


def test_a_source_with_two_runs_in_the_day_before_its_last_has_no_usual_time_between_them(told: Told) -> None:
    assert math.isnan(of_source(told, "other")["beat_seconds"])


def test_sources_are_those_that_are_waited_for(told: Told) -> None:
    assert {source for (source,) in told["ioledger_source_last_run_rows"]} == {"kvm-01", "never", "other"}


def test_rows_guests_and_duration_are_of_the_last_run_also_once_it_is_merged(tmp_path: Path) -> None:
    earlier = [guests("vm-1", "vm-2", at=NOON - minutes * MINUTE) for minutes in (3, 2)]
    last = guests("vm-2", "vm-3", "vm-4", at=NOON - MINUTE, seconds=9)
    last.tables["disk_io_stat"].append(sample("vm-3", NOON - MINUTE, device="vdb"))
    lake = new_lake(tmp_path, *earlier, last)

    before = of_source(metrics_of(lake), "kvm-01")
    assert ioledger(lake, "lake", "compact", now=NOON + 2 * DAY) == 0
    after = metrics_of(lake)

    assert (before["last_run_rows"], before["last_run_guests"], before["last_run_duration_seconds"]) == (4, 3, 9)
    assert before.keys() - OF_ARRIVALS == of_source(after, "kvm-01").keys() - OF_ARRIVALS
    assert all(of_source(after, "kvm-01")[name] == before[name] for name in before.keys() - OF_ARRIVALS)
    assert after["ioledger_lake_unmerged_files"][()] == 0
    merged = [*lake.glob("collection_run/**/merged~*"), *lake.glob("disk_io_stat/**/merged~*")]
    newest = max(path.stat().st_mtime for path in merged)
    assert after["ioledger_lake_last_compaction_timestamp_seconds"][()] == newest


def test_the_files_of_the_lake_are_all_counted(watched: Path, told: Told) -> None:
    files = [path for path in watched.rglob("*") if path.is_file()]

    assert sum(told["ioledger_lake_size_bytes"].values()) == sum(path.stat().st_size for path in files)
    assert sum(told["ioledger_lake_files"].values()) == len(files)
    assert told["ioledger_lake_files"][("collection_run",)] == len(layout.files(watched, "collection_run")) == 12
    assert {table for (table,) in told["ioledger_lake_files"]} == {*TABLES, "other"}
    assert told["ioledger_lake_unmerged_files"][()] == 23
    assert 0 < told["ioledger_lake_filesystem_avail_bytes"][()] < told["ioledger_lake_filesystem_size_bytes"][()]


def hour(opens: datetime, account: str, observed: str, gap: str, kind: str = "io") -> Row:
    nothing = {name: Decimal(0) if name in EXACT else 0 for name in USAGE_AMOUNTS}
    amounts = {**nothing, "observed_seconds": Decimal(observed), "gap_seconds": Decimal(gap)}
    return {
        "kind": kind, "window_start": opens, "window_end": opens + HOUR, "volume_id": "v", "vm_id": account,
        "device": "vda", "account_id": account, "qos_class": "best_effort", "provisioned": False, "throttled": False,
        **amounts,
    }  # fmt: skip


def test_usage_is_told_by_how_far_it_is_built_and_how_much_is_observed(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    store(
        lake,
        [
            hour(NOON - 25 * HOUR, "long-ago", "0", "3600"),
            hour(NOON - 24 * HOUR, "acme", "3600", "0"),
            hour(NOON - 2 * HOUR, "acme", "1800", "1800"),
            hour(NOON - 2 * HOUR, "umbrella", "3600", "0"),
            hour(NOON - HOUR, "umbrella", "3600.000000", "0", kind="allocation"),
            hour(NOON, "umbrella", "0", "3600"),
        ],
    )

    told = metrics_of(lake, now=NOON)

    assert told["ioledger_usage_built_until_timestamp_seconds"] == {(): NOON.timestamp()}
    assert told["ioledger_usage_coverage_ratio"] == {(): (3600 + 1800 + 3600) / (3 * 3600)}
    assert told["ioledger_usage_lowest_coverage_ratio"] == {(): 5400 / 7200}


def test_an_hour_that_was_built_before_its_end_does_not_count_as_built(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    store(lake, [hour(NOON - 2 * HOUR, "acme", "3600", "0"), hour(NOON - HOUR, "acme", "300", "0")])
    built_at = (NOON - 55 * MINUTE).timestamp()
    for path in layout.files(lake, "usage_record"):
        os.utime(path, (built_at, built_at))

    assert metrics_of(lake)["ioledger_usage_built_until_timestamp_seconds"] == {(): (NOON - HOUR).timestamp()}


def test_nothing_built_in_the_last_day_is_no_coverage_that_anybody_knows(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    empty = metrics_of(lake)
    store(lake, [hour(NOON - 30 * HOUR, "acme", "3600", "0")])
    old = metrics_of(lake)

    for told in (empty, old):
        assert math.isnan(told["ioledger_usage_coverage_ratio"][()])
        assert math.isnan(told["ioledger_usage_lowest_coverage_ratio"][()])
    assert empty["ioledger_usage_built_until_timestamp_seconds"] == {(): 0}
    assert empty["ioledger_check_timestamp_seconds"] == {(): 0}
    assert empty["ioledger_closed_until_timestamp_seconds"] == {(): 0}


def test_time_is_provisional_until_each_source_has_a_complete_run_after_it(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, guests("vm-1", at=NOON - 150 * MINUTE), failed(NOON - 30 * MINUTE))
    waiting = metrics_of(lake, now=NOON)["ioledger_usage_provisional_seconds"][()]
    write_run(lake, guests("vm-1", at=NOON + MINUTE))
    reported = metrics_of(lake, now=NOON + 2 * MINUTE)["ioledger_usage_provisional_seconds"][()]

    assert (waiting, reported) == (2 * 3600, 0)  # the hours with runs: from 9 o'clock and from 11


def test_what_is_withheld_or_set_aside_is_counted(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, guests("vm-1", at=NOON - HOUR))
    withheld = {
        "window_start": NOON - HOUR, "window_end": NOON, "kind": "io", "vm_id": "vm-1", "device": "vda",
        "expected": "1", "observed": "2", "reason": "It does not add up.",
    }  # fmt: skip
    rows = [{**withheld, "invariant": name} for name in ("classes", "deltas")]
    rows.append({**withheld, "vm_id": "vm-2", "invariant": "classes"})
    write_derived(lake, QUARANTINE, NOON.date(), "quarantine", typed(QUARANTINE, rows))
    (path,) = layout.files(lake, "disk_io_stat")
    path.write_bytes(b"broken")
    assert ioledger(lake, "lake", "verify", "--quarantine") == 3

    told = metrics_of(lake)

    assert told["ioledger_usage_quarantined_records"] == {(): 2}
    assert told["ioledger_lake_set_aside_files"] == {(): 2}  # the broken file, and its run


def test_series_are_of_sources_rules_and_tables_and_do_not_grow_with_the_fleet(tmp_path: Path) -> None:
    few = new_lake(tmp_path / "few", guests("vm-1", at=NOON - MINUTE))
    many = new_lake(tmp_path / "many", guests(*(f"vm-{number}" for number in range(200)), at=NOON - MINUTE))

    series = [
        {(name, labels) for name, values in metrics_of(lake).items() for labels in values} for lake in (few, many)
    ]

    assert series[0] == series[1]
    labels = {label for part in parts() for family in part.families for label in family.labels}
    assert labels == {"source", "status", "rule", "severity", "table", "version"}


def test_the_file_is_replaced_whole_or_not_at_all(
    watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "ioledger.prom"
    target.write_text("before\n", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("ioledger.lake.files.os.fsync", full)
        assert ioledger(watched, "metrics", "--to", str(target)) == 2
    assert f"{target} cannot be written: No space left on device" in capsys.readouterr().err
    assert target.read_text(encoding="utf-8") == "before\n"
    assert list(tmp_path.iterdir()) == [target]

    assert ioledger(watched, "metrics", "--to", str(target)) == 0
    assert ioledger(watched, "metrics") == 0
    out = capsys.readouterr().out
    assert parsed(out).keys() == parsed(target.read_text(encoding="utf-8")).keys()
    assert out.endswith("\n")


@pytest.mark.parametrize("broken", ["no-lake", "a-damaged-run", "nowhere/ioledger.prom"])
def test_what_cannot_be_told_is_one_sentence_and_the_file_grows_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    target = tmp_path / ("nowhere/ioledger.prom" if broken.startswith("nowhere") else "ioledger.prom")
    lake = tmp_path / "lake"
    if broken != "no-lake":
        new_lake(tmp_path, guests("vm-1", at=NOON - MINUTE))
    if broken == "a-damaged-run":
        layout.files(lake, "collection_run")[0].write_bytes(b"not Parquet")

    assert ioledger(lake, "metrics", "--to", str(target)) == 2

    err = capsys.readouterr().err
    assert err.startswith("ioledger: ")
    assert err.count("\n") == 1
    assert not target.exists()
