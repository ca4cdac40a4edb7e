"""Inventory files in Parquet: columns by name, of types that fit the lake's without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kind

from collectors.inventory import values
from collectors.inventory.rows import Rows, check_header
from ioledger.clock import from_us
from ioledger.errors import DataError
from ioledger.model.columns import COLUMNS, COUNT, FLAG, PER_GIB, TEXT, TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

_PER_SECOND: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_PARSERS: Final = {
    COUNT: values.count,
    PER_GIB: values.exact,
    FLAG: values.flag,
    TIME: values.instant,
    TEXT: values.text,
}


def _is_text(type_: pa.DataType) -> bool:
    return bool(kind.is_string(type_) or kind.is_large_string(type_) or kind.is_string_view(type_))


def _is_exact(type_: pa.DataType) -> bool:
    return bool(kind.is_integer(type_) or kind.is_decimal(type_))


def _is_instant(type_: pa.DataType) -> bool:
    return bool(kind.is_timestamp(type_) and type_.tz is not None)


_FITS: Final[dict[pa.DataType, tuple[Callable[[pa.DataType], bool], str]]] = {
    COUNT: (kind.is_integer, "an integer"),
    PER_GIB: (_is_exact, "a decimal or an integer"),
    FLAG: (kind.is_boolean, "a boolean"),
    TIME: (_is_instant, "a timestamp with a time zone"),
    TEXT: (_is_text, "a string"),
}
"""Which types of a file hold a column of the lake exactly; single values may still be out of range."""


def read_parquet(data: bytes, file: str, table: Table) -> list[Row]:
    """Read one table; ``file`` is its name for messages.

    Raises DataError for the first mistake and counts the rows that have others.
    """
    found = _table(data, file)
    check_header(found.column_names, table, file)
    cells = [_cells(found.column(name), name, file) for name in found.column_names]
    rows = Rows(table, file, _PARSERS, _row)
    for position, row in enumerate(zip(*cells, strict=True), start=1):
        rows.add(position, zip(found.column_names, row, strict=True))
    return rows.finish()


def _row(position: int, _column: str | None) -> str:
    return f"row {position}"


def _table(data: bytes, file: str) -> pa.Table:
    try:
        found = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        found.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = values.legible(str(error)) or type(error).__name__
        raise DataError(f"{file} is no valid Parquet file: {reason}; write it again") from error
    return found


def _cells(column: pa.ChunkedArray, name: str, file: str) -> list[Any]:
    if kind.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    fits, valid = _FITS[COLUMNS[name].type]
    if not fits(column.type) and not kind.is_null(column.type):
        received = values.legible(str(column.type))
        raise DataError(f"{file}: column {name} has the type {received}, but takes {valid}; cast it to one")
    if kind.is_timestamp(column.type):
        unit = column.type.unit
        return [_instant(ticks, unit) for ticks in column.cast(pa.int64()).to_pylist()]
    return list(column.to_pylist())


def _instant(ticks: int | None, unit: str) -> object:
    """Turn a timestamp into a time; one that has none in whole microseconds stays a number, in words."""
    if ticks is None:
        return None
    microseconds, lost = divmod(ticks * 10**6, _PER_SECOND[unit])
    try:
        if not lost:
            return from_us(microseconds)
    except OverflowError:
        pass
    return values.Numeral(f"{ticks} {unit} since 1970-01-01T00:00:00Z")
