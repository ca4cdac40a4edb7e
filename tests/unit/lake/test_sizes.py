"""`lake stats` tells what a lake holds from the ends of its files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lakes import MINUTE, NOON, a_run, new_lake, sample

from ioledger.cli import run
from ioledger.lake import layout, stretches
from ioledger.lake.schema import typed
from ioledger.model.tables import DISK_IO_STAT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def told(lake: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert run(["--lake", str(lake), "lake", "stats", "--format", "json"]) == 0
    return {row["table"]: row for row in json.loads(capsys.readouterr().out)}


def test_rows_files_and_bytes_are_those_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [sample(at=NOON), sample("vm-2", NOON + MINUTE)]
    lake = new_lake(tmp_path, a_run(*rows), a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
    compacted = typed(DISK_IO_STAT, [{"source": "kvm-02", "run_id": "r", **row} for row in rows])
    stretches.write(lake, NOON.date(), "kvm-02", "compacted", compacted)
    paths = layout.files(lake, "disk_io_stat")
    paths[0].with_name(f".{paths[0].name}.tmp").write_bytes(b"of a crash")

    found = told(lake, capsys)["disk_io_stat"]

    byte_count = sum(path.stat().st_size for path in paths)
    assert found == {
        "table": "disk_io_stat", "rows": 5, "files": 3, "bytes": byte_count,
        "bytes_per_row": f"{byte_count / 5:.1f}", "partitions": 2, "most_files": 2, "files_of_one_run": 2,
        "temporaries": 1, "sources": 2, "first": "2025-11-22T12:00:00Z", "last": "2025-11-22T12:01:00Z",
    }  # fmt: skip


def test_a_table_without_rows_has_no_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(new_lake(tmp_path), capsys)["usage_record"]
    assert found == {
        "table": "usage_record", "rows": 0, "files": 0, "bytes": 0, "bytes_per_row": None, "partitions": 0,
        "most_files": 0, "files_of_one_run": 0, "temporaries": 0, "sources": None, "first": None, "last": None,
    }  # fmt: skip
