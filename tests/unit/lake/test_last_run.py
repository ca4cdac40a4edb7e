"""The last run of a lake is found wherever it lies, without reading the others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from lakes import MINUTE, NOON, a_run, new_lake

from ioledger.lake import layout
from ioledger.lake.compaction import compact
from ioledger.lake.last_run import LastRun, last_run

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)


def test_a_lake_without_runs_has_no_last_one(tmp_path: Path) -> None:
    assert last_run(new_lake(tmp_path)) is None


def test_the_last_run_is_that_which_ended_last(tmp_path: Path) -> None:
    lake = new_lake(
        tmp_path,
        a_run(at=NOON - DAY, source="kvm-03"),
        a_run(at=NOON),
        a_run(at=NOON + 2 * MINUTE, source="kvm-02"),
        a_run(at=NOON + MINUTE),
    )
    assert last_run(lake) == LastRun(NOON + 2 * MINUTE, NOON + 2 * MINUTE, 1, None)


def test_the_last_run_is_found_in_a_merged_file(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *(a_run(at=NOON + minute * MINUTE) for minute in range(3)))
    assert compact(lake, NOON + DAY).merged_count
    assert last_run(lake) == LastRun(NOON + 2 * MINUTE, NOON + 2 * MINUTE, 1, None)


def test_a_damaged_file_does_not_hide_the_run_before_it(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(at=NOON), a_run(at=NOON + MINUTE))
    max(layout.files(lake, "collection_run")).write_bytes(b"PAR1 no more")
    found = last_run(lake)
    assert found
    assert found.started_at == NOON
