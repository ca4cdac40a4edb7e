"""Arrow schemas made from the vocabulary, and rows checked against them before anything is written."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final, cast

import pyarrow as pa

from ioledger.errors import DataError, did_you_mean, one_of, shown
from ioledger.model.columns import COUNT, EXACT, FLAG, MONEY, PER_GIB, TEXT, TIME, Column
from ioledger.model.tables import FACTS, SCHEMA_VERSION, TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ioledger.model.records import Row

BIGINT_LIMIT: Final = 2**63
"""Counters and sizes are signed 64-bit integers in Parquet and DuckDB."""

_PYTHON_TYPES: Final[dict[pa.DataType, tuple[type, str]]] = {
    TEXT: (str, "text"),
    COUNT: (int, "a whole number"),
    FLAG: (bool, "true or false"),
    TIME: (datetime, "a time with its offset from UTC"),
    EXACT: (Decimal, "a decimal number"),
    PER_GIB: (Decimal, "a decimal number"),
    MONEY: (Decimal, "a decimal number"),
}


@cache
def arrow_schema(name: str) -> pa.Schema:
    """Return the Arrow schema of a table, with units, meanings and the schema's version as metadata."""
    table = TABLES[name]
    fields = [arrow_field(column, is_required=column.name in table.required) for column in table.columns]
    return pa.schema(fields, metadata={"ioledger.table": name, "ioledger.schema_version": str(SCHEMA_VERSION)})


def arrow_field(column: Column, *, is_required: bool) -> pa.Field:
    """Return the Arrow field of a column, with its unit and meaning as metadata."""
    metadata = {"meaning": column.meaning, "unit": column.unit}
    return pa.field(column.name, column.type, nullable=not is_required, metadata=metadata)


def with_all_columns(name: str, rows: pa.Table) -> pa.Table:
    """Return rows with the columns of their table, in its order; those that they lack hold nothing."""
    schema = arrow_schema(name)
    given = set(rows.column_names)
    columns = [rows.column(field.name) if field.name in given else pa.nulls(len(rows), field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def typed(table: Table, rows: Sequence[Row], same: Mapping[str, object] | None = None) -> pa.Table:
    """Turn rows into an Arrow table of the table's schema, sorted by its key; ``same`` is in every row.

    Raises DataError for an unknown column, a value of another type, a negative quantity, a NULL
    where the table needs a value, a word outside a vocabulary, or two rows with one key.
    """
    _refuse_unknown_columns(table, rows)
    same = same or {}
    arrays = [
        _array(
            table,
            column,
            [same[column.name]] * len(rows) if column.name in same else [row.get(column.name) for row in rows],
        )
        for column in table.columns
    ]
    _refuse_repeated_keys(table, rows)
    unsorted = pa.Table.from_arrays(arrays, schema=arrow_schema(table.name))
    return unsorted.sort_by([(name, "ascending") for name in table.key])


def _refuse_unknown_columns(table: Table, rows: Iterable[Row]) -> None:
    known = frozenset(table.names)
    for row in rows:
        for name in row.keys() - known:
            raise DataError(f"{table.name} has no column {name!r}{did_you_mean(name, known)}; it has {one_of(known)}")


def _refuse_repeated_keys(table: Table, rows: Sequence[Row]) -> None:
    names = ("source", "run_id", *table.key) if table.name in FACTS else table.key
    seen = set()
    for row in rows:
        key = tuple(row.get(name) for name in names)
        if key in seen:
            told = ", ".join(f"{name} {row.get(name)}" for name in table.key)
            raise DataError(f"{table.name} holds two rows with {told}; each may appear once in a run")
        seen.add(key)


def _array(table: Table, column: Column, values: list[object]) -> pa.Array:
    told = (_problem(table, column, value) for value in _telling(column, values))
    problem = next((found for found in told if found), None)
    if problem:
        raise DataError(f"{table.name}.{column.name}: {problem}")
    try:
        return pa.array(values, type=column.type)
    except UnicodeEncodeError as error:
        received = shown(error.object)
        raise DataError(f"{table.name}.{column.name}: received {received}, which is not Unicode text") from error


def _telling(column: Column, values: list[object]) -> list[object]:
    """Return the values by which all are judged: the least and the greatest number, and each text or time once."""
    types = set(map(type, values))
    if types == {type(None)} or (column.type in (TEXT, TIME) and types <= {str, datetime, type(None)}):
        return list(dict.fromkeys(values))
    if column.type != COUNT or not types <= {int, type(None)}:
        return values
    numbers = cast("list[int]", [value for value in values if value is not None])
    extremes = [min(numbers), max(numbers)] if numbers else []
    return [*extremes, None] if len(numbers) < len(values) else [*extremes]


def _problem(table: Table, column: Column, value: object) -> str | None:
    """Say what is wrong with one value, or None."""
    if value is None:
        return "a row has no value; every row needs one" if column.name in table.required else None
    python_type, wanted = _PYTHON_TYPES.get(column.type, (object, ""))
    is_exactly_typed = type(value) is python_type if python_type in (int, bool) else isinstance(value, python_type)
    if not is_exactly_typed or (isinstance(value, datetime) and value.tzinfo is None):
        return f"received {shown(value)}, which is not {wanted}"
    if isinstance(value, int) and not 0 <= value < BIGINT_LIMIT:
        return f"received {shown(value)}; valid are 0 to {BIGINT_LIMIT - 1}"
    if isinstance(value, Decimal) and not _is_held(column.type, value):
        most = Decimal(10) ** (column.type.precision - column.type.scale)
        return f"received {value}; valid are 0 to less than {most}, with at most {column.type.scale} decimal places"
    vocabulary = table.values.get(column.name)
    if vocabulary and value not in vocabulary:
        return f"received {shown(value)}; valid are {one_of(vocabulary)}"
    return None


def _is_held(decimal_type: pa.DataType, value: Decimal) -> bool:
    try:
        pa.scalar(value, decimal_type)
    except pa.ArrowInvalid:
        return False
    return value.is_finite() and value >= 0
