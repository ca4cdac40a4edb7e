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

    assert rated.rounds[0].rate.found == rated.rounds[0].scan.found
    assert set(rated.rounds[0].rate.found) == {"gib", "max_iops", "undelivered_iops", "read_ops", "write_ops"}
    assert rated.line_count > 20 * 4
    assert steps[0] == "writing 28,800 usage records"
    assert list(tmp_path.iterdir()) == []


def test_a_bill_with_more_or_less_in_it_is_refused() -> None:
    compare({"gib": "1.000000"}, {"gib": "1.000000"})
    with pytest.raises(WrongResultError, match=r"the bill has 2\.000000 of gib, and the usage records 1\.000000"):
        compare({"gib": "1.000000"}, {"gib": "2.000000"})
    with pytest.raises(WrongResultError, match="the bill has None of gib"):
        compare({"gib": "1.000000"}, {})


def test_the_page_shows_every_run_beside_its_scan() -> None:
    taken = Round(Measured(2.0, 3.0, 100_000_000, {}), Measured(18.0, 30.0, 900_000_000, {}))
    rated = Rated(Month(), 5_000_000, 44_000, [taken, taken])

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(rated).splitlines()]

    assert rows[2] == ["1", "9.0", "10.0", "18.0", "60", "30.0", "900", "1,000", "2.00", "100"]
    assert [row[0] for row in rows[2:]] == ["1", "2"]
    assert table(rated) in page(rated, "make bench-rate", (0.1, 1.9))
    assert json.loads(raw(rated))["rounds"][0]["rate"]["wall_seconds"] == 18.0
