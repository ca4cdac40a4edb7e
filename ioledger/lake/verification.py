"""Verifies a lake: every file of every table by itself, and every run by what it said when it was stored.

Files are read one at a time, source by source; of runs only what they are compared by is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import layout, locks
from ioledger.lake.file_checks import STRETCH, BrokenFileError, StoredFile, named_runs, rows_of, stored_file
from ioledger.lake.journal import own_name
from ioledger.lake.problems import FILE_GOES, MADE_AGAIN, Problem, Report
from ioledger.lake.run_checks import SourceRuns
from ioledger.lake.schema import with_all_columns
from ioledger.lake.stretches import stretches_of
from ioledger.lake.usage_checks import wrong_with_usage
from ioledger.model.tables import (
    COLLECTION_RUN,
    DERIVED,
    DISK_IO_STAT,
    FACTS,
    SAMPLE_STRETCH,
    TABLES,
    USAGE_RECORD,
)
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.tables import Table


def verify(lake: Path, now: datetime, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Report:
    """Read a lake whole and report what is wrong with it; nothing is changed.

    ``now`` is what the future is told by. ``progress`` is told how many files of how many are done.
    Raises LakeError if there is no lake, or it changed too much while it was read.
    """
    with locks.reading(layout.require(lake)):
        return _Verification(lake, now, progress).report()


class _Verification:
    """One walk through one lake."""

    def __init__(self, lake: Path, now: datetime, progress: Callable[[int, int], None]) -> None:
        self._lake = lake
        self._now = now
        self._progress = progress
        self._report = Report()
        paths = layout.all_files(lake)
        self._file_count = sum(map(len, paths.values()))
        self._files = {name: list(self._placed(TABLES[name], paths[name])) for name in TABLES}
        self._indices = {_place(file): file for file in self._files[SAMPLE_STRETCH.name]}

    def report(self) -> Report:
        for source in sorted({file.source or "" for name in FACTS for file in self._files[name]}):
            runs = SourceRuns(source)
            for table in FACTS.values():
                for file in [file for file in self._files[table.name] if file.source == source]:
                    self._add(runs, file)
            runs.judge(self._now, self._report)
        for file in self._indices.values():
            self._derived(file, "it is the index of no sorted file that can be relied on")
        for file in self._files[USAGE_RECORD.name]:
            rows = self._read(file)
            if rows is not None:
                for problem in wrong_with_usage(with_all_columns(USAGE_RECORD.name, rows)):
                    self._derived(file, problem)
        for name in DERIVED.keys() - {SAMPLE_STRETCH.name, USAGE_RECORD.name}:
            for file in self._files[name]:
                self._read(file)
        return self._report

    def _placed(self, table: Table, paths: list[Path]) -> Iterator[StoredFile]:
        for path in paths:
            try:
                yield stored_file(self._lake, table, path)
            except BrokenFileError as error:
                self._broken(table, path, None, str(error))

    def _read(self, file: StoredFile) -> pa.Table | None:
        """Read a file; None if it is broken, which is reported."""
        self._report.file_count += 1
        self._progress(self._report.file_count, self._file_count)
        try:
            rows = rows_of(file)
        except BrokenFileError as error:
            self._broken(file.table, file.path, file.source, str(error))
            return None
        self._report.row_count += len(rows)
        return rows

    def _add(self, runs: SourceRuns, file: StoredFile) -> None:
        rows = self._read(file)
        if file.table == COLLECTION_RUN:
            if rows is None:
                runs.lost |= _runs_of_broken(file.path)
            else:
                runs.add_told(file, rows)
        elif rows is not None:
            if STRETCH in rows.column_names and _place(file) in self._indices:
                self._compare_index(self._indices.pop(_place(file)), rows)
            runs.add_rows(file, rows)

    def _compare_index(self, index: StoredFile, samples: pa.Table) -> None:
        """Report an index that is not the one of its samples, or whose samples are not in their order."""
        rows = self._read(index)
        if rows is None:
            return
        expected = stretches_of(with_all_columns(DISK_IO_STAT.name, samples))
        if expected.index is None or not expected.index.select(rows.column_names).equals(rows):
            self._derived(index, "it is not the index of its samples")
        elif not expected.samples.select(samples.column_names).equals(samples):
            self._derived(index, "the samples it is the index of are not in their order, or numbered otherwise")
        elif named_runs(index.path) != set(pc.unique(samples.column("run_id")).to_pylist()):
            self._derived(index, "it names other runs than its samples have")

    def _derived(self, file: StoredFile, what: str) -> None:
        self._broken(file.table, file.path, file.source, what)

    def _broken(self, table: Table, path: Path, source: str | None, what: str) -> None:
        is_derived = table.name in DERIVED
        (self._report.derived if is_derived else self._report.whole).add(path)
        remedy = MADE_AGAIN if is_derived else FILE_GOES
        self._report.problems.append(Problem(path, table.name, source, None, what, remedy))


def _place(file: StoredFile) -> tuple[str, str | None, str]:
    """Return what a sorted file shares with its index."""
    return file.day.isoformat(), file.source, own_name(file.path)


def _runs_of_broken(path: Path) -> set[str]:
    try:
        return named_runs(path) or set()
    except (BrokenFileError, OSError, pa.ArrowException) as error:
        if is_shortage(error):
            raise
        return {path.stem}
