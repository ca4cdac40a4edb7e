"""A run or a build that is killed at any file-system step leaves the old or the new, never a mix."""

from __future__ import annotations

from itertools import groupby
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

import pytest
from crash_operations import MIDNIGHT, build_the_day, first_version, samples_until, second_version
from crash_states import Recogniser, facts, files_of, in_order, rows, usage
from crashes import Crasher, crasher
from lakes import MINUTE, NOON, a_run, content, new_lake, sample

from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.model.records import Run

# Fewer steps would mean that a write is no longer seen where it changes files.
FIRST_WRITE_STEPS = 40
BUILD_STEPS = 8


@pytest.fixture(scope="module")
def writer() -> Iterator[Crasher]:
    with crasher() as process:
        yield process


def test_a_killed_write_leaves_what_is_kept_of_a_crash(writer: Crasher, tmp_path: Path) -> None:
    old = new_lake(tmp_path / "old", first_version())
    step = 0
    for step, crashed in enumerate(writer.each_crash("second version", old, tmp_path), start=1):
        killed = tmp_path / f"killed-at-{step}"
        copytree(old, killed)
        assert writer.killed("second version", killed, step)
        assert files_of(killed) == files_of(crashed)
    assert step >= FIRST_WRITE_STEPS
    assert not writer.killed("second version", old, step + 1)


def content_after(run: Run, crashed: Path, scratch: Path) -> dict[str, bytes]:
    """Store a run in a copy of a lake in which a crash left what it left."""
    copy = scratch / "rerun"
    copytree(crashed, copy)
    write_run(copy, run)
    found = content(copy)
    rmtree(copy)
    return found


def test_a_first_write_leaves_the_whole_run_or_nothing_and_any_later_one_heals(writer: Crasher, tmp_path: Path) -> None:
    empty = new_lake(tmp_path / "empty")
    whole = new_lake(tmp_path / "whole", first_version())
    other = new_lake(tmp_path / "other", second_version())
    next_run = a_run(sample(at=MIDNIGHT), sample("vm-2", MIDNIGHT - MINUTE), at=MIDNIGHT, run_id="r2")
    state = Recogniser(facts, nothing=empty, whole=whole)
    states, crashes_with_left_overs = [], 0
    for lake in writer.each_crash("first version", empty, tmp_path):
        states.append(state.name(lake))
        assert content_after(first_version(), lake, tmp_path) == content(whole), "by the same run"
        by_other_rows = content_after(second_version(), lake, tmp_path)
        assert {name for name in by_other_rows if name.endswith(".parquet")} == {
            name for name in content(other) if name.endswith(".parquet")
        }, "by the same run with other rows"
        by_next_run = content_after(next_run, lake, tmp_path)
        assert [name for name in by_next_run if name.startswith("disk_io_stat") and name.endswith(".tmp")] == [], (
            "by another run of these dates"
        )
        crashes_with_left_overs += any(name.endswith(".tmp") for name in content(lake))
    assert in_order(states) == ["nothing", "whole"]
    assert len(states) >= FIRST_WRITE_STEPS
    assert crashes_with_left_overs


def test_a_repeated_run_leaves_the_old_rows_or_the_new_ones(writer: Crasher, tmp_path: Path) -> None:
    old = new_lake(tmp_path / "old", first_version())
    new = new_lake(tmp_path / "new", second_version())
    state = Recogniser(facts, old=old, new=new)
    states = []
    for lake in writer.each_crash("second version", old, tmp_path):
        is_seen = state.has_seen(lake)
        states.append(state.name(lake))
        if not is_seen:
            stored = content_after(second_version(), lake, tmp_path)
            assert {name: stored[name] for name in stored if not name.endswith(".new")} == content(new)
    assert in_order(states) == ["old", "new"]


def test_a_repeated_build_leaves_the_old_day_or_the_new_one(writer: Crasher, tmp_path: Path) -> None:
    lake = new_lake(tmp_path / "before", *samples_until(30))
    build_the_day(lake)
    old = tmp_path / "old"
    copytree(lake, old)
    for run in samples_until(90)[4:]:
        write_run(lake, run)
    finished = new_lake(tmp_path / "finished", *samples_until(90))
    build_the_day(finished)
    state = Recogniser(usage, old=old, new=finished)
    states = []
    for crashed in writer.each_crash("build", lake, tmp_path):
        is_seen = state.has_seen(crashed)
        states.append(state.name(crashed))
        if not is_seen:
            build_the_day(crashed)
            assert content(crashed) == content(finished)
    assert in_order(states) == ["old", "new"]


def test_a_first_build_leaves_no_day_or_a_whole_one(writer: Crasher, tmp_path: Path) -> None:
    lake = new_lake(tmp_path / "before", *samples_until(10))
    finished = new_lake(tmp_path / "finished", *samples_until(10))
    build_the_day(finished)
    state = Recogniser(usage, nothing=lake, whole=finished)
    states = []
    for crashed in writer.each_crash("build", lake, tmp_path):
        is_seen = state.has_seen(crashed)
        states.append(state.name(crashed))
        if not is_seen:
            build_the_day(crashed)
            assert content(crashed) == content(finished)
    assert in_order(states) == ["nothing", "whole"]
    assert len(states) >= BUILD_STEPS


def test_a_build_never_leaves_a_disk_out_of_both_records_and_quarantine(writer: Crasher, tmp_path: Path) -> None:
    lake = new_lake(tmp_path / "before", *runs_with_too_much_of("vm-1"))
    build_the_day(lake)
    old = rows(lake, "usage_record", "quarantine")
    for run in runs_with_too_much_of("vm-2"):
        write_run(lake, run)
    finished = new_lake(tmp_path / "finished", *runs_with_too_much_of("vm-2"))
    build_the_day(finished)
    new = rows(finished, "usage_record", "quarantine")
    assert [len(each) for each in (*old, *new)] == [1, 1, 1, 1]
    states: list[tuple[str, str]] = []
    before: dict[str, bytes] = {}
    for crashed in writer.each_crash("build", lake, tmp_path):
        files = {name: held for name, held in content(crashed).items() if name.endswith(".parquet")}
        if files == before:
            continue
        before = files
        records, quarantine = rows(crashed, "usage_record", "quarantine")
        states.append(
            (
                "old" if records == old[0] else "new" if records == new[0] else "mixed",
                "old" if quarantine == old[1] else "new" if quarantine == new[1] else "both",
            )
        )
        build_the_day(crashed)
        assert content(crashed) == content(finished)
    assert [state for state, _ in groupby(states)] == [("old", "old"), ("old", "both"), ("new", "both"), ("new", "new")]


def runs_with_too_much_of(vm_id: str) -> list[Run]:
    """Give runs of two guests within an hour; one's counters go up and down and add up to more than a record holds."""
    return [
        a_run(*(sample(each, at, read_ops=most if each == vm_id else 0) for each in ("vm-1", "vm-2")), at=at)
        for at, most in ((NOON + 10 * MINUTE * count, (2**63 - 1) * (count % 2)) for count in range(4))
    ]
