"""What the lines of a scope cost, worked out by hand, and the amounts that are billed for it."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from rate_cards import one_item

from ioledger.errors import DataError
from reports.charges.money import round_amount, rounded
from reports.charges.rating import Line, Priced, priced

if TYPE_CHECKING:
    from pathlib import Path

    from reports.charges.rate_card import Rounding, RoundingMode

HOUR = 3600
CENT = Decimal("0.01")
TIERS = {
    "price": "",
    "meter": '"read_ops"',
    "tier_scope": '"volume"',
    "tiers": "[{ from = 0, to = 10, price = 3 }, { from = 10, to = 20, price = 2 }, { from = 20, price = 1 }]",
}
GRADUATED = {**TIERS, "tier_mode": '"graduated"'}
VOLUME = {**TIERS, "tier_mode": '"volume"'}


def told(parts: list[Priced]) -> list[tuple[str | None, str, int | None, Fraction, Decimal]]:
    return [(part.key, part.kind, part.tier, part.quantity, part.unit_price) for part in parts]


def test_lines_fill_what_is_free_and_then_the_tiers_in_the_order_of_their_keys(tmp_path: Path) -> None:
    item = one_item(tmp_path, **GRADUATED, free="5")

    assert told(priced(item, [Line("b", 12), Line("c", 14), Line("a", 4)], HOUR)) == [
        ("a", "free", None, 4, 0),
        ("b", "free", None, 1, 0),
        ("b", "usage", 1, 10, 3),
        ("b", "usage", 2, 1, 2),
        ("c", "usage", 2, 9, 2),
        ("c", "usage", 3, 5, 1),
    ]


@pytest.mark.parametrize(("total", "tier", "cost"), [(10, 1, 30), (11, 2, 22), (20, 2, 40), (21, 3, 21)])
def test_in_volume_tiers_all_costs_what_the_tier_of_the_total_says(
    tmp_path: Path, total: int, tier: int, cost: int
) -> None:
    parts = priced(one_item(tmp_path, **VOLUME), [Line("a", 1), Line("b", total - 1)], HOUR)

    assert {part.tier for part in parts} == {tier}
    assert sum(part.cost for part in parts) == cost


def test_what_is_free_does_not_lift_a_total_into_another_volume_tier(tmp_path: Path) -> None:
    parts = priced(one_item(tmp_path, **VOLUME, free="5"), [Line("a", 15)], HOUR)

    assert told(parts) == [("a", "free", None, 5, 0), ("a", "usage", 1, 10, 3)]


def test_a_price_of_a_level_is_for_an_hour_or_for_the_month_as_long_as_it_is(tmp_path: Path) -> None:
    line = Line("a", Decimal("1800.000001"))

    (hourly,) = priced(one_item(tmp_path, price="2"), [line], 28 * 24 * HOUR)
    (monthly,) = priced(one_item(tmp_path, price="2", per_month="true"), [line], 28 * 24 * HOUR)

    assert hourly.cost == 2 * Fraction(1_800_000_001, 10**6 * HOUR)
    assert monthly.cost == 2 * Fraction(1_800_000_001, 10**6 * 28 * 24 * HOUR)


def test_a_price_is_for_per_units_and_what_is_free_is_in_units(tmp_path: Path) -> None:
    item = one_item(tmp_path, meter='"read_ops"', price="0.05", per="1000000", free="500000", tier_scope='"account"')

    assert told(priced(item, [Line("a", 1_500_000)], HOUR)) == [
        ("a", "free", None, Fraction(1, 2), 0),
        ("a", "usage", 1, 1, Decimal("0.05")),
    ]


def test_a_credit_has_a_negative_quantity_and_cost_and_a_price_that_is_not(tmp_path: Path) -> None:
    (part,) = priced(one_item(tmp_path, meter='"undelivered_iops"', price="0.5"), [Line("a", 4 * HOUR)], HOUR)

    assert (part.quantity, part.unit_price, part.cost) == (-4, Decimal("0.5"), -2)


def test_what_lacks_to_the_minimum_is_a_line_of_its_own(tmp_path: Path) -> None:
    item = one_item(tmp_path, price="2", minimum="10", tier_scope='"volume"')

    assert told(priced(item, [Line("a", 3 * HOUR)], HOUR)) == [
        ("a", "usage", 1, 3, 2),
        (None, "minimum", None, Fraction(2, 5), 10),
    ]
    assert [part.kind for part in priced(item, [Line("a", 5 * HOUR)], HOUR)] == ["usage"]
    assert priced(item, [Line("a", 0)], HOUR) == []


def test_a_key_that_comes_twice_and_a_negative_quantity_are_errors(tmp_path: Path) -> None:
    item = one_item(tmp_path)

    with pytest.raises(DataError, match="iops: two lines have the key 'a'"):
        priced(item, [Line("a", 1), Line("b", 1), Line("a", 2)], HOUR)
    with pytest.raises(DataError, match="the line 'a' has the quantity -1; valid are numbers from 0"):
        priced(item, [Line("a", -1)], HOUR)


def test_a_float_is_no_amount(tmp_path: Path) -> None:
    item = one_item(tmp_path, per_month="true")

    with pytest.raises(TypeError, match=r"0\.1 is a float"):
        priced(item, [Line("a", 0.1)], HOUR)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"3600\.0 is a float"):
        priced(item, [Line("a", 1)], 3600.0)  # type: ignore[arg-type]


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
