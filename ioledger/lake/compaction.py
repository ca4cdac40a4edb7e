"""Compaction: the files of many runs become one sorted file, and nobody notices but by the time it takes.

Per table, date and source, the files of committed runs are merged: rows in the order of the key, rows
that are equal in every column once. Nothing is locked while files are read and written; that they
are still the same is checked when they are swapped (``ioledger.lake.swaps``).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.errors import DamagedFileError, LakeError, NewerVersionError
from ioledger.lake import due, journal, layout, locks, merged, run_hours, swaps
from ioledger.lake.files import state_of
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, FACTS, SAMPLE_STRETCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ioledger.lake.files import FileState

_DAY: Final = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_SOURCE: Final = "source="


class _Partition(NamedTuple):
    """A table's facts of one source and UTC day, in the order in which they are compacted."""

    source: str
    day: date
    table: str


@dataclass(slots=True)
class Compacted:
    """What a compaction did.

    ``merged_count`` files became ``made_count`` with ``row_count`` rows. ``failures`` say in a sentence
    each which files could not be read; their partitions stay as they are. ``waiting_count`` swaps are
    committed, but old files stay beside the new ones until nobody has the lake open.
    """

    merged_count: int = 0
    made_count: int = 0
    row_count: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    waiting_count: int = 0
    failures: list[str] = field(default_factory=list)


def compact(lake: Path, now: datetime, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Compacted:
    """Merge what is due at a moment: the hours that are over, and the days that are over.

    ``progress`` is told how many partitions of how many are done. A second call with nothing new does
    nothing. Raises LakeError if the lake cannot be written, and BusyError if another process compacts.
    """
    layout.require(lake)
    result = Compacted()
    with locks.exclusive(lake, locks.UPKEEP):
        try:
            with locks.swapping(lake):
                result.waiting_count = swaps.finish(lake)
            partitions = sorted(_candidates(lake))
            for done, partition in enumerate(partitions, start=1):
                _compact(lake, partition, now, result)
                progress(done, len(partitions))
        except OSError as error:
            raise LakeError(
                f"{lake} cannot be compacted: {error.strerror or error}; nothing was lost, make the lake writable "
                "and compact again"
            ) from error
    return result


def _candidates(lake: Path) -> Iterator[_Partition]:
    """Find the partitions in which something may be due, and remove what a crashed compaction left."""
    for table in (*FACTS, SAMPLE_STRETCH.name):
        for day in _directories(lake / table):
            matched = _DAY.fullmatch(day.name)
            for path in _directories(day) if matched else ():
                names = os.listdir(path)  # noqa: PTH208 - names alone: an open day has thousands
                if any(name.endswith(journal.HIDDEN_SUFFIX) for name in names):
                    _remove_left_overs(lake, path)
                files = [name for name in names if name.endswith(".parquet")]
                is_merged = len(files) == 1 and merged.run_range(files[0])
                if matched and table in FACTS and files and not is_merged and path.name.startswith(_SOURCE):
                    yield _Partition(path.name.removeprefix(_SOURCE), date.fromisoformat(matched[1]), table)


def _directories(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _remove_left_overs(lake: Path, directory: Path) -> None:
    """Remove hidden files of which no journal tells: only whoever swaps now can have any that are needed."""
    with locks.swapping(lake):
        swaps.discard(lake, directory.glob(f".*{journal.HIDDEN_SUFFIX}"))


def _compact(lake: Path, partition: _Partition, now: datetime, result: Compacted) -> None:
    try:
        with locks.reading(lake):
            merges = _merges(lake, partition, now)
    except (DamagedFileError, NewerVersionError) as error:
        if str(error) not in result.failures:
            result.failures.append(str(error))
        return
    if merges:
        _swap(lake, partition, merges, result)


@dataclass(frozen=True, slots=True)
class _Merge:
    """Files that became one: what they were when they were read, and the new files under hidden names."""

    inputs: Mapping[Path, FileState]
    new: Mapping[Path, Path]
    row_count: int


def _merges(lake: Path, partition: _Partition, now: datetime) -> list[_Merge]:
    """Write the merged files of a partition that are due; raises as ``merged.read``, then none is left."""
    table = FACTS[partition.table]
    files = _files(lake, partition)
    merges: list[_Merge] = []
    try:
        for group in due.groups(partition.day, files, due.Runs(lake, partition.source, partition.day), now):
            inputs = {path: state_of(files[path]) for path in group}
            rows = merged.merge(table, [merged.read(table, files[path]) for path in group])
            note = run_hours.metadata_of(rows) if table is COLLECTION_RUN else None
            new = merged.write(_directory(lake, partition), table, [path.name for path in group], rows, note)
            merges.append(_Merge(inputs, new, len(rows)))
    except BaseException:
        _discard(merges)
        raise
    return merges


def _swap(lake: Path, partition: _Partition, merges: Sequence[_Merge], result: Compacted) -> None:
    inputs = {path: state for merge in merges for path, state in merge.inputs.items()}
    new = {path: hidden for merge in merges for path, hidden in merge.new.items()}
    bytes_after = sum(hidden.stat().st_size for hidden in new.values())
    old = [*inputs]
    if partition.table == DISK_IO_STAT.name:
        old += [merged.index_of(path) for path in inputs if merged.run_range(path.name)]
    with locks.swapping(lake):
        # A run that was stored again meanwhile is merged by the next compaction.
        files = _files(lake, partition)
        is_unchanged = all(path in files and state_of(files[path]) == state for path, state in inputs.items())
        try:
            if not is_unchanged:
                _discard(merges)
                return
            swaps.commit(lake, new, old)
        except BaseException:
            swaps.discard(lake, new.values())
            raise
        result.waiting_count = swaps.finish(lake)
    result.merged_count += len(inputs)
    result.made_count += len(merges)
    result.row_count += sum(merge.row_count for merge in merges)
    result.bytes_before += sum(state.size_bytes for state in inputs.values())
    result.bytes_after += bytes_after


def _discard(merges: Iterable[_Merge]) -> None:
    for merge in merges:
        merged.discard(merge.new.values())


def _directory(lake: Path, partition: _Partition) -> Path:
    return layout.fact_partition(lake, partition.table, partition.day, partition.source)


def _files(lake: Path, partition: _Partition) -> dict[Path, Path]:
    """List the files of a partition that count, and where each lies now."""
    directory = _directory(lake, partition)
    swapped = journal.pending(lake).values()
    seen = [directory / name for name in os.listdir(directory) if name.endswith(".parquet")]  # noqa: PTH208 - likewise
    return dict(sorted(journal.present(lake, seen, swapped, directory).items()))
