"""The views of the contract as DuckDB has bound them once, for all connections of a process.

To bind them takes a fifth of a second and gives the same in every lake; to copy them takes a hundredth. So the
first connection leaves its catalog, no row, in a file without a name that ends with the process.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Final

import duckdb

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST: Final = Lock()
_kept: list[int] = []
"""The descriptor of the file, once there is one."""


def fill(connection: duckdb.DuckDBPyConnection, bind: Callable[[], None]) -> None:
    """Give an empty connection in memory what ``bind`` creates in it: tables without their rows, views and macros."""
    with _FIRST:
        if not _kept:
            bind()
            _keep(connection)
            return
    connection.execute(f"ATTACH '/proc/self/fd/{_kept[0]}' AS kept (READ_ONLY)")
    connection.execute("COPY FROM DATABASE kept TO memory (SCHEMA)")
    connection.execute("DETACH kept")


def _keep(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave the catalog of a connection for others, as far as the system has such files, and room for one."""
    if not hasattr(os, "memfd_create"):
        return
    try:
        content = _catalog_of(connection)
    except (OSError, duckdb.Error):
        connection.execute("DETACH DATABASE IF EXISTS kept")
        return
    descriptor = os.memfd_create("ioledger-catalog")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as stream:
            stream.write(content)
    except OSError:
        os.close(descriptor)
    else:
        _kept.append(descriptor)


def _catalog_of(connection: duckdb.DuckDBPyConnection) -> bytes:
    # DuckDB writes files beside a database, which it cannot where a file has no directory.
    with TemporaryDirectory(prefix="ioledger-") as directory:
        path = Path(directory, "catalog")
        connection.execute("ATTACH $path AS kept", {"path": str(path)})
        connection.execute("COPY FROM DATABASE memory TO kept (SCHEMA)")
        connection.execute("DETACH kept")
        return path.read_bytes()
