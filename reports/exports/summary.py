"""What the rows of an export add up to for each account, as people want to see it first."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.model.tables import CHARGE, CHARGE_KINDS, OPERATION_CLASSES
from reports.exports.totals import exactly

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reports.exports.totals import Totals

_OPERATIONS: Final = ("read_ops", "write_ops", *OPERATION_CLASSES)
_CHARGE_SUMS: Final = (*CHARGE_KINDS, "corrections", "amount", "cost")


class Line(NamedTuple):
    """One row of a summary; ``is_total`` tells the rows that add up others."""

    values: tuple[Any, ...]
    is_total: bool


class UsageSummary:
    """Operations of each account, by what they count as."""

    headings: Final = ("account_id", "rows", *_OPERATIONS)

    def __init__(self) -> None:
        self._accounts: dict[str | None, Counter[str]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one usage record."""
        sums = self._accounts.setdefault(row["account_id"], Counter())
        sums["rows"] += 1
        for name in _OPERATIONS:
            sums[name] += row[name]

    def lines(self, totals: Totals) -> Iterator[Line]:
        """Give a row for each account, then the control totals."""
        for account_id, sums in sorted(self._accounts.items(), key=lambda each: each[0] or ""):
            yield Line((account_id, *(sums[name] for name in self.headings[1:])), is_total=False)
        yield Line(("all", totals.row_count, *(totals.amounts[name] for name in _OPERATIONS)), is_total=True)


class ChargeSummary:
    """Amounts of each account and currency, by the kind of their lines, what corrects closed periods apart."""

    headings: Final = ("account_id", "account_name", "currency", "rows", *_CHARGE_SUMS)

    def __init__(self) -> None:
        self._names: dict[str | None, str | None] = {}
        self._rows: Counter[tuple[str | None, str | None]] = Counter()
        self._sums: dict[tuple[str | None, str | None], dict[str, Decimal]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one charge."""
        key = (row["currency"], row["account_id"])
        self._names[row["account_id"]] = row["account_name"]
        self._rows[key] += 1
        sums = self._sums.setdefault(key, {})
        kind = "corrections" if row["correction"] else row["charge_kind"]
        for name, value in ((kind, row["amount"]), ("amount", row["amount"]), ("cost", row["cost"])):
            if value is not None:
                with exactly():
                    sums[name] = sums.get(name, Decimal(0)) + value

    def lines(self, totals: Totals) -> Iterator[Line]:
        """Give a row for each account, and after those of a currency its control totals."""
        for currency in totals.currencies:
            code = currency.currency
            accounts = {account_id: sums for (of, account_id), sums in self._sums.items() if of == code}
            for account_id, sums in sorted(accounts.items(), key=lambda each: each[0] or ""):
                told = (account_id, self._names[account_id], code, self._rows[code, account_id])
                yield Line((*told, *(sums.get(name) for name in _CHARGE_SUMS)), is_total=False)
            kinds = [_added(accounts.values(), name) for name in (*CHARGE_KINDS, "corrections")]
            values = ("all", None, code, currency.row_count, *kinds, currency.amount, currency.cost)
            yield Line(values, is_total=True)


def of_table(table: object) -> UsageSummary | ChargeSummary:
    """Return an empty summary for the rows of a table."""
    return ChargeSummary() if table is CHARGE else UsageSummary()


def _added(accounts: Any, name: str) -> Decimal | None:  # noqa: ANN401
    known = [sums[name] for sums in accounts if name in sums]
    with exactly():
        return sum(known, Decimal(0)) if known else None
