"""Why one bill of an account is higher than another: parts that add up to the difference exactly.

Costs are compared, which are exact to 12 places, and what rounding makes of them is a part of its own.
Between two bills there are steps in each of which one thing changes: the prices, or the usage.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from ioledger.errors import counted
from ioledger.lake import connections
from ioledger.numbers import plain
from reports.charges import statement
from reports.charges.rating import MONEY_PLACES, decimal_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from reports.charges.parts import Part
    from reports.charges.rate_card import Item, RateCard

REASONS: Final = (
    "item new", "item gone", "price", "coverage", "volumes new", "volumes gone", "quantity", "tier mix", "minimum",
    "held", "unpriced", "corrections", "rounding",
)  # fmt: skip
"""Why amounts differ, in the order in which they are told; docs/comparing-bills.md says what each means."""


Row = dict[str, Any]
_Key = tuple[str | None, str | None, str]
"""Account, currency and sku."""


@dataclass(frozen=True, slots=True)
class Rated:
    """The lines of a bill as a table ``charge``, and its month as the rate cards that they were made by cut it."""

    lines: pa.Table
    parts: Sequence[Part]

    @property
    def cards(self) -> list[RateCard]:
        """Return the rate cards in the order of time."""
        return [part.card for part in self.parts if part.card]

    @property
    def items(self) -> dict[tuple[str, str], Item]:
        """Return the items by currency and sku; of several cards the last one's."""
        return {(card.currency, item.sku): item for card in self.cards for item in card.items}


class Step(NamedTuple):
    """From one bill to another: either only prices change, or only usage."""

    changes: Literal["prices", "usage"]
    before: Rated
    after: Rated


class _Thing(NamedTuple):
    """What a bill says of one item and one volume; quantities are in pricing units, ``usage`` in the usage unit."""

    unit: str | None = None
    usage: Fraction = Fraction()
    quantity: Fraction = Fraction()
    cost: Fraction = Fraction()
    minimum: Fraction = Fraction()
    held: Fraction = Fraction()

    @property
    def is_billed(self) -> bool:
        return bool(self.usage or self.cost)


@dataclass(slots=True)
class _Part:
    """What one reason makes of an item, and the quantities that it concerns."""

    difference: Fraction = Fraction()
    quantity_before: Fraction = Fraction()
    quantity_after: Fraction = Fraction()
    unit: str | None = None
    volumes: int = 0
    detail: str | None = None

    def add(self, before: _Thing, after: _Thing, difference: Fraction) -> None:
        self.difference += difference
        self.quantity_before += before.quantity or before.held
        self.quantity_after += after.quantity or after.held
        self.unit = after.unit or before.unit or self.unit
        self.volumes += 1


_Parts = dict[tuple[_Key, str], _Part]


def differences(before: Rated, after: Rated, steps: Iterable[Step]) -> list[Row]:
    """Return for each account and currency a row ``total``, and a row for each part of its difference.

    ``steps`` lead from one bill to the other. The parts of an account and currency add up to the
    difference of its total, to the last digit.
    """
    parts: _Parts = defaultdict(_Part)
    for step in steps:
        (_prices if step.changes == "prices" else _usage)(step, parts)
    totals = [{(row["account_id"], row["currency"]): row for row in _rows("billed_account", side.lines)}
              for side in (before, after)]  # fmt: skip
    keys = sorted({*totals[0], *totals[1]}, key=lambda key: [(value is None, value or "") for value in key])
    of_accounts = [list(_of_account(key, totals[0].get(key, {}), totals[1].get(key, {}), parts)) for key in keys]
    # What has no price has no currency: there it is told alone, and only where it differs.
    return [row for rows in of_accounts for row in rows if row["currency"] is not None or row["reason"] != "total"]


def _of_account(
    key: tuple[str | None, str | None], before: Mapping[str, Any], after: Mapping[str, Any], parts: _Parts
) -> Iterator[Row]:
    def told(name: str) -> tuple[Fraction, Fraction]:
        return Fraction(before.get(name, 0)), Fraction(after.get(name, 0))

    account_id, currency = key
    common = {
        "account_id": account_id,
        "account_name": after.get("account_name") or before.get("account_name"),
        "currency": currency,
    }
    amounts, corrections, costs = told("amount"), told("corrections"), told("cost")
    yield {
        **common,
        "reason": "total",
        "before": decimal_of(amounts[0], MONEY_PLACES),
        "after": decimal_of(amounts[1], MONEY_PLACES),
        "difference": decimal_of(amounts[1] - amounts[0], MONEY_PLACES),
    }
    of_items = [(sku, reason, part) for ((account, of, sku), reason), part in parts.items() if (account, of) == key]
    for sku, reason, part in sorted(of_items, key=lambda each: (each[0], REASONS.index(each[1]))):
        if part.difference or (reason == "held" and part.quantity_before != part.quantity_after):
            yield {
                **common,
                "reason": reason,
                "sku": sku,
                "quantity_before": decimal_of(part.quantity_before, MONEY_PLACES),
                "quantity_after": decimal_of(part.quantity_after, MONEY_PLACES),
                "pricing_unit": part.unit,
                "difference": decimal_of(part.difference, MONEY_PLACES),
                "detail": part.detail or (counted(part.volumes, "volume") if reason.startswith("volumes") else None),
            }
    unpriced = told("unpriced_lines")
    if told("unpriced_quantity")[0] != told("unpriced_quantity")[1]:
        detail = f"lines without a price: {unpriced[0]} -> {unpriced[1]}"
        yield {**common, "reason": "unpriced", "difference": decimal_of(Fraction(), MONEY_PLACES), "detail": detail}
    if corrections[0] != corrections[1]:
        yield {
            **common,
            "reason": "corrections",
            "before": decimal_of(corrections[0], MONEY_PLACES),
            "after": decimal_of(corrections[1], MONEY_PLACES),
            "difference": decimal_of(corrections[1] - corrections[0], MONEY_PLACES),
        }
    rounding = [amount - late - cost for amount, late, cost in zip(amounts, corrections, costs, strict=True)]
    if rounding[0] != rounding[1]:
        yield {
            **common,
            "reason": "rounding",
            "before": decimal_of(rounding[0], MONEY_PLACES),
            "after": decimal_of(rounding[1], MONEY_PLACES),
            "difference": decimal_of(rounding[1] - rounding[0], MONEY_PLACES),
        }


