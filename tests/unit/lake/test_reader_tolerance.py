"""What a reader takes: files of other times and makers, odd places, and lakes that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample

from ioledger.errors import LakeError
from ioledger.lake import layout, reader
from ioledger.lake.files import write_parquet
from ioledger.lake.writer import write_run
from ioledger.model.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def lake_with_a_changed_file(directory: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Make a lake of two runs, the first of which lies in a file that something else wrote."""
    lake = new_lake(directory, a_run(sample("vm-1", read_ops=5, cap_total_iops=100)))
    (path,) = layout.files(lake, "disk_io_stat")
    write_parquet(path, change(pq.read_table(path, partitioning=None)))
    write_run(lake, a_run(sample("vm-2", NOON + MINUTE, read_ops=6, cap_total_iops=200), at=NOON + MINUTE))
    return lake


SAMPLES = "SELECT vm_id, read_ops, cap_total_iops FROM disk_io_stat ORDER BY vm_id"


def test_a_column_that_a_file_lacks_is_null(tmp_path: Path) -> None:
    lake = lake_with_a_changed_file(tmp_path, lambda rows: rows.drop_columns(["cap_total_iops"]))
    assert read(lake, SAMPLES) == [("vm-1", 5, None), ("vm-2", 6, 200)]


def test_a_column_that_no_file_has_is_null_and_keeps_its_type(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    (path,) = layout.files(lake, "disk_io_stat")
    write_parquet(path, pq.read_table(path, partitioning=None).drop_columns(["cap_total_iops", "window_start"]))
    assert read(lake, "SELECT cap_total_iops, typeof(cap_total_iops), typeof(window_start) FROM disk_io_stat") == [
        (None, "BIGINT", "TIMESTAMP WITH TIME ZONE")
    ]


def test_columns_are_taken_by_name_in_any_order(tmp_path: Path) -> None:
    lake = lake_with_a_changed_file(tmp_path, lambda rows: rows.select(rows.column_names[::-1]))
    assert read(lake, SAMPLES) == [("vm-1", 5, 100), ("vm-2", 6, 200)]


def test_columns_of_later_versions_are_left_alone(tmp_path: Path) -> None:
    later = pa.array([["of another", "type"]])
    lake = lake_with_a_changed_file(tmp_path, lambda rows: rows.append_column("discard_ops", later))
    with reader.connect(lake) as connection:
        assert connection.table("disk_io_stat").columns == list(TABLES["disk_io_stat"].names)
        assert connection.execute(SAMPLES).fetchall() == [("vm-1", 5, 100), ("vm-2", 6, 200)]


@pytest.mark.parametrize("narrow", [pa.int8(), pa.int16(), pa.int32(), pa.uint32()])
def test_narrower_integers_are_widened(tmp_path: Path, narrow: pa.DataType) -> None:
    def narrowed(rows: pa.Table) -> pa.Table:
        position = rows.column_names.index("read_ops")
        return rows.set_column(position, "read_ops", rows.column("read_ops").cast(narrow))

    lake = lake_with_a_changed_file(tmp_path, narrowed)
    assert read(lake, SAMPLES) == [("vm-1", 5, 100), ("vm-2", 6, 200)]
    assert read(lake, "SELECT DISTINCT typeof(read_ops) FROM disk_io_stat") == [("BIGINT",)]


def test_a_column_of_a_type_that_cannot_be_meant_names_the_file(tmp_path: Path) -> None:
    def worded(rows: pa.Table) -> pa.Table:
        return rows.set_column(rows.column_names.index("read_ops"), "read_ops", pa.array(["five"]))

    lake = lake_with_a_changed_file(tmp_path, worded)
    changed = layout.files(lake, "disk_io_stat")[0]
    with pytest.raises(LakeError, match=rf"^{changed} cannot be read: .*five.*; restore it, or "):
        read(lake, SAMPLES)


def test_an_empty_lake_has_all_tables_and_no_rows(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with reader.connect(lake) as connection:
        for table in (*TABLES, "interval", "allocation_in_force", "entitlement_in_force"):
            assert connection.table(table).fetchall() == []


@pytest.mark.parametrize(
    "name",
    ["with space", "it's", 'a "quote"', "[brackets]", "st*r", "quest?on", "{a,b}", "Größe-вода-水", "back\\slash", "~"],
)
def test_a_lake_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    lake = new_lake(tmp_path / name, a_run(sample()))
    assert read(lake, "SELECT vm_id FROM disk_io_stat") == [("vm-1",)]


def test_a_name_that_looks_like_a_pattern_finds_its_own_lake_alone(tmp_path: Path) -> None:
    new_lake(tmp_path / "star", a_run(sample("of another lake"), sample("and one more")))
    new_lake(tmp_path / "s", a_run(sample("of another lake")))
    for name in ("st*r", "sta?", "[s]"):
        lake = new_lake(tmp_path / name, a_run(sample("own")))
        assert read(lake, "SELECT vm_id FROM disk_io_stat") == [("own",)]


def test_other_files_in_a_lake_are_not_read(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    (path,) = layout.files(lake, "disk_io_stat")
    path.with_name(f".{path.name}.tmp").write_bytes(b"half a fi")
    path.with_name("notes.txt").write_text("moved here by hand")
    assert read(lake, "SELECT vm_id FROM disk_io_stat") == [("vm-1",)]


def test_a_lake_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    (lake / "lake.toml").write_text("schema_version = 2\n")
    before = content(lake)
    with pytest.raises(LakeError) as caught:
        read(lake, "SELECT 1")
    assert str(caught.value) == (
        f"the lake at {lake} has schema version 2, and this ioledger reads version 1; "
        "upgrade ioledger to the version that wrote it, or a newer one"
    )
    assert content(lake) == before


@pytest.mark.parametrize("marker", ["", "schema_version = '1'", "schema_version = true", "schema_version = 0"])
def test_a_marker_without_a_version_is_refused(tmp_path: Path, marker: str) -> None:
    lake = new_lake(tmp_path)
    (lake / "lake.toml").write_text(marker)
    with pytest.raises(LakeError, match="has schema version"):
        read(lake, "SELECT 1")


def test_a_marker_that_is_no_toml_is_named(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    (lake / "lake.toml").write_text("schema_version")
    with pytest.raises(LakeError, match=rf"^the lake's marker {lake / 'lake.toml'} cannot be read: .*; restore it$"):
        read(lake, "SELECT 1")


def test_a_place_without_a_lake_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError) as caught:
        read(tmp_path, "SELECT 1")
    assert str(caught.value) == (
        f"there is no lake at {tmp_path}; make one with `ioledger init`, or name another with --lake"
    )
