"""Sums up bills for people and programs: who owes how much, and what nobody is billed for."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from ioledger.lake import connections
from reports.charges import statement
from reports.charges.rate_card import MINOR_DIGITS
from reports.charges.rating import decimal_of

if TYPE_CHECKING:
    import pyarrow as pa


_AMOUNTS: Final = ("usage", "minimums", "credits", "corrections", "total")


def by_account(lines: pa.Table) -> list[dict[str, Any]]:
    """Sum up lines of ``charge`` by account and currency; amounts are exact, with the currency's decimal places."""
    rows = _rows("account_total", lines)
    for row in rows:
        places = MINOR_DIGITS.get(row["currency"], 0)
        row |= {name: decimal_of(Fraction(row[name]), places) for name in _AMOUNTS}
    return rows


def unpriced(lines: pa.Table) -> list[dict[str, Any]]:
    """Sum up by reason and meter what has no price; quantities are in the usage unit."""
    return _rows("unpriced_total", lines)


def _rows(name: str, lines: pa.Table) -> list[dict[str, Any]]:
    with connections.new() as connection:
        connection.register("line", lines)
        rows: list[dict[str, Any]] = connection.sql(statement(name)).to_arrow_table().to_pylist()
    return rows
