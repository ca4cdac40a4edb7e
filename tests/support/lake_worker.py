"""One process of several that work on one lake: ``collect``, ``compact`` or ``read`` until a file appears.

``collect`` stores runs of one source, some of them again with other rows, and then makes the file.
``read`` counts in each round what it sees, and fails if that is not what had been stored until then.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from lakes import MINUTE, NOON, a_run, sample

from ioledger.lake import reader
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run

RUN_COUNT = 60
MEETS_EVERY = 15
"""Runs after which a collector beside a compactor waits until it was there, however slow the machine is."""
AFTER_THE_DAY = NOON + timedelta(hours=14)


def collect(lake: Path, done: Path, *, is_alone: bool = False) -> None:
    """Store runs a minute apart; after every third, repeat one of those before with other counters."""
    for number in range(RUN_COUNT):
        at = NOON + number * MINUTE
        before = _swapped(lake)
        write_run(lake, a_run(sample("vm-1", at, read_ops=number), sample("vm-2", at), at=at))
        if number % 3 == 2:
            earlier = NOON + (number // 2) * MINUTE
            write_run(lake, a_run(sample("vm-1", earlier, read_ops=1000 + number), at=earlier))
        while not is_alone and number % MEETS_EVERY == 0 and _swapped(lake) == before:
            time.sleep(0.01)
    done.touch()


def _swapped(lake: Path) -> set[str]:
    """Name what swaps have left in the lake: it differs after each."""
    directories = (lake / "disk_io_stat", lake / ".journal")
    names = {path.name for directory in directories for path in directory.rglob("*")}
    return {name for name in names if "merged~" in name or name.endswith(".json")}


def compact_all(lake: Path, done: Path) -> None:
    """Compact again and again, and tell how many files were merged in how many compactions."""
    merged_counts = []
    while not done.exists():
        merged_counts.append(compact(lake, AFTER_THE_DAY).merged_count)
    sys.stdout.write(json.dumps([sum(merged_counts), len(list(filter(None, merged_counts)))]))


def read(lake: Path, done: Path) -> None:
    """Open the lake again and again, and tell how often; each time every run has to be there once."""
    rounds = 0
    while not done.exists():
        with reader.connect(lake) as connection:
            for _ in range(2):
                runs, of_runs, samples = connection.execute(
                    "SELECT (SELECT count(*) FROM collection_run), (SELECT sum(row_count) FROM collection_run), "
                    "(SELECT count(*) FROM disk_io_stat)"
                ).fetchall()[0]
                assert (of_runs or 0) == samples, f"{runs} runs tell of {of_runs} rows, and there are {samples}"
        rounds += 1
    sys.stdout.write(json.dumps(rounds))


if __name__ == "__main__":
    {"collect": collect, "compact": compact_all, "read": read}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
