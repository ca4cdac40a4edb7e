"""Amounts are rounded as Decimal rounds, and those of an invoice add up to its rounded total."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from reports.charges.money import round_amount, rounded
from reports.charges.rate_card import RoundingMode

MODES: dict[RoundingMode, str] = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}

modes: st.SearchStrategy[RoundingMode] = st.sampled_from(get_args(RoundingMode))
costs = st.builds(Fraction, st.integers(-(10**9), 10**9), st.sampled_from([1, 3, 7, 100, 200, 1000, 3600, 10**6]))


@given(costs, modes, st.integers(0, 4))
def test_an_amount_is_rounded_as_decimal_rounds(cost: Fraction, mode: RoundingMode, digits: int) -> None:
    # Enough digits that the quotient keeps on which side of a half it is.
    quotient = Context(prec=60).divide(Decimal(cost.numerator), Decimal(cost.denominator))

    expected = quotient.quantize(Decimal((0, (1,), -digits)), rounding=MODES[mode], context=Context(prec=60))
    amount = round_amount(cost, mode, digits)
    assert amount == expected
    assert amount.as_tuple().exponent == -digits
    assert not (amount == 0 and amount.is_signed())


@given(st.lists(costs, max_size=12), modes, st.integers(0, 4))
def test_a_line_is_off_by_half_a_unit_at_most(found: list[Fraction], mode: RoundingMode, digits: int) -> None:
    for line in rounded(found, "line", mode, digits):
        assert abs(Fraction(line.amount) - line.exact) <= Fraction(1, 2 * 10**digits)
        assert line.amount == round_amount(line.exact, mode, digits)
        assert line.allotted == 0


@given(st.lists(costs, max_size=12), modes, st.integers(0, 4))
def test_the_lines_of_an_invoice_add_up_to_its_rounded_total(
    found: list[Fraction], mode: RoundingMode, digits: int
) -> None:
    lines = rounded(found, "invoice", mode, digits)

    total = round_amount(sum(found, Fraction()), mode, digits)
    assert [line.exact for line in lines] == found
    assert sum(line.amount for line in lines) == total
    for line in lines:
        assert abs(Fraction(line.amount) - line.exact) < Fraction(1, 10**digits)
        assert line.amount - line.allotted == round_amount(line.exact, mode, digits)
    assert sum(line.allotted for line in lines) == total - sum(round_amount(cost, mode, digits) for cost in found)


@given(st.lists(costs, max_size=12), modes, st.integers(0, 4))
def test_what_an_invoice_lacks_goes_to_the_largest_remainders(
    found: list[Fraction], mode: RoundingMode, digits: int
) -> None:
    unit = Fraction(1, 10**digits)
    remainders = [(cost % unit, Fraction(line.amount) > cost - cost % unit)
                  for cost, line in zip(found, rounded(found, "invoice", mode, digits), strict=True)]  # fmt: skip

    raised = [remainder for remainder, is_raised in remainders if is_raised]
    kept = [remainder for remainder, is_raised in remainders if not is_raised]
    assert not raised or not kept or min(raised) >= max(kept)
    assert all(remainder > 0 for remainder in raised)
    assert len(raised) <= math.ceil(sum((remainder for remainder, _ in remainders), Fraction()) / unit)
