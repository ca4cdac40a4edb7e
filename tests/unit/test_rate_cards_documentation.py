"""docs/rate-cards.md: its tables are the keys and meters that there are, and its examples cost what it says."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from billing import HOUR, done, lines_of
from billing import held as held_by_hour

from reports.charges import card_file
from reports.charges.meters import METERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ioledger.model.records import Row

PAGE = (Path(__file__).parents[2] / "docs" / "rate-cards.md").read_text(encoding="utf-8")
HALF_A_MONTH = 360 * HOUR


def held(halves: Sequence[int] = (0, 1), **told: object) -> list[Row]:
    """Give what a volume holds in both halves of November, or in one of them."""
    return held_by_hour([360 * half for half in halves], length=HALF_A_MONTH, **told)


def section(title: str) -> str:
    return re.split(r"\n##+ ", PAGE.partition(f"# {title}\n")[2])[0]


def first_column(title: str) -> set[str]:
    cells = re.findall(r"^\| (`.*?) \|", section(title), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def charged(directory: Path, title: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the lines of an example's card for usage records of November 2026."""
    cards = section(title).partition("```toml\n")[2].partition("```")[0]
    directory.mkdir(exist_ok=True)
    return lines_of(directory, rows, cards)


def billed(directory: Path, title: str, rows: Sequence[Row]) -> dict[str, Decimal]:
    """Return what each item costs where it costs something; nothing may be unpriced."""
    sums: dict[str, Decimal] = {}
    for line in charged(directory, title, rows):
        assert line["charge_kind"] != "unpriced", line
        sums[line["sku"]] = sums.get(line["sku"], Decimal(0)) + line["amount"]
    return {sku: amount for sku, amount in sums.items() if amount}


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
    title = "Provisioned IOPS in tiers"
    whole = held(sold_iops=70_000, deliverable_iops=70_000, max_iops=70_000, gib=500)
    half_missed = [
        *held([0], sold_iops=1000, deliverable_iops=1000),
        *held([1], sold_iops=1000),
    ]
    other = [*held(volume_id="v2", max_iops=500, gib=1), *done(read_ops=7, write_ops=8)]

    assert billed(tmp_path / "1", title, whole) == {
        "iops-provisioned": Decimal("3727.10"),
        "size": Decimal("62.50"),
    }
    assert billed(tmp_path / "2", title, half_missed) == {
        "iops-provisioned": Decimal("65.00"),
        "iops-undelivered": Decimal("-32.50"),
    }
    assert billed(tmp_path / "3", title, other) == {"size": Decimal("0.12")}
    assert {line["tier"] for line in charged(tmp_path / "4", title, whole)} == {1, 2, 3}


def test_baseline_free_and_excess_billed(tmp_path: Path) -> None:
    title = "Baseline free, excess billed"
    without_maximum = held(sold_iops=500, gib=100)

    whole = billed(tmp_path / "1", title, held(max_iops=5000, gib=100) + done(read_ops=1, write_ops=1))
    assert whole == {"iops-above-baseline": Decimal("10.00"), "size": Decimal("8.00")}
    half = billed(tmp_path / "2", title, held([0], max_iops=5000, gib=100))
    assert half == {"iops-above-baseline": Decimal("5.00"), "size": Decimal("4.00")}
    assert billed(tmp_path / "3", title, held(max_iops=3000)) == {}
    unpriced = [line for line in charged(tmp_path / "4", title, without_maximum) if line["charge_kind"] == "unpriced"]
    assert [line["meter"] for line in unpriced] == ["sold_iops"]


def test_per_million_operations(tmp_path: Path) -> None:
    title = "Per million operations"
    rows = [
        *done(read_ops=3_000_001, write_ops=1_000_000, qos_class="throttled"),
        *done(read_ops=5_000_000, write_ops=1, qos_class="conflicting", device="vdb"),
        *held(sold_iops=5, max_iops=9, gib=3, qos_class="guaranteed"),
        *held(max_iops=9, volume_id="v2"),
    ]

    lines = charged(tmp_path / "1", title, rows)

    assert sum(line["cost"] for line in lines) == Decimal("0.20000005")
    assert sum(billed(tmp_path / "2", title, rows).values()) == Decimal("0.20")


@pytest.mark.parametrize("hours", [1, 720])
def test_caps_as_a_flat_fee(tmp_path: Path, hours: int) -> None:
    title = "Caps as a flat fee"
    capped = done(length=hours * HOUR, cap_iops=500, read_ops=1, write_ops=1, offering_id="capped")
    free = [
        *done(length=hours * HOUR, read_ops=1, write_ops=1, offering_id="capped"),
        *done(length=hours * HOUR, cap_iops=500, volume_id="v2", read_ops=1),
        *held([0], sold_iops=5, gib=3),
        *held([0], volume_id="v3", max_iops=5),
    ]

    assert billed(tmp_path / "1", title, capped) == {"cap": Decimal("4.00")}
    assert billed(tmp_path / "2", title, free) == {}


def test_an_open_conflict_counts_as_the_page_says() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("Open conflicts"), re.MULTILINE)
    assert rows == ["open_conflict", "deliverable", "sold", "hold"]


def test_the_reasons_of_unpriced_lines_are_those_of_the_page(tmp_path: Path) -> None:
    rows = [*held([0], gib=1), *held([1], gib=1, account_id=None)]
    reasons = {line["reason"] for line in charged(tmp_path, "Caps as a flat fee", rows) if line["reason"]}
    assert reasons == {"nobody knows which account it is of"}
    assert all(reason in section("What has no price") for reason in (
        *reasons, "no rate card is in force", "no item of the rate card prices it",
    ))  # fmt: skip
