"""What usage costs, worked out by hand: free and tiered usage, minimums, credits, open conflicts, and no price."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from billing import HOUR, NOVEMBER, done, held, lines_of
from rate_cards import card, item

if TYPE_CHECKING:
    from pathlib import Path

OPS = {"meter": '"read_ops"', "tier_scope": '"volume"', "price": "1"}
TIERS = {
    **OPS,
    "price": "",
    "tiers": "[{ from = 0, to = 10, price = 3 }, { from = 10, to = 20, price = 2 }, { from = 20, price = 1 }]",
}
GRADUATED = {**TIERS, "tier_mode": '"graduated"'}
VOLUME = {**TIERS, "tier_mode": '"volume"'}
MONTHLY = {"per_month": "true", "meter": '"sold_iops"'}
FREE_SIZE = item(sku='"size"', meter='"gib"', price="0")

DECEMBER = NOVEMBER + 720 * HOUR


def told(lines: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(line[name] for name in names) for line in lines if line["charge_kind"] != "unpriced"]


def unpriced(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (line["meter"], line["usage_quantity"], line["reason"]) for line in lines if line["charge_kind"] == "unpriced"
    ]


def test_counts_fill_what_is_free_and_then_the_tiers_once_in_the_order_of_keys(tmp_path: Path) -> None:
    rows = [
        *done([5], device="vdb", read_ops=12),
        *done([700], device="vdc", read_ops=14),
        *done([9, 10], device="vda", read_ops=2),
    ]

    lines = lines_of(tmp_path, rows, card(item(**GRADUATED, free="5")))

    assert told(lines, "device", "charge_kind", "tier", "usage_quantity", "unit_price", "cost") == [
        ("vda", "free", None, 4, 0, 0),
        ("vdb", "free", None, 1, 0, 0),
        ("vdb", "usage", 1, 10, 3, 30),
        ("vdb", "usage", 2, 1, 2, 2),
        ("vdc", "usage", 2, 9, 2, 18),
        ("vdc", "usage", 3, 5, 1, 5),
    ]


@pytest.mark.parametrize(("total", "tier", "cost"), [(10, 1, 30), (11, 2, 22), (20, 2, 40), (21, 3, 21)])
def test_in_volume_tiers_all_costs_what_the_tier_of_the_total_says(
    tmp_path: Path, total: int, tier: int, cost: int
) -> None:
    rows = [*done(device="vda", read_ops=1), *done([9], device="vdb", read_ops=total - 1)]

    lines = lines_of(tmp_path, rows, card(item(**VOLUME)))

    assert {line["tier"] for line in lines} == {tier}
    assert sum(line["cost"] for line in lines) == cost


def test_what_is_free_does_not_lift_a_total_into_another_volume_tier(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, done(read_ops=15), card(item(**VOLUME, free="5")))

    assert told(lines, "charge_kind", "tier", "usage_quantity", "unit_price") == [
        ("free", None, 5, 0),
        ("usage", 1, 10, 3),
    ]


def test_each_volume_and_each_disk_without_one_has_its_own_tiers_and_an_account_has_them_once(tmp_path: Path) -> None:
    rows = [
        *done(device="vda", volume_id="v1", read_ops=8),
        *done(device="vdb", volume_id="v1", read_ops=8),
        *done(device="vda", volume_id=None, read_ops=8),
        *done(device="vdb", volume_id=None, read_ops=8),
        *done(account_id="other", read_ops=8),
    ]

    by_volume = lines_of(tmp_path / "1", rows, card(item(**GRADUATED)))
    by_account = lines_of(tmp_path / "2", rows, card(item(**{**GRADUATED, "tier_scope": '"account"'})))

    assert told(by_volume, "account_id", "volume_id", "device", "tier", "usage_quantity") == [
        ("acme", "v1", "vda", 1, 8),
        ("acme", "v1", "vdb", 1, 2),
        ("acme", "v1", "vdb", 2, 6),
        ("acme", None, "vda", 1, 8),
        ("acme", None, "vdb", 1, 8),
        ("other", "v1", "vda", 1, 8),
    ]
    assert [line["usage_quantity"] for line in by_account] == [8, 2, 6, 4, 4, 8, 8]
    assert [line["tier"] for line in by_account] == [1, 1, 2, 2, 3, 3, 1]


def test_levels_fill_what_is_free_and_the_tiers_in_every_hour_anew(tmp_path: Path) -> None:
    values = {**MONTHLY, "tier_scope": '"volume"', "free": "3000", "price": "1"}

    half = lines_of(tmp_path / "1", held(range(360), sold_iops=5000), card(item(**values), FREE_SIZE))
    never = lines_of(tmp_path / "2", held(range(720), sold_iops=2500), card(item(**values), FREE_SIZE))

    assert told(half, "charge_kind", "pricing_quantity", "cost", "usage_record_count") == [
        ("free", 1500, 0, 360),
        ("usage", 1000, 1000, 360),
    ]
    assert told(never, "charge_kind", "pricing_quantity", "cost") == [("free", 2500, 0)]


def test_within_an_hour_a_level_counts_as_even(tmp_path: Path) -> None:
    (row,) = held([0], sold_iops=6000)
    half_an_hour = {**row, "sold_iops_seconds": Decimal(6000 * 1800)}

    lines = lines_of(tmp_path, [half_an_hour], card(item(tier_scope='"volume"', free="3000"), FREE_SIZE))

    assert told(lines, "charge_kind", "usage_quantity") == [("free", 6000 * 1800)]


def test_a_price_of_a_level_is_for_an_hour_or_for_the_month_as_long_as_it_is(tmp_path: Path) -> None:
    berlin = [{"valid_from": datetime(2000, 1, 1, tzinfo=UTC), "billing_time_zone": "Europe/Berlin"}]
    october = datetime(2026, 9, 30, 22, tzinfo=UTC)
    rows = held(range(745), october, sold_iops=1)

    lines = lines_of(tmp_path, rows, card(item(price="2"), item(sku='"m"', price="2", per_month="true"), FREE_SIZE),
                     berlin, "2026-10")  # fmt: skip

    assert told(lines, "sku", "pricing_quantity", "pricing_unit", "usage_per_pricing_unit", "cost") == [
        ("iops", 745, "IOPS-Hours", 3600, 1490),
        ("m", 1, "IOPS-Months", 745 * 3600, 2),
    ]


def test_a_price_is_for_per_units_and_what_is_free_is_in_units(tmp_path: Path) -> None:
    values = {"meter": '"read_ops"', "price": "0.05", "per": "1000000", "free": "500000", "tier_scope": '"account"'}

    lines = lines_of(tmp_path, done(read_ops=1_500_000), card(item(**values)))

    assert told(lines, "charge_kind", "pricing_quantity", "pricing_unit", "cost") == [
        ("free", Decimal("0.5"), "1000000 Operations", 0),
        ("usage", 1, "1000000 Operations", Decimal("0.05")),
    ]


def test_a_credit_has_a_negative_quantity_and_cost_and_a_price_that_is_not(tmp_path: Path) -> None:
    rows = [*held(range(4), sold_iops=100, deliverable_iops=99), *held([4], sold_iops=1, deliverable_iops=9)]

    lines = lines_of(tmp_path, rows, card(item(price="0"), item(sku='"back"', meter='"undelivered_iops"', price="0.5")))

    assert told(lines, "charge_kind", "usage_quantity", "pricing_quantity", "unit_price", "amount") == [
        ("credit", -4 * 3600, -4, Decimal("0.5"), Decimal("-2.00")),
        ("usage", 401 * 3600, 401, 0, 0),
    ]


def test_what_lacks_to_the_minimum_is_a_line_of_its_own(tmp_path: Path) -> None:
    values = {**OPS, "price": "2", "minimum": "10"}
    rows = [
        *done(volume_id="v1", read_ops=3),
        *done(volume_id="v2", read_ops=5),
        *done(volume_id="v3", write_ops=0),
    ]

    lines = lines_of(tmp_path, rows, card(item(**values)))

    names = ("volume_id", "charge_kind", "vm_id", "pricing_quantity", "pricing_unit", "unit_price", "cost")
    assert told(lines, *names) == [
        ("v1", "usage", "m1", 3, "Operations", 2, 6),
        ("v1", "minimum", None, Decimal("0.4"), "Minimums", 10, 4),
        ("v2", "usage", "m1", 5, "Operations", 2, 10),
    ]


def test_a_card_for_part_of_a_month_has_that_share_of_what_counts_may_fill(tmp_path: Path) -> None:
    values = {**OPS, "free": "7", "minimum": "30"}
    cards = [
        card(item(**values), valid_to="2026-11-16"),
        card(item(**values), version='"2"', valid_from="2026-11-16", valid_to="2026-11-26T00:30:00Z"),
    ]
    rows = [*done([0], read_ops=5), *done([400], read_ops=5), *done([600, 601], read_ops=5)]

    lines = lines_of(tmp_path, rows, "".join(cards))

    # The hour that begins at midnight of the 26th belongs to the second card: 241 of 720 hours.
    free = Decimal("2.343055")
    assert told(lines, "rate_card_version", "charge_kind", "usage_quantity", "cost") == [
        ("1", "free", Decimal("3.5"), 0),
        ("1", "usage", Decimal("1.5"), Decimal("1.5")),
        ("1", "minimum", 0, Decimal("13.5")),
        ("2", "free", free, 0),
        ("2", "usage", 10 - free, 10 - free),
        ("2", "minimum", 0, (30 * Decimal(241) / 720 - 10 + free).quantize(Decimal("1e-12"))),
    ]
    assert unpriced(lines) == [("read_ops", 5, "no rate card is in force")]
    second = next(line for line in lines if line["rate_card_version"] == "2")
    assert second["charge_period_end"] == NOVEMBER + 601 * HOUR


def test_an_item_that_has_a_price_for_a_time_prices_the_hours_that_begin_in_it(tmp_path: Path) -> None:
    for_a_time = item(**{**OPS, "free": "9"}, valid_from="2026-11-11", valid_to="2026-11-21")
    always = item(sku='"writes"', meter='"write_ops"', price="2", free="30", tier_scope='"account"')
    rows = [*done([239, 240], read_ops=5, write_ops=9), *done([479, 480], read_ops=5, write_ops=9)]

    lines = lines_of(tmp_path, rows, card(for_a_time, always))

    start, end = NOVEMBER + 240 * HOUR, NOVEMBER + 480 * HOUR
    columns = ("sku", "charge_kind", "usage_quantity", "charge_period_start", "charge_period_end")
    # Its 10 of 30 days have a third of what is free; the item beside it is whole.
    assert told(lines, *columns) == [
        ("writes", "free", 30, NOVEMBER, DECEMBER),
        ("writes", "usage", 6, NOVEMBER, DECEMBER),
        ("iops", "free", 3, start, end),
        ("iops", "usage", 7, start, end),
    ]
    assert [
        (line["usage_quantity"], line["charge_period_start"], line["charge_period_end"])
        for line in lines
        if line["charge_kind"] == "unpriced"
    ] == [(5, NOVEMBER, start), (5, end, DECEMBER)]


CONFLICT = {"qos_class": "conflicting", "sold_iops": 1000, "deliverable_iops": 600, "max_iops": 2000}
THREE = (
    item(price="1"),
    item(sku='"had"', meter='"deliverable_iops"', price="1"),
    item(sku='"back"', meter='"undelivered_iops"', price="1"),
)


@pytest.mark.parametrize(
    ("open_conflict", "expected"),
    [
        ("deliverable", [("had", "usage", 600, 600), ("iops", "usage", 600, 600)]),
        ("sold", [("back", "credit", -400, -400), ("had", "usage", 1000, 1000), ("iops", "usage", 1000, 1000)]),
        ("hold", [("back", "held", -400, None), ("had", "held", 600, None), ("iops", "held", 1000, None)]),
    ],
)
def test_an_open_conflict_costs_what_the_card_says(
    tmp_path: Path, open_conflict: str, expected: list[tuple[Any, ...]]
) -> None:
    lines = lines_of(tmp_path, held([0], **CONFLICT), card(*THREE, open_conflict=f'"{open_conflict}"'))

    assert told(lines, "sku", "charge_kind", "pricing_quantity", "amount") == expected
    assert unpriced(lines) == []


def test_an_open_conflict_under_which_nothing_can_be_delivered_is_free_and_has_a_price(tmp_path: Path) -> None:
    rows = held([0], **{**CONFLICT, "deliverable_iops": 0})

    lines = lines_of(tmp_path, rows, card(item(price="1"), open_conflict='"deliverable"'))

    assert lines == []


def test_usage_that_nothing_says_the_price_of_is_told_with_its_reason(tmp_path: Path) -> None:
    rows = [
        *held([0], gib=10, sold_iops=5, max_iops=7),
        *held([1], account_id=None, gib=1),
        *done(read_ops=3, read_bytes=2, write_ops=4),
    ]

    lines = lines_of(tmp_path, rows, card(item(sku='"reads"', meter='"read_bytes"', price="1")))

    no_item = "no item of the rate card prices it"
    assert unpriced(lines) == [
        ("write_ops", 4, no_item),
        ("gib", 36_000, no_item),
        ("sold_iops", 18_000, no_item),
        ("gib", 3600, "nobody knows which account it is of"),
    ]
    assert [line["amount"] for line in lines if line["amount"] is not None] == [2]


@pytest.mark.parametrize(
    ("meters", "left"),
    [
        (["cap_iops"], []),
        (["read_ops", "write_bytes"], []),
        (["read_ops"], ["write_ops"]),
        (["burst_ops", "throttled_ops"], []),
        (["burst_ops"], ["throttled_ops"]),
        (["guaranteed_ops"], ["read_ops", "write_ops"]),
    ],
)
def test_what_a_disk_did_has_a_price_by_its_cap_its_directions_or_its_classes(
    tmp_path: Path, meters: list[str], left: list[str]
) -> None:
    rows = done(read_ops=3, write_ops=4, read_bytes=1, write_bytes=1, burst_ops=2, throttled_ops=5, cap_iops=100)
    priced = [item(sku=f'"{meter}"', meter=f'"{meter}"', price="0") for meter in meters]

    lines = lines_of(tmp_path, rows, card(*priced))

    assert [meter for meter, _, _ in unpriced(lines)] == left


def test_a_price_for_some_is_none_for_others(tmp_path: Path) -> None:
    rows = [*held([0], offering_id="gold", gib=1), *held([0], offering_id="tin", volume_id="v2", gib=1)]

    lines = lines_of(tmp_path, rows, card(item(meter='"gib"', filter='{ offering_id = ["gold"] }')))

    assert told(lines, "volume_id") == [("v1",)]
    assert [line["volume_id"] for line in lines if line["charge_kind"] == "unpriced"] == ["v2"]


def test_two_accounts_are_two_invoices_and_two_cards_are_too(tmp_path: Path) -> None:
    """The sum of all these, 0.02, would be rounded otherwise than the sums of each."""
    price = {**OPS, "price": "0.004"}
    rows = [*done([0, 700], read_ops=1), *done([0], account_id="other", read_ops=1)]
    two = [card(item(**price), valid_to="2026-11-10"), card(item(**price), version='"2"', valid_from="2026-11-10")]

    assert [line["amount"] for line in lines_of(tmp_path / "1", rows, two[0] + two[1])] == [0, 0, 0]
    assert [line["amount"] for line in lines_of(tmp_path / "2", rows, card(item(**price)))] == [Decimal("0.01"), 0]
