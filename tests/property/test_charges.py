"""Costs are those of a plain reference, to the last digit, however usage comes in lines; amounts add up."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, get_args

from hypothesis import given
from hypothesis import strategies as st
from reference.prices import cost_of_total, in_meter_unit

from reports.charges.meters import METERS
from reports.charges.money import round_amount, rounded
from reports.charges.rate_card import Filter, Item, Rounding, RoundingMode, Tier
from reports.charges.rating import Line, priced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

MONTH_SECONDS = 30 * 86_400
MODES: dict[RoundingMode, str] = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}

prices = st.decimals(0, 1000, places=4)
amounts = st.decimals(0, 10**9, places=6)
modes: st.SearchStrategy[RoundingMode] = st.sampled_from(get_args(RoundingMode))
costs = st.builds(Fraction, st.integers(-(10**9), 10**9), st.sampled_from([1, 3, 7, 100, 200, 1000, 3600, 10**6]))


@st.composite
def items(draw: st.DrawFn, tier_mode: str | None = None, meters: tuple[str, ...] = tuple(METERS)) -> Item:
    """Give an item of up to four tiers, of the size of what ``lines`` holds."""
    meter = METERS[draw(st.sampled_from(meters))]
    borders = sorted(draw(st.sets(st.decimals(1, 10**6, places=2), max_size=3)))
    tiers = tuple(
        Tier(above, up_to, draw(prices)) for above, up_to in zip([Decimal(0), *borders], [*borders, None], strict=True)
    )
    return Item(
        sku="sku",
        title="An item",
        meter=meter,
        tiers=tiers,
        tier_mode=tier_mode or draw(st.sampled_from(["graduated", "volume"])),
        tier_scope="volume",
        per=draw(st.sampled_from([1, 7, 1000])),
        per_month=meter.level and draw(st.booleans()),
        free=draw(st.just(Decimal(0)) | st.decimals(0, 10**5, places=3)),
        minimum=Decimal(0) if meter.credit else draw(st.just(Decimal(0)) | prices),
        filter=Filter(),
    )


lines = st.lists(amounts | st.integers(0, 10**9), max_size=8).map(
    lambda quantities: [Line(f"2026-11-{n:02}", quantity) for n, quantity in enumerate(quantities, start=1)]
)


def total_of(item: Item, usage: list[Line]) -> Fraction:
    return in_meter_unit(item, (Fraction(line.quantity) for line in usage), MONTH_SECONDS)


def cost(item: Item, usage: list[Line]) -> Fraction:
    return sum((part.cost for part in priced(item, usage, MONTH_SECONDS)), Fraction())


@given(items(), lines)
def test_a_scope_costs_what_its_total_costs(item: Item, usage: list[Line]) -> None:
    assert cost(item, usage) == cost_of_total(item, total_of(item, usage))


@given(items(), lines)
def test_every_part_is_its_quantity_times_its_price_and_the_parts_are_the_lines(item: Item, usage: list[Line]) -> None:
    parts = priced(item, usage, MONTH_SECONDS)

    assert all(part.cost == part.quantity * Fraction(part.unit_price) for part in parts)
    assert all(part.unit_price >= 0 for part in parts)
    sign = -1 if item.meter.credit else 1
    for line in usage:
        of_line = sum((part.quantity for part in parts if part.key == line.key), Fraction())
        assert of_line == sign * total_of(item, [line]) / item.per
    tier_prices = {number: tier.price for number, tier in enumerate(item.tiers, start=1)}
    assert all(part.unit_price == tier_prices[part.tier or 0] for part in parts if part.kind == "usage")
    free = sum((part.quantity for part in parts if part.kind == "free"), Fraction())
    assert free * sign == min(Fraction(item.free), total_of(item, usage)) / item.per


@given(items(), lines, st.randoms(use_true_random=False))
def test_the_order_in_which_lines_come_changes_nothing(item: Item, usage: list[Line], random: Random) -> None:
    shuffled = list(usage)
    random.shuffle(shuffled)

    assert priced(item, shuffled, MONTH_SECONDS) == priced(item, usage, MONTH_SECONDS)


@given(items(), lines, st.randoms(use_true_random=False))
def test_which_line_holds_how_much_does_not_change_the_total(item: Item, usage: list[Line], random: Random) -> None:
    quantities = [line.quantity for line in usage]
    random.shuffle(quantities)
    moved = [Line(line.key, quantity) for line, quantity in zip(usage, quantities, strict=True)]

    assert cost(item, moved) == cost(item, usage)


@given(items(), lines, st.integers(1, 24))
def test_hours_cost_what_their_days_cost(item: Item, usage: list[Line], hours: int) -> None:
    by_hour = [
        Line(f"{line.key}T{hour:02}", Fraction(line.quantity) * (hour + 1) / (hours * (hours + 1) // 2))
        for line in usage
        for hour in range(hours)
    ]

    assert cost(item, by_hour) == cost(item, usage)
    for day in usage:
        of_day = [part for part in priced(item, usage, MONTH_SECONDS) if part.key == day.key]
        of_hours = [p for p in priced(item, by_hour, MONTH_SECONDS) if p.key and p.key.startswith(f"{day.key}T")]
        assert sum(part.cost for part in of_day) == sum(part.cost for part in of_hours)


@given(items("graduated"), lines, amounts)
def test_more_usage_never_costs_less_in_graduated_tiers(item: Item, usage: list[Line], more: Decimal) -> None:
    added = cost(item, [*usage, Line("2026-11-30", more)]) - cost(item, usage)

    assert added <= 0 if item.meter.credit else added >= 0


@given(items("volume"), st.lists(st.decimals(0, 2 * 10**6, places=4), min_size=2, max_size=2).map(sorted))
def test_within_one_volume_tier_cost_rises_with_the_total_and_all_of_it_has_one_price(
    item: Item, totals: list[Decimal]
) -> None:
    seconds = (MONTH_SECONDS if item.per_month else 3600) if item.meter.level else 1
    less, more = (priced(item, [Line("a", Fraction(total) * seconds)], MONTH_SECONDS) for total in totals)
    tiers = [{part.tier for part in parts if part.kind == "usage"} for parts in (less, more)]

    assert all(len(found) <= 1 for found in tiers)
    if tiers[0] == tiers[1]:
        assert sum(abs(part.cost) for part in less) <= sum(abs(part.cost) for part in more)


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


def values_in(value: object) -> Iterator[object]:
    if is_dataclass(value):
        for field in fields(value):
            yield from values_in(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from values_in(inner)
    else:
        yield value


@given(items(), lines, modes, st.sampled_from(get_args(Rounding)))
def test_no_amount_is_a_float(item: Item, usage: list[Line], mode: RoundingMode, rounding: Rounding) -> None:
    parts = priced(item, usage, MONTH_SECONDS)
    amounts = rounded([part.cost for part in parts], rounding, mode, 2)

    assert {type(value) for value in values_in([item, usage, parts, amounts])} <= {
        str, int, bool, type(None), Decimal, Fraction,
    }  # fmt: skip
    assert all(type(part.cost) is type(part.quantity) is Fraction for part in parts)
    assert all(type(part.unit_price) is Decimal for part in parts)
    assert all(type(amount.amount) is type(amount.allotted) is Decimal for amount in amounts)