def _prices(step: Step, parts: _Parts) -> None:
    """Say what other prices make of the same usage."""
    items = step.before.items, step.after.items
    for key, before, after in _pairs(step):
        was, is_now = (of_side.get((key[1] or "", key[2])) for of_side in items)
        difference = after.cost - before.cost
        if was is None or is_now is None:
            reason = "item new" if was is None else "item gone"
            difference += after.minimum - before.minimum
        elif bool(before.held) != bool(after.held):
            reason = "held"
        elif before.usage != after.usage:
            reason = "coverage"
        else:
            reason = "price"
            difference += after.minimum - before.minimum
        parts[key, reason].add(before, after, difference)
        if reason in {"held", "coverage"} and before.minimum != after.minimum:
            parts[key, "price"].difference += after.minimum - before.minimum
        if was and is_now and reason in {"price", "coverage"}:
            parts[key, reason].detail = _changed(was, is_now)


def _usage(step: Step, parts: _Parts) -> None:
    """Say what other usage makes at the same prices."""
    items = step.before.items
    for key, before, after in _pairs(step):
        if before.minimum != after.minimum:
            parts[key, "minimum"].difference += after.minimum - before.minimum
        difference = after.cost - before.cost
        if bool(before.held) != bool(after.held):
            parts[key, "held"].add(before, after, difference)
        elif not before.is_billed and not after.is_billed:
            if before.held:
                parts[key, "held"].add(before, after, difference)
        elif not before.is_billed or not after.is_billed:
            parts[key, "volumes gone" if before.is_billed else "volumes new"].add(before, after, difference)
        else:
            item = items.get((key[1] or "", key[2]))
            of_quantity = difference
            if item and (len(item.tiers) > 1 or item.free) and before.quantity:
                mean = before.cost / before.quantity
                of_quantity = Fraction(decimal_of((after.quantity - before.quantity) * mean, MONEY_PLACES))
            parts[key, "quantity"].add(before, after, of_quantity)
            if of_quantity != difference:
                parts[key, "tier mix"].add(before, after, difference - of_quantity)


def _pairs(step: Step) -> list[tuple[_Key, _Thing, _Thing]]:
    """Pair what two bills say of the same item and volume."""
    found = [_things(side.lines) for side in (step.before, step.after)]
    keys = dict.fromkeys([*found[0], *found[1]])
    nothing = _Thing()
    return [(key, found[0].get((key, thing), nothing), found[1].get((key, thing), nothing)) for key, thing in keys]


def _things(lines: pa.Table) -> dict[tuple[_Key, tuple[str | None, ...]], _Thing]:
    names = ("usage_quantity", "pricing_quantity", "cost", "minimum", "held_quantity")
    return {
        ((row["account_id"], row["currency"], row["sku"]), tuple(row["thing"])): _Thing(
            row["pricing_unit"], *(Fraction(row[name]) for name in names)
        )
        for row in _rows("billed_item", lines)
    }


def _changed(was: Item, is_now: Item) -> str | None:
    """Say in words how the prices of an item differ."""
    told = [] if was.tiers == is_now.tiers else [f"price {_prices_of(was)} -> {_prices_of(is_now)}"]
    told += [
        f"{name} {plain(getattr(was, name))} -> {plain(getattr(is_now, name))}"
        for name in ("free", "minimum")
        if getattr(was, name) != getattr(is_now, name)
    ]
    told += [
        f"other {name}"
        for name in ("per", "per_month", "tier_mode", "tier_scope", "meter", "filter")
        if getattr(was, name) != getattr(is_now, name)
    ]
    return "; ".join(told) or None


def _prices_of(item: Item) -> str:
    return " / ".join(
        plain(tier.price) + ("" if tier.up_to is None else f" to {plain(tier.up_to)}") for tier in item.tiers
    )


def _rows(name: str, lines: pa.Table) -> list[dict[str, Any]]:
    with connections.new() as connection:
        connection.register("line", lines)
        rows: list[dict[str, Any]] = connection.sql(statement(name)).to_arrow_table().to_pylist()
    return rows
