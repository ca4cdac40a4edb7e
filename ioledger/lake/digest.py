"""The digest of a run's rows, which stays the same whatever files they lie in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ioledger.model.columns import COUNT, FLAG, TIME

if TYPE_CHECKING:
    from ioledger.model.tables import Table


def rows_digest(table: Table, rows: pa.Table) -> str:
    """Return the SHA-256, in hex, of the rows of one table and run.

    Rows are taken in the order of the table's key, columns in the order of their names. Columns
    that hold nothing are left out, so that a column added later changes no digest. Hashed are the
    number of rows, then for each column its name, which rows have a value (a byte each) and the
    values: integers and times (microseconds) as 64-bit little endian, flags as bytes, anything
    else as the lengths of the values' UTF-8 text and the text.
    """
    ordered = rows.sort_by([(name, "ascending") for name in table.key])
    digest = hashlib.sha256(f"{len(ordered)}\n".encode())
    for name in sorted(ordered.column_names):
        column = ordered.column(name)
        if column.null_count == len(column):
            continue
        digest.update(f"{name}\n".encode())
        digest.update(_bytes_of_flags(column.is_valid()))
        digest.update(_bytes_of_values(column))
    return digest.hexdigest()


def _bytes_of_flags(flags: pa.ChunkedArray) -> bytes:
    return bytes(pc.cast(flags, pa.uint8()).to_numpy())


def _bytes_of_values(column: pa.ChunkedArray) -> bytes:
    if column.type == FLAG:
        return _bytes_of_flags(pc.fill_null(column, False))  # noqa: FBT003 - the value of the slots that hold nothing
    if column.type in (COUNT, TIME):
        numbers = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy()
        return bytes(numbers.astype("<i8", copy=False))
    texts = ["" if value is None else str(value) for value in column.to_pylist()]
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype="<i8")
    return bytes(lengths) + b"".join(encoded)
