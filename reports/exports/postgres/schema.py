"""The schema `ioledger` of a database: made where it is missing, brought up to date where it is older."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.errors import ConfigurationError
from ioledger.model.tables import CHARGE, USAGE_RECORD
from reports.exports.postgres import statement
from reports.exports.postgres.session import execute_all, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adbc_driver_manager.dbapi import Cursor

SCHEMA: Final = "ioledger"

VERSION: Final = 1
"""The last of the files ``schema_<version>.sql``; each is executed once, in their order."""


def install(cursor: Cursor) -> None:
    """Make the schema what this version writes to; raise ConfigurationError for one of a later version."""
    found = _version(cursor)
    if found > VERSION:
        raise ConfigurationError(
            f"the schema {SCHEMA} of the database has version {found}, and this ioledger knows versions up to "
            f"{VERSION}; export with the version of ioledger that made it, or a later one"
        )
    if found == VERSION:
        return
    for version in range(found + 1, VERSION + 1):
        execute_all(cursor, statement(f"schema_{version}"))
    execute_all(cursor, "".join(_comments()))
    rows(cursor, f"UPDATE {SCHEMA}.schema_version SET version = $1 RETURNING version", (VERSION,))


def _version(cursor: Cursor) -> int:
    ((there,),) = rows(cursor, "SELECT to_regclass($1) IS NOT NULL", (f"{SCHEMA}.schema_version",))
    if not there:
        return 0
    ((version,),) = rows(cursor, f"SELECT version FROM {SCHEMA}.schema_version")
    return int(version)


def _comments() -> Iterator[str]:
    """Say in the database what the tables and columns of the lake mean, in the words of docs/tables.md."""
    for table in (USAGE_RECORD, CHARGE):
        yield f"COMMENT ON TABLE {SCHEMA}.{table.name} IS {_literal(table.meaning)};\n"
        for column in table.columns:
            meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
            yield f"COMMENT ON COLUMN {SCHEMA}.{table.name}.{column.name} IS {_literal(meaning)};\n"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
