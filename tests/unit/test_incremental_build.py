"""A build makes again the hours that something reached, says why, and ends where one build of everything ends."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, a_run, content, new_lake, sample

from ioledger.cli import run
from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage.build import build
from reports.usage.edges import STATE
from reports.usage.notes import NEW

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.model.records import Run

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
START = datetime.fromisoformat("2025-11-20T00:00:00Z")
END = START + 2 * DAY
ALLOCATION = {"volume_id": "vol-1", "min_iops": 100, "min_enforced": True, "size_bytes": 2**30}


def moments(start: datetime = START, end: datetime = END, step: timedelta = 30 * MINUTE) -> list[datetime]:
    return [start + step * count for count in range((end - start) // step)]


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two guests on two hosts, sampled every half hour for two days, and built."""
    lake = new_lake(tmp_path_factory.mktemp("built"))
    for at in moments():
        write_run(lake, a_run(sample("vm-1", at, volume_id="vol-1"), at=at))
        write_run(lake, a_run(sample("vm-2", at), source="kvm-02", at=at))
    for at in moments(step=12 * HOUR):
        write_run(lake, a_run(source="array-a", kind="storage", at=at, tables={"provisioned_iops": [ALLOCATION]}))
    build(lake, START, END)
    return lake


@pytest.fixture
def lake(tmp_path: Path, two_days: Path) -> Path:
    shutil.copytree(two_days, tmp_path / "lake")
    return tmp_path / "lake"


def records(lake: Path) -> dict[str, bytes]:
    return {name: whole for name, whole in content(lake).items() if name.startswith("usage_record")}


def records_of_one_build(lake: Path) -> dict[str, bytes]:
    """Give the records of the same facts, built by someone who knows of no earlier build."""
    fresh = lake.with_name("fresh")
    shutil.copytree(lake, fresh, ignore=shutil.ignore_patterns(STATE, "usage_record"))
    build(fresh, START, END)
    return records(fresh)


def made(lake: Path, start: datetime = START, end: datetime = END) -> list[tuple[datetime, str]]:
    return [(stale.window_start, stale.reason) for stale in build(lake, start, end).made]


def late(*runs: Run, lake: Path) -> None:
    for each in runs:
        write_run(lake, each)


def hours_from(start: datetime, count: int) -> list[datetime]:
    return [start + number * HOUR for number in range(count)]


def test_a_second_build_makes_nothing_and_touches_nothing(lake: Path) -> None:
    before = content(lake)
    assert made(lake) == []
    assert content(lake) == before


def test_late_samples_make_their_hour_and_the_one_whose_last_interval_may_end_in_it(lake: Path) -> None:
    at = START + 5 * HOUR + 20 * MINUTE
    late(a_run(sample("vm-1", at, volume_id="vol-1"), at=at), lake=lake)
    assert made(lake) == [(hour, "samples of kvm-01") for hour in hours_from(START + 4 * HOUR, 2)]
    assert records(lake) == records_of_one_build(lake)


def test_a_late_last_sample_of_a_day_is_where_the_next_day_goes_on(tmp_path: Path) -> None:
    midnight = START + DAY
    lake = new_lake(tmp_path)
    for at in (midnight - 40 * MINUTE, midnight + 20 * MINUTE, midnight + 50 * MINUTE):
        write_run(lake, a_run(sample("vm-1", at), at=at))
    build(lake, START, END)
    at = midnight - 10 * MINUTE
    late(a_run(sample("vm-1", at), at=at), lake=lake)
    assert [hour for hour, _ in made(lake)] == hours_from(midnight - 2 * HOUR, 3)
    assert records(lake) == records_of_one_build(lake)


