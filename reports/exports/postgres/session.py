"""Connections to PostgreSQL by ADBC, and what its errors mean in a sentence."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from ioledger.errors import ConfigurationError
from reports.exports.postgres import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adbc_driver_manager.dbapi import Cursor

OLDEST_SERVER: Final = 150_000
"""PostgreSQL 15, as the server counts: the first whose views check the rights of who reads."""

LOCK: Final = 7_164_583_295_146_877_042
"""The advisory lock of whoever writes to the schema; any number that nobody else uses."""

_CONNECT_SECONDS: Final = 10

_SCHEMES: Final = ("postgresql://", "postgres://")


def refuse_unsafe(uri: str) -> None:
    """Raise ConfigurationError for what is no URI of PostgreSQL, and for one that holds a password.

    The error never tells what the URI is: whatever is wrong with it, there may be a password in it.
    """
    # A password may hold anything, so any ':' before a '@' begins one.
    if re.match(r"[^/@]*(:|%3a)[^@]*@", uri.partition("://")[2] or uri, re.IGNORECASE) or _has_secret(uri):
        raise ConfigurationError(
            "the URI after --to holds a password, which everybody on this machine would see; remove it, change it, and "
            "put it into ~/.pgpass or PGPASSWORD (a '@' that is part of a name is written %40)"
        )
    if not uri.startswith(_SCHEMES):
        raise ConfigurationError(
            "what comes after --to is no URI of PostgreSQL; write it as postgresql://user@host/database"
        )


def _has_secret(uri: str) -> bool:
    if re.search(r"(^|[?&;\s])\s*[a-z]*password\s*=", uri, re.IGNORECASE):
        return True
    # Names of parameters may be written in per cent, too.
    return any(name.lower().endswith("password") for name in _parameters(uri))


@contextmanager
def session(uri: str) -> Iterator[Cursor]:
    """Have a transaction that nobody else writes to the schema beside; it is committed at the end, or never was.

    Raises ConfigurationError where the URI or the password is not valid, the server does not answer, is too old or
    refuses, and where the connection is lost.
    """
    refuse_unsafe(uri)
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ConfigurationError(
            "writing to PostgreSQL takes the package adbc-driver-postgresql, which is not installed; install "
            "ioledger with the extra postgres: pip install 'ioledger[postgres]'"
        ) from error
    try:
        connection = dbapi.connect(_with_defaults(uri))
    except dbapi.Error as error:
        raise ConfigurationError(
            f"PostgreSQL cannot be reached: {_reason(error)}; mend the URI after --to, PGPASSWORD or ~/.pgpass, or "
            "what keeps the server from answering"
        ) from error
    with closing(connection), connection.cursor() as cursor:
        try:
            _begin(cursor)
            yield cursor
        except dbapi.Error as error:
            raise ConfigurationError(
                f"PostgreSQL did not take the export, and holds what it held before: {_reason(error)}; "
                f"{_remedy(error.sqlstate)}"
            ) from error
        try:
            connection.commit()
        except dbapi.Error as error:
            raise ConfigurationError(
                f"PostgreSQL did not say whether it took the export: {_reason(error)}; export again, which doubles "
                "nothing"
            ) from error


def _with_defaults(uri: str) -> str:
    """Add what the URI leaves to us: how long a server may take to answer, and who asks."""
    given = _parameters(uri)
    defaults = {"connect_timeout": str(_CONNECT_SECONDS), "fallback_application_name": "ioledger"}
    added = "&".join(f"{name}={value}" for name, value in defaults.items() if name not in given)
    return f"{uri}{'&' if '?' in uri else '?'}{added}" if added else uri


def _parameters(uri: str) -> set[str]:
    return {name for name, _ in parse_qsl(uri.partition("?")[2], keep_blank_values=True)}


def _begin(cursor: Cursor) -> None:
    execute_all(cursor, statement("session"))
    ((version,),) = rows(cursor, "SELECT current_setting('server_version_num')::integer")
    if version < OLDEST_SERVER:
        raise ConfigurationError(
            f"the server is PostgreSQL {version // 10_000}, and this takes {OLDEST_SERVER // 10_000} or later; "
            "export to a later one"
        )
    rows(cursor, "SELECT pg_advisory_xact_lock($1)::text", (LOCK,))


def execute_all(cursor: Cursor, script: str) -> None:
    """Execute the statements of a script within the transaction; ``Cursor.executescript`` would commit it."""
    cursor.adbc_statement.set_sql_query(script)
    cursor.adbc_statement.execute_update()


def rows(cursor: Cursor, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    """Ask the database and give all rows."""
    cursor.execute(sql, parameters or None)
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _reason(error: Exception) -> str:
    """Say in one line what the server, or the way to it, says."""
    told = re.search(r"(?:ERROR|FATAL|PANIC):\s+(.+(?:\n(?:DETAIL):.+)?)", str(error))
    text = told[1] if told else re.sub(r"^[A-Z_]+: (\[libpq\] )?(Failed to connect: )?", "", str(error))
    first, *others = [line.strip() for line in text.strip().splitlines()] or [""]
    detail = [line.removeprefix("DETAIL:").strip() for line in others if line.startswith("DETAIL:")]
    return ": ".join(part.rstrip(".") for part in (first, *detail))


def _remedy(sqlstate: str | None) -> str:
    match sqlstate:
        case "42501":
            return "grant the role that exports what it lacks, or export as the owner of the schema"
        case "23505":
            return "export the billing period that holds the row now, then this one again"
        case None:
            return "see whether the server runs, and export again"
        case _:
            return "mend what it says, and export again"
