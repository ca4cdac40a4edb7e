"""What well-formed inventory files mean, whoever wrote them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from inventory_files import INVENTORY_TABLES, arrow_bytes, csv_bytes, parquet_bytes, toml_bytes

from collectors.inventory.source import read_table
from ioledger.model.columns import COLUMNS, COUNT, FLAG, PER_GIB, TEXT, TIME
from ioledger.model.tables import ENTITLEMENT, FACTS, PROVISIONED_IOPS, READ_BY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

    Read = Callable[..., list[Row]]

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_content(name: str, content: str | bytes, table: Table = PROVISIONED_IOPS) -> list[Row]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, table)

    return read_content


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("volume_id,min_iops\nv,\n", [{"volume_id": "v"}], id="an empty cell is NULL"),
        pytest.param('volume_id,min_iops\nv,""\n', [{"volume_id": "v"}], id="an empty cell in quotes too"),
        pytest.param("volume_id,min_iops\nv,0\n", [{"volume_id": "v", "min_iops": 0}], id="zero is not NULL"),
        pytest.param("volume_id\n", [], id="a header alone: no volumes"),
        pytest.param("\nvolume_id\n\nv\n\n", [{"volume_id": "v"}], id="blank lines mean nothing"),
        pytest.param("volume_id\rv\r", [{"volume_id": "v"}], id="lines may end as on old systems"),
        pytest.param("volume_id\r\nv", [{"volume_id": "v"}], id="the last line needs no end"),
        pytest.param("\ufeffvolume_id\nv\n", [{"volume_id": "v"}], id="a byte order mark is no part of a name"),
        pytest.param("min_iops,volume_id\n5,v\n", [{"volume_id": "v", "min_iops": 5}], id="columns in any order"),
        pytest.param("volume_id\n 007 \n", [{"volume_id": " 007 "}], id="text is kept as it is"),
        pytest.param(
            "volume_id,modified_at\nv,2026-11-01 01:30+01:30\n",
            [{"volume_id": "v", "modified_at": MIDNIGHT}],
            id="times are turned to UTC",
        ),
        pytest.param(
            "volume_id,min_iops\nv,9223372036854775807\n",
            [{"volume_id": "v", "min_iops": 2**63 - 1}],
            id="the greatest count",
        ),
    ],
)
def test_what_csv_means(read: Read, content: str, rows: list[Row]) -> None:
    assert read("volumes.csv", content) == rows


def test_decimals_keep_their_digits(read: Read) -> None:
    (row,) = read("sold.csv", "volume_id,sold_min_iops_per_gib\nv,999999999999.000001\n", ENTITLEMENT)
    assert row["sold_min_iops_per_gib"] == Decimal("999999999999.000001")


def test_toml_numbers_keep_their_digits(read: Read) -> None:
    content = '[[entitlement]]\nvolume_id = "v"\nsold_min_iops_per_gib = 0.1\nsold_max_iops_per_gib = 1_000.5\n'
    (row,) = read("sold.toml", content, ENTITLEMENT)
    assert (row["sold_min_iops_per_gib"], row["sold_max_iops_per_gib"]) == (Decimal("0.1"), Decimal("1000.5"))


def test_a_whole_number_is_a_decimal_too(read: Read) -> None:
    (row,) = read("sold.toml", '[[entitlement]]\nvolume_id = "v"\nsold_max_iops_per_gib = 3\n', ENTITLEMENT)
    assert row["sold_max_iops_per_gib"] == Decimal(3)


def test_toml_can_say_that_there_are_none(read: Read) -> None:
    assert read("volumes.toml", "provisioned_iops = []\n") == []


def test_empty_text_is_null_in_every_format(read: Read) -> None:
    rows: list[Row] = [{"volume_id": "v", "modified_by": ""}]
    for name, written in (
        ("volumes.csv", csv_bytes(PROVISIONED_IOPS, rows)),
        ("volumes.toml", toml_bytes(PROVISIONED_IOPS, rows)),
        ("volumes.parquet", parquet_bytes(PROVISIONED_IOPS, rows)),
    ):
        assert read(name, written) == [{"volume_id": "v"}]


def test_parquet_types_that_lose_nothing_fit(read: Read) -> None:
    content = arrow_bytes(
        {
            "volume_id": pa.array(["v"]).dictionary_encode(),
            "volume_name": pa.array(["data"], pa.large_string()),
            "vm_id": pa.nulls(1),
            "sold_min_iops": pa.array([7], pa.uint16()),
            "sold_min_iops_per_gib": pa.array([Decimal("1.5000000000")], pa.decimal128(30, 10)),
            "sold_max_iops_per_gib": pa.array([3], pa.int8()),
            "modified_at": pa.array([1793491200000], pa.timestamp("ms", "Europe/Berlin")),
        }
    )
    assert read("sold.parquet", content, ENTITLEMENT) == [
        {
            "volume_id": "v",
            "volume_name": "data",
            "sold_min_iops": 7,
            "sold_min_iops_per_gib": Decimal("1.5"),
            "sold_max_iops_per_gib": Decimal(3),
            "modified_at": MIDNIGHT,
        }
    ]


def test_every_table_of_storage_and_control_plane_has_columns_that_files_can_hold() -> None:
    tables = {*READ_BY["storage"], *READ_BY["controlplane"]}
    assert set(INVENTORY_TABLES) == {name for name in tables if FACTS[name].time == "observed_at"}
    types = {COLUMNS[name].type for table in INVENTORY_TABLES for name in FACTS[table].names}
    assert types == {TEXT, COUNT, FLAG, TIME, PER_GIB}
