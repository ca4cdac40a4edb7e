"""Stretches: where, in a sorted file of samples, nothing but time and counters changes.

Within a stretch the counters only rise, from moment to moment and without a gap, so what a disk did
in it is the difference between its last row and its first. An index file with one row per stretch
(``sample_stretch``) lies beside each such file of samples and saves reading it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ioledger.lake import files, journal, layout
from ioledger.lake.schema import arrow_field, arrow_schema
from ioledger.model.columns import COLUMNS, COUNT, COUNTERS
from ioledger.model.tables import DISK_IO_STAT, SAMPLE_STRETCH, STRETCH_CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import date
    from pathlib import Path

LONGEST_INTERVAL_US: Final = 900_000_000
"""The contract's default gap limit: a longer interval is between two stretches."""

ORDER: Final = (*DISK_IO_STAT.key, "run_id")
"""The order of rows in a compacted file of samples; NULLs are last."""

RUNS_METADATA: Final = "ioledger.runs"
"""In the metadata of an index file: the run ids of all its samples, a sorted JSON array."""

_SERIES: Final = ("vm_id", "device", "epoch")
_SET_TO_COUNT: Final = ("epoch", "read_ops", "write_ops", "read_bytes", "write_bytes")

_Flags = npt.NDArray[np.bool_]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Sorted samples, and the index of their stretches.

    ``samples`` has the column ``stretch`` where ``index`` is not None. There is no index where a row
    has ``window_start``: such rows are amounts of their own and continue nothing.
    """

    samples: pa.Table
    index: pa.Table | None


def stretches_of(samples: pa.Table) -> Stretches:
    """Sort the samples of one date and source, number their stretches and make the index.

    ``samples`` has the columns of ``disk_io_stat``, in any order of rows.
    """
    return numbered(samples.sort_by([(name, "ascending") for name in ORDER]))


def numbered(samples: pa.Table) -> Stretches:
    """Do the same as ``stretches_of`` with samples that are sorted already."""
    ordered = samples.combine_chunks()
    if ordered.column("window_start").null_count < len(ordered):
        return Stretches(ordered, None)
    moments = ordered.column("sampled_at").cast(pa.int64()).to_numpy()
    begins = _begins(ordered, moments)
    numbers = pa.array(np.cumsum(begins), COUNT)
    with_numbers = ordered.append_column(arrow_field(COLUMNS["stretch"], is_required=True), numbers)
    return Stretches(with_numbers, _index(ordered, moments, begins))


def _begins(rows: pa.Table, moments: _Integers) -> _Flags:
    """Tell of each row whether a stretch begins with it."""
    begins = np.zeros(len(rows), np.bool_)
    begins[:1] = True
    later = begins[1:]
    for name in STRETCH_CONSTANTS:
        later |= _differs(rows.column(name))
    elapsed = np.diff(moments)
    later |= (elapsed <= 0) | (elapsed > LONGEST_INTERVAL_US)
    for name in COUNTERS:
        later |= _falls_or_turns_null(rows.column(name))
    # Of rows of one moment only one stands, and which one depends on other files: each begins a
    # stretch, so that none of them lies inside one.
    is_repeated = elapsed == 0
    for name in _SERIES:
        is_repeated &= ~_differs(rows.column(name))
    begins[:-1] |= is_repeated
    return begins


def _differs(column: pa.ChunkedArray) -> _Flags:
    """Tell of each row but the first whether its value differs from the one before; NULL equals NULL."""
    before, after = column[:-1], column[1:]
    if column.null_count == len(column):
        return np.zeros(len(after), np.bool_)
    differs: _Flags = pc.fill_null(pc.not_equal(before, after), False).to_numpy()  # noqa: FBT003 - where either is NULL
    if column.null_count:
        differs = differs | _turns_null(column)
    return differs


def _falls_or_turns_null(counter: pa.ChunkedArray) -> _Flags:
    falls: _Flags = pc.fill_null(pc.less(counter[1:], counter[:-1]), False).to_numpy()  # noqa: FBT003 - likewise
    return falls | _turns_null(counter)


def _turns_null(column: pa.ChunkedArray) -> _Flags:
    """Tell of each row but the first whether it is NULL and the one before is not, or the reverse."""
    is_null = column.is_null().to_numpy()
    turns: _Flags = is_null[1:] != is_null[:-1]
    return turns


def _index(rows: pa.Table, moments: _Integers, begins: _Flags) -> pa.Table:
    first = np.flatnonzero(begins)
    row_counts = np.diff(np.append(first, len(rows)))
    opening, closing = rows.take(pa.array(first)), rows.take(pa.array(first + row_counts - 1))
    columns: dict[str, Any] = {
        "stretch": pa.array(np.arange(1, len(first) + 1)),
        "row_count": pa.array(row_counts),
        "counts": _counts(opening),
        "longest_us": pa.array(_longest(moments, begins, first)),
    }
    for name in SAMPLE_STRETCH.names:
        if name not in columns:
            end, _, of_row = name.partition("_")
            taken = {"first": opening, "last": closing}.get(end)
            columns[name] = opening.column(name) if taken is None else taken.column(of_row)
    schema = arrow_schema(SAMPLE_STRETCH.name)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _counts(rows: pa.Table) -> pa.ChunkedArray:
    counts = pc.equal(rows.column("state"), "ok")
    for name in _SET_TO_COUNT:
        counts = pc.and_(counts, rows.column(name).is_valid())
    return counts


def _longest(moments: _Integers, begins: _Flags, first: _Integers) -> _Integers:
    """Return for each stretch the longest time between two of its rows, in microseconds."""
    if not len(moments):
        return moments
    since_before = np.diff(moments, prepend=moments[:1])
    longest: _Integers = np.maximum.reduceat(np.where(begins, 0, since_before), first)
    return longest


def write(lake: Path, day: date, source: str, name: str, samples: pa.Table) -> list[Path]:
    """Write a sorted file of the samples of one UTC day and source, and its index; return their paths.

    Each file is flushed to the disk, under its final name: the caller sees to it that no reader finds
    them before they are whole. Raises OSError.
    """
    found = stretches_of(samples)
    path = layout.fact_partition(lake, DISK_IO_STAT.name, day, source) / f"{name}.parquet"
    files.make_directories(path.parent)
    files.write_parquet(path, found.samples)
    if found.index is None:
        return [path]
    index_path = layout.fact_partition(lake, SAMPLE_STRETCH.name, day, source) / path.name
    files.make_directories(index_path.parent)
    files.write_parquet(index_path, found.index, runs_metadata(samples.column("run_id").unique().to_pylist()))
    return [path, index_path]


def runs_metadata(run_ids: Iterable[str]) -> dict[str, str]:
    """Return the metadata of an index, which names the runs of its samples."""
    return {RUNS_METADATA: json.dumps(sorted(run_ids), separators=(",", ":"), ensure_ascii=False)}


def indices_of(samples: Iterable[Path], indices: Iterable[Path]) -> dict[Path, Path]:
    """Return the index of each file of samples that has one, in the order of the samples."""
    by_place = {_place(path): path for path in indices}
    return {path: by_place[_place(path)] for path in samples if _place(path) in by_place}


def indices_of_committed(
    samples: Iterable[Path], indices: Iterable[Path], committed: Callable[[], Mapping[str, Collection[str]]]
) -> dict[Path, Path]:
    """Return the index of each file of samples that has one and all of whose runs exist.

    ``committed`` gives the run ids of all runs that exist, by source; it is asked if there is any index.
    """
    found = indices_of(samples, indices)
    runs = committed() if found else {}
    return {
        path: index for path, index in found.items() if _runs_of(index) <= set(runs.get(layout.source_of(path), ()))
    }


def without_index(samples: Iterable[Path], indices: Iterable[Path]) -> list[Path]:
    """Return the files of samples beside which there is no index."""
    indexed = {_place(path) for path in indices}
    return [path for path in samples if _place(path) not in indexed]


def _place(path: Path) -> tuple[str, str, str]:
    """Return the day, the source and the name of a file, which its index shares."""
    return path.parts[-3], path.parts[-2], journal.own_name(path)


def _runs_of(index: Path) -> set[str]:
    return set(json.loads(pq.read_metadata(index).metadata[RUNS_METADATA.encode()]))
