"""The workbook: sheets that people read, cells that hold what the lake holds, and sums that tie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import charge_rows
import exported
import pyarrow as pa
import pytest
import workbooks
from workbooks import Cell

from ioledger.errors import DataError
from ioledger.model.columns import TIME
from ioledger.model.tables import CHARGE, OPERATION_CLASSES, USAGE_RECORD
from reports.exports import sheets
from reports.exports.batch import Export
from reports.exports.totals import Totals

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.tables import Table

SHEETS = ["Summary", "Lines", "Corrections", "Dictionary", "Run"]
FIRST_DAY = datetime(1899, 12, 30, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    names = [
        charge_rows.charge(account_id=str(number), account_name=name, volume_id=name)
        for number, name in enumerate(exported.NAMES)
    ]
    return exported.lake_with(tmp_path, exported.month_of_usage(), [*names, *charge_rows.plausible()])


def workbook(lake: Path, table: Table) -> Path:
    return exported.export(lake, table, "xlsx", lake.parent / "book.xlsx")


def value(cell: Cell | None, kind: pa.DataType) -> Any:  # noqa: ANN401 - whatever a table holds
    if cell is None:
        return None
    if kind == TIME:
        return FIRST_DAY + timedelta(seconds=round(Decimal(cell.text) * 86_400))
    if kind == pa.bool_():
        assert cell.kind == "b"
        return cell.text == "1"
    if kind == pa.string():
        assert cell.kind == "s"
        return cell.text.removeprefix("'") if cell.text[1:2] in {"=", "@"} else cell.text
    return int(Decimal(cell.text)) if kind == pa.int64() else Decimal(cell.text)


@pytest.mark.parametrize("table", [USAGE_RECORD, CHARGE], ids=["usage", "charges"])
def test_lines_are_the_rows_of_the_lake(lake: Path, table: Table) -> None:
    path = workbook(lake, table)

    assert workbooks.sheet_names(path) == SHEETS
    found = [
        {column.name: value(row[sheets.heading(column)], column.type) for column in table.columns}
        for row in workbooks.rows(path, "Lines")
    ]
    assert found == exported.rows(lake, table)


def test_formulas_and_links_are_texts(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "https://example.org", "{=1}"]
    lake = exported.lake_with(tmp_path, [exported.usage_row(n, account_id=name) for n, name in enumerate(names)])
    found = [row["account_id"] for row in workbooks.rows(workbook(lake, USAGE_RECORD), "Lines")]

    assert found == [Cell("s", f"'{name}") for name in names[:6]] + [Cell("s", name) for name in names[6:]]


@pytest.mark.parametrize(
    ("number", "is_number"),
    [(2**53, True), (2**53 + 1, False), (0, True), (2**63 - 1, False)],
)
def test_a_whole_number_is_one_only_where_a_spreadsheet_holds_it(tmp_path: Path, number: int, is_number: bool) -> None:  # noqa: FBT001 - a case
    lake = exported.lake_with(tmp_path, [exported.usage_row(0, read_bytes=number)])
    (row,) = workbooks.rows(workbook(lake, USAGE_RECORD), "Lines")

    assert row["read_bytes"] == Cell("n" if is_number else "s", str(number))


@pytest.mark.parametrize(
    ("number", "is_number"),
    [
        ("123456789012345", True), ("1234567890123456", False), ("0.000000000001", True),
        ("123456789012.345", True), ("1234567890123.456", False), ("-0.1", True), ("100000000000000000000", True),
    ],
)  # fmt: skip
def test_a_decimal_number_is_one_only_up_to_15_digits(tmp_path: Path, number: str, is_number: bool) -> None:  # noqa: FBT001 - a case
    lake = exported.lake_with(tmp_path, charges=[charge_rows.charge(cost=Decimal(number))])
    (row,) = workbooks.rows(workbook(lake, CHARGE), "Lines")

    cell = row["cost"]
    assert cell
    assert cell.kind == ("n" if is_number else "s")
    assert Decimal(cell.text) == Decimal(number)


def test_the_summary_of_charges_adds_up_to_the_totals_with_corrections_apart(lake: Path) -> None:
    rows = workbooks.rows(workbook(lake, CHARGE), "Summary")

    def amounts(account: str, currency: str) -> dict[str, Decimal]:
        (row,) = (
            row for row in rows
            if (row["account_id"], row["currency"]) == (Cell("s", account), Cell("s", currency))
        )  # fmt: skip
        return {name: Decimal(cell.text) for name, cell in row.items() if cell and cell.kind == "n"}

    assert amounts("acme", "EUR") == {
        "rows": 8, "usage": Decimal("30.09"), "free": 0, "minimum": Decimal("0.91"), "credit": Decimal("-0.08"),
        "corrections": Decimal("-1.2"), "amount": Decimal("29.72"), "cost": Decimal("59.71935483871"),
    }  # fmt: skip
    assert amounts("all", "JPY") == {"rows": 1, "usage": 4321, "amount": 4321}  # the cost has 16 digits
    all_of_eur = amounts("all", "EUR")
    accounts = [amounts("acme", "EUR"), *(amounts(str(number), "EUR") for number in range(len(exported.NAMES)))]
    for name, total in all_of_eur.items():
        assert sum(account.get(name, Decimal(0)) for account in accounts) == total
    assert all_of_eur["amount"] == Decimal("29.72") + 30 * len(exported.NAMES)


def test_the_summary_of_usage_adds_up_to_the_totals(lake: Path) -> None:
    *accounts, last = workbooks.rows(workbook(lake, USAGE_RECORD), "Summary")

    with exported.open_export(lake, USAGE_RECORD, exported.PERIOD) as opened:
        totals = opened.totals
    assert len(accounts) == len(exported.NAMES) + 1
    for name in ("read_ops", "write_ops", *OPERATION_CLASSES):
        assert sum(int(row[name].text) for row in accounts if row[name]) == totals.amounts[name]
        assert last[name] == Cell("n", str(totals.amounts[name]))
    assert last["rows"] == Cell("n", str(totals.row_count))


@pytest.mark.parametrize(("table", "count"), [(USAGE_RECORD, 1), (CHARGE, 2)], ids=["usage", "charges"])
def test_corrections_are_repeated_on_their_own_sheet(lake: Path, table: Table, count: int) -> None:
    path = workbook(lake, table)
    corrections = workbooks.rows(path, "Corrections")

    assert len(corrections) == count
    lines = workbooks.rows(path, "Lines")
    assert all(row in lines for row in corrections)


def test_the_dictionary_tells_every_column_and_what_is_not_a_number(lake: Path) -> None:
    rows = workbooks.rows(workbook(lake, CHARGE), "Dictionary")

    described = {row["column"].text: row for row in rows if row["column"]}
    assert list(described) == [sheets.heading(column) for column in CHARGE.columns]
    for column in CHARGE.columns:
        row = described[sheets.heading(column)]
        assert row["meaning"] == Cell("s", column.meaning)
        assert (row["unit"].text if row["unit"] else "") == column.unit
    notes = " ".join(row["meaning"].text for row in rows if row["meaning"] and not row["column"])
    assert "2^53" in notes
    assert "15 digits" in notes


def test_the_run_tells_period_totals_and_rate_card(lake: Path) -> None:
    told = {row["what"].text: row["value"] for row in workbooks.rows(workbook(lake, CHARGE), "Run") if row["what"]}

    assert told["period"] == Cell("s", "2026-10")
    assert told["rate_cards"] == Cell("s", "standard 2026-1")
    assert told["total of amount in JPY"] == Cell("n", "4321")
    assert told["rows of reversal in EUR"] == Cell("n", "1")


def test_the_heading_is_frozen_and_can_be_filtered_by(lake: Path) -> None:
    root = workbooks.part(workbook(lake, CHARGE), "xl/worksheets/sheet2.xml")

    parts = {element.tag.partition("}")[2]: element for element in root.iter()}
    assert parts["pane"].attrib["state"] == "frozen"
    assert parts["autoFilter"].attrib["ref"] == f"A1:AO{1 + len(exported.rows(lake, CHARGE))}"
    assert {column.attrib["width"] for column in root.iter() if column.tag.endswith("}col")} != {"9.140625"}


def test_the_workbook_tells_the_end_of_the_month_and_not_the_time_of_the_export(lake: Path) -> None:
    properties = workbooks.part(workbook(lake, CHARGE), "docProps/core.xml")

    times = {element.text for element in properties if "T" in (element.text or "") and element.tag.endswith("ed")}
    assert times == {"2026-11-01T00:00:00Z"}


def test_more_rows_than_a_sheet_has_are_refused_before_any_is_written(tmp_path: Path) -> None:
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    export = Export(USAGE_RECORD, "2026-10", moment, moment, "open", {}, Totals(1_048_576), ())

    with pytest.raises(DataError, match="holds 1048575; export as csv or parquet"):
        exported.formats.load("xlsx").write(export, tmp_path / "file")  # type: ignore[attr-defined]

    assert list(tmp_path.iterdir()) == []


def test_a_text_that_no_cell_holds_is_refused(tmp_path: Path) -> None:
    lake = exported.lake_with(tmp_path, [exported.usage_row(0, account_id="x" * 32_768)])

    with pytest.raises(DataError, match="a text of 32768 characters does not fit"):
        workbook(lake, USAGE_RECORD)
