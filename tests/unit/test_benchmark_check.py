"""The benchmark of checks: that rules find what is planted, in small lakes, and what it makes of its numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.check.contenders import Measured
from benchmarks.check.measure import (
    Lake,
    Round,
    compare_counts,
    compare_intervals,
    measure_month,
    measure_volumes,
)
from benchmarks.check.month import Month, planted
from benchmarks.check.report import page, raw, table
from benchmarks.check.volumes import DEFECTS
from benchmarks.measure import WrongResultError

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.check.contenders import Finding

FEW = 100 * len(DEFECTS)
LONG: Finding = ("QOS201", "vol-a", "2026-10-01T00:00:00+00:00", "2026-10-02T00:00:00+00:00")


def silent(_step: str) -> None:
    pass


def lake(what: str, target_seconds: int) -> Lake:
    taken = Round(Measured(2.0, 3.0, 100_000_000, []), Measured(18.0, 30.0, 900_000_000, []))
    return Lake(what, 1000, 5_000_000, 7, target_seconds, [taken, taken])


def test_every_kind_of_defect_is_found_once_and_nothing_else(tmp_path: Path) -> None:
    measured = measure_volumes(FEW, 1, tmp_path, silent)

    assert measured.finding_count == sum(len(defect.codes) for defect in DEFECTS)
    assert len(measured.rounds[0].check.findings) == measured.finding_count
    assert list(tmp_path.iterdir()) == []


def test_what_goes_wrong_for_a_time_is_found_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    month = Month(disk_count=12, day_count=2)

    measured = measure_month(month, 1, tmp_path, silent)

    assert {code for code, *_ in measured.rounds[0].check.findings} == {code for code, *_ in planted(month)}
    assert measured.finding_count == 8


def test_what_takes_days_to_be_wrong_is_planted_in_a_month_alone() -> None:
    longer = {code for code, *_ in planted(Month())} - {code for code, *_ in planted(Month(day_count=2))}
    assert longer == {"QOS502", "QOS503"}


def test_a_check_that_finds_more_or_less_is_refused_by_rule() -> None:
    findings: list[Finding] = [LONG]
    compare_counts({"QOS201": 1}, findings)
    with pytest.raises(WrongResultError, match="QOS201 found 1, and 2 are planted"):
        compare_counts({"QOS201": 2}, findings)
    with pytest.raises(WrongResultError, match="QOS201 found 1, and 0 are planted"):
        compare_counts({}, findings)


def test_an_interval_that_ends_otherwise_is_refused() -> None:
    compare_intervals([LONG], [LONG])
    short = (*LONG[:3], "2026-10-01T23:00:00+00:00")
    with pytest.raises(WrongResultError, match=r"QOS201 vol-a .*T23:00:00\+00:00 was found, and is not planted"):
        compare_intervals([LONG], [short])
    with pytest.raises(WrongResultError, match="is planted, and was not found"):
        compare_intervals([LONG], [])


def test_the_page_shows_every_run_beside_its_scan() -> None:
    lakes = [lake("1,000 volumes at a moment", 20), lake("10 disks over 30 days", 60)]

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(lakes).splitlines()]

    assert rows[2] == [
        "1,000 volumes at a moment", "1", "9.0", "10.0", "18.0", "20", "30.0", "900", "1,000", "2.00", "100",
    ]  # fmt: skip
    assert [row[:2] for row in rows[2:]] == [[one.what, number] for one in lakes for number in ("1", "2")]
    assert table(lakes) in page(lakes, "make bench-check", (0.1, 1.9))
    assert json.loads(raw(lakes))[1]["rounds"][0]["check"]["wall_seconds"] == 18.0