def test_late_samples_at_the_end_of_a_gap_make_every_hour_of_the_gap_again(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    for at in (START + HOUR, START + HOUR + 10 * MINUTE, START + 30 * HOUR):
        write_run(lake, a_run(sample("vm-1", at), at=at))
    build(lake, START, END)
    middle = START + 20 * HOUR + MINUTE
    late(a_run(sample("vm-1", middle), at=middle), lake=lake)
    told = made(lake)
    assert [hour for hour, _ in told] == hours_from(START + HOUR, 29)
    assert dict(told)[START + 20 * HOUR] == "samples of kvm-01"
    assert dict(told)[START + 28 * HOUR] == "samples of kvm-01 before or after it"
    assert records(lake) == records_of_one_build(lake)


def test_new_samples_make_their_hours_and_the_one_they_go_on_from(lake: Path) -> None:
    late(*(a_run(sample("vm-1", at, volume_id="vol-1"), at=at) for at in moments(END, END + HOUR)), lake=lake)
    told = made(lake, START, END + 2 * HOUR)
    assert [hour for hour, _ in told] == hours_from(END - HOUR, 3)
    assert dict(told)[END + HOUR] == NEW
    fresh = lake.with_name("fresh")
    shutil.copytree(lake, fresh, ignore=shutil.ignore_patterns(STATE, "usage_record"))
    build(fresh, START, END + 2 * HOUR)
    assert records(lake) == records(fresh)


def test_a_late_snapshot_makes_the_hours_in_which_it_may_be_in_force(lake: Path) -> None:
    at = START + 20 * HOUR
    late(
        a_run(source="array-a", kind="storage", at=at, tables={"provisioned_iops": [{**ALLOCATION, "min_iops": 7}]}),
        lake=lake,
    )
    told = made(lake)
    assert told == [(hour, "what array-a said was in force") for hour in hours_from(at, 25)]
    assert records(lake) == records_of_one_build(lake)


@pytest.mark.parametrize(
    "setting",
    [
        "max_gap_seconds = 300",
        'policy_mode = "storage_wins"',
        'policy_modes = [{ mode = "storage_wins", pool_id = "ssd" }]',
    ],
)
def test_changed_settings_make_all_hours_in_which_they_hold(lake: Path, setting: str) -> None:
    valid_from = START + 20 * HOUR
    (lake / layout.SETTINGS).write_text(
        f"[[settings]]\nvalid_from = {valid_from.isoformat()}\n{setting}\n", encoding="utf-8"
    )
    told = made(lake)
    assert {reason for _, reason in told} == {"the settings changed"}
    assert {hour for hour, _ in told} >= set(hours_from(valid_from, 28))
    assert records(lake) == records_of_one_build(lake)


def test_a_name_that_is_learnt_later_makes_the_hours_it_may_name(lake: Path) -> None:
    alias = {"namespace": "serial", "alias": "s", "volume_id": "vol-9", "valid_from": START + DAY}
    late(a_run(source="kvm-03", at=START + DAY + MINUTE, tables={"volume_alias": [alias]}), lake=lake)
    told = made(lake)
    assert {reason for hour, reason in told if hour >= START + DAY + HOUR} == {"names of volumes changed"}
    assert records(lake) == records_of_one_build(lake)


@pytest.mark.parametrize("lost", [f"{STATE}/notes", f"{STATE}/edges", STATE])
def test_what_builds_remember_may_be_lost_at_any_time(lake: Path, lost: str) -> None:
    before = records(lake)
    shutil.rmtree(lake / lost)
    build(lake, START, END)
    assert records(lake) == before
    assert made(lake) == []


def test_a_note_that_cannot_be_read_counts_for_nothing(lake: Path) -> None:
    before = records(lake)
    for note in (lake / STATE / "notes").iterdir():
        note.write_bytes(note.read_bytes()[:100])
    assert {reason for _, reason in made(lake)} == {NEW}
    assert records(lake) == before


def test_records_that_are_gone_are_made_again(lake: Path) -> None:
    before = records(lake)
    layout.files(lake, "usage_record")[1].unlink()
    assert [hour for hour, _ in made(lake)] == hours_from(START + DAY, 24)
    assert records(lake) == before


def test_an_interrupted_build_goes_on_where_it_ended(lake: Path) -> None:
    before = records(lake)
    shutil.rmtree(lake / STATE)
    shutil.rmtree(lake / "usage_record")

    def interrupt_before_the_last_step(done: int, of: int) -> None:
        if done == of - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(lake, START, END, interrupt_before_the_last_step)
    assert [hour for hour, _ in made(lake)] == hours_from(START + DAY, 24)
    assert records(lake) == before


def test_hours_that_were_not_asked_for_wait_until_they_are(lake: Path) -> None:
    late(*(a_run(sample("vm-1", at), at=at) for at in moments(START + 2 * HOUR + MINUTE, START + 6 * HOUR)), lake=lake)
    asked = made(lake, START + 3 * HOUR, START + 4 * HOUR)
    assert [hour for hour, _ in asked] == [START + 3 * HOUR]
    assert [hour for hour, _ in made(lake)] == [START + number * HOUR for number in (1, 2, 4, 5)]
    assert made(lake) == []
    assert records(lake) == records_of_one_build(lake)


def test_a_run_that_is_repeated_with_other_rows_is_noticed(lake: Path) -> None:
    at = START + 5 * HOUR + 30 * MINUTE
    late(a_run(sample("vm-1", at, volume_id="vol-2"), at=at), lake=lake)
    assert made(lake) == [(hour, "samples of kvm-01") for hour in hours_from(START + 4 * HOUR, 2)]
    assert records(lake) == records_of_one_build(lake)


def explained(lake: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str] = ()) -> list[dict[str, str]]:
    period = ["--from", START.isoformat(), "--to", END.isoformat()]
    assert run(["--lake", str(lake), "usage", "build", *period, "--explain", "--format", "json", *words]) == 0
    told: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return told


def test_explain_tells_which_hours_were_made_and_why(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explained(lake, capsys) == []
    at = START + 30 * HOUR + 20 * MINUTE
    late(a_run(sample("vm-2", at), source="kvm-02", at=at), lake=lake)
    assert explained(lake, capsys) == [
        {
            "window_start": "2025-11-21T05:00:00Z",
            "window_end": "2025-11-21T07:00:00Z",
            "reason": "samples of kvm-02",
        }
    ]
    shutil.rmtree(lake / STATE)
    assert explained(lake, capsys) == [
        {"window_start": "2025-11-20T00:00:00Z", "window_end": "2025-11-22T00:00:00Z", "reason": NEW}
    ]
