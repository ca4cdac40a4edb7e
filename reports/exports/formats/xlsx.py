"""A workbook for people: what each account has, all lines, what corrects, what columns mean, and what it rests on."""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError, FileSizeError

from ioledger.errors import DataError
from ioledger.model.tables import CHARGE
from reports.exports import sheets, summary
from reports.exports.sheets import Formats, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from reports.exports.batch import Export

TABLES: Final = ("usage_record", "charge")

_LINES_FILE: Final = "xl/worksheets/sheet2.xml"
_CHUNK_BYTES: Final = 1 << 20
_ROW: Final = b"<row "


def write(export: Export, path: Path) -> None:
    """Write the sheets Summary, Lines, Corrections, Dictionary and Run; the same rows give the same bytes.

    Raises DataError for more rows than a sheet has, and for a text that no cell holds.
    """
    if export.totals.row_count >= sheets.MOST_ROWS:
        raise DataError(
            f"{export.period} has {export.totals.row_count} rows of {export.table.name}, and a sheet holds "
            f"{sheets.MOST_ROWS - 1}; export as csv or parquet"
        )
    try:
        with TemporaryDirectory() as directory, _workbook(export, path, directory) as workbook:
            _fill(export, workbook)
    except FileCreateError as error:
        raise error.args[0] from error
    except FileSizeError as error:
        raise DataError(f"the rows of {export.period} do not fit into a workbook; export as csv or parquet") from error


def count_rows(path: Path) -> int:
    """Count the rows of the sheet Lines below its heading."""
    found, rest = 0, b""
    with ZipFile(path) as packed, packed.open(_LINES_FILE) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            seen = rest + chunk
            found += seen.count(_ROW)
            rest = seen[-len(_ROW) + 1 :]
    return found - 1


def _workbook(export: Export, path: Path, directory: str) -> xlsxwriter.Workbook:
    workbook = xlsxwriter.Workbook(
        str(path),
        {"constant_memory": True, "tmpdir": directory, "strings_to_formulas": False, "strings_to_urls": False},
    )
    workbook.set_properties({"title": _title(export), "created": export.end.replace(tzinfo=None)})
    return workbook


def _title(export: Export) -> str:
    return f"ioledger: {export.table.name} of {export.period}"


def _fill(export: Export, workbook: xlsxwriter.Workbook) -> None:
    formats = Formats(workbook)
    names = ("Summary", "Lines", "Corrections", "Dictionary", "Run")
    of_accounts, lines, corrections, dictionary, run = (Sheet(workbook, name, formats) for name in names)
    columns = export.table.columns
    for sheet in (lines, corrections):
        sheet.head([sheets.heading(column) for column in columns], map(sheets.width, columns))
    found = summary.of_table(export.table)
    for row in _rows(export):
        found.add(row)
        lines.add(row.values())
        if _is_correction(export, row):
            corrections.add(row.values())
    lines.filter()
    corrections.filter()
    of_accounts.head(found.headings, (max(18, len(name) + 3) for name in found.headings))
    for values, is_total in found.lines(export.totals):
        of_accounts.add(values, "total" if is_total else None)
    _describe_columns(export, dictionary)
    _describe_run(export, run)


def _rows(export: Export) -> Iterator[Mapping[str, Any]]:
    for batch in export.batches():
        columns = [column.to_pylist() for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(export.table.names, values, strict=True))


def _is_correction(export: Export, row: Mapping[str, Any]) -> bool:
    return bool(row["correction"] if export.table is CHARGE else row["revision"])


def _describe_columns(export: Export, sheet: Sheet) -> None:
    sheet.head(("column", "type", "unit", "meaning"), (30, 26, 30, 100))
    for column in export.table.columns:
        sheet.add((sheets.heading(column), sheets.TYPES[column.type], column.unit, column.meaning), "wrapped")
    for note in sheets.NOTES:
        sheet.add((None, None, None, note), "wrapped")


def _describe_run(export: Export, sheet: Sheet) -> None:
    sheet.head(("what", "value"), (40, 100))
    told = {
        "period": export.period,
        "start (UTC)": export.start,
        "end (UTC), exclusive": export.end,
        "table": export.table.name,
        "status": export.status,
        **export.provenance,
        "rows": export.totals.row_count,
        **_totals(export),
        "sheets": "Lines has every row. Corrections repeats those of them that correct what was billed. "
        "The rows `all` of Summary are the control totals.",
    }
    for name, value in told.items():
        sheet.add((name, value), "wrapped")


def _totals(export: Export) -> dict[str, Any]:
    """Return the control totals by what they are of."""
    found: dict[str, Any] = {f"total of {name}": value for name, value in export.totals.amounts.items()}
    for currency in export.totals.currencies:
        where = f"in {currency.currency}" if currency.currency else "without a price"
        found[f"rows {where}"] = currency.row_count
        found[f"total of amount {where}"] = currency.amount
        found[f"total of cost {where}"] = currency.cost
        found |= {f"rows of {kind} {where}": count for kind, count in currency.charge_kinds.items()}
        found |= {f"rows of {kind} {where}": count for kind, count in currency.corrections.items()}
    return found
