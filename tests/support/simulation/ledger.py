"""What was handed to the lake, what it acknowledged, and whether what it shows can be that."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.errors import DataError
from ioledger.lake import layout
from ioledger.model.tables import COLLECTION_RUN, FACTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ioledger.model.records import Row, Run

Key = tuple[str, str]
Rows = Counter[tuple[tuple[str, object], ...]]

_OF_RUN: Final = {"source", "run_id", "observed_at", "stretch"}
_TABLES: Final = [name for name in FACTS if name != COLLECTION_RUN.name]


class BrokenPromiseError(AssertionError):
    """A promise that was not kept."""


@dataclass
class Version:
    run: Run
    is_acknowledged: bool = False


@dataclass
class Ledger:
    """All runs that anybody began to store, in the order of beginning."""

    versions: dict[Key, list[Version]] = field(default_factory=dict)

    def storing(self, write: Callable[..., None]) -> Callable[..., None]:
        """Wrap ``write_run``: note what is begun, and what is acknowledged by its return."""

        def noted(lake: Path, run: Run, **options: bool) -> None:
            key = (run.source, run.run_id)
            version = self.begin(key, run)
            try:
                write(lake, run, **options)
            except DataError:  # refused before anything was written
                self.versions[key].remove(version)
                raise
            version.is_acknowledged = True

        return noted

    def begin(self, key: Key, run: Run) -> Version:
        """Note that somebody begins to store a run."""
        version = Version(run)
        self.versions.setdefault(key, []).append(version)
        return version

    def acknowledge(self, key: Key) -> None:
        """Note that the version of a run that was begun last is stored for good."""
        self.versions[key][-1].is_acknowledged = True

    def acknowledged(self) -> dict[Key, int]:
        """Return the number of the last acknowledged version of each run."""
        found = {
            key: [n for n, each in enumerate(of_key) if each.is_acknowledged] for key, of_key in self.versions.items()
        }
        return {key: numbers[-1] for key, numbers in found.items() if numbers}

    def acknowledged_runs(self) -> dict[Key, Run]:
        """Return the last acknowledged version of each run."""
        return {key: self.versions[key][number].run for key, number in self.acknowledged().items()}

    def check(self, shown: Shown, before: Mapping[Key, int]) -> dict[Key, Run]:
        """See that what is shown are whole runs, all that were acknowledged ``before``, and return them.

        Raises BrokenPromiseError for a run that is missing, doubled, in part, or was never begun.
        """
        found: dict[Key, Run] = {}
        for key, count in shown.runs.items():
            if count != 1:
                raise BrokenPromiseError(f"run {key} is there {count} times")
            first = before.get(key, 0)
            fitting = [each.run for each in self.versions.get(key, [])[first:] if shown.is_of(key, each.run)]
            if not fitting:
                raise BrokenPromiseError(
                    f"run {key} is shown with rows that nobody stored, or in part: {shown.rows.get(key)}"
                )
            found[key] = fitting[-1]
        for key in before:
            if key not in found:
                raise BrokenPromiseError(f"run {key} was acknowledged and is not there")
        if stray := shown.rows.keys() - shown.runs.keys():
            raise BrokenPromiseError(f"rows without a run: {sorted(stray)}")
        return found

    def settle(self, found: Mapping[Key, Run]) -> None:
        """Take what a power cut left for stored, and what it did not leave for never begun."""
        self.versions = {key: [Version(run, is_acknowledged=True)] for key, run in found.items()}


@dataclass
class Shown:
    """What a lake shows: how often each run is there, and its rows by table."""

    runs: Counter[Key] = field(default_factory=Counter)
    rows: dict[Key, dict[str, Rows]] = field(default_factory=dict)

    def is_of(self, key: Key, run: Run) -> bool:
        given = {name: _rows(rows) for name, rows in run.tables.items() if rows}
        return self.rows.get(key, {}) == given

    def add(self, table: str, rows: Iterable[Row]) -> None:
        for row in rows:
            key = (str(row["source"]), str(row["run_id"]))
            if table == COLLECTION_RUN.name:
                self.runs[key] += 1
            else:
                self.rows.setdefault(key, {}).setdefault(table, Counter()).update(_rows([row]))


def _rows(rows: Iterable[Row]) -> Rows:
    return Counter(
        tuple(sorted((name, value) for name, value in row.items() if value is not None and name not in _OF_RUN))
        for row in rows
    )


def shown_by_files(lake: Path) -> Shown:
    """Read the files that count, without the query engine: rows of runs that are not committed do not exist."""
    shown = Shown()
    listed = layout.all_files(lake)
    for table in (COLLECTION_RUN.name, *_TABLES):
        rows = [row for path in listed[table] for row in _rows_of(path)]
        shown.add(table, [row for row in rows if table == COLLECTION_RUN.name or _key(row) in shown.runs])
    return shown


def _rows_of(path: Path) -> list[Row]:
    try:
        rows: list[Row] = pq.read_table(path, partitioning=None, page_checksum_verification=True).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise BrokenPromiseError(f"{path} counts and cannot be read: {error}") from error
    return rows


def shown_by_reader(connection: Any) -> Shown:  # noqa: ANN401 - DuckDB's connection
    """Read what any reader reads."""
    shown = Shown()
    for table in (COLLECTION_RUN.name, *_TABLES):
        shown.add(table, connection.table(table).to_arrow_table().to_pylist())
    return shown


def _key(row: Row) -> Key:
    return str(row["source"]), str(row["run_id"])
