"""Sums up bills for people and programs: who owes how much, and what nobody is billed for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from reports.charges import statement

if TYPE_CHECKING:
    import pyarrow as pa


def by_account(lines: pa.Table) -> list[dict[str, Any]]:
    """Sum up lines of ``charge`` by account and currency; amounts are exact, and in the currency."""
    return _rows("account_total", lines)


def unpriced(lines: pa.Table) -> list[dict[str, Any]]:
    """Sum up by reason and meter what has no price; quantities are in the usage unit."""
    return _rows("unpriced_total", lines)


def _rows(name: str, lines: pa.Table) -> list[dict[str, Any]]:
    with duckdb.connect() as connection:
        connection.register("line", lines)
        rows: list[dict[str, Any]] = connection.sql(statement(name)).to_arrow_table().to_pylist()
    return rows
