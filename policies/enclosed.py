"""Shuts a DuckDB connection off from everything but the tables that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.lake import reader

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb


def enclose(connection: duckdb.DuckDBPyConnection, files: Iterable[Path] = ()) -> None:
    """Let a connection read these files and no other, nothing from the network, and no Python variables.

    It neither loads extensions nor spills to disk, and no statement can change that.
    """
    # DuckDB opens a file by the pattern that matches it alone, and permits both by their own text.
    allowed = {text for path in files for text in (reader.literal(path), "'{}'".format(str(path).replace("'", "''")))}
    connection.execute(f"SET allowed_paths = [{', '.join(sorted(allowed))}]")
    connection.execute("SET temp_directory = ''")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
