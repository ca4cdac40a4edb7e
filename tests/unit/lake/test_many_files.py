"""Hundreds of files of runs, which a reader opens one after another, beside those whose columns are others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import NOON, a_run, new_lake, read, sample

from ioledger.errors import LakeError, NewerVersionError
from ioledger.lake import layout, reader
from ioledger.lake.files import write_parquet
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 210
"""More than are held open at once."""

EACH = "SELECT count(*), sum(read_ops), sum(cap_total_iops) FROM disk_io_stat"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = new_lake(tmp_path_factory.mktemp("many"))
    for number in range(COUNT):
        at = NOON + timedelta(minutes=number)
        write_run(made, a_run(sample("vm-1", at, read_ops=number, cap_total_iops=1), at=at))
    return made


@pytest.fixture
def rewritten(lake: Path) -> Callable[[int, Callable[[pa.Table], pa.Table]], None]:
    """Write one of the files as something else would have, until the test is over."""
    kept: dict[Path, bytes] = {}

    def rewrite(number: int, change: Callable[[pa.Table], pa.Table]) -> None:
        path = layout.files(lake, "disk_io_stat")[number]
        kept.setdefault(path, path.read_bytes())
        write_parquet(path, change(pq.read_table(path, partitioning=None)))

    yield rewrite  # type: ignore[misc]
    for path, content in kept.items():
        path.write_bytes(content)


def test_all_rows_are_there(lake: Path) -> None:
    assert read(lake, EACH) == [(COUNT, sum(range(COUNT)), COUNT)]


def test_files_with_other_columns_are_read_by_name(lake: Path, rewritten: Callable[..., None]) -> None:
    rewritten(0, lambda rows: rows.drop_columns(["cap_total_iops"]))
    rewritten(3, lambda rows: rows.select(rows.column_names[::-1]))
    rewritten(COUNT - 1, lambda rows: rows.append_column("discard_ops", pa.array([["of another", "type"]])))
    narrow = pa.int16()
    rewritten(7, lambda rows: rows.set_column(
        rows.column_names.index("read_ops"), "read_ops", rows.column("read_ops").cast(narrow)
    ))  # fmt: skip
    assert read(lake, EACH) == [(COUNT, sum(range(COUNT)), COUNT - 1)]


def test_a_file_of_a_newer_version_is_refused(lake: Path, rewritten: Callable[..., None]) -> None:
    newer = {b"ioledger.schema_version": b"999"}
    rewritten(100, lambda rows: rows.replace_schema_metadata(newer))
    with pytest.raises(NewerVersionError, match=r"disk_io_stat.* has schema version 999"):
        read(lake, EACH)


def test_a_damaged_file_is_named(lake: Path, rewritten: Callable[..., None]) -> None:
    rewritten(50, lambda rows: rows)
    path = layout.files(lake, "disk_io_stat")[50]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LakeError, match=f"^{path} cannot be read: "):
        read(lake, EACH)


def test_files_of_the_same_columns_are_told_from_others(lake: Path, rewritten: Callable[..., None]) -> None:
    rewritten(3, lambda rows: rows.select(rows.column_names[::-1]))
    rewritten(9, lambda rows: rows.drop_columns(["cap_total_iops"]))
    paths = layout.files(lake, "disk_io_stat")
    with reader.open_unlisted(lake) as opened:
        assert opened.footers.alike(paths) == {*paths} - {paths[9]}
        assert opened.footers.alike(paths[:100]) == set(), "few files are held at once"
