"""Connections of one process copy what the first one bound, and share nothing else."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from lakes import NOON

from ioledger.lake import catalog
from ioledger.lake.reader import connect_tables

if TYPE_CHECKING:
    import duckdb
    import pytest

# What a view leaves out is listed in no certain order, so its columns stand for its text.
CATALOG = """
    SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal
    UNION ALL
    SELECT function_name, function_type, parameters::VARCHAR FROM duckdb_functions() WHERE NOT internal
    ORDER BY ALL
"""


def told(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return connection.execute(CATALOG).fetchall()


def test_a_copy_is_what_a_connection_binds(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = [connect_tables({}), connect_tables({})]
    monkeypatch.setattr(catalog, "_kept", [])
    bound = connect_tables({})

    assert len(told(bound)) > 500
    assert [told(connection) for connection in copied] == [told(bound)] * 2


def test_copies_have_settings_of_their_own() -> None:
    two_gaps = [connect_tables({}, [{"valid_from": NOON, "max_gap_seconds": seconds}]) for seconds in (600, 1200)]

    found = [
        connection.execute("SELECT max(max_gap_us) FROM setting WHERE valid_from = $noon", {"noon": NOON}).fetchall()
        for connection in two_gaps
    ]

    assert found == [[(600_000_000,)], [(1_200_000_000,)]]


def test_a_process_that_may_write_no_file_binds_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_kept", [])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        found = [connect_tables({}), connect_tables({})]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert told(found[0]) == told(found[1])
    assert found[0].execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall() == [
        ("memory",)
    ]
