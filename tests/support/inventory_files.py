"""Writes inventory files the way that other systems do, and says what their rows may hold."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from collectors.inventory.rows import file_columns, required_columns
from ioledger.model.columns import COLUMNS, COUNT, FLAG, PER_GIB, TEXT, TIME

if TYPE_CHECKING:
    from collections.abc import Callable

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

INVENTORY_TABLES = ("provisioned_iops", "storage_pool", "volume_alias", "entitlement")


def csv_bytes(table: Table, rows: list[Row]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(file_columns(table))
    for row in rows:
        writer.writerow([_csv_cell(row.get(name)) for name in file_columns(table)])
    return file.getvalue().encode()


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def toml_bytes(table: Table, rows: list[Row]) -> bytes:
    if not rows:
        return f"{table.name} = []\n".encode()
    return "\n".join(
        f"[[{table.name}]]\n" + "".join(f"{name} = {_toml_value(value)}\n" for name, value in row.items())
        for row in rows
    ).encode()


def _toml_value(value: object) -> str:
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML wants escaped, and pairs for what is beyond 16 bits.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return _csv_cell(value)


def parquet_bytes(table: Table, rows: list[Row]) -> bytes:
    columns = {name: pa.array([row.get(name) for row in rows], COLUMNS[name].type) for name in file_columns(table)}
    return arrow_bytes(columns)


def arrow_bytes(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


FORMATS: dict[str, Callable[[Table, list[Row]], bytes]] = {
    ".csv": csv_bytes,
    ".toml": toml_bytes,
    ".parquet": parquet_bytes,
}

_ODD_TEXT = st.sampled_from(
    [
        'say "no"',
        "two\nlines",
        "old\rmac",
        "a\r\nb",
        "a, b",
        "=1+1",
        " spaced ",
        "Größe ☃ 𝄞",
        "'",
        "\ufeff",
        "\x00",
        "#",
    ]
)

_VALUES = {
    TEXT: _ODD_TEXT | st.text(min_size=1, max_size=20),
    COUNT: st.integers(0, 2**63 - 1),
    FLAG: st.booleans(),
    PER_GIB: st.decimals(0, 10**12 - 1, places=6).map(abs),
    TIME: st.datetimes(timezones=st.just(UTC)),
}


def table_rows(table: Table) -> st.SearchStrategy[list[Row]]:
    """Rows that are valid: each key once, every required column set, NULLs left out."""

    def value(name: str) -> st.SearchStrategy[Any]:
        return st.sampled_from(table.values[name]) if name in table.values else _VALUES[COLUMNS[name].type]

    required = required_columns(table)
    row = st.fixed_dictionaries(
        {name: value(name) for name in required},
        optional={name: value(name) for name in file_columns(table) if name not in required},
    )
    return st.lists(row, max_size=4, unique_by=lambda row: tuple(row[name] for name in table.key))
