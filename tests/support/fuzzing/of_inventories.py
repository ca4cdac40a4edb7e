"""Inventory files: CSV, TOML and Parquet."""

from __future__ import annotations

import csv
import io
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from fuzzing.mutation import CSV, TOML, Shape
from fuzzing.rows import require_stored
from fuzzing.target import Target, WrongError, require

from collectors.inventory.csv_file import read_csv
from collectors.inventory.parquet_file import read_parquet
from collectors.inventory.toml_file import read_toml
from ioledger.model.columns import COLUMNS, COUNT, FLAG, PER_GIB, TIME
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

_TABLES: Final = ("provisioned_iops", "entitlement", "storage_pool", "volume_alias", "volume_io_stat")

_FILE: Final = "inventory"


def _table_of(data: bytes) -> Table:
    """Take the table whose columns the file seems to have."""
    found = [name for name in _TABLES if any(each in data for each in _MARKS[name])]
    return FACTS[found[0] if found else _TABLES[0]]


_MARKS: Final = {
    "provisioned_iops": (b"provisioned_iops", b"min_iops,", b"backend"),
    "entitlement": (b"entitlement", b"sold_"),
    "storage_pool": (b"storage_pool", b"capacity"),
    "volume_alias": (b"volume_alias", b"namespace"),
    "volume_io_stat": (b"volume_io_stat", b"read_ops"),
}


def _of_text(name: str, text: str) -> object:
    """Read a cell as the lake's column means it."""
    kind = COLUMNS[name].type
    if kind == COUNT:
        return int(text)
    if kind == PER_GIB:
        return Decimal(text)
    if kind == FLAG:
        return {"true": True, "false": False}[text]
    return datetime.fromisoformat(text).astimezone(UTC) if kind == TIME else text


def read_as_csv(data: bytes) -> None:
    table = _table_of(data)
    rows = read_csv(data, _FILE, table)
    text = data.removeprefix(b"\xef\xbb\xbf").decode()
    header, *cells = [each for each in csv.reader(io.StringIO(text, newline="")) if each]
    said = [{n: _of_text(n, c) for n, c in zip(header, each, strict=True) if c} for each in cells]
    _require_same(rows, said)
    require_stored(table, rows)


def read_as_toml(data: bytes) -> None:
    table = _table_of(data)
    rows = read_toml(data, _FILE, table)
    told = tomllib.loads(data.removeprefix(b"\xef\xbb\xbf").decode(), parse_float=Decimal)[table.name]
    _require_same(rows, [{n: _of_toml(n, v) for n, v in each.items() if v != ""} for each in told])
    require_stored(table, rows)


def _of_toml(name: str, value: Any) -> object:  # noqa: ANN401 - any value
    kind = COLUMNS[name].type
    if kind == PER_GIB:
        return Decimal(value)
    return value.astimezone(UTC) if kind == TIME else value


def read_as_parquet(data: bytes) -> None:
    table = _table_of(data)
    rows = read_parquet(data, _FILE, table)
    told = pq.read_table(pa.BufferReader(data), use_threads=False)
    for name in told.column_names:
        kind = COLUMNS[name].type
        column = told.column(name)
        if kind == COUNT:
            whole = [None if value is None else int(str(value)) for value in column.to_pylist()]
            require(same=[row.get(name) for row in rows], as_=whole, what=name)
        elif kind == PER_GIB:
            numbers = [None if value is None else Decimal(str(value)) for value in column.to_pylist()]
            require(same=[row.get(name) for row in rows], as_=numbers, what=name)
    require_stored(table, rows)


def _require_same(rows: Iterable[Row], said: Iterable[dict[str, object]]) -> None:
    rows, said = list(rows), list(said)
    if len(rows) != len(said):
        raise WrongError(f"{len(said)} rows are taken for {len(rows)}")
    for row, each in zip(rows, said, strict=True):
        require(same=dict(row), as_=each, what="a row")


def _odd_parquet(random: Random, data: bytes) -> bytes | None:
    """Write a file of other types or values than the one at hand, or of values that are damaged."""
    try:
        told = pq.read_table(pa.BufferReader(data), use_threads=False)
        place = random.randrange(told.num_columns)
        name = told.column_names[place]
        if random.randrange(6) == 0:
            told = told.append_column(random.choice((name, "x", "volume_id")), told.column(place))
        else:
            kind = random.choice(_KINDS)
            values = [random.choice(_CELLS) for _ in range(told.num_rows)]
            told = told.set_column(place, name, _array(values, kind))
        out = io.BytesIO()
        pq.write_table(told, out, compression=random.choice(("none", "snappy", "zstd")))
    except (pa.ArrowException, OSError, ValueError, TypeError, OverflowError):
        return None
    return out.getvalue()


_KINDS: Final = (
    pa.int64(), pa.int32(), pa.uint64(), pa.float64(), pa.string(), pa.large_string(), pa.bool_(), pa.null(),
    pa.decimal128(38, 6), pa.decimal128(38, 10), pa.decimal256(76, 0), pa.timestamp("ns", "UTC"), pa.timestamp("s"),
    pa.timestamp("us", "Europe/Berlin"), pa.timestamp("s", "UTC"), pa.binary(), pa.list_(pa.int64()), pa.date32(),
    pa.dictionary(pa.int32(), pa.string()), pa.duration("us"), pa.time64("us"),
)  # fmt: skip
_CELLS: Final = (
    None, 0, 1, -1, 2**63 - 1, 2**63, 2**64 - 1, 10**17, 1.5, float("nan"), "", "x", "gp3", "\x00", True, b"\xff",
    Decimal("1.000000"), Decimal("0.0000001"), datetime(2026, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC),
)  # fmt: skip


def _array(values: list[object], kind: pa.DataType) -> pa.Array:
    def one(value: object) -> object:
        try:
            return pa.scalar(value, kind).as_py()
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            return None

    return pa.array([one(value) for value in values], kind)


_COMMON: Final = ("collectors.inventory.rows", "collectors.inventory.values")

TARGETS: Final = (
    Target("inventory-csv", read_as_csv, CSV, ("collectors.inventory.csv_file", *_COMMON), 60),
    Target("inventory-toml", read_as_toml, TOML, ("collectors.inventory.toml_file", *_COMMON), 40),
    Target(
        "inventory-parquet",
        read_as_parquet,
        Shape(own=_odd_parquet),
        ("collectors.inventory.parquet_file", *_COMMON),
        10,
    ),
)
