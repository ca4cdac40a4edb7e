"""docs/rate-cards.md: its tables are the keys and meters that there are, and its examples cost what it says."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.charges import card_file
from reports.charges.meters import METERS
from reports.charges.money import rounded
from reports.charges.rating import Line, priced

if TYPE_CHECKING:
    from reports.charges.rate_card import RateCard

PAGE = (Path(__file__).parents[2] / "docs" / "rate-cards.md").read_text(encoding="utf-8")
MONTH_HOURS = 30 * 24 + 1  # the clock is put back
MONTH_SECONDS = MONTH_HOURS * 3600


def section(title: str) -> str:
    return re.split(r"\n##+ ", PAGE.partition(f"# {title}\n")[2])[0]


def first_column(title: str) -> set[str]:
    cells = re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def example(directory: Path, title: str) -> RateCard:
    path = directory / "rates.toml"
    path.write_text(section(title).partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    (card,) = card_file.load(path)
    return card


def held(level: int, hours: int = MONTH_HOURS) -> list[Line]:
    """Give the usage records of a level, hour by hour."""
    return [Line(f"{hour:04}", level * 3600) for hour in range(hours)]


def billed(card: RateCard, usage: dict[str, list[Line]]) -> dict[str, Decimal]:
    """Return what each item costs for a volume with these lines of each sku."""
    parts = [(item.sku, part) for item in card.items for part in priced(item, usage.get(item.sku, []), MONTH_SECONDS)]
    amounts = rounded([part.cost for _, part in parts], card.rounding, card.rounding_mode, card.minor_digits)
    sums: dict[str, Decimal] = {}
    for (sku, _), line in zip(parts, amounts, strict=True):
        sums[sku] = sums.get(sku, Decimal(0)) + line.amount
    return sums


def test_the_keys_are_those_of_cards_and_items() -> None:
    assert first_column("A card") == set(card_file._CardTable.model_fields) - {"items"}  # noqa: SLF001
    assert first_column("An item") == set(card_file._ItemTable.model_fields)  # noqa: SLF001


def test_the_meters_are_all_there_with_what_they_count() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", section("Meters"), re.MULTILINE)
    expected = [
        (
            meter.name,
            meter.kind,
            f"`{meter.column}`" + (f" - `{meter.minus}`" if meter.minus else ""),
            f"{meter.unit}-Hours or {meter.unit}-Months" if meter.level else meter.unit,
        )
        for meter in METERS.values()
    ]
    assert rows == expected


def test_provisioned_iops_in_tiers(tmp_path: Path) -> None:
    card = example(tmp_path, "Provisioned IOPS in tiers")

    assert sum(billed(card, {"iops-provisioned": held(70_000)}).values()) == Decimal("3727.10")
    assert billed(card, {"iops-provisioned": held(32_000)}) == {"iops-provisioned": Decimal("2080.00")}
    missed = {"iops-provisioned": held(1000), "iops-undelivered": [Line("0001", 1000 * MONTH_SECONDS // 2)]}
    assert billed(card, missed) == {"iops-provisioned": Decimal("65.00"), "iops-undelivered": Decimal("-32.50")}
    tiers = {part.tier for part in priced(card.items[0], held(70_000), MONTH_SECONDS)}
    assert tiers == {1, 2, 3}


def test_baseline_free_and_excess_billed(tmp_path: Path) -> None:
    card = example(tmp_path, "Baseline free, excess billed")

    at_once = {"iops-above-baseline": [Line("all", 5000 * MONTH_SECONDS)], "size": [Line("all", 100 * MONTH_SECONDS)]}
    assert billed(card, at_once) == {"iops-above-baseline": Decimal("10.00"), "size": Decimal("8.00")}
    hourly = priced(card.items[0], held(5000), MONTH_SECONDS)
    assert sum(part.cost for part in hourly) == 10
    assert sum(part.quantity for part in hourly if part.kind == "free") == 3000
    assert sum(billed(card, {"iops-above-baseline": held(3000)}).values()) == 0


def test_per_million_operations(tmp_path: Path) -> None:
    card = example(tmp_path, "Per million operations")
    reads, writes = card.items
    usage = {"reads": [Line("a", 3_000_001)], "writes": [Line("a", 1_000_000)]}

    exact = [part.cost for item in (reads, writes) for part in priced(item, usage[item.sku], MONTH_SECONDS)]
    assert sum(exact) == Fraction("0.20000005")
    assert sum(billed(card, usage).values()) == Decimal("0.20")
    assert reads.pricing_unit == "1000000 Operations"
    assert reads.filter.qos_class == ("throttled", "best_effort")


@pytest.mark.parametrize("hours", [1, MONTH_HOURS])
def test_caps_as_a_flat_fee(tmp_path: Path, hours: int) -> None:
    card = example(tmp_path, "Caps as a flat fee")

    assert billed(card, {"cap": held(500, hours)}) == {"cap": Decimal("4.00")}
    assert billed(card, {"cap": held(0, hours)}) == {}
    assert billed(card, {}) == {}
