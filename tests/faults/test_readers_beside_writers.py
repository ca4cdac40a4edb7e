"""Readers go on without a pause while usage is made again, files are merged and the month is closed beside them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import month_end
import pytest
import reading_worker
from lakes import a_run, sample
from month_end import END, FIRST, HOUR
from pairs.commands import DESPITE
from policy_lake import ioledger

from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = END + 3 * HOUR
ADDED_OPS = 1000


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return month_end.new_lake(tmp_path)


def late(lake: Path, number: int) -> None:
    """Let samples of both disks come late, by a source of their own: each did as much in the hour."""
    at = [FIRST + HOUR, FIRST + 2 * HOUR]
    for moment, ops in zip(at, (0, ADDED_OPS), strict=True):
        rows = [
            sample(name, moment, device=f"vd{number}", read_ops=ops, write_ops=0, read_bytes=0, write_bytes=0)
            for name in reading_worker.DISKS
        ]
        write_run(lake, a_run(*rows, source=f"late-{number:03}", at=moment))


def reading(lake: Path, done: Path, count: int) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, reading_worker.__file__, str(lake), str(done)]
    for _ in range(count):
        yield subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("rounds", "reader_count"), [(2, 1), pytest.param(60, 2, marks=pytest.mark.long)])
def test_every_answer_is_that_of_a_whole_commit(lake: Path, tmp_path: Path, rounds: int, reader_count: int) -> None:
    done = tmp_path / "done"
    build(lake, FIRST, END)
    readers = list(reading(lake, done, reader_count))
    try:
        for number in range(rounds):
            late(lake, number)
            build(lake, FIRST, END)
            compact(lake, NOW)
        words = ("rate", "--period", "2026-10", "--rate-card", str(tmp_path / "rates.toml"))
        assert ioledger(lake, *words, now=NOW) in {0, 3}
        assert ioledger(lake, "close", "2026-10", *DESPITE, "--because", "ticket 4711", now=NOW) == 0
    finally:
        done.touch()
        told = [(*reader.communicate(), reader.returncode) for reader in readers]
    for out, err, code in told:
        assert code == 0, err
        read, _busy, seen = json.loads(out)
        assert read > 0
        assert set(seen) <= {number * ADDED_OPS for number in range(rounds + 1)}
