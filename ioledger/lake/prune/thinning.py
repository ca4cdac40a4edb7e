"""Takes pruned facts out of the lake's files.

``collection_run`` rows go first, file by file: a run that is to go does not exist any more when its
rows begin to leave, and one of which some rows stay watches for nothing by then. Every file is
replaced or removed at once, so whatever a crash leaves gives the same usage of later hours, and
pruning once more ends it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ioledger.lake import files, layout, merged, parquet
from ioledger.lake.digest import rows_digest
from ioledger.lake.file_checks import STRETCH
from ioledger.lake.prune.selection import KEYS
from ioledger.lake.schema import typed
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, FACTS, SAMPLE_STRETCH, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ioledger.lake.prune.selection import RunName, Selection


@dataclass(slots=True)
class Gone:
    """What goes of one table: rows, files that go whole, files that become smaller, and about how many bytes."""

    table: str
    row_count: int = 0
    removed_file_count: int = 0
    thinned_file_count: int = 0
    byte_count: int = 0


@dataclass(slots=True)
class Thinning:
    """The work on one lake: first ``plan``, which changes nothing, then ``carry_out``."""

    lake: Path
    selection: Selection
    kept: dict[Path, pa.Table] = field(default_factory=dict)
    left_of: dict[RunName, dict[str, list[pa.Table]]] = field(default_factory=dict)

    def plan(self, paths: Mapping[str, Sequence[Path]], progress: Callable[[int, int], None]) -> list[Gone]:
        """Say what goes of each table, given the files of the lake by table."""
        order = [*(name for name in FACTS if name != COLLECTION_RUN.name), COLLECTION_RUN.name]
        work = [
            (name, path)
            for name in order
            for day, of_day in sorted(layout.by_day(paths[name]).items())
            if day < self.selection.before
            for path in of_day
        ]
        gone = {name: Gone(name) for name in order}
        for done, (name, path) in enumerate(work, start=1):
            self._plan_file(name, path, gone[name])
            progress(done, len(work))
        return list(gone.values())

    def carry_out(self) -> None:
        """Replace and remove files, those of ``collection_run`` first; raises OSError."""
        first = sorted(path for path in self.kept if self._table_of(path) == COLLECTION_RUN.name)
        for path in [*first, *sorted(self.kept.keys() - set(first))]:
            self._put(path, self.kept[path])

    def _table_of(self, path: Path) -> str:
        return path.relative_to(self.lake).parts[0]

    def _plan_file(self, name: str, path: Path, gone: Gone) -> None:
        source = layout.source_of(path)
        run_ids = _run_ids(path)
        if run_ids is not None and all(self._stays((source, run_id)) for run_id in run_ids):
            return
        rows = parquet.rows_of(path)
        kept = self._runs_left(rows) if name == COLLECTION_RUN.name else self._rows_left(name, source, rows)
        if kept.equals(rows):
            return
        size, left = path.stat().st_size, len(kept)
        gone.row_count += len(rows) - left
        gone.byte_count += size * (len(rows) - left) // len(rows)
        gone.removed_file_count += not left
        gone.thinned_file_count += left > 0
        self.kept[path] = kept

    def _stays(self, run: RunName) -> bool:
        """Tell whether all rows of a run stay; those of runs that do not exist are left-overs and go."""
        chosen = self.selection
        return run in chosen.committed and (run not in chosen.prunable or run in chosen.whole)

    def _rows_left(self, name: str, source: str, rows: pa.Table) -> pa.Table:
        run_ids = rows.column("run_id").unique().to_pylist()
        whole = [run_id for run_id in run_ids if self._stays((source, run_id))]
        parts = [rows.filter(pc.is_in(rows.column("run_id"), pa.array(whole, pa.string())))]
        for run_id in run_ids:
            keys = self.selection.rows.get((name, (source, run_id)))
            if keys and run_id not in whole:
                of_run = rows.filter(pc.equal(rows.column("run_id"), run_id))
                named = [tuple(row.values()) in keys for row in of_run.select(KEYS[name]).to_pylist()]
                left = of_run.filter(pa.array(named, pa.bool_()))
                self.left_of.setdefault((source, run_id), {}).setdefault(name, []).append(left)
                parts.append(left)
        kept = pa.concat_tables(parts)
        if len(kept) == len(rows):
            return rows
        return kept.drop_columns(STRETCH) if STRETCH in kept.column_names else kept

    def _runs_left(self, rows: pa.Table) -> pa.Table:
        left = [row for row in map(self._run_left, rows.to_pylist()) if row is not None]
        return typed(COLLECTION_RUN, left)

    def _run_left(self, row: dict[str, Any]) -> dict[str, Any] | None:
        run = (row["source"], row["run_id"])
        if self._stays(run):
            return row
        left = {name: pa.concat_tables(parts) for name, parts in self.left_of.get(run, {}).items()}
        left = {name: rows.select(TABLES[name].names) for name, rows in left.items() if len(rows)}
        if not left:
            return None
        ends = [pc.min_max(rows.column(TABLES[name].time)).as_py() for name, rows in left.items()]
        return {
            **row,
            "row_count": sum(map(len, left.values())),
            "first_row_at": min(end["min"] for end in ends),
            "last_row_at": max(end["max"] for end in ends),
            "digest": [(name, rows_digest(TABLES[name], rows)) for name, rows in left.items()],
            "thinned": True,
        }

    def _put(self, path: Path, kept: pa.Table) -> None:
        if self._table_of(path) == DISK_IO_STAT.name:
            index = self.lake / SAMPLE_STRETCH.name / path.relative_to(self.lake / DISK_IO_STAT.name)
            if index.exists():
                _remove(index)
        if not len(kept):
            _remove(path)
            return
        files.write_parquet(files.temporary(path), kept)
        files.publish(path)


def _run_ids(path: Path) -> list[str] | None:
    """Return the runs that a file names without its rows being read; None if it does not."""
    if merged.run_range(path.name) or STRETCH in pq.read_schema(path).names:
        return None
    return [path.stem]


def _remove(path: Path) -> None:
    path.unlink()
    files.sync_directory(path.parent)
    with suppress(OSError):  # others are there
        path.parent.rmdir()
        path.parent.parent.rmdir()
