"""A build of usage: what it replaces, what it keeps, and that its cut does not show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample
from policy_lake import ioledger

from ioledger.errors import BusyError
from ioledger.lake import layout, locks
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1)
TEN_AT_NIGHT = NOON + 10 * HOUR
STARTS = "SELECT DISTINCT epoch_us(window_start) FROM usage_record ORDER BY 1"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Samples of two guests, half an hour apart, from two hours before midnight to two hours after."""
    moments = [TEN_AT_NIGHT + 30 * MINUTE * count for count in range(9)]
    return new_lake(tmp_path, *(a_run(sample("vm-1", at), sample("vm-2", at), at=at) for at in moments))


def usage_files(lake: Path) -> dict[str, bytes]:
    return {name: held for name, held in content(lake).items() if name.startswith("usage_record")}


def test_a_clock_that_stands_before_all_that_was_collected_is_told(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ioledger(lake, "usage", "build", now=NOON) == 2
    assert capsys.readouterr().err == (
        "ioledger: the first run of the lake is of 2025-11-22T22:00:00Z, and the clock stands at "
        "2025-11-22T12:00:00Z; set the clock of this machine, or name a later --to\n"
    )
    assert usage_files(lake) == {}


def test_hour_by_hour_and_in_one_go_give_the_same_bytes(lake: Path) -> None:
    build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + 4 * HOUR)
    at_once = usage_files(lake)
    assert len(at_once) == 2
    for path in layout.files(lake, "usage_record"):
        path.unlink()
    for hour in (3, 0, 1, 0, 2):
        build(lake, TEN_AT_NIGHT + hour * HOUR, TEN_AT_NIGHT + hour * HOUR + MINUTE)
    assert usage_files(lake) == at_once


def test_a_build_keeps_the_hours_that_it_was_not_asked_for(lake: Path) -> None:
    build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + 3 * HOUR)
    before = read(lake, STARTS)
    build(lake, TEN_AT_NIGHT + HOUR, TEN_AT_NIGHT + HOUR + MINUTE)
    assert read(lake, STARTS) == before
    assert len(before) == 3


def test_hours_whose_runs_are_gone_lose_their_records(lake: Path) -> None:
    build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + 4 * HOUR)
    for path in (*layout.files(lake, "collection_run"), *layout.files(lake, "disk_io_stat")):
        path.unlink()
    build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + 4 * HOUR)
    assert read(lake, STARTS) == []
    assert usage_files(lake) == {}


def test_hours_are_final_when_every_source_has_reported_after_them(lake: Path) -> None:
    write_run(lake, a_run(source="kvm-02", at=TEN_AT_NIGHT + 90 * MINUTE))
    built = build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + 3 * HOUR)
    assert (built.window_count, built.provisional_count) == (3, 1)
    write_run(lake, a_run(source="kvm-02", at=TEN_AT_NIGHT + 3 * HOUR))
    assert build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + 3 * HOUR).provisional_count == 0


def test_two_builds_at_once_are_refused(lake: Path) -> None:
    with (
        locks.exclusive(lake, "usage-build"),
        pytest.raises(BusyError, match=r"usage-build of .* is in use by process"),
    ):
        build(lake, TEN_AT_NIGHT, TEN_AT_NIGHT + HOUR)
    assert usage_files(lake) == {}
