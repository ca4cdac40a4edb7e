"""The amounts that are billed for exact costs, worked out by hand."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from reports.charges.money import round_amount, rounded

if TYPE_CHECKING:
    from reports.charges.rate_card import Rounding, RoundingMode

CENT = Decimal("0.01")


@pytest.mark.parametrize(
    ("cost", "mode", "amount"),
    [
        ("0.125", "half_up", "0.13"),
        ("0.125", "half_even", "0.12"),
        ("0.135", "half_even", "0.14"),
        ("-0.125", "half_up", "-0.13"),
        ("-0.125", "half_even", "-0.12"),
        ("0.1249999999999999999999999999999999", "half_up", "0.12"),
        ("0.1250000000000000000000000000000001", "half_even", "0.13"),
        ("0.004", "half_up", "0.00"),
        ("-0.004", "half_up", "0.00"),
    ],
)
def test_halves_go_where_the_mode_says(cost: str, mode: RoundingMode, amount: str) -> None:
    assert str(round_amount(Fraction(cost), mode, 2)) == amount


def amounts(costs: list[str], rounding: Rounding) -> list[tuple[Decimal, Decimal]]:
    return [
        (line.amount, line.allotted) for line in rounded([Fraction(cost) for cost in costs], rounding, "half_up", 2)
    ]


def test_by_line_each_is_rounded_by_itself() -> None:
    assert amounts(["0.005", "0.005", "0.004"], "line") == [(CENT, 0), (CENT, 0), (0, 0)]


def test_by_invoice_lines_add_up_and_the_largest_remainders_bear_the_difference() -> None:
    assert amounts(["0.004", "0.0045", "0.004"], "invoice") == [(0, 0), (CENT, CENT), (0, 0)]
    assert amounts(["0.005", "0.005", "0.005"], "invoice") == [(CENT, 0), (CENT, 0), (0, -CENT)]
    assert amounts(["1.006", "-0.503"], "invoice") == [(Decimal("1.00"), -CENT), (Decimal("-0.50"), 0)]
    assert amounts([], "invoice") == []


def test_no_amount_loses_digits_to_a_context() -> None:
    with localcontext(prec=3):
        (line,) = rounded([Fraction("123456789012345678901234567890123456.785")], "invoice", "half_up", 2)

    assert str(line.amount) == "123456789012345678901234567890123456.79"
