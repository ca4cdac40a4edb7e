"""What the footers of a lake's files tell before their rows are read: their version, their columns, their runs.

To take columns by their names, DuckDB opens all files of a list at once and holds them, with 110 kB for the file of a
run, and twice. Files with the same columns need no such look, and are opened one after another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ioledger.lake import run_hours, versions
from ioledger.model.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from ioledger.lake.run_hours import RunHours

_WILDCARD: Final = re.compile(r"[*?\[]")

_MANY: Final = 200
"""Fewer files take less to be held than is worth a look."""


def pattern(path: Path) -> str:
    """Return the pattern that matches a path alone: DuckDB takes every path for one."""
    return _WILDCARD.sub(r"[\g<0>]", str(path))


class Footers:
    """The footers of the files that a connection reads, each of which is looked at once."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._readable: set[Path] = set()
        self._columns: dict[Path, int] = {}
        self._noted: dict[Path, bytes] = {}

    def refuse_newer(self, paths: Collection[Path]) -> None:
        """Raise NewerVersionError if a newer version wrote one of some files: what it means is not known here."""
        new = {str(path): path for path in paths if path not in self._readable}
        if not new:
            return
        # Paths are handed over as a value: as SQL, so many would take longer to be parsed than to be opened.
        told = self._connection.execute(
            "SELECT file_name, key, value FROM parquet_kv_metadata($paths) "
            "WHERE (key = $version AND value <> $own) OR key = $run_hours",
            {
                "paths": _patterns(new.values()),
                "version": versions.KEY.encode(),
                "own": str(SCHEMA_VERSION).encode(),
                "run_hours": run_hours.KEY.encode(),
            },
        ).fetchall()
        for name, key, value in told:
            versions.refuse_newer_file(name, {key: value})
            if key == run_hours.KEY.encode():
                self._noted[new[name]] = value
        self._readable.update(new.values())

    def run_hours(self, paths: Collection[Path]) -> dict[Path, RunHours]:
        """Return what merged files of ``collection_run`` note of their runs, by file; raises as ``refuse_newer``."""
        self.refuse_newer(paths)
        found = {path: run_hours.noted(self._noted[path]) for path in paths if path in self._noted}
        return {path: told for path, told in found.items() if told}

    def alike(self, paths: Sequence[Path]) -> set[Path]:
        """Return those of some files that have the same columns as each other: the most such; none of few files."""
        if len(paths) < _MANY:
            return set()
        columns = self._columns_of(paths)
        by_columns: dict[int, set[Path]] = {}
        for path in paths:
            by_columns.setdefault(columns[path], set()).add(path)
        return max(by_columns.values(), key=len)

    def _columns_of(self, paths: Iterable[Path]) -> Mapping[Path, int]:
        """Return a fingerprint of the columns of each file, whatever their order: their names and types."""
        new = {str(path): path for path in paths if path not in self._columns}
        if new:
            told = self._connection.execute(
                "SELECT file_name, sum(hash(name, duckdb_type, num_children)) "
                "FROM parquet_schema($paths) GROUP BY file_name",
                {"paths": _patterns(new.values())},
            ).fetchall()
            self._columns.update((new[name], fingerprint) for name, fingerprint in told)
        return self._columns


def _patterns(paths: Iterable[Path]) -> list[str]:
    return [pattern(path) for path in sorted(paths)]
