"""How prices apply to amounts: the steps of an item, and what an amount in one of them costs, exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from reports.charges.money import round_amount

if TYPE_CHECKING:
    from decimal import Decimal

    from reports.charges.rate_card import Item

MILLIONTHS: Final = 1_000_000
"""Amounts are whole millionths of a meter's unit: usage records have six decimal places."""

USAGE_PLACES: Final = 6
MONEY_PLACES: Final = 12
"""Decimal places of the columns of ``charge`` that hold usage, and of those that hold prices, costs and amounts."""

_US_PER_HOUR: Final = 3_600_000_000


class Step(NamedTuple):
    """What has one price: usage from ``starts`` to ``ends`` (None: without end) of a scope.

    It applies where the scope's total is above ``total_above`` and up to ``total_up_to`` (None: always).
    All are millionths of the meter's unit. ``tier`` counts from 1; what is free has none.
    """

    tier: int | None
    starts: int
    ends: int | None
    total_above: int | None = None
    total_up_to: int | None = None


EVERYTHING: Final = Step(None, 0, None)
"""One step for all usage."""


def steps(item: Item, share: Fraction) -> list[Step]:
    """Return the steps of an item whose card is in force for a ``share`` of the billing month.

    Bounds of counts are for that share, rounded down to millionths; those of levels hold at every moment.
    """

    def bound(number: Decimal) -> int:
        return int(Fraction(number) * MILLIONTHS * (1 if item.meter.level else share))

    free = bound(item.free)
    found = [Step(None, 0, free)] if free else []
    for number, tier in enumerate(item.tiers, start=1):
        above = free + bound(tier.above)
        up_to = None if tier.up_to is None else free + bound(tier.up_to)
        if item.tier_mode == "graduated":
            found.append(Step(number, above, up_to))
        else:
            found.append(Step(number, free, None, above if number > 1 else None, up_to))
    return found


def per_pricing_unit(item: Item, month_us: int) -> int:
    """Return for how much usage one price of an item is, in millionths of what usage records count.

    ``month_us`` is how long the billing month lasts in microseconds; usage records count levels in
    level-seconds.
    """
    if not item.meter.level:
        return item.per * MILLIONTHS
    return item.per * (month_us if item.per_month else _US_PER_HOUR)


def cost(amount: int, unit_price: Decimal, per_unit: int) -> Fraction:
    """Return what an amount costs, exactly; it and ``per_unit``, for which the price is, are in millionths."""
    price, places = unit_price.as_integer_ratio()
    return Fraction(amount * price, per_unit * places)


def decimal_of(number: Fraction, places: int) -> Decimal:
    """Return a fraction as a decimal number, rounded half to even to some decimal places: no amount, but a figure."""
    return round_amount(number, "half_even", places)
