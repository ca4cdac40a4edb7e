"""Opens DuckDB connections: all keep to UTC, and all their queries end when the command is told to stop."""

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
    return connection
