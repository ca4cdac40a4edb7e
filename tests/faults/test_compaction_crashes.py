"""A compaction, or a run that replaces merged rows, may be killed at any file-system step: readers never notice."""

from __future__ import annotations

from shutil import copytree
from typing import TYPE_CHECKING

import pytest
from crash_operations import MIDNIGHT, compact_days, second_version
from crash_states import Recogniser, facts, in_order
from crashes import Crasher, crasher
from lakes import MINUTE, a_run, content, new_lake, sample

from ioledger.lake import layout, reader
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Fewer steps would mean that a compaction is no longer seen where it changes files.
COMPACTION_STEPS = 50


@pytest.fixture(scope="module")
def worker() -> Iterator[Crasher]:
    with crasher() as process:
        yield process


def collected_lake(directory: Path) -> Path:
    """Make a lake with a merged hour, a run beside it, and one that was never committed."""
    before = MIDNIGHT - 2 * MINUTE
    lake = new_lake(directory, *(a_run(sample(at=at), at=at) for at in (before, before + MINUTE)))
    compact(lake, MIDNIGHT)
    write_run(lake, a_run(sample("vm-2", before), at=before, run_id="r1"))
    write_run(lake, a_run(sample("vm-9", before), at=before, run_id="r9"))
    for path in layout.run_files(lake, "collection_run", "kvm-01", "r9"):
        path.unlink()
    return lake


def test_every_crash_of_a_compaction_keeps_all_rows_once_and_the_next_one_completes_it(
    worker: Crasher, tmp_path: Path
) -> None:
    lake = collected_lake(tmp_path / "before")
    finished = tmp_path / "finished"
    copytree(lake, finished)
    compact_days(finished)
    assert len(content(finished)) < len(content(lake))
    state = Recogniser(facts, the_same=lake)
    steps, hidden_steps, journal_steps = 0, 0, 0
    for crashed in worker.each_crash("compact", lake, tmp_path):
        steps += 1
        names = content(crashed)
        hidden_steps += any(name.endswith(".new") for name in names)
        journal_steps += any(name.startswith(".journal") for name in names)
        if not state.has_seen(crashed):
            assert state.name(crashed) == "the_same"
            compact_days(crashed)
            assert content(crashed) == content(finished), steps
    assert steps >= COMPACTION_STEPS
    assert 0 < journal_steps < hidden_steps


def test_a_crash_while_a_run_replaces_merged_rows_leaves_the_old_rows_or_the_new_ones(
    worker: Crasher, tmp_path: Path
) -> None:
    old = collected_lake(tmp_path / "old")
    compact_days(old)
    new = tmp_path / "new"
    copytree(old, new)
    write_run(new, second_version())
    state = Recogniser(facts, old=old, new=new)
    states = []
    for crashed in worker.each_crash("second version", old, tmp_path):
        is_seen = state.has_seen(crashed)
        states.append(state.name(crashed))
        if not is_seen:
            write_run(crashed, second_version())
            assert state.name(crashed) == "new"
            compact_days(crashed)
            assert not [name for name in content(crashed) if name.endswith((".new", ".tmp"))]
    assert in_order(states) == ["old", "new"]


def test_a_swap_that_readers_kept_waiting_is_completed_whatever_crashes(worker: Crasher, tmp_path: Path) -> None:
    lake = collected_lake(tmp_path / "before")
    with reader.connect(lake):
        compact_days(lake)
    assert any(name.startswith(".journal") for name in content(lake))
    finished = tmp_path / "finished"
    copytree(lake, finished)
    compact_days(finished)
    state = Recogniser(facts, the_same=finished)
    for crashed in worker.each_crash("compact", lake, tmp_path):
        if not state.has_seen(crashed):
            assert state.name(crashed) == "the_same"
            compact_days(crashed)
            assert content(crashed) == content(finished)
