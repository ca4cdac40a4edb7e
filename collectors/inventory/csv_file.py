"""Inventory files in CSV: RFC 4180, UTF-8, the first line names the columns."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING, Final

from collectors.inventory import values
from collectors.inventory.rows import Rows, check_header, decoded
from ioledger.errors import DataError
from ioledger.model.columns import COUNT, FLAG, PER_GIB, TEXT, TIME

if TYPE_CHECKING:
    from ioledger.model.records import Row
    from ioledger.model.tables import Table

_PARSERS: Final = {
    COUNT: values.count_of_text,
    PER_GIB: values.exact_of_text,
    FLAG: values.flag_of_text,
    TIME: values.instant_of_text,
    TEXT: values.text,
}

_OTHER_SEPARATORS: Final = ";\t|"


def _line(position: int, _column: str | None) -> str:
    return f"line {position}"


def read_csv(data: bytes, file: str, table: Table) -> list[Row]:
    """Read one table; ``file`` is its name for messages.

    A row is found again by the physical line on which it begins; blank lines are passed over.
    Raises DataError for the first mistake and counts the rows that have others.
    """
    reader = csv.reader(io.StringIO(decoded(data, file), newline=""), strict=True)
    rows = Rows(table, file, _PARSERS, _line)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            if not header and cells:
                header = cells
                _check_header(header, table, f"{file} line {start}")
            elif cells and len(cells) != len(header):
                rows.reject(start, partial(_bad_width, len(cells), len(header)))
            elif cells:
                rows.add(start, zip(header, cells, strict=True))
            start = reader.line_num + 1
    except csv.Error as error:
        # What follows cannot be told apart into rows, so it counts as one.
        rows.reject(start, partial(_bad_syntax, str(error)))
    typed = rows.finish()
    if not header:
        raise DataError(f"{file} is empty, but its first line must name the columns; write them")
    return typed


def _check_header(header: list[str], table: Table, where: str) -> None:
    separator = next((other for other in _OTHER_SEPARATORS if other in header[0]), None)
    if len(header) == 1 and separator is not None:
        raise DataError(f"{where}: the columns are separated by {separator!r}; separate them by commas")
    check_header(header, table, where)


def _bad_width(cells: int, columns: int) -> str:
    return f"{cells} {'cell' if cells == 1 else 'cells'} for {columns} columns; put a cell that holds a comma in quotes"


def _bad_syntax(reason: str) -> str:
    return f"the row is no valid CSV ({reason}); close every quote, and double one inside quotes"
