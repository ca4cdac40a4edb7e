"""Opens a lake as DuckDB views: the facts of committed runs, and what the contract makes of them.

A connection sees the files that were there when it was opened. Columns are taken by name; one that
a file lacks is NULL. Times are in UTC.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from ioledger.errors import LakeError
from ioledger.lake import catalog, check_files, connections, doubled_runs, footers, layout, locks, parquet, versions
from ioledger.lake import settings as lake_settings
from ioledger.lake.footers import Footers
from ioledger.lake.parsed import statements, text
from ioledger.lake.schema import typed
from ioledger.model.columns import COUNT, EXACT, FLAG, MONEY, PER_GIB, TEXT, TIME
from ioledger.model.tables import COLLECTION_RUN, FACTS, FINDING, TABLES
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from ioledger.lake.settings import Timeline
    from ioledger.model.records import Row

_SQL_TYPES: Final = {
    TEXT: "VARCHAR",
    COUNT: "BIGINT",
    FLAG: "BOOLEAN",
    TIME: "TIMESTAMP WITH TIME ZONE",
    EXACT: "DECIMAL(38, 6)",
    PER_GIB: "DECIMAL(18, 6)",
    MONEY: "DECIMAL(38, 12)",
}

_VIEWS: Final = (
    "limits",
    "policy_mode_at",
    "counting_sample",
    "volume_of",
    "cumulative_sample",
    "first_sight",
    "interval",
    "latency",
    "in_force",
    "final_window",
    "usage_record_id",
    "open_finding",
)
"""The files of ``views/`` in the order in which they build on one another."""


@dataclass(frozen=True, slots=True)
class OpenLake:
    """A lake as it was when it was opened: a connection with its views, and the files they stand on.

    ``files`` holds the live files by table, ``shown`` those that were looked at, ``rows`` the SELECT that
    each table is. ``show`` makes a table see some of the files alone, for work that goes through a long
    history in bounded memory; ``narrowed`` adds to the SELECT of a table what else its rows must be, for
    work on some of the disks and volumes.
    """

    connection: duckdb.DuckDBPyConnection
    files: Mapping[str, Sequence[Path]]
    footers: Footers
    shown: dict[str, set[Path]] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    narrowed: dict[str, str] = field(default_factory=dict)

    def show(self, name: str, paths: Sequence[Path]) -> None:
        """Let a table of the lake be what lies in these files, and every view that stands on it."""
        self.shown.setdefault(name, set()).update(paths)
        self.show_rows(name, self.select(name, paths))

    def select(self, name: str, paths: Sequence[Path], *, numbered: bool = False) -> str:
        """Return the SELECT over some files of a table, as ``scan`` does, narrowed as the table is.

        Raises NewerVersionError if a newer version wrote one of them.
        """
        self.footers.refuse_newer(paths)
        alike = set() if numbered else self.footers.alike(paths)  # files are numbered in the order of one list
        return f"{scan(name, paths, numbered=numbered, alike=alike)} {self.narrowed.get(name, '')}"

    def show_rows(self, name: str, select: str) -> None:
        """Let a table of the lake be what a SELECT gives, likewise."""
        if self.rows.get(name) != select:
            self.connection.execute(f"CREATE OR REPLACE VIEW stored_{name} AS {select}")
            self.rows[name] = select

    def show_all(self) -> None:
        """Let every table be what lies in all its files."""
        self.connection.execute("SET parquet_metadata_cache = true")
        for name, paths in self.files.items():
            self.show(name, paths)

    def committed_runs(self) -> dict[str, list[str]]:
        """Return the run ids of the runs in ``collection_run``, as far as it is shown, by source."""
        listed = self.connection.execute("SELECT source, list(run_id) FROM collection_run GROUP BY source").fetchall()
        return dict(listed)


@contextmanager
def connect(lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a lake for reading; the connection is closed at the end.

    Raises LakeError if there is no lake, if two ``collection_run`` rows tell of one run, or, also
    while the connection is in use, if a file cannot be read. DuckDB does not compare the checksums
    of pages: a flipped bit that leaves a page readable is not seen here.
    """
    with open_lake(lake) as opened:
        opened.show_all()
        yield opened.connection


