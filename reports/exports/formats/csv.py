"""CSV as RFC 4180 has it: every column of the table by its name, a line for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.csv as arrow_csv

from ioledger.model.columns import TEXT
from ioledger.terminal import FORMULA_STARTS
from reports.exports.lines import lines, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.columns import Column
    from reports.exports.batch import Export

TABLES: Final = ("usage_record", "charge")

_END_OF_LINE: Final = "\r\n"
_QUOTED: Final = '[",\\r\\n]'
_USUAL: Final = "[A-Za-z0-9_][A-Za-z0-9_ .:/-]*"
"""Texts that are written as they are; others take longer."""


def write(export: Export, path: Path) -> None:
    """Write raw numbers with a decimal point, times in UTC with ``Z``, NULL empty and flags as true and false.

    A text that a spreadsheet would take for a formula is preceded by an apostrophe; a text without
    letters is ``""``, which is not NULL.
    """
    cells = ", ',', ".join(map(_cell, export.table.columns))
    with path.open("wb") as stream:
        stream.write((",".join(export.table.names) + _END_OF_LINE).encode())
        stream.writelines(lines(export, f"SELECT concat({cells}, chr(13), chr(10)) FROM batch"))


def count_rows(path: Path) -> int:
    """Count the rows that a reader of CSV finds."""
    with path.open(encoding="utf-8") as stream:
        first = stream.readline().partition(",")[0]
    read = arrow_csv.ConvertOptions(include_columns=[first], column_types={first: pa.string()})
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    with arrow_csv.open_csv(path, parse_options=parse, convert_options=read) as reader:
        return sum(batch.num_rows for batch in reader)


def _cell(column: Column) -> str:
    if column.type != TEXT:
        return text_of(column)
    name = f'"{column.name}"'
    starts = " OR ".join(f"starts_with({name}, chr({ord(start)}))" for start in FORMULA_STARTS)
    text = f"CASE WHEN {starts} THEN concat(chr(39), {name}) ELSE {name} END"
    quoted = f"""concat('"', replace({text}, '"', '""'), '"')"""
    return f"""
        CASE
            WHEN regexp_full_match({name}, '{_USUAL}') THEN {name}
            WHEN {name} = '' OR regexp_matches({name}, '{_QUOTED}') THEN {quoted}
            ELSE {text}
        END
    """
