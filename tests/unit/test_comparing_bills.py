"""`rate --compare`: why a bill is higher than another, in parts that were worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from lakes import content
from policy_lake import ioledger
from rate_cards import card, item
from usage_lakes import EXACT, roll_up, settle, store

from ioledger.lake import settings
from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_AMOUNTS
from reports.charges import bill, stored
from reports.charges.compare import compare
from reports.charges.differences import Rated, Step, differences

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from ioledger.model.records import Row
    from reports.charges.parts import Month

OCTOBER = datetime(2026, 10, 10, 7, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 10, 7, tzinfo=UTC)
READS = {"sku": '"reads"', "meter": '"read_ops"', "per": "1000000", "price": "0.10"}
TIERS = {"tier_mode": '"graduated"', "tier_scope": '"account"', "price": ""}
MILLION = 1_000_000


def record(at: datetime = NOVEMBER, volume_id: str = "v1", **columns: object) -> Row:
    is_io = "read_ops" in columns
    return {
        "kind": "io" if is_io else "allocation",
        "window_start": at,
        "window_end": at + timedelta(hours=1),
        "volume_id": volume_id,
        "account_id": "acme",
        "qos_class": "guaranteed",
        "provisioned": True,
        "throttled": False,
        **{name: Decimal(0) if name in EXACT else 0 for name in USAGE_AMOUNTS},
        **columns,
    }


def a_lake(directory: Path, *records: Row) -> Path:
    lake = directory / "lake"
    settle(lake, [])
    store(lake, records)
    roll_up(lake, [sorted({utc_day(row["window_start"]) for row in records})])
    return lake


def write(path: Path, *texts: str) -> Path:
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def month(lake: Path, text: str) -> Month:
    return stored.month_of(text, settings.load(lake))


def parts(rows: Iterable[Row], account_id: str | None = "acme") -> dict[str, Decimal]:
    """Give the difference of each reason and item of an account, once it is sure that they add up."""
    of_account = [row for row in rows if row["account_id"] == account_id]
    total = [row for row in of_account if row["reason"] == "total"]
    found = [row for row in of_account if row["reason"] != "total"]
    assert sum(row["difference"] for row in found) == sum(row["difference"] for row in total)
    assert all(row["difference"] == row["after"] - row["before"] for row in total)
    return {" ".join(filter(None, (row["reason"], row.get("sku")))): row["difference"] for row in found}


def by_cards(directory: Path, before: str, after: str, *records: Row) -> list[Row]:
    lake = a_lake(directory, *records)
    cards = write(directory / "after.toml", after), write(directory / "before.toml", before)
    return compare(lake, month(lake, "2026-11"), cards[0], str(cards[1])).rows


def by_months(directory: Path, *records: Row, cards: str) -> list[Row]:
    lake = a_lake(directory, *records)
    return compare(lake, month(lake, "2026-11"), write(directory / "rates.toml", cards), "2026-10").rows


def test_another_price_is_told_with_both_prices(tmp_path: Path) -> None:
    # 3 million reads: 3 * 0.10 = 0.30 and 3 * 0.15 = 0.45
    rows = by_cards(
        tmp_path, card(item(**READS)), card(item(**{**READS, "price": "0.15"})), record(read_ops=3 * MILLION)
    )

    assert parts(rows) == {"price reads": Decimal("0.15")}
    assert rows[1]["detail"] == "price 0.1 -> 0.15"
    assert rows[1]["quantity_before"] == rows[1]["quantity_after"] == 3
    assert (rows[0]["before"], rows[0]["after"]) == (Decimal("0.30"), Decimal("0.45"))


def test_what_is_free_tiers_and_minimums_are_part_of_the_price(tmp_path: Path) -> None:
    # 3 million reads cost 0.30. With one million free: 0.20, and 0.05 that lacks to the minimum.
    after = item(**{**READS, "free": "1000000", "minimum": "0.25", "tier_scope": '"account"'})
    rows = by_cards(tmp_path, card(item(**READS)), card(after), record(read_ops=3 * MILLION))

    assert parts(rows) == {"price reads": Decimal("-0.05")}
    assert rows[1]["detail"] == "free 0 -> 1000000; minimum 0 -> 0.25; other tier_scope"


def test_an_item_that_is_gone_and_a_new_one(tmp_path: Path) -> None:
    # 2 million reads at 0.10, and then 5 million writes at 0.20
    writes = item(**{**READS, "sku": '"writes"', "meter": '"write_ops"', "price": "0.20"})
    rows = by_cards(tmp_path, card(item(**READS)), card(writes), record(read_ops=2 * MILLION, write_ops=5 * MILLION))

    assert parts(rows)["item gone reads"] == Decimal("-0.20")
    assert parts(rows)["item new writes"] == Decimal("1.00")


def test_rounding_is_a_part_of_its_own(tmp_path: Path) -> None:
    # 1.234567 million reads at 0.10: 0.1234567, billed as 0.12; at 0.11: 0.13580237, billed as 0.14
    rows = by_cards(tmp_path, card(item(**READS)), card(item(**{**READS, "price": "0.11"})), record(read_ops=1_234_567))

    assert parts(rows) == {"price reads": Decimal("0.01234567"), "rounding": Decimal("0.00765433")}
    assert rows[0]["difference"] == Decimal("0.02")


def test_what_is_held_no_longer_is_told(tmp_path: Path) -> None:
    # 1000 IOPS for an hour at 0.01 an hour: 10.00, which the first card holds as long as the conflict is open
    held = record(sold_iops_seconds=Decimal(3_600_000), qos_class="conflicting", throttled=True)
    sold = card(item(), open_conflict='"sold"')
    rows = by_cards(tmp_path, card(item()), sold, held)

    assert parts(rows) == {"held iops": Decimal("10.00")}


def test_another_filter_covers_other_usage(tmp_path: Path) -> None:
    only = item(**{**READS, "filter": '{ offering_id = ["gold"] }'})
    rows = by_cards(
        tmp_path, card(only), card(item(**READS)), record(read_ops=MILLION, guaranteed_ops=MILLION),
        record(volume_id="v2", read_ops=2 * MILLION, offering_id="gold"),
    )  # fmt: skip

    # v1 did a million: it has a price now; v2 had one before
    assert parts(rows)["coverage reads"] == Decimal("0.10")
    assert "unpriced" in parts(rows)


def test_a_quantity_counts_at_the_old_price_and_a_price_at_the_new_quantity(tmp_path: Path) -> None:
    # 1 million at 0.10 = 0.10; 2 million at 0.30 = 0.60. Quantity: 1 * 0.10; price: 2 * 0.20.
    october = card(item(**READS), valid_to="2026-11-01")
    november = card(item(**{**READS, "price": "0.30"}), valid_from="2026-11-01", version='"2"')
    rows = by_months(
        tmp_path, record(OCTOBER, read_ops=MILLION), record(read_ops=2 * MILLION), cards=f"{october}\n{november}"
    )

    assert parts(rows) == {"quantity reads": Decimal("0.10"), "price reads": Decimal("0.40")}
    quantity = next(row for row in rows if row["reason"] == "quantity")
    assert (quantity["quantity_before"], quantity["quantity_after"]) == (1, 2)
    assert quantity["pricing_unit"] == "1000000 Operations"


def test_other_tiers_that_more_usage_reaches_are_told_apart(tmp_path: Path) -> None:
    # 1 million costs 1.00. Of 3 million, 2 cost 1.00 each and one 0.50: 2.50. Quantity: 2 * 1.00 at the old mean.
    tiers = "[{ from = 0, to = 2000000, price = 1 }, { from = 2000000, price = 0.5 }]"
    cards = card(item(**{**READS, **TIERS, "tiers": tiers}))
    rows = by_months(tmp_path, record(OCTOBER, read_ops=MILLION), record(read_ops=3 * MILLION), cards=cards)

    assert parts(rows) == {"quantity reads": Decimal("2.00"), "tier mix reads": Decimal("-0.50")}


def test_volumes_that_came_and_went(tmp_path: Path) -> None:
    rows = by_months(
        tmp_path,
        record(OCTOBER, "old", read_ops=MILLION),
        record(OCTOBER, "kept", read_ops=MILLION),
        record(NOVEMBER, "kept", read_ops=MILLION),
        record(NOVEMBER, "new", read_ops=4 * MILLION),
        record(NOVEMBER, "newer", read_ops=MILLION),
        cards=card(item(**READS)),
    )

    assert parts(rows) == {"volumes new reads": Decimal("0.50"), "volumes gone reads": Decimal("-0.10")}
    assert [row["detail"] for row in rows if row["reason"].startswith("volumes")] == ["2 volumes", "1 volume"]


def test_a_level_that_is_held_throughout_costs_the_same_in_a_longer_month(tmp_path: Path) -> None:
    # 100 IOPS for 31 and for 30 days: 100 IOPS-Months both times. By the hour, October has 24 hours more.
    def held(price: str, per_month: str) -> str:
        return card(item(price=price, per_month=per_month))

    records = [
        record(OCTOBER, sold_iops_seconds=Decimal(100 * 31 * 86_400)),
        record(NOVEMBER, sold_iops_seconds=Decimal(100 * 30 * 86_400)),
    ]
    assert parts(by_months(tmp_path / "a", *records, cards=held("2", "true"))) == {}
    assert parts(by_months(tmp_path / "b", *records, cards=held("0.01", ""))) == {"quantity iops": Decimal("-24.00")}


def test_a_conflict_that_began_is_held_and_not_usage_that_went_away(tmp_path: Path) -> None:
    hour = {"sold_iops_seconds": Decimal(3_600_000)}
    rows = by_months(
        tmp_path, record(OCTOBER, **hour), record(NOVEMBER, qos_class="conflicting", **hour), cards=card(item())
    )

    assert parts(rows) == {"held iops": Decimal("-10.00")}


def test_what_lacks_to_the_minimum_is_told(tmp_path: Path) -> None:
    # 1 million cost 0.10 and lack 0.90 to 1.00; 4 million lack 0.60
    cards = card(item(**{**READS, "minimum": "1", "tier_scope": '"account"'}))
    rows = by_months(tmp_path, record(OCTOBER, read_ops=MILLION), record(read_ops=4 * MILLION), cards=cards)

    assert parts(rows) == {"quantity reads": Decimal("0.30"), "minimum reads": Decimal("-0.30")}


def test_a_month_with_two_cards_is_first_brought_to_the_last_one(tmp_path: Path) -> None:
    # October: 1 million at 0.10 and 1 million at 0.20, from the 16th on; November: 3 million at 0.20.
    first = card(item(**READS), valid_to="2026-10-16")
    second = card(item(**{**READS, "price": "0.20"}), valid_from="2026-10-16", version='"2"')
    rows = by_months(
        tmp_path, record(OCTOBER, read_ops=MILLION), record(OCTOBER + timedelta(days=10), read_ops=MILLION),
        record(read_ops=3 * MILLION), cards=f"{first}\n{second}",
    )  # fmt: skip

    # 0.30 by two cards, 0.40 by the last one, 0.60 in November
    assert parts(rows) == {"price reads": Decimal("0.10"), "quantity reads": Decimal("0.20")}


def test_another_month_is_taken_as_it_is_stored(tmp_path: Path) -> None:
    lake = a_lake(tmp_path, record(OCTOBER, read_ops=MILLION), record(read_ops=MILLION))
    old = card(item(**{**READS, "price": "0.40"}))
    stored.store(lake, bill.make(lake, month(lake, "2026-10"), old, tmp_path / "old.toml").bill)
    new = write(tmp_path / "new.toml", card(item(**READS)))

    found = compare(lake, month(lake, "2026-11"), new, "2026-10")

    assert parts(found.rows) == {"price reads": Decimal("-0.30")}
    assert found.before == "2026-10 as it is stored"


def test_corrections_are_a_part_of_their_own() -> None:
    line = {"account_id": "acme", "currency": "EUR", "sku": "reads", "charge_kind": "usage", "usage_quantity": 5}
    late = {**line, "correction": "replacement", "cost": Decimal("0.124"), "amount": Decimal("0.12")}
    usual = {**line, "cost": Decimal("0.5"), "amount": Decimal("0.50")}
    before, after = (Rated(stored.table_of(lines), []) for lines in ([usual], [usual, late]))

    rows = differences(before, after, [Step("prices", before, after)])

    assert parts(rows) == {"corrections": Decimal("0.12")}


def test_the_command_shows_the_parts_and_stores_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = a_lake(tmp_path, record(read_ops=3 * MILLION))
    before = write(tmp_path / "before.toml", card(item(**READS)))
    after = write(tmp_path / "after.toml", card(item(**{**READS, "price": "0.15"})))
    kept = content(lake)
    words = ["rate", "--period", "2026-11", "--rate-card", str(after), "--compare", str(before)]
    now = NOVEMBER + timedelta(days=30)

    assert ioledger(lake, *words, "--format", "json", now=now) == 0
    rows = json.loads(capsys.readouterr().out)
    assert ioledger(lake, *words, "--format", "csv", now=now) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert ioledger(lake, *words, now=now) == 0
    shown = capsys.readouterr().out

    assert [(row["reason"], row["difference"]) for row in rows] == [
        ("total", "0.150000000000"), ("price", "0.150000000000"),
    ]  # fmt: skip
    assert [line["difference"] for line in lines] == [row["difference"] for row in rows]
    assert "price 0.1 -> 0.15" in shown
    assert content(lake) == kept