@contextmanager
def open_lake(lake: Path) -> Iterator[OpenLake]:
    """Open a lake whose tables are empty until ``show`` is called; otherwise as ``connect``."""
    with locks.reading(layout.require(lake)), _opened(lake, layout.all_files(lake)) as opened:
        doubled_runs.refuse(opened, lake)
        yield opened


@contextmanager
def open_unlisted(lake: Path, files: Mapping[str, Sequence[Path]] | None = None) -> Iterator[OpenLake]:
    """Open a lake as ``open_lake`` does, without a look for its files or through its runs.

    For what reads little of a long history: files that are listed within the block stay where they are
    until its end, and so do ``files``, by table, if whoever listed them reads the lake all the while.
    """
    with locks.reading(layout.require(lake)), _opened(lake, files or {}) as opened:
        yield opened


@contextmanager
def _opened(lake: Path, files: Mapping[str, Sequence[Path]]) -> Iterator[OpenLake]:
    line = lake_settings.load(lake)
    with closing(connections.new()) as connection:
        opened = OpenLake(connection, files, Footers(connection))
        try:
            _install(connection, line)
            connection.execute(view("last_check"), {"checked_at": check_files.last_moment(files.get(FINDING.name, ()))})
            yield opened
        except duckdb.Error as error:
            raise _cause(error, opened) from error


def connect_tables(
    tables: Mapping[str, Sequence[Row]], settings: Iterable[Mapping[str, Any]] = ()
) -> duckdb.DuckDBPyConnection:
    """Open rows in memory as if they lay in a lake, for rules' own test rows and for tests.

    ``tables`` holds complete rows by table; ``settings`` are ``[[settings]]`` tables.
    """
    connection = connections.new()
    _install(connection, lake_settings.timeline(settings))
    for name, table in TABLES.items():
        connection.register("given", typed(table, tables.get(name, ())))
        connection.execute(f"DROP VIEW stored_{name}")
        connection.execute(f"CREATE TABLE stored_{name} AS SELECT * FROM given")
        connection.unregister("given")
    (last_checked_at,) = connection.execute("SELECT max(checked_at) FROM stored_finding").fetchall()[0]
    connection.execute(view("last_check"), {"checked_at": last_checked_at})
    return connection


def scan(name: str, paths: Sequence[Path], *, numbered: bool = False, alike: Collection[Path] = ()) -> str:
    """Return the SELECT over a table's files; the typed empty row set gives columns that no file has.

    ``numbered`` puts the column ``file_number`` before the others: which of the files a row is from, from 1.
    ``alike`` are those of them that are known to have the same columns.
    """
    columns = [(column.name, _SQL_TYPES.get(column.type, "MAP(VARCHAR, VARCHAR)")) for column in TABLES[name].columns]
    if numbered:
        columns.insert(0, ("file_number", "BIGINT"))
    nothing = ", ".join(f"NULL::{sql_type} AS {column}" for column, sql_type in columns)
    cast = ", ".join(f"CAST({column} AS {sql_type}) AS {column}" for column, sql_type in columns)
    kept = "*, file_index + 1 AS file_number" if numbered else "*"
    stored = ""
    for some, by_name in (
        ([path for path in paths if path in alike], "false"),
        ([path for path in paths if path not in alike], "true"),
    ):
        if some:
            listed = ", ".join(map(literal, some))
            stored += (
                f" UNION ALL BY NAME SELECT {kept} "
                f"FROM read_parquet([{listed}], union_by_name = {by_name}, hive_partitioning = false)"
            )
    return f"SELECT {cast} FROM (SELECT {nothing} WHERE false{stored})"


def literal(path: Path) -> str:
    """Write a path as an SQL literal, as the pattern that matches it alone."""
    quoted = footers.pattern(path).replace("'", "''")
    return f"'{quoted}'"


