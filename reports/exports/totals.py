"""Control totals: what the rows of an export add up to, exactly."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, Inexact, localcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.model.columns import COLUMNS, COUNT
from ioledger.model.tables import CHARGE, USAGE_AMOUNTS
from ioledger.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ioledger.model.tables import Table

_DIGITS = 100
"""More than sums of amounts of 38 digits have."""


@dataclass(frozen=True, slots=True)
class CurrencyTotals:
    """The charges of one currency; ``currency`` is None for those without a price.

    ``amount`` and ``cost`` are None where no row has one. ``charge_kinds`` and ``corrections`` count
    the rows of each; rows that correct nothing are in no entry of ``corrections``.
    """

    currency: str | None
    row_count: int
    amount: Decimal | None
    cost: Decimal | None
    charge_kinds: Mapping[str, int]
    corrections: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """What the rows add up to: of usage records each amount, of charges what each currency has, by its code."""

    row_count: int
    amounts: Mapping[str, int | Decimal] = field(default_factory=dict)
    currencies: tuple[CurrencyTotals, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the totals as JSON holds them: sums as strings, so that no reader rounds them."""
        if self.currencies:
            return {"currencies": [_currency_as_json(each) for each in self.currencies]}
        return {name: plain(value) for name, value in self.amounts.items()}


class ChargeGroup(NamedTuple):
    """What charges of one currency, kind and correction add up to."""

    currency: str | None
    charge_kind: str
    correction: str | None
    row_count: int
    amount: Decimal | None
    cost: Decimal | None


class Tally:
    """Adds up batches of a table as they go by."""

    def __init__(self, table: Table) -> None:
        self._is_charge = table is CHARGE
        self._row_count = 0
        self._amounts: dict[str, int | Decimal] = {} if self._is_charge else dict.fromkeys(USAGE_AMOUNTS, 0)
        self._groups: list[ChargeGroup] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Count one batch."""
        self._row_count += batch.num_rows
        if self._is_charge:
            self._groups += _groups_of(batch)
            return
        with exactly():
            for name in self._amounts:
                self._amounts[name] += _sum(batch, name)

    def totals(self) -> Totals:
        """Return what all batches add up to."""
        if self._is_charge:
            return charge_totals(self._groups)
        return Totals(self._row_count, self._amounts)


@contextmanager
def exactly() -> Iterator[None]:
    """Let sums of Decimals in the block keep all their digits: Python's own context rounds to 28."""
    with localcontext(prec=_DIGITS) as context:
        context.traps[Inexact] = True
        yield


def charge_totals(groups: Iterable[ChargeGroup]) -> Totals:
    """Add up groups of charges by currency, in the order of its code, those without one first."""
    by_currency: dict[str | None, list[ChargeGroup]] = {}
    for group in groups:
        by_currency.setdefault(group.currency, []).append(group)
    found = [_currency_totals(code, by_currency[code]) for code in sorted(by_currency, key=lambda code: code or "")]
    return Totals(sum(each.row_count for each in found), currencies=tuple(found))


def _currency_totals(code: str | None, groups: list[ChargeGroup]) -> CurrencyTotals:
    kinds: Counter[str] = Counter()
    corrections: Counter[str] = Counter()
    for group in groups:
        kinds[group.charge_kind] += group.row_count
        if group.correction is not None:
            corrections[group.correction] += group.row_count
    return CurrencyTotals(
        currency=code,
        row_count=kinds.total(),
        amount=_added([group.amount for group in groups]),
        cost=_added([group.cost for group in groups]),
        charge_kinds=dict(sorted(kinds.items())),
        corrections=dict(sorted(corrections.items())),
    )


def _added(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    with exactly():
        return sum(known, Decimal(0)) if known else None


def _groups_of(batch: pa.RecordBatch) -> list[ChargeGroup]:
    keys = ["currency", "charge_kind", "correction"]
    grouped = pa.Table.from_batches([batch]).group_by(keys, use_threads=False)
    summed = grouped.aggregate([([], "count_all"), ("amount", "sum"), ("cost", "sum")])
    return [
        ChargeGroup(*(row[name] for name in (*keys, "count_all", "amount_sum", "cost_sum")))
        for row in summed.to_pylist()
    ]


def _sum(batch: pa.RecordBatch, name: str) -> int | Decimal:
    column = batch.column(name)
    # Arrow's sums of 64-bit integers wrap around in silence.
    wide = column.cast(pa.decimal128(38, 0)) if COLUMNS[name].type == COUNT else column
    total = pc.sum(wide, min_count=0).as_py()
    return int(total) if COLUMNS[name].type == COUNT else total


def _currency_as_json(totals: CurrencyTotals) -> dict[str, Any]:
    return {
        "currency": totals.currency,
        "row_count": totals.row_count,
        "amount": None if totals.amount is None else plain(totals.amount),
        "cost": None if totals.cost is None else plain(totals.cost),
        "charge_kinds": dict(totals.charge_kinds),
        "corrections": dict(totals.corrections),
    }
