"""What the lines of one scope cost, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ioledger.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reports.charges.rate_card import Item, Tier

_SECONDS_PER_HOUR: Final = 3600

Exact = int | Decimal | Fraction
"""Numbers without an error of their own."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be priced: an amount as the usage record's column has it, level-seconds or a count.

    ``key`` is unique in its scope. Keys in order are the order in which lines use up what is free and
    fill the tiers, so they begin with the time.
    """

    key: str
    quantity: Exact


@dataclass(frozen=True, slots=True)
class Priced:
    """A part of a line with one price. ``quantity`` times ``unit_price`` is ``cost``, to the last digit.

    ``quantity`` is in the item's pricing unit, negative for credits. ``tier`` counts from 1; what is
    free has none. Of what a scope's costs lack to the minimum, ``unit_price`` is the whole minimum and
    ``quantity`` the share that is lacking; it belongs to no line, so its key is None.
    """

    key: str | None
    kind: Literal["usage", "free", "minimum"]
    tier: int | None
    quantity: Fraction
    unit_price: Decimal
    cost: Fraction


class _Step(NamedTuple):
    """A price from where the step before it ends up to ``end`` (None: without end), in the meter's unit."""

    end: Fraction | None
    tier: int | None
    price: Decimal


def priced(item: Item, lines: Iterable[Line], period_seconds: Exact) -> list[Priced]:
    """Price one item's lines of one scope (a volume or an account) and one billing period.

    ``period_seconds`` is how long the billing month lasts. Parts are in the order of their keys and then
    of their prices, the minimum last. A line of 0 has no part, and a scope that used nothing owes no
    minimum. Raises DataError for a negative quantity and for a key that comes twice; TypeError for a float.
    """
    quantities = [(line.key, _in_unit(item, line, period_seconds)) for line in sorted(lines, key=attrgetter("key"))]
    for (key, _), (following, _) in pairwise(quantities):
        if key == following:
            raise DataError(f"{item.sku}: two lines have the key {key!r}; a key names one line, so add the two up")
    total = sum((quantity for _, quantity in quantities), Fraction())
    parts = list(_parts(item, quantities, _steps(item, total)))
    lacking = Fraction(item.minimum) - sum(part.cost for part in parts)
    if total and item.minimum and lacking > 0:
        parts.append(Priced(None, "minimum", None, lacking / Fraction(item.minimum), item.minimum, lacking))
    return parts


def _in_unit(item: Item, line: Line, period_seconds: Exact) -> Fraction:
    quantity = _exact(line.quantity)
    if quantity < 0:
        raise DataError(
            f"{item.sku}: the line {line.key!r} has the quantity {line.quantity}; valid are numbers from 0, "
            "and a correction is the difference of two ratings"
        )
    if not item.meter.level:
        return quantity
    return quantity / (_exact(period_seconds) if item.per_month else _SECONDS_PER_HOUR)


def _exact(number: Exact) -> Fraction:
    # Fraction() would take a float for the binary fraction that it is.
    if not isinstance(number, Exact):
        raise TypeError(f"{number!r} is a {type(number).__name__}; amounts are int, Decimal or Fraction")
    return Fraction(number)


def _steps(item: Item, total: Fraction) -> Iterator[_Step]:
    free = Fraction(item.free)
    yield _Step(free, None, Decimal(0))
    if item.tier_mode == "volume":
        number, tier = next(found for found in enumerate(item.tiers, start=1) if _reaches(found[1], total - free))
        yield _Step(None, number, tier.price)
        return
    for number, tier in enumerate(item.tiers, start=1):
        yield _Step(None if tier.up_to is None else free + Fraction(tier.up_to), number, tier.price)


def _reaches(tier: Tier, quantity: Fraction) -> bool:
    return tier.up_to is None or quantity <= tier.up_to


def _parts(item: Item, quantities: Iterable[tuple[str, Fraction]], steps: Iterator[_Step]) -> Iterator[Priced]:
    step = next(steps)
    done = Fraction()
    for key, quantity in quantities:
        line_end = done + quantity
        while done < line_end:
            while step.end is not None and step.end <= done:
                step = next(steps)
            part_end = line_end if step.end is None else min(line_end, step.end)
            yield _part(item, key, part_end - done, step)
            done = part_end


def _part(item: Item, key: str, quantity: Fraction, step: _Step) -> Priced:
    units = quantity / (-item.per if item.meter.credit else item.per)
    kind: Literal["usage", "free"] = "free" if step.tier is None else "usage"
    return Priced(key, kind, step.tier, units, step.price, units * Fraction(step.price))
