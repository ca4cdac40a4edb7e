"""Opens DuckDB connections: all keep to UTC, draw nothing, and end their queries when the command is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from ioledger import interruption

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def new() -> DuckDBPyConnection:
    """Open a database in memory."""
    return _prepared(duckdb.connect())


def cursor_of(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """Open a second connection to the database of a first, with temporary tables of its own."""
    return _prepared(connection.cursor())


def _prepared(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    interruption.watch(connection)
    connection.execute("SET TimeZone = 'UTC'")
    # Where DuckDB takes Python for an interactive one, as in `python -c`, it draws on stdout, between our rows. In
    # Jupyter it does not, and refuses to have it changed.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        connection.execute("SET enable_progress_bar_print = false")
    return connection
