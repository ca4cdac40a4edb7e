"""Inventory files in TOML: an array of tables named like the table, one ``[[name]]`` for each row."""

from __future__ import annotations

import re
import tomllib
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from collectors.inventory import values
from collectors.inventory.rows import Rows, decoded
from collectors.inventory.values import Numeral
from ioledger.errors import DataError, did_you_mean
from ioledger.model.columns import COUNT, FLAG, PER_GIB, TEXT, TIME

if TYPE_CHECKING:
    from decimal import Decimal

    from ioledger.model.records import Row
    from ioledger.model.tables import Table


def _exact(value: object) -> Decimal:
    if isinstance(value, Numeral):
        return values.exact_of_text(value.replace("_", ""))
    return values.exact(values.count(value))


_PARSERS: Final = {
    COUNT: values.count,
    PER_GIB: _exact,
    FLAG: values.flag,
    TIME: values.instant,
    TEXT: values.text,
}


class _Lines:
    """Where rows and keys stand in a file, as far as a scan of its lines can tell for certain.

    tomllib tells no lines. A multi-line string may hold what looks like a header, and rows can be
    written in other ways; a row that is not found for certain is known by its number.
    """

    def __init__(self, document: str, table_name: str, row_count: int) -> None:
        self._lines = document.split("\n")
        header = re.compile(rf"""\s*\[\[\s*(["']?){table_name}\1\s*\]\]""")
        starts = [number for number, line in enumerate(self._lines, start=1) if header.match(line)]
        certain = len(starts) == row_count and '"""' not in document and "'''" not in document
        self._starts = starts if certain else None

    def __call__(self, position: int, column: str | None) -> str:
        if self._starts is None:
            return f"row {position}"
        start = self._starts[position - 1]
        key = re.compile(rf"""\s*(["']?){re.escape(column or "")}\1\s*=""")
        for number, line in enumerate(self._lines[start:], start=start + 1):
            if line.lstrip().startswith("["):
                break
            if key.match(line):
                return f"line {number}"
        return f"line {start}"


def read_toml(data: bytes, file: str, table: Table) -> list[Row]:
    """Read one table; ``file`` is its name for messages.

    Raises DataError for the first mistake and counts the rows that have others.
    """
    text = decoded(data, file)
    found = _array(_parsed(text, file), file, table)
    rows = Rows(table, file, _PARSERS, _Lines(text, table.name, len(found)))
    for position, row in enumerate(found, start=1):
        if isinstance(row, dict):
            rows.add(position, row.items())
        else:
            rows.reject(position, partial(_no_table, row, table))
    return rows.finish()


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Numeral)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{file} is no valid TOML: {values.legible(str(error))}; correct it there") from error
    except ValueError as error:  # Python converts numbers only up to a length
        raise DataError(f"{file} holds a number that is too long; at most 19 digits are valid") from error
    except RecursionError as error:
        raise DataError(f"{file} nests lists or tables too deeply; write one flat table for each row") from error


def _array(document: dict[str, Any], file: str, table: Table) -> list[object]:
    for key in document:
        if key != table.name:
            near = did_you_mean(key, [table.name])
            raise DataError(f"{file}: unknown key {values.shown(key)}{near}; only [[{table.name}]] is valid here")
    found = document.get(table.name)
    if found is None:
        raise DataError(f"{file} holds no [[{table.name}]]; if there are none, write {table.name} = []")
    if not isinstance(found, list):
        raise DataError(f"{file}: {table.name} is no array of tables; write [[{table.name}]] above each row")
    return found


def _no_table(row: object, table: Table) -> str:
    return f"the row is {values.shown(row)}; write it as a table [[{table.name}]]"