def _install(connection: duckdb.DuckDBPyConnection, line: Timeline) -> None:
    """Create tables without files, the settings, the committed facts, and the views of the contract."""
    catalog.fill(connection, lambda: _bind(connection, line))
    _install_settings(connection, line)


def _bind(connection: duckdb.DuckDBPyConnection, line: Timeline) -> None:
    # DuckDB opens all files of a view whenever it binds it, and binds every view it is told of:
    # the views of the contract are made over tables without files.
    for name in TABLES:
        connection.execute(f"CREATE VIEW stored_{name} AS {scan(name, ())}")
    _install_settings(connection, line)
    connection.execute(view("last_check"), {"checked_at": None})
    for name in TABLES:
        committed = name in FACTS and name != COLLECTION_RUN.name
        only = "SEMI JOIN stored_collection_run USING (source, run_id)" if committed else ""
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM stored_{name} {only}")
    for name in _VIEWS:
        for statement in statements(connection, f"views/{name}.sql"):
            connection.execute(statement)


def view(name: str) -> str:
    """Return the SQL of a file of ``views/``."""
    return text(f"views/{name}.sql")


def _install_settings(connection: duckdb.DuckDBPyConnection, line: Timeline) -> None:
    # As lists: DuckDB would load pandas for a table of Arrow, in every command.
    connection.execute(
        view("setting"),
        {
            "valid_from": [settings.valid_from for settings in line],
            "valid_to": [settings.valid_to for settings in line],
            "max_gap_us": [settings.max_gap_seconds * 1_000_000 for settings in line],
            "max_allocation_age_us": [settings.max_allocation_age_seconds * 1_000_000 for settings in line],
            "precedence": [list(settings.precedence) for settings in line],
            "retired": [list(settings.retired) for settings in line],
        },
    )
    modes = [(settings, place, each) for settings in line for place, each in enumerate(settings.modes, start=1)]
    connection.execute(
        view("policy_mode"),
        {
            "valid_from": [settings.valid_from for settings, _, _ in modes],
            "valid_to": [settings.valid_to for settings, _, _ in modes],
            "place": [place for _, place, _ in modes],
            "mode": [each.mode for _, _, each in modes],
            "offering_id": [each.offering_id for _, _, each in modes],
            "pool_id": [each.pool_id for _, _, each in modes],
            "account_id": [each.account_id for _, _, each in modes],
        },
    )


def stored_whole(path: Path) -> pa.Table:
    """Read one file of derived rows, every page with its checksum.

    Raises LakeError if it cannot be read, for a build makes it again once it is removed, or if a newer
    version wrote it.
    """
    with parquet.unreadable_named(path, "remove it and build again"):
        rows = parquet.rows_of(path)
    versions.refuse_newer_file(path, rows.schema.metadata)
    return rows


def _cause(error: duckdb.Error, opened: OpenLake) -> Exception:
    """Tell a file that cannot be read from a defect of ours: only the former is a LakeError."""
    if is_shortage(error) or isinstance(error, duckdb.InterruptException):
        return error
    try:
        refuse_unreadable(opened)
    except LakeError as unreadable:
        return unreadable
    return error


def refuse_unreadable(opened: OpenLake) -> None:
    """Read all of an open lake, page by page; raise LakeError if a file of it cannot be read."""
    for name in TABLES:
        for path in sorted({*opened.files.get(name, ()), *opened.shown.get(name, ())}):
            reason = _unreadable(name, path)
            if reason:
                raise LakeError(
                    f"{path} cannot be read: {reason}; restore it, or set it aside with "
                    "`ioledger lake verify --quarantine`"
                )


def _unreadable(name: str, path: Path) -> str | None:
    """Read one file whole, page by page; say why that fails, or None."""
    try:
        parquet.rows_of(path)
        with connections.new() as connection:
            for _ in connection.sql(scan(name, [path])).to_arrow_reader():
                pass
    except (OSError, UnicodeDecodeError, pa.ArrowException, duckdb.Error) as broken:
        if is_shortage(broken):
            raise
        return str(broken).splitlines()[0].rstrip(".")
    return None
