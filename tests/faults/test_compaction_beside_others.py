"""Collectors and readers go on, in processes of their own, while a lake is compacted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import lake_worker
from lake_worker import AFTER_THE_DAY, RUN_COUNT
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample

from ioledger.lake import layout, reader
from ioledger.lake.compaction import compact

WORKER = Path(lake_worker.__file__)
FACTS = ("FROM disk_io_stat ORDER BY ALL", "FROM collection_run ORDER BY ALL")


def started(what: str, lake: Path, done: Path) -> subprocess.Popen[str]:
    words = [sys.executable, WORKER, what, lake, done]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def test_a_collector_and_a_compaction_in_one_partition_lose_and_double_nothing(tmp_path: Path) -> None:
    lake, apart = new_lake(tmp_path / "together"), new_lake(tmp_path / "apart")
    lake_worker.collect(apart, tmp_path / "apart-done", is_alone=True)
    done = tmp_path / "done"
    compactor, watcher, collector = (started(what, lake, done) for what in ("compact", "read", "collect"))
    assert ended(collector) == ""
    merged_count, compaction_count = json.loads(ended(compactor))
    assert json.loads(ended(watcher)) > 0
    assert merged_count > RUN_COUNT, "the two never met"
    assert compaction_count > 1
    for sql in FACTS:
        assert read(lake, sql) == read(apart, sql)
    compact(lake, AFTER_THE_DAY)
    for sql in FACTS:
        assert read(lake, sql) == read(apart, sql)
    assert [len(layout.files(lake, name)) for name in ("disk_io_stat", "collection_run")] == [1, 1]
    assert not [name for name in content(lake) if name.endswith((".new", ".tmp", ".json"))]


def test_readers_from_before_during_and_after_a_compaction_see_the_same_rows(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *(a_run(sample(at=at), at=at) for at in (NOON + n * MINUTE for n in range(20))))
    expected = [read(lake, sql) for sql in FACTS]
    compacting = [sys.executable, "-c", "from ioledger.cli import main; main()", "--lake", lake, "lake", "compact"]

    with reader.connect(lake) as before:
        done = subprocess.run(compacting, capture_output=True, text=True, check=True)
        assert done.stderr.startswith("merged 40 files into 2, ")
        with reader.connect(lake) as during:
            for connection in (before, during):
                assert [connection.execute(sql).fetchall() for sql in FACTS] == expected
        files = content(lake)
    assert len([name for name in files if name.endswith("000.parquet")]) > 1, "the old files are still there"

    subprocess.run(compacting, capture_output=True, check=True)
    assert [read(lake, sql) for sql in FACTS] == expected
    assert len(content(lake)) == 4, "the marker, and one file of samples, of runs and of stretches"
