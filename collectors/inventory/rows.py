"""The rows of an inventory file, judged by the table that they are for.

A format reads cells and hands them to ``Rows``; ``Rows`` gives typed rows or one DataError, so
that the good rows of a bad file are never loaded without the others.
"""

from __future__ import annotations

import codecs
from functools import partial
from typing import TYPE_CHECKING, Final

from collectors.inventory.values import shown, takes, word
from ioledger.errors import DataError, did_you_mean, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pyarrow as pa

    from collectors.inventory.values import Parser
    from ioledger.model.records import Row
    from ioledger.model.tables import Table

ADDED_BY_THE_RUN: Final = ("source", "run_id", "observed_at")
"""Columns that a file must not have: they say who read it and when, which only the run knows."""


def file_columns(table: Table) -> tuple[str, ...]:
    """Name the columns of a table that its inventory files may have."""
    return tuple(name for name in table.names if name not in ADDED_BY_THE_RUN)


def required_columns(table: Table) -> tuple[str, ...]:
    """Name the columns of a table in which every row of its inventory files has a value."""
    return tuple(name for name in table.required if name not in ADDED_BY_THE_RUN)


def unknown_column(name: str, table: Table) -> str:
    """Say why a file of this table cannot have this column."""
    if name in ADDED_BY_THE_RUN:
        return f"column {name} is added when the file is read; remove it"
    valid = file_columns(table)
    return f"unknown column {shown(name)}{did_you_mean(name, valid)}; valid columns are {one_of(valid)}"


def _no_value(name: str) -> str:
    return f"column {name} has no value, but every row needs one; fill it in"


def check_header(names: list[str], table: Table, where: str) -> None:
    """Raise DataError unless the columns of a file are the table's, each once, with all required ones."""
    for index, name in enumerate(names):
        if name not in file_columns(table):
            raise DataError(f"{where}: {unknown_column(name, table)}")
        if name in names[:index]:
            raise DataError(f"{where}: column {name} is given twice; remove one of them")
    for name in required_columns(table):
        if name not in names:
            raise DataError(f"{where}: column {name} is missing, but every row of {table.name} needs it; add it")


def decoded(data: bytes, file: str) -> str:
    """Decode a text file; DataError names the line of the first byte that is not UTF-8."""
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len((data[: error.start] + b".").splitlines())
        msg = f"{file} line {line}: the byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        raise DataError(msg) from error


class Rows:
    """Typed rows in the making.

    ``parsers`` turns what the format holds into what a column's type takes. A row is known by its
    position in the file, which ``locate`` puts into words, for one of its columns or for the row.
    """

    def __init__(
        self,
        table: Table,
        file: str,
        parsers: Mapping[pa.DataType, Parser],
        locate: Callable[[int, str | None], str],
    ) -> None:
        self._table = table
        self._file = file
        self._locate = locate
        self._parsers = {column.name: parsers[column.type] for column in table.columns}
        for name, vocabulary in table.values.items():
            self._parsers[name] = word(self._parsers[name], vocabulary)
        for name in ADDED_BY_THE_RUN:
            self._parsers.pop(name, None)
        self._required = required_columns(table)
        self._rows: list[Row] = []
        self._positions: dict[tuple[object, ...], int] = {}
        self._first_mistake: str | None = None
        self._mistaken_rows = 0

    def add(self, position: int, cells: Iterable[tuple[str, object]]) -> None:
        """Take one row: cells by column name, where None and empty text are NULL."""
        row: dict[str, object] = {}
        for name, value in cells:
            parse = self._parsers.get(name)
            if parse is None:
                return self.reject(position, partial(unknown_column, name, self._table), name)
            if value is None or value == "":
                continue
            try:
                row[name] = parse(value)
            except (ValueError, OverflowError):
                return self.reject(position, partial(self._bad_value, name, value), name)
        for name in self._required:
            if name not in row:
                return self.reject(position, partial(_no_value, name), name)
        key = tuple(row[name] for name in self._table.key)
        earlier = self._positions.setdefault(key, position)
        if earlier != position:
            return self.reject(position, partial(self._duplicate, row, earlier))
        self._rows.append(row)
        return None

    def reject(self, position: int, problem: Callable[[], str], column: str | None = None) -> None:
        """Count a row as bad; the first one is told in full, so only its problem is put into words."""
        if self._first_mistake is None:
            self._first_mistake = f"{self._file} {self._locate(position, column)}: {problem()}"
        self._mistaken_rows += 1

    def _bad_value(self, name: str, value: object) -> str:
        column = next(column for column in self._table.columns if column.name == name)
        vocabulary = self._table.values.get(name)
        near = did_you_mean(value, vocabulary) if vocabulary is not None and isinstance(value, str) else ""
        return f"column {name} holds {shown(value)}{near}, but takes {takes(column, vocabulary)}"

    def _duplicate(self, row: Row, earlier: int) -> str:
        same = ", ".join(f"{name} {shown(row[name])}" for name in self._table.key)
        return f"{same} is already in {self._locate(earlier, None)}; remove one of the two rows"

    def finish(self) -> list[Row]:
        """Return all rows; of a file with bad ones none: DataError tells the first and counts the others."""
        if self._first_mistake is None:
            return self._rows
        others = self._mistaken_rows - 1
        more = f" ({others} more {'row is' if others == 1 else 'rows are'} wrong)" if others else ""
        raise DataError(f"{self._first_mistake}{more}")
