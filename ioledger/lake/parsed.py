"""The statements of SQL files, parsed once in a process however many lakes it opens."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

_PARSED: Final[dict[str, list[duckdb.Statement]]] = {}
"""By name of the file; a statement belongs to no connection, and to run it leaves it as it is."""


def statements(connection: duckdb.DuckDBPyConnection, file: str) -> list[duckdb.Statement]:
    """Return what a file of this package says, which is named from here: ``views/limits.sql``."""
    if file not in _PARSED:
        _PARSED[file] = connection.extract_statements(text(file))
    return _PARSED[file]


def run(connection: duckdb.DuckDBPyConnection, parts: Iterable[duckdb.Statement], values: Mapping[str, object]) -> None:
    """Run statements in order, each with those of the values that it names: DuckDB refuses any other."""
    for part in parts:
        connection.execute(part, {name: values[name] for name in part.named_parameters})


def text(file: str) -> str:
    """Return the SQL of such a file."""
    return resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
