"""Takes what is broken out of readers' sight, without deleting a fact.

The order is what makes a crash harmless: ``collection_run`` rows go first, so that a run which is to
go does not exist any more for readers when its rows begin to leave. Whatever a crash leaves, setting
aside once more ends it; a row may then lie in the quarantine twice, and never nowhere.
"""

from __future__ import annotations

import errno
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.clock import utc_text
from ioledger.errors import LakeError
from ioledger.lake import files, locks, parquet, swaps
from ioledger.lake.file_checks import STRETCH
from ioledger.lake.schema import with_all_columns
from ioledger.lake.stretches import runs_metadata, stretches_of
from ioledger.model.columns import TEXT
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, SAMPLE_STRETCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from ioledger.lake.problems import Problem, Report

QUARANTINE: Final = ".quarantine"
_WHY: Final = "why.txt"


def set_aside(lake: Path, report: Report, now: datetime) -> Path:
    """Move what a report found broken into the lake's quarantine; return the directory that has it.

    Files that can be made again are removed. The caller holds the lock
    ``locks.UPKEEP`` since before the lake was verified. Raises BusyError if something else is working
    on one of the sources or reads the lake, and LakeError if the lake cannot be written; what is moved
    by then stays moved.
    """
    sources = {problem.source for problem in report.problems if problem.source is not None}
    with ExitStack() as held:
        for name in sorted(f"collect-{source}" for source in sources):
            held.enter_context(locks.exclusive(lake, name))
        try:
            with swaps.alone(lake):
                return _set_aside(lake, report, now)
        except OSError as error:
            raise LakeError(
                f"what is broken in {lake} cannot be set aside: {error.strerror or error}; make the lake writable "
                "and run the command again"
            ) from error


def _set_aside(lake: Path, report: Report, now: datetime) -> Path:
    directory = _new_directory(lake, now)
    files.write_whole(directory / _WHY, _explanation(lake, report.problems, now).encode())
    for path in sorted(report.derived):
        path.unlink(missing_ok=True)
        files.sync_directory(path.parent)
    for path in sorted(report.whole | report.runs.keys(), key=lambda path: (not _tells_of_runs(lake, path), path)):
        target = directory / path.relative_to(lake)
        if path in report.whole:
            _move(path, target)
        else:
            _move_runs(lake, path, report.runs[path], target)
    return directory


def _tells_of_runs(lake: Path, path: Path) -> bool:
    return path.relative_to(lake).parts[0] == COLLECTION_RUN.name


def _new_directory(lake: Path, now: datetime) -> Path:
    name = f"{now:%Y%m%dT%H%M%SZ}"
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    directory = next(path for path in (lake / QUARANTINE / name for name in names) if not path.exists())
    files.make_directories(directory)
    return directory


def _explanation(lake: Path, problems: Iterable[Problem], now: datetime) -> str:
    found = [
        f"- {problem.path.relative_to(lake)}{f', run {problem.run_id}' if problem.run_id else ''}: {problem.what}"
        for problem in problems
    ]
    return "\n".join(
        [
            f"Set aside by `ioledger lake verify --quarantine` at {utc_text(now)}, because:",
            "",
            *found,
            "",
            "Nothing of what was collected is deleted. To put a file back once it is mended, move it from here to",
            "the same place in the lake, files of collection_run after all others. NAME-cut.parquet holds rows that",
            "were taken out of NAME.parquet, which stays where it is. Then run `ioledger lake verify`, and",
            "`ioledger usage build`, which makes again what that changes.",
            "",
        ]
    )


def _move(path: Path, target: Path) -> None:
    files.make_directories(target.parent)
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:  # a table may be linked to another disk
            raise
        files.write_whole(target, path.read_bytes())
        path.unlink()
    files.sync_directory(target.parent)
    files.sync_directory(path.parent)


def _move_runs(lake: Path, path: Path, run_ids: set[str], target: Path) -> None:
    """Move the rows of some runs out of a file, or the file if it has no others."""
    rows = parquet.rows_of(path)
    goes = pc.is_in(rows.column("run_id"), pa.array(sorted(run_ids), TEXT))
    if pc.all(goes).as_py():
        _move(path, target)
    else:
        _cut(lake, path, rows, goes, target.with_name(f"{path.stem}-cut.parquet"))


def _cut(lake: Path, path: Path, rows: pa.Table, goes: pa.ChunkedArray, target: Path) -> None:
    """Write a file anew without some of its rows, which go to ``target``."""
    files.make_directories(target.parent)
    _write(target, rows.filter(goes))
    kept = rows.filter(pc.invert(goes))
    index = lake / SAMPLE_STRETCH.name / path.relative_to(lake / path.relative_to(lake).parts[0])
    if STRETCH not in rows.column_names:
        _write(path, kept)
        return
    found = stretches_of(with_all_columns(DISK_IO_STAT.name, kept.drop_columns(STRETCH)))
    files.make_directories(index.parent)
    index.unlink(missing_ok=True)
    files.sync_directory(index.parent)
    _write(path, found.samples)
    if found.index is not None:
        _write(index, found.index, runs_metadata(kept.column("run_id").unique().to_pylist()))


def _write(path: Path, rows: pa.Table, metadata: Mapping[str, str] | None = None) -> None:
    files.write_parquet(files.temporary(path), rows, metadata)
    files.publish(path)
