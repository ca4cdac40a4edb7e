"""Parquet: the rows with their types, and in the metadata what they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import charge_rows
import exported
import pyarrow.parquet as pq
import pytest

from ioledger.lake.schema import arrow_schema
from ioledger.model.tables import CHARGE, USAGE_RECORD

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.tables import Table


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    names = [charge_rows.charge(account_id=name, account_name=name) for name in exported.NAMES]
    return exported.lake_with(tmp_path, exported.month_of_usage(), [*names, *charge_rows.plausible()])


@pytest.mark.parametrize("table", [USAGE_RECORD, CHARGE], ids=["usage", "charges"])
def test_rows_and_schema_are_those_of_the_lake(lake: Path, table: Table) -> None:
    path = exported.export(lake, table, "parquet", lake.parent / "file.parquet")

    found = pq.read_table(path, partitioning=None)
    assert found.schema.equals(arrow_schema(table.name), check_metadata=True)
    assert found.to_pylist() == exported.rows(lake, table)


def test_money_is_decimal_and_the_metadata_tells_period_and_totals(lake: Path) -> None:
    path = exported.export(lake, CHARGE, "parquet", lake.parent / "file.parquet")

    assert str(pq.read_schema(path).field("amount").type) == "decimal128(38, 12)"
    told = {name.decode(): value.decode() for name, value in pq.read_metadata(path).metadata.items()}
    assert (told["ioledger.period"], told["ioledger.status"]) == ("2026-10", "open")
    assert told["ioledger.rate_cards"] == "standard 2026-1"
    totals = json.loads((lake.parent / "file.parquet.totals.json").read_text(encoding="utf-8"))
    assert json.loads(told["ioledger.totals"]) == totals["totals"]


def test_small_days_share_row_groups(lake: Path) -> None:
    path = exported.export(lake, USAGE_RECORD, "parquet", lake.parent / "file.parquet")

    assert len(list(lake.glob("usage_record/date=2026-10-*"))) == 2
    assert pq.read_metadata(path).num_row_groups == 1
