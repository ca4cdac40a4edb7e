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

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

_FIRST: Final = Lock()
_kept: list[int] = []
"""The descriptor of the file, once there is one."""


def fill(connection: duckdb.DuckDBPyConnection, bind: Callable[[], None]) -> None:
    """Give an empty connection in memory what ``bind`` creates in it: tables without their rows, views and macros."""
    with _FIRST:
        if not _kept:
            bind()
            if hasattr(os, "memfd_create"):  # where there are no such files each connection binds
                _kept.append(_left_by(connection))
            return
    connection.execute(f"ATTACH '/proc/self/fd/{_kept[0]}' AS kept (READ_ONLY)")
    connection.execute("COPY FROM DATABASE kept TO memory (SCHEMA)")
    connection.execute("DETACH kept")


def _left_by(connection: duckdb.DuckDBPyConnection) -> int:
    # DuckDB writes files beside a database, which it cannot where a file has no directory.
    with TemporaryDirectory(prefix="ioledger-") as directory:
        path = Path(directory, "catalog")
        connection.execute("ATTACH $path AS kept", {"path": str(path)})
        connection.execute("COPY FROM DATABASE memory TO kept (SCHEMA)")
        connection.execute("DETACH kept")
        content = path.read_bytes()
    descriptor = os.memfd_create("ioledger-catalog")
    with os.fdopen(descriptor, "wb", closefd=False) as stream:
        stream.write(content)
    return descriptor
