"""Sums up bills for people and programs: who owes how much, and what nobody is billed for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ioledger.lake import connections
from ioledger.numbers import Amount, plain
from reports.charges import statement
from reports.charges.rate_card import places_of

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa


_AMOUNTS: Final = ("usage", "minimums", "credits", "corrections", "total")


def by_account(lines: pa.Table) -> list[dict[str, Any]]:
    """Sum up lines of ``charge`` by account and currency; amounts are exact, with the currency's decimal places."""
    rows = _rows("account_total", lines)
    for row in rows:
        row |= {name: amount_in(row["currency"], row[name]) for name in _AMOUNTS}
    return rows


def amount_in(currency: str | None, amount: Decimal) -> Amount:
    """Return an amount with the decimal places of its currency, and more where it has more."""
    return Amount(plain(amount, places_of(currency)))


def unpriced(lines: pa.Table) -> list[dict[str, Any]]:
    """Sum up by reason and meter what has no price; quantities are in the usage unit."""
    return _rows("unpriced_total", lines)


def _rows(name: str, lines: pa.Table) -> list[dict[str, Any]]:
    with connections.new() as connection:
        connection.register("line", lines)
        rows: list[dict[str, Any]] = connection.sql(statement(name)).to_arrow_table().to_pylist()
    return rows
