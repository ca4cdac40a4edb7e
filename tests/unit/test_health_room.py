"""How many days are left, by statvfs and by what the lake's days took."""

from __future__ import annotations

import os
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from lakes import NOON, a_run, new_lake, sample
from mounts import mounted

from ioledger.health import space
from ioledger.health.space import DayFiles, Growth, Room

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2025, 11, 22)
GIB = 2**30


def test_growth_is_that_of_the_whole_days_of_a_week() -> None:
    days = {
        TODAY - timedelta(days=30): DayFiles(10**9, 10**6),
        TODAY - timedelta(days=4): DayFiles(3_000, 6),
        TODAY - timedelta(days=1): DayFiles(1_000, 2),
        TODAY: DayFiles(10**6, 5_000),
    }
    assert space.growth(days, TODAY) == Growth(bytes_per_day=1_000, files_per_day=2, most_files=10**6)
    assert space.growth({TODAY: DayFiles(5, 1)}, TODAY) is None


def test_what_days_take_is_read_from_the_lake(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()), a_run(sample(), source="kvm-02"))
    stored = list(lake.rglob("*.parquet"))
    assert space.files_by_day(lake) == {TODAY: DayFiles(sum(path.stat().st_size for path in stored), 4)}


@pytest.mark.parametrize(("free", "days"), [(29, 29), (30, 30)])
def test_days_left_are_told_and_too_few_are_to_be_mended(free: int, days: int) -> None:
    check = space.space(Room(free * GIB, 100 * GIB, None), Growth(GIB, 1, 1))
    assert check.found == f"{free} GiB of 100 GiB are free, and a day takes 1 GiB: {days} days left"
    assert (check.mend is None) == (days >= 30)


def test_inodes_have_to_last_for_a_month_and_for_the_fullest_day() -> None:
    assert space.inodes(Room(GIB, GIB, 10_000), Growth(GIB, 10, 5_000)).mend is None
    assert space.inodes(Room(GIB, GIB, 9_999), Growth(GIB, 10, 5_000)).mend is not None
    assert space.inodes(Room(GIB, GIB, 299), Growth(GIB, 10, 1)).mend is not None
    assert space.inodes(Room(GIB, GIB, None), None).mend is None


def test_a_real_file_system_that_is_nearly_full_is_told(tmp_path: Path) -> None:
    with mounted(tmp_path / "tiny", "size=4m,nr_inodes=40") as point:
        lake = new_lake(point, a_run(sample(at=NOON - timedelta(days=1)), at=NOON - timedelta(days=1)))
        grown = space.growth(space.files_by_day(lake), TODAY)
        room = space.room_of(os.statvfs(lake))
        assert room.all_bytes == 4 * 2**20
        assert room.inodes is not None
        assert room.inodes < 40
        full = space.space(room, grown)
        assert full.found.endswith("of 4 MiB are free, less than a build may need for a while")
        assert "lake prune" in (full.mend or "")
        few = space.inodes(room, grown)
        assert few.found.startswith(f"{room.inodes} are free, a day takes 2")
        assert "lake compact" in (few.mend or "")
