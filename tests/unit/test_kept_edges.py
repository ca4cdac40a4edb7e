"""A build goes on from what series carried over the end of a day, and ends where one build of everything ends."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, a_run, new_lake, sample

from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage.build import build
from reports.usage.carried import carried_file
from reports.usage.edges import STATE, edges_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
START = datetime.fromisoformat("2025-11-20T00:00:00Z")
DAYS = 5
END = START + DAYS * DAY


@pytest.fixture(scope="module")
def five_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three guests for five days, built each day: one all the time, one with a gap of days, one that ends."""
    lake = new_lake(tmp_path_factory.mktemp("kept"))
    for day in range(DAYS):
        begins = START + day * DAY
        for at in (begins + number * 6 * HOUR for number in range(4)):
            write_run(lake, a_run(sample("vm-1", at), at=at))
            if day in (0, 4):
                write_run(lake, a_run(sample("vm-2", at), source="kvm-02", at=at))
            if day < 2:
                write_run(lake, a_run(sample("vm-3", at), source="kvm-03", at=at))
        build(lake, START, begins + DAY)
    return lake


@pytest.fixture
def lake(tmp_path: Path, five_days: Path) -> Path:
    shutil.copytree(five_days, tmp_path / "lake")
    build(tmp_path / "lake", START, END)  # inodes are others now
    return tmp_path / "lake"


def records(lake: Path) -> dict[str, bytes]:
    return {str(path.relative_to(lake)): path.read_bytes() for path in layout.files(lake, "usage_record")}


def assert_as_one_build(lake: Path, end: datetime = END) -> None:
    fresh = lake.with_name("fresh")
    shutil.copytree(lake, fresh, ignore=shutil.ignore_patterns(STATE, "usage_record"))
    build(fresh, START, end)
    assert records(lake) == records(fresh)
    assert {path.name for path in (lake / STATE / "edges").iterdir()} == {
        path.name for path in (fresh / STATE / "edges").iterdir()
    }
    for path in (lake / STATE / "edges").iterdir():
        assert path.read_bytes() == (fresh / STATE / "edges" / path.name).read_bytes()


def test_days_that_are_over_are_not_looked_at_again(lake: Path) -> None:
    for day in range(DAYS - 2):
        path = edges_file(lake, (START + day * DAY).date())
        before = path.stat()
        with path.open("r+b") as stream:
            stream.write(b"\0" * before.st_size)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert build(lake, START, END).made == []


def test_a_day_that_begins_goes_on_from_what_was_carried_over(lake: Path) -> None:
    for at in (END + HOUR, END + 2 * HOUR):
        write_run(lake, a_run(sample("vm-1", at), sample("vm-2", at), at=at))
        write_run(lake, a_run(sample("vm-3", at), source="kvm-03", at=at))
    kept = carried_file(lake).read_bytes()
    made = build(lake, START, END + DAY).made
    assert min(stale.window_start for stale in made) == START + DAY + 18 * HOUR, "from where vm-3 had its last sample"
    assert carried_file(lake).read_bytes() != kept
    assert_as_one_build(lake, END + DAY)


@pytest.mark.parametrize("day", range(DAYS))
def test_late_samples_of_any_day_are_metered(lake: Path, day: int) -> None:
    at = START + day * DAY + 23 * HOUR
    write_run(lake, a_run(sample("vm-2", at), sample("vm-3", at), sample("vm-9", at), source="kvm-02", at=at))
    assert build(lake, START, END).made
    assert_as_one_build(lake)
    assert build(lake, START, END).made == []


def test_samples_that_are_gone_are_not_carried_over(lake: Path) -> None:
    for path in layout.files(lake, "collection_run"):
        if path.parent.name == "source=kvm-02" and "20251120T" in path.name:
            path.unlink()
    build(lake, START, END)
    assert_as_one_build(lake)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def with_a_flipped_bit(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[40] ^= 1
    path.write_bytes(whole)


def with_another_note(path: Path) -> None:
    whole = path.read_bytes()
    assert whole.count(b"2025-11-21") == 1
    path.write_bytes(whole.replace(b"2025-11-21", b"2025-11-20"))


@pytest.mark.parametrize("damage", [truncated, with_a_flipped_bit, with_another_note, os.unlink])
def test_what_was_kept_may_be_damaged_or_lost(lake: Path, damage: Callable[[Path], None]) -> None:
    sound = carried_file(lake).read_bytes()
    damage(carried_file(lake))
    assert build(lake, START, END).made == []
    assert carried_file(lake).read_bytes() == sound
    assert_as_one_build(lake)


def test_edges_that_are_gone_are_made_again(lake: Path) -> None:
    path = edges_file(lake, START.date())
    sound = path.read_bytes()
    path.unlink()
    assert build(lake, START, END).made == []
    assert path.read_bytes() == sound
    at = START + 6 * HOUR + MINUTE
    write_run(lake, a_run(sample("vm-1", at), at=at))
    build(lake, START, END)
    assert_as_one_build(lake)


def test_another_limit_makes_all_edges_again(lake: Path) -> None:
    (lake / layout.SETTINGS).write_text(
        f"[[settings]]\nvalid_from = {START.isoformat()}\nmax_gap_seconds = 30000\n", encoding="utf-8"
    )
    assert build(lake, START, END).made
    assert_as_one_build(lake)
