"""The benchmark of rating: a small month, what it refuses, and what it makes of its numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.measure import WrongResultError
from benchmarks.rate.contenders import Measured
from benchmarks.rate.measure import Rated, Round, compare, measure
from benchmarks.rate.month import Month
from benchmarks.rate.report import page, raw, table

if TYPE_CHECKING:
    from pathlib import Path


def test_a_small_month_is_billed_whole(tmp_path: Path) -> None:
    steps: list[str] = []

    rated = measure(Month(volume_count=20), 1, tmp_path, steps.append)

    assert rated.rounds[0].rate.found == rated.rounds[0].export.found == rated.rounds[0].scan.found
    assert set(rated.rounds[0].rate.found) == {"gib", "max_iops", "undelivered_iops", "read_ops", "write_ops"}
    assert rated.line_count > 20 * 4
    assert steps[0] == "writing 28,800 usage records"
    assert list(tmp_path.iterdir()) == []


def test_a_bill_with_more_or_less_in_it_is_refused() -> None:
    compare({"gib": "1.000000"}, {"gib": "1.000000"})
    with pytest.raises(WrongResultError, match=r"there is 2\.000000 of gib in what was made, and 1\.000000 in the"):
        compare({"gib": "1.000000"}, {"gib": "2.000000"})
    with pytest.raises(WrongResultError, match="there is None of gib"):
        compare({"gib": "1.000000"}, {})


def test_the_page_shows_every_run_beside_its_scan() -> None:
    rate, export = (Measured(seconds, 2 * seconds, 500_000_000, {}) for seconds in (18.0, 22.0))
    taken = Round(Measured(2.0, 3.0, 100_000_000, {}), rate, export)
    rated = Rated(Month(), 5_000_000, 44_000, [taken, taken])

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(rated).splitlines()]

    assert rows[2:5] == [
        ["1", "rate", "9.0", "12.0", "18.0", "", "36.0", "500", "1,000", "2.00", "100"],
        ["1", "export", "11.0", "14.7", "22.0", "", "44.0", "500", "1,000", "2.00", "100"],
        ["1", "both", "20.0", "26.7", "40.0", "60", "80.0", "500", "1,000", "2.00", "100"],
    ]
    assert [row[0] for row in rows[2:]] == ["1", "1", "1", "2", "2", "2"]
    assert table(rated) in page(rated, "make bench-rate", (0.1, 1.9))
    assert json.loads(raw(rated))["rounds"][0]["rate"]["wall_seconds"] == 18.0
