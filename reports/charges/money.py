"""Exact costs as amounts that can be paid: rounded once, with integers alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.charges.rate_card import Rounding, RoundingMode

_HALF: Final = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Rounded:
    """What is billed for an exact cost.

    ``allotted`` is how far ``amount`` is from the cost rounded by itself: the share of the invoice's
    rounding difference that this line bears, 0 where each line is rounded by itself.
    """

    exact: Fraction
    amount: Decimal
    allotted: Decimal


def rounded(costs: Sequence[Fraction], rounding: Rounding, mode: RoundingMode, minor_digits: int) -> list[Rounded]:
    """Round the costs of one invoice (an account and a period) to ``minor_digits`` decimal places.

    By ``line``: each by itself. By ``invoice``: their sum is rounded, and the lines add up to it. Each
    gets the whole minor units in it; those that then lack go to the largest remainders, of equal ones
    to the earlier, so the order of ``costs`` has to be a lasting one.
    """
    scaled = [cost * 10**minor_digits for cost in costs]
    alone = [_whole(cost, mode) for cost in scaled]
    billed = alone if rounding == "line" else _adding_up(scaled, _whole(sum(scaled, Fraction()), mode))
    return [
        Rounded(cost, _amount(units, minor_digits), _amount(units - own, minor_digits))
        for cost, units, own in zip(costs, billed, alone, strict=True)
    ]


def round_amount(cost: Fraction, mode: RoundingMode, minor_digits: int) -> Decimal:
    """Round one cost, such as an invoice's exact total; ``half_up`` takes a half away from 0, as DuckDB does."""
    return _amount(_whole(cost * 10**minor_digits, mode), minor_digits)


def _adding_up(scaled: Sequence[Fraction], total: int) -> list[int]:
    units = [math.floor(cost) for cost in scaled]
    by_remainder = sorted(range(len(scaled)), key=lambda n: units[n] - scaled[n])
    for n in by_remainder[: total - sum(units)]:
        units[n] += 1
    return units


def _whole(number: Fraction, mode: RoundingMode) -> int:
    if mode == "half_even":
        return round(number)
    magnitude = math.floor(abs(number) + _HALF)
    return magnitude if number > 0 else -magnitude


def _amount(units: int, minor_digits: int) -> Decimal:
    # Arithmetic on decimals rounds to its context's precision; only making one from its digits never does.
    return Decimal(f"{units}E-{minor_digits}")
