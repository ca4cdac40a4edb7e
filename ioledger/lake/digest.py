"""The digest of a run's rows, which stays the same whatever files they lie in."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ioledger.model.columns import COUNT, FLAG, TEXT, TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ioledger.model.tables import Table

_Integers = npt.NDArray[np.int64]
_Bytes = npt.NDArray[Any]


class RunRows(NamedTuple):
    """How many rows a run has, and their digest."""

    row_count: int
    digest: str


def rows_digest(table: Table, rows: pa.Table) -> str:
    """Return the SHA-256, in hex, of the rows of one table and run.

    Rows are taken in the order of the table's key, columns in the order of their names. Columns
    that hold nothing are left out, so that a column added later changes no digest. Hashed are the
    number of rows, then for each column its name, which rows have a value (a byte each) and the
    values: integers and times (microseconds) as 64-bit little endian, flags as bytes, anything
    else as the lengths of the values' UTF-8 text and the text.
    """
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in table.key])
    return _digests(rows, order, [0, len(rows)])[0]


def run_digests(table: Table, rows: pa.Table) -> dict[str, RunRows]:
    """Return for each run among the rows of one table and source what ``rows_digest`` gives of its rows.

    All runs are hashed in one pass over the columns: thousands of runs cost as much as one of their size.
    """
    if not len(rows):
        return {}
    order = pc.sort_indices(rows, sort_keys=[("run_id", "ascending"), *((name, "ascending") for name in table.key)])
    ordered_ids = rows.column("run_id").take(order).combine_chunks()
    is_last = pc.not_equal(ordered_ids[:-1], ordered_ids[1:]).to_numpy(zero_copy_only=False)
    bounds = [0, *(np.flatnonzero(is_last) + 1).tolist(), len(rows)]
    run_ids = ordered_ids.take(pa.array(bounds[:-1])).to_pylist()
    digests = _digests(rows, order, bounds)
    return {
        run_id: RunRows(end - start, digest)
        for run_id, (start, end), digest in zip(run_ids, pairwise(bounds), digests, strict=True)
    }


def _digests(rows: pa.Table, order: pa.Array, bounds: Sequence[int]) -> list[str]:
    """Digest the rows between each two neighbouring bounds, which count in ``order``."""
    spans = list(pairwise(bounds))
    hashes = [hashlib.sha256(f"{end - start}\n".encode()) for start, end in spans]
    for name in sorted(rows.column_names):
        column = rows.column(name)
        if column.null_count == len(column):
            continue
        ordered = column.take(order)
        flags = _bytes_of_flags(ordered.is_valid())
        values_of = _values_of(ordered)
        set_before = np.concatenate(([0], np.cumsum(flags, dtype=np.int64)))
        for hash_, (start, end) in zip(hashes, spans, strict=True):
            if set_before[start] == set_before[end]:
                continue
            hash_.update(f"{name}\n".encode())
            hash_.update(flags[start:end].data)
            for values in values_of(start, end):
                hash_.update(values.data)
    return [hash_.hexdigest() for hash_ in hashes]


def _bytes_of_flags(flags: pa.ChunkedArray) -> _Bytes:
    cast: _Bytes = pc.cast(flags, pa.uint8()).to_numpy()
    return cast


def _values_of(column: pa.ChunkedArray) -> Callable[[int, int], Iterable[_Bytes]]:
    if column.type == FLAG:
        flags = _bytes_of_flags(pc.fill_null(column, False))  # noqa: FBT003 - the value of the slots that hold nothing
        return lambda start, end: (flags[start:end],)
    if column.type in (COUNT, TIME):
        numbers = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy().astype("<i8", copy=False)
        return lambda start, end: (numbers[start:end],)
    if column.type != TEXT:
        column = pa.chunked_array([[None if value is None else str(value) for value in column.to_pylist()]], TEXT)
    offsets, text = _text_of(column)
    lengths = np.diff(offsets).astype("<i8", copy=False)
    return lambda start, end: (lengths[start:end], text[offsets[start] : offsets[end]])


def _text_of(column: pa.ChunkedArray) -> tuple[_Integers, _Bytes]:
    """Return where the UTF-8 text of each value begins, and where the last ends, and all text."""
    values = pc.fill_null(pc.cast(column, pa.large_string()), "").combine_chunks()
    if isinstance(values, pa.ChunkedArray):  # of no chunk
        values = pa.array([], pa.large_string())
    _, offsets, text = values.buffers()
    begins = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    return begins, np.frombuffer(text or b"", np.uint8)
