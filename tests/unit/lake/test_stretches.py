"""What begins a stretch, case by case, and the two files that are written."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, new_lake, read, sample

from ioledger.lake import stretches
from ioledger.lake.schema import typed
from ioledger.lake.stretches import stretches_of
from ioledger.model.tables import DISK_IO_STAT

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from ioledger.model.records import Row

SECOND = timedelta(seconds=1)
COUNTS = {"read_ops": 5, "write_ops": 5, "flush_ops": None, "read_bytes": 5, "write_bytes": 5}


def row(minute: float = 0, run_id: str | None = None, **columns: Any) -> Row:  # noqa: ANN401 - of any column
    at = NOON + minute * MINUTE
    return {"source": "kvm-01", "run_id": run_id or f"{at:%H%M%S%f}", **sample(at=at, **{**COUNTS, **columns})}


def table_of(*rows: Row) -> pa.Table:
    return typed(DISK_IO_STAT, rows)


def numbers(*rows: Row) -> list[int]:
    """Give the stretch of each row, in the order of the file."""
    found: list[int] = stretches_of(table_of(*rows)).samples.column("stretch").to_pylist()
    return found


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        ({}, [1, 1, 1, 1]),
        ({"read_ops": 4}, [1, 1, 2, 2]),
        ({"write_time_ns": 1}, [1, 1, 2, 3]),
        ({"write_ops": None}, [1, 1, 2, 3]),
        ({"volume_id": "vol-2"}, [1, 1, 2, 3]),
        ({"cap_total_iops": 0}, [1, 1, 2, 3]),
        ({"epoch_started_at": NOON}, [1, 1, 2, 3]),
        ({"state": "off"}, [1, 1, 2, 3]),
        ({"source_path": ""}, [1, 1, 2, 3]),
    ],
    ids=str,
)
def test_what_begins_a_stretch(third: dict[str, Any], expected: list[int]) -> None:
    after = {"read_ops": 4} if "read_ops" in third else {}
    assert numbers(row(0), row(1), row(2, **third), row(3, **after)) == expected


def test_a_stretch_begins_after_a_gap_that_is_longer_than_fifteen_minutes() -> None:
    assert numbers(row(0), row(15), row(30)) == [1, 1, 1]
    assert numbers(row(0), row(15 + 1 / 60_000_000)) == [1, 2]


def test_rows_of_one_moment_begin_a_stretch_each_and_only_the_last_goes_on() -> None:
    assert numbers(row(0), row(1, "a"), row(1, "b"), row(1, "c"), row(2)) == [1, 2, 3, 4, 4]
    assert numbers(row(1, "a"), row(1, "b", volume_id="vol-2"), row(2, volume_id="vol-2")) == [1, 2, 2]


def test_other_disks_at_the_same_moment_are_no_repetition() -> None:
    assert numbers(row(0), row(1), row(1, device="vdb"), row(2, device="vdb")) == [1, 1, 2, 2]


def test_rows_without_an_epoch_or_a_device_lie_last_and_do_not_count() -> None:
    rows = [row(0, device=None, state="timeout"), row(1, device=None, state="timeout"), row(0, epoch=None), row(0)]
    found = stretches_of(table_of(*rows)).index
    assert found is not None
    told = found.select(["stretch", "row_count", "device", "epoch", "counts"]).to_pylist()
    assert [tuple(stretch.values()) for stretch in told] == [
        (1, 1, "vda", "e1", True),
        (2, 1, "vda", None, False),
        (3, 2, None, "e1", False),
    ]


def test_an_index_row_tells_both_ends_and_the_longest_interval() -> None:
    rows = [row(0, "a", read_ops=1), row(3, "b", read_ops=1), row(4, "c", read_ops=9, flush_ops=None)]
    found = stretches_of(table_of(*rows)).index
    assert found is not None
    (stretch,) = found.to_pylist()
    assert {name: stretch[name] for name in ("first_run_id", "last_run_id", "first_read_ops", "last_read_ops")} == {
        "first_run_id": "a",
        "last_run_id": "c",
        "first_read_ops": 1,
        "last_read_ops": 9,
    }
    assert (stretch["first_sampled_at"], stretch["last_sampled_at"]) == (NOON, NOON + 4 * MINUTE)
    assert stretch["longest_us"] == 180_000_000
    assert stretch["last_flush_ops"] is None


def test_rates_have_no_stretches(tmp_path: Path) -> None:
    rates = table_of(row(0), row(1, window_start=NOON))
    assert stretches_of(rates).index is None
    assert "stretch" not in stretches_of(rates).samples.column_names
    (path,) = stretches.write(tmp_path, NOON.date(), "kvm-01", "compact", rates)
    assert pq.read_schema(path).names == list(DISK_IO_STAT.names)
    assert not (tmp_path / "sample_stretch").exists()


def test_the_two_files_lie_side_by_side_and_readers_find_the_rows_as_ever(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample(), run_id="b"), a_run(sample(at=NOON + MINUTE), run_id="a"))
    before = read(lake, "FROM disk_io_stat ORDER BY ALL")
    paths = list((lake / "disk_io_stat").rglob("*.parquet"))
    rows = typed(DISK_IO_STAT, [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()])
    for path in paths:
        path.unlink()

    written = stretches.write(lake, NOON.date(), "kvm-01", "compact", rows)

    assert [str(path.relative_to(lake)) for path in written] == [
        "disk_io_stat/date=2025-11-22/source=kvm-01/compact.parquet",
        "sample_stretch/date=2025-11-22/source=kvm-01/compact.parquet",
    ]
    assert json.loads(pq.read_metadata(written[1]).metadata[b"ioledger.runs"]) == ["a", "b"]
    assert read(lake, "FROM disk_io_stat ORDER BY ALL") == before
    assert read(lake, "SELECT stretch, row_count, first_run_id, last_run_id FROM sample_stretch") == [(1, 2, "b", "a")]
