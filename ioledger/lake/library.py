"""The lake as a Python library: relations for SQL, frames for people in notebooks."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ioledger.lake import reader

if TYPE_CHECKING:
    from types import TracebackType

    import duckdb


class Library:
    """What a lake holds, as it was when it was opened.

    Every method gives a DuckDB relation: ``.df()`` makes a pandas frame of it, ``.filter()``,
    ``.aggregate()`` and ``.fetchall()`` go on in DuckDB, and ``connection`` takes any SQL over the
    same tables and views. Use it in a ``with`` block, which names a file that cannot be read
    (LakeError), or call ``close()``.
    """

    def __init__(self, lake: str | Path) -> None:
        self._stack = ExitStack()
        self.connection: duckdb.DuckDBPyConnection = self._stack.enter_context(reader.connect(Path(lake)))

    def samples(self) -> duckdb.DuckDBPyRelation:
        """Give the committed rows of ``disk_io_stat``: what was read, one row per disk and run."""
        return self.connection.table("disk_io_stat")

    def intervals(self) -> duckdb.DuckDBPyRelation:
        """Give one row per interval between samples, with its amounts (operations, bytes, nanoseconds)."""
        return self.connection.table("interval")

    def latency(self) -> duckdb.DuckDBPyRelation:
        """Give the intervals with how long their requests took and how many were under way at a time.

        ``read_latency_us`` and ``write_latency_us`` are averages in microseconds, NULL without operations;
        ``queue_depth`` is the average number of reads and writes under way. All three are exact decimals,
        rounded down, and NULL where the source does not tell the times.
        """
        return self.connection.table("latency")

    def usage(self) -> duckdb.DuckDBPyRelation:
        """Give the usage records that ``ioledger usage build`` made."""
        return self.connection.table("usage_record")

    def quarantine(self) -> duckdb.DuckDBPyRelation:
        """Give what ``ioledger usage build`` withheld, by hour, disk or volume, account and invariant."""
        return self.connection.table("quarantine")

    def findings(self) -> duckdb.DuckDBPyRelation:
        """Give the findings that every ``ioledger check`` stored.

        The view ``open_finding`` has what is wrong as far as the last check knows.
        """
        return self.connection.table("finding")

    def close(self) -> None:
        """Close the connection; relations that came from it end with it."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)
