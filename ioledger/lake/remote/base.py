"""What a working copy knows of the store: which file is which version of which object."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from ioledger.errors import LakeError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

DIRECTORY: Final = ".copy"

_VERSION: Final = 0
"""Of the tables below, which SQLite keeps beside them: whoever gives them another meaning raises it."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS file (
    name TEXT PRIMARY KEY, e_tag TEXT NOT NULL, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sending (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Known(NamedTuple):
    """A file that is as in the store: the version of its object, and what tells that the file is still the same."""

    e_tag: str
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path, e_tag: str) -> Self:
        """Know a file as it is now; raises OSError."""
        found = path.stat()
        return cls(e_tag, found.st_size, found.st_mtime_ns)

    def is_still(self, found: os.stat_result) -> bool:
        """Tell whether a file is the one that is known."""
        return (found.st_size, found.st_mtime_ns) == (self.size_bytes, self.modified_ns)


class Base:
    """A small database beside the files of a working copy; each change of it is durable when it returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, copy: Path) -> Iterator[Self]:
        """Open the database of a working copy, which is made where there is none.

        Raises LakeError if it cannot be used, or is of a newer version.
        """
        path = copy / DIRECTORY / "base.sqlite"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                _refuse_newer(copy, connection)
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(_TABLES)
                yield cls(connection)
        except (OSError, sqlite3.Error) as error:
            raise LakeError(
                f"the working copy {copy} cannot be used: {error}; make it writable for this user, with room for the "
                "lake, or name another with working_copy in [object_store]"
            ) from error

    def files(self) -> dict[str, Known]:
        """Return what is known, by name."""
        rows = self._connection.execute("SELECT name, e_tag, size_bytes, modified_ns FROM file").fetchall()
        return {name: Known(*known) for name, *known in rows}

    def know(self, files: Mapping[str, Known]) -> None:
        """Note that files are as in the store, and no longer on their way."""
        with self._transaction():
            self._connection.executemany(
                "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", [(name, *known) for name, known in files.items()]
            )
            self._connection.executemany("DELETE FROM sending WHERE name = ?", [(name,) for name in files])

    def forget(self, names: Iterable[str]) -> None:
        """Know nothing of some files."""
        with self._transaction():
            self._connection.executemany("DELETE FROM file WHERE name = ?", [(name,) for name in names])

    def sending(self) -> set[str]:
        """Return the files that were on their way to the store when it was last tried."""
        return {name for (name,) in self._connection.execute("SELECT name FROM sending").fetchall()}

    def send(self, names: Iterable[str]) -> None:
        """Note that files are on their way, before they are."""
        with self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO sending VALUES (?)", [(name,) for name in names])

    def told(self, key: str) -> str | None:
        """Return what is noted under a key."""
        found = self._connection.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchall()
        return found[0][0] if found else None

    def tell(self, key: str, value: str) -> None:
        """Note a value under a key."""
        self._connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (key, value))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._connection:
            self._connection.execute("BEGIN")
            yield


def _refuse_newer(copy: Path, connection: sqlite3.Connection) -> None:
    ((found,),) = connection.execute("PRAGMA user_version").fetchall()
    if found > _VERSION:
        raise LakeError(
            f"the working copy {copy} has version {found}, and this ioledger uses {_VERSION}; upgrade ioledger to the "
            "version that made it, or name another directory with working_copy in [object_store]"
        )
