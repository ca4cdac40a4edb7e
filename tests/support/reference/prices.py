"""What a scope costs, unit by unit of a plain definition: no lines, no order, nothing shared with the product."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.charges.rate_card import Item


def in_meter_unit(item: Item, amounts: Iterable[Fraction], period_seconds: int) -> Fraction:
    """Add up amounts of a usage record's column."""
    seconds = (period_seconds if item.per_month else 3600) if item.meter.level else 1
    return sum(amounts, Fraction()) / seconds


def cost_of_total(item: Item, total: Fraction) -> Fraction:
    """Return what a scope owes, or gets back, for a total in the meter's unit."""
    if total == 0:
        return Fraction()
    billable = max(Fraction(), total - Fraction(item.free))
    cost = Fraction()
    for tier in item.tiers:
        above = Fraction(tier.above)
        if item.tier_mode == "volume":
            is_its_own = (billable > above or above == 0) and (tier.up_to is None or billable <= Fraction(tier.up_to))
            share = billable if is_its_own else Fraction()
        else:
            upper = billable if tier.up_to is None else min(billable, Fraction(tier.up_to))
            share = max(Fraction(), upper - above)
        cost += share * Fraction(tier.price) / item.per
    if item.meter.credit:
        return -cost
    return max(cost, Fraction(item.minimum))
