"""Setting aside that is killed at any file-system step shows no run in part and loses no row."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from shutil import copytree
from typing import TYPE_CHECKING, Any

import pytest
from crash_operations import TWO_DAYS_LATER, set_broken_aside
from crash_states import files_of
from crashes import Crasher, crasher
from lakes import content
from sound_lakes import fact_rows, file_of, rewrite, runs, sound_lake, with_value

from ioledger.lake import reader
from ioledger.lake.quarantine import QUARANTINE
from ioledger.lake.verification import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Fewer steps would mean that a move is no longer seen where it changes files.
STEPS = 40
GONE = {"r1", "r3", "s2"}

Visible = dict[str, Counter[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def process() -> Iterator[Crasher]:
    with crasher() as started:
        yield started


def visible_runs(lake: Path) -> Visible:
    """Give what readers see: the rows of each run that exists."""
    with reader.connect(lake) as connection:
        run_ids = connection.execute("SELECT run_id FROM collection_run").fetchall()
        found: Visible = {run_id: Counter() for (run_id,) in run_ids}
        for table in ("disk_io_stat", "disk_cap", "volume_alias"):
            for row in connection.table(table).fetchall():
                found[row[1]][row] += 1
    return found


def live_files(lake: Path) -> dict[str, bytes]:
    """Give the files that readers find, but for indices, which they can do without."""
    return {
        name: whole
        for name, whole in content(lake).items()
        if name.endswith(".parquet") and not name.startswith((QUARANTINE, "sample_stretch"))
    }


def broken_lake(directory: Path) -> Path:
    """Give a lake in which a run over two dates, one with rows in three tables and a merged one are broken."""
    lake = sound_lake(directory)
    rewrite(file_of(lake, "disk_io_stat", "r1"), with_value("read_ops", 7))
    rewrite(file_of(lake, "disk_io_stat", "r3"), with_value("read_ops", 7))
    rewrite(file_of(lake, "disk_io_stat", "merged"), with_value("read_ops", 7, where=1))
    return lake


def test_a_run_is_there_whole_or_not_at_all_and_the_next_time_ends_it(process: Crasher, tmp_path: Path) -> None:
    broken = broken_lake(tmp_path)
    before, rows_before = visible_runs(broken), fact_rows(broken)
    assert before.keys() == {run.run_id for run in runs()}
    finished = tmp_path / "finished"
    copytree(broken, finished)
    set_broken_aside(finished)
    assert visible_runs(finished).keys() == before.keys() - GONE
    assert verify(finished, TWO_DAYS_LATER).problems == []
    counts, step_count, seen = [], 0, {files_of(broken)}
    for lake in process.each_crash("quarantine", broken, tmp_path):
        step_count += 1
        if files_of(lake) in seen:
            continue
        seen.add(files_of(lake))
        visible = visible_runs(lake)
        assert visible == {run_id: before[run_id] for run_id in visible}, "a run in part"
        assert before.keys() - visible.keys() <= GONE
        counts.append(len(visible))
        set_broken_aside(lake)
        assert live_files(lake) == live_files(finished)
        assert fact_rows(lake, *(lake / QUARANTINE).iterdir()).keys() == rows_before.keys(), "a row is nowhere"
    assert [count for count, _ in groupby(counts)] == [8, 7, 6, 5]
    assert step_count >= STEPS
