"""Cells of a workbook: every value as a spreadsheet can hold it without changing it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ioledger.errors import DataError
from ioledger.model.columns import COUNT, EXACT, FLAG, MONEY, PER_GIB, TEXT, TIME
from ioledger.numbers import plain
from ioledger.terminal import spreadsheet_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from ioledger.model.columns import Column

MOST_ROWS: Final = 1_048_576

TYPES: Final = {
    TEXT: "text",
    COUNT: "whole number",
    FLAG: "TRUE or FALSE",
    TIME: "time in UTC",
    EXACT: "decimal number, 6 places",
    PER_GIB: "decimal number, 6 places",
    MONEY: "decimal number, 12 places",
}

NOTES: Final = (
    "Numbers are cells of numbers where a spreadsheet holds them exactly: whole up to 2^53, decimal up to 15 digits.",
    "Any other number is a cell of text with all its digits, which sums of a spreadsheet leave out.",
    "Times are in UTC. Those with a fraction of a second are text.",
    "A text that starts with = + - @, a tab or a line break has an apostrophe before it.",
    "An empty cell means that nothing is known or nothing applies; it is not 0.",
)

_MOST_EXACT: Final = 2**53
_MOST_DIGITS: Final = 15
_MOST_CHARACTERS: Final = 32_767
_FORMATS: Final = {
    "header": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "total": {"bold": True, "top": 1},
    "wrapped": {"text_wrap": True, "valign": "top"},
    "count": {"num_format": "#,##0"},
    "decimal": {"num_format": "#,##0.00##########"},
    "time": {"num_format": "yyyy-mm-dd hh:mm:ss"},
}


class Formats:
    """The formats of one workbook, by what they are for."""

    def __init__(self, workbook: Workbook) -> None:
        self._formats: dict[str, Format] = {name: workbook.add_format(look) for name, look in _FORMATS.items()}

    def __getitem__(self, name: str) -> Format:
        return self._formats[name]


class Sheet:
    """A sheet that is written row by row, downwards, its first row a frozen heading."""

    def __init__(self, workbook: Workbook, name: str, formats: Formats) -> None:
        self.row_count = 0
        self._formats = formats
        self._sheet: Worksheet = workbook.add_worksheet(name)
        self._width = 0

    def head(self, headings: Sequence[str], widths: Iterable[int]) -> None:
        """Write the first row, and set how wide columns are, in characters."""
        for place, width in enumerate(widths):
            self._sheet.set_column(place, place, width)
        for place, heading in enumerate(headings):
            self._sheet.write_string(0, place, heading, self._formats["header"])
        self._sheet.freeze_panes(1, 0)
        self._width = len(headings)
        self.row_count = 1

    def add(self, values: Iterable[Any], look: str | None = None) -> None:
        """Write the next row; raises DataError if a text is longer than a cell."""
        for place, value in enumerate(values):
            self._write(place, value, look)
        self.row_count += 1

    def filter(self) -> None:
        """Let people filter and sort by each column."""
        self._sheet.autofilter(0, 0, max(1, self.row_count - 1), self._width - 1)

    def _write(self, place: int, value: Any, look: str | None) -> None:  # noqa: ANN401 - whatever a table holds
        row = self.row_count
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(row, place, value, look and self._formats[look])
        elif isinstance(value, int) and is_exact(value):
            self._sheet.write_number(row, place, value, self._formats["count"])
        elif isinstance(value, Decimal) and is_exact(value):
            # Not as a float: XlsxWriter would write 0.07 as 0.07000000000000001.
            self._sheet.write_number(row, place, Decimal(plain(value)), self._formats["decimal"])
        elif isinstance(value, datetime) and not value.microsecond:
            self._sheet.write_datetime(row, place, value.replace(tzinfo=None), self._formats["time"])
        else:
            self._write_text(row, place, _text(value), look)

    def _write_text(self, row: int, place: int, text: str, look: str | None) -> None:
        if len(text) > _MOST_CHARACTERS:
            raise DataError(
                f"a text of {len(text)} characters does not fit into a spreadsheet's cell, which holds "
                f"{_MOST_CHARACTERS}; export as csv or parquet"
            )
        self._sheet.write_string(row, place, text, look and self._formats[look])


def is_exact(value: int | Decimal) -> bool:
    """Tell whether a spreadsheet holds a number as it is and shows all its digits."""
    if isinstance(value, int):
        return abs(value) <= _MOST_EXACT
    return len(plain(value).replace(".", "").lstrip("-0").rstrip("0")) <= _MOST_DIGITS


def heading(column: Column) -> str:
    """Return the heading of a column."""
    return f"{column.name} (UTC)" if column.type == TIME else column.name


def width(column: Column) -> int:
    """Return how wide a column is to be, in characters: its heading has to fit beside the filter's button."""
    least = {TEXT: 20, TIME: 20, FLAG: 10}.get(column.type, 16)
    return max(least, len(heading(column)) + 3)


def _text(value: object) -> str:
    if isinstance(value, int | Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    return spreadsheet_text(str(value))
