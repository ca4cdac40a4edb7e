"""What other programs find in a file of the lake: meaning, order and encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample

from ioledger.lake import files, layout
from ioledger.lake.files import write_parquet
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import COLUMNS, COUNT, TEXT, TIME
from ioledger.model.tables import TABLES, Table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> pq.ParquetFile:
    rows = [sample(vm, NOON + MINUTE * n, epoch=epoch) for n in (1, 0) for vm in ("vm-2", "vm-1") for epoch in "ba"]
    lake = new_lake(tmp_path_factory.mktemp("format"), a_run(*rows))
    (path,) = layout.files(lake, "disk_io_stat")
    return pq.ParquetFile(path)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_has_a_meaning_and_every_number_a_unit(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    write_parquet(path, arrow_schema(table.name).empty_table())
    schema = pq.read_schema(path)
    assert schema.metadata[b"ioledger.table"] == table.name.encode()
    assert schema.metadata[b"ioledger.schema_version"] == b"1"
    assert schema.names == list(table.names)
    for field in schema:
        assert field.metadata[b"meaning"]
        assert field.metadata[b"unit"].decode() == COLUMNS[field.name].unit
        assert field.nullable == (field.name not in table.required)
        if (pa.types.is_integer(field.type) or pa.types.is_decimal(field.type)) and field.name != "revision":
            assert field.metadata[b"unit"], f"{field.name} is a quantity without a unit"


def test_counters_and_times_are_delta_encoded_and_compressed(stored: pq.ParquetFile) -> None:
    group = stored.metadata.row_group(0)
    for position, field in enumerate(stored.schema_arrow):
        column = group.column(position)
        assert column.compression == "ZSTD"
        if field.type in (COUNT, TIME):
            assert "DELTA_BINARY_PACKED" in column.encodings, field.name
            assert not column.has_dictionary_page, field.name
        if field.type == TEXT and column.statistics and column.statistics.has_min_max:
            assert column.has_dictionary_page, field.name


def test_rows_lie_in_the_order_of_the_key(stored: pq.ParquetFile) -> None:
    key = TABLES["disk_io_stat"].key
    rows = [tuple(row[name] for name in key) for row in stored.read().to_pylist()]
    assert len(rows) == 8
    assert rows == sorted(rows)


def test_row_groups_can_be_scanned_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    count = files.ROW_GROUP_ROWS + 1
    write_parquet(path, pa.table({"volume_id": pa.nulls(count, TEXT), "size_bytes": pa.array(range(count), COUNT)}))
    metadata = pq.ParquetFile(path).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [122_880, 1]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    rows = [sample("vm-1"), sample("vm-2")]
    first = new_lake(tmp_path / "first", a_run(*rows))
    second = new_lake(tmp_path / "second", a_run(*rows[::-1]))
    (path,) = layout.files(first, "disk_io_stat")
    assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()
