"""Exact costs as amounts that can be paid: rounded once, with integers alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from reports.charges.rate_card import Rounding, RoundingMode


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
    # With one denominator all else is whole numbers.
    denominator = math.lcm(*(cost.denominator for cost in costs))
    numerators = [cost.numerator * (denominator // cost.denominator) * 10**minor_digits for cost in costs]
    alone = [_whole(numerator, denominator, mode) for numerator in numerators]
    billed = alone
    if rounding == "invoice":
        billed = _adding_up(numerators, denominator, _whole(sum(numerators), denominator, mode))
    return [
        Rounded(cost, _amount(units, minor_digits), _amount(units - own, minor_digits))
        for cost, units, own in zip(costs, billed, alone, strict=True)
    ]


def round_amount(cost: Fraction, mode: RoundingMode, minor_digits: int) -> Decimal:
    """Round one cost, such as an invoice's exact total; ``half_up`` takes a half away from 0, as DuckDB does."""
    return _amount(_whole(cost.numerator * 10**minor_digits, cost.denominator, mode), minor_digits)


def _adding_up(numerators: Sequence[int], denominator: int, total: int) -> list[int]:
    """Return whole units that add up to ``total``."""
    units, remainders = [], []
    for numerator in numerators:
        whole, remainder = divmod(numerator, denominator)
        units.append(whole)
        remainders.append(remainder)
    by_remainder = sorted(range(len(units)), key=remainders.__getitem__, reverse=True)
    for n in by_remainder[: total - sum(units)]:
        units[n] += 1
    return units


def _whole(numerator: int, denominator: int, mode: RoundingMode) -> int:
    units, remainder = divmod(numerator, denominator)
    if 2 * remainder == denominator:
        return units + (numerator > 0 if mode == "half_up" else units % 2)
    return units + (2 * remainder > denominator)


def _amount(units: int, minor_digits: int) -> Decimal:
    # Arithmetic on decimals rounds to its context's precision; only making one from its digits never does.
    return Decimal(f"{units}E-{minor_digits}")
