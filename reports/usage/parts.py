"""Parts of a day's usage records, one file of each shard, and how they become the day's file.

A part has one batch per kind and billing hour, in the order of the contract, so that parts are put
together while no more than an hour's records of one kind are held.
"""

from __future__ import annotations

from contextlib import ExitStack
from heapq import merge
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import files, reader
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import TIME
from ioledger.model.tables import USAGE_RECORD
from reports.usage.edges import STATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

DIRECTORY: Final = f"{STATE}/parts"
_ORDER: Final = [(name, "ascending") for name in USAGE_RECORD.key]

_Group = tuple[tuple[Any, ...], pa.Table]
"""Records of one kind and hour, after what they are sorted by."""


def write(path: Path, records: pa.Table) -> None:
    """Write a part of records that are in the order of the contract; it appears whole. Raises OSError."""
    files.make_directories(path.parent)
    temporary = files.temporary(path)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with temporary.open("wb") as sink, pa.ipc.new_file(sink, records.schema, options=options) as writer:
        for _, group in _grouped(records):
            writer.write_batch(group.combine_chunks().to_batches()[0])
    temporary.replace(path)


def together(parts: Iterable[Path], stored: Path | None, made: Sequence[datetime]) -> Iterator[pa.Table]:
    """Yield the records of parts and of a stored day in the order of the contract, one hour and kind at a time.

    Of ``stored`` all hours count but those that begin at ``made``. Raises as ``reader.stored_whole``.
    """
    with ExitStack() as stack:
        sources = [_of_part(stack.enter_context(pa.memory_map(str(path)))) for path in parts]
        if stored is not None:
            sources.append(_of_stored(stored, made))
        for _, groups in groupby(merge(*sources, key=itemgetter(0)), itemgetter(0)):
            tables = [table for _, table in groups]
            yield tables[0] if len(tables) == 1 else pa.concat_tables(tables).sort_by(_ORDER)


def _of_part(source: pa.NativeFile) -> Iterator[_Group]:
    part = pa.ipc.open_file(source)
    for number in range(part.num_record_batches):
        table = pa.Table.from_batches([part.get_batch(number)])
        yield _key(table), table


def _of_stored(path: Path, made: Sequence[datetime]) -> Iterator[_Group]:
    stored = reader.stored_whole(path)
    kept = stored.filter(pc.invert(pc.is_in(stored.column("window_start"), pa.array(made, TIME))))
    yield from _grouped(kept.cast(arrow_schema(USAGE_RECORD.name)))


def _grouped(records: pa.Table) -> Iterator[_Group]:
    """Yield the records of each kind and hour in turn."""
    whole = records.combine_chunks()
    ends = {
        end
        for name in ("kind", "window_start")
        for chunk in whole.column(name).chunks
        for end in pc.run_end_encode(chunk).run_ends.to_pylist()
    }
    for first, end in pairwise([0, *sorted(ends)]):
        group = whole.slice(first, end - first)
        yield _key(group), group


def _key(records: pa.Table) -> tuple[Any, ...]:
    return (records.column("kind")[0].as_py(), records.column("window_start")[0].as_py())
