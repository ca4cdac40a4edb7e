"""CSV: any reader gets back what the lake holds, and no spreadsheet a formula."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import charge_rows
import exported

from ioledger.model.columns import COLUMNS, COUNT, FLAG, TEXT, TIME
from ioledger.model.tables import CHARGE, USAGE_RECORD
from ioledger.terminal import FORMULA_STARTS

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.tables import Table


def read_back(path: Path, table: Table) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as stream:
        heading, *lines = csv.reader(stream, strict=True)
    assert heading == list(table.names)
    return [{name: parsed(name, text) for name, text in zip(heading, line, strict=True)} for line in lines]


def parsed(name: str, text: str) -> object:
    kind = COLUMNS[name].type
    if kind == TEXT:
        return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
    if text == "":
        return None
    if kind == TIME:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if kind == FLAG:
        return {"true": True, "false": False}[text]
    assert "e" not in text.lower()
    return int(text) if kind == COUNT else Decimal(text)


def with_null_texts_empty(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give rows as Python's reader tells them: it does not tell "" from nothing."""
    texts = {name for name, column in COLUMNS.items() if column.type == TEXT}
    return [{name: "" if value is None and name in texts else value for name, value in row.items()} for row in rows]


def test_usage_read_back_is_what_the_lake_holds(tmp_path: Path) -> None:
    lake = exported.lake_with(tmp_path, exported.month_of_usage())
    path = exported.export(lake, USAGE_RECORD, "csv", tmp_path / "usage.csv")

    assert read_back(path, USAGE_RECORD) == with_null_texts_empty(exported.rows(lake, USAGE_RECORD))


def test_charges_read_back_are_what_the_lake_holds(tmp_path: Path) -> None:
    rows = [
        charge_rows.charge(account_id=str(number), account_name=name, cost=Decimal("0.000000000001"), tier=number)
        for number, name in enumerate(exported.NAMES)
    ]
    lake = exported.lake_with(tmp_path, charges=[*rows, *charge_rows.plausible()])
    path = exported.export(lake, CHARGE, "csv", tmp_path / "charges.csv")

    assert read_back(path, CHARGE) == with_null_texts_empty(exported.rows(lake, CHARGE))
    assert ",0.000000000001," in path.read_text(encoding="utf-8")


def test_an_empty_text_is_not_null_and_lines_end_as_the_standard_says(tmp_path: Path) -> None:
    lake = exported.lake_with(tmp_path, [exported.usage_row(0, account_id="", project_id=None)])
    content = exported.export(lake, USAGE_RECORD, "csv", tmp_path / "usage.csv").read_bytes()

    assert b',vda,"",,' in content
    assert content.count(b"\r\n") == content.count(b"\n") == 2


def test_what_a_spreadsheet_would_take_for_a_formula_has_an_apostrophe(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", '="a,b"']
    lake = exported.lake_with(tmp_path, [exported.usage_row(n, account_id=name) for n, name in enumerate(names)])
    path = exported.export(lake, USAGE_RECORD, "csv", tmp_path / "usage.csv")

    with path.open(encoding="utf-8", newline="") as stream:
        found = [row["account_id"] for row in csv.DictReader(stream)]
    assert found == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'=1", '\'="a,b"']


def test_numbers_are_raw_and_shortest(tmp_path: Path) -> None:
    amounts = {
        "observed_seconds": Decimal(3600), "gap_seconds": Decimal(0), "at_cap_seconds": Decimal("0.5"),
        "cap_iops_seconds": Decimal("1234567.000001"), "read_bytes": 2**63 - 1,
        "gib_seconds": Decimal("99999999999999999999999999999999.999999"),
    }  # fmt: skip
    lake = exported.lake_with(tmp_path, [exported.usage_row(0, **amounts)])
    path = exported.export(lake, USAGE_RECORD, "csv", tmp_path / "usage.csv")

    with path.open(encoding="utf-8", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert {name: row[name] for name in amounts} == {
        "observed_seconds": "3600", "gap_seconds": "0", "at_cap_seconds": "0.5", "cap_iops_seconds": "1234567.000001",
        "read_bytes": "9223372036854775807", "gib_seconds": "99999999999999999999999999999999.999999",
    }  # fmt: skip
