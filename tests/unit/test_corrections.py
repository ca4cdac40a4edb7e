"""What came late for a closed month is corrected on the next bill, line by line, in amounts worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import bills
import pyarrow.parquet as pq
from bills import HOUR, NOVEMBER, OCTOBER
from rate_cards import card, item

if TYPE_CHECKING:
    from pathlib import Path

    from reports.closing.archive import Closed

READS = item(sku='"reads"', title='"Reads"', meter='"read_ops"', price="2", free="10", tier_scope='"account"')
PRICED = card(READS)
SETTINGS = {"valid_from": datetime(2020, 1, 1, tzinfo=UTC), "correction_look_back_days": 20}
DAY = timedelta(days=1)


def told(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    columns = ("correction", "charge_kind", "volume_id", "usage_quantity", "amount", "corrected_record_count")
    return [tuple(line[name] for name in columns) for line in lines if line["correction"]]


def frozen_records(closed: Closed) -> list[dict[str, Any]]:
    return [row for paths in closed.usage().values() for path in paths for row in pq.read_table(path).to_pylist()]


def test_a_line_that_came_out_otherwise_is_taken_back_and_billed_anew(tmp_path: Path) -> None:
    in_time = [bills.done(OCTOBER + 20 * DAY, 30), bills.done(OCTOBER + 20 * DAY, 5, volume_id="v2")]
    lake = bills.lake_with(tmp_path, in_time)
    october = bills.rate(lake, "2026-10", PRICED)
    bills.close(lake, october)
    bills.put(lake, [*in_time, bills.done(OCTOBER + 20 * DAY + HOUR, 7)])

    november = bills.lines(bills.rate(lake, "2026-11", PRICED))

    assert told(november) == [
        ("replacement", "usage", "v1", 27, 54, 1),
        ("reversal", "usage", "v1", -20, -40, 1),
    ]
    replacement, reversal = november
    (billed,) = [line for line in bills.lines(october) if line["charge_kind"] == "usage" and line["volume_id"] == "v1"]
    assert replacement["corrects_charge_id"] == reversal["corrects_charge_id"] == billed["charge_id"]
    for line in november:
        assert (line["billing_period"], line["billing_period_start"]) == ("2026-11", NOVEMBER)
        assert (line["charge_period_start"], line["charge_period_end"]) == (OCTOBER, NOVEMBER)
        assert (line["unit_price"], line["reason"]) == (2, "1 usage record changed after the month was closed")
    assert len({line["charge_id"] for line in (*november, billed)}) == 3


def test_tiers_come_out_as_if_all_had_been_in_time(tmp_path: Path) -> None:
    """What is free goes to v0, whose usage comes late; v1 pays for what was free before."""
    in_time = [bills.done(OCTOBER + 20 * DAY, 30)]
    lake = bills.lake_with(tmp_path, in_time)
    bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    bills.put(lake, [*in_time, bills.done(OCTOBER + 20 * DAY, 4, volume_id="v0")])

    november = bills.lines(bills.rate(lake, "2026-11", PRICED))

    assert told(november) == [
        ("replacement", "free", "v0", 4, 0, 1),
        ("replacement", "free", "v1", 6, 0, 0),
        ("reversal", "free", "v1", -10, 0, 0),
        ("replacement", "usage", "v1", 24, 48, 0),
        ("reversal", "usage", "v1", -20, -40, 0),
    ]
    assert november[3]["reason"] == "other usage of the same scope or invoice changed after the month was closed"


def test_a_corrected_line_can_be_corrected_once_more_and_only_the_difference_is_billed(tmp_path: Path) -> None:
    records = [bills.done(OCTOBER + 30 * DAY, 30)]
    lake = bills.lake_with(tmp_path, records)
    bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    records.append(bills.done(OCTOBER + 30 * DAY + HOUR, 7))
    bills.put(lake, records)
    november = bills.rate(lake, "2026-11", PRICED)
    bills.close(lake, november)
    (replaced,) = [line for line in bills.lines(november) if line["correction"] == "replacement"]

    assert told(bills.lines(bills.make(lake, "2026-12", PRICED).bill)) == []

    records[0] = bills.done(OCTOBER + 30 * DAY, 20)
    look_back = {**SETTINGS, "correction_look_back_days": 60}
    bills.lake_with(tmp_path, records, look_back)
    december = bills.lines(bills.rate(lake, "2026-12", PRICED))

    assert told(december) == [
        ("replacement", "usage", "v1", 17, 34, 1),
        ("reversal", "usage", "v1", -27, -54, 1),
    ]
    assert december[1]["corrects_charge_id"] == replaced["charge_id"]


def test_a_record_that_is_gone_is_paid_back_and_stays_as_one_of_nothing(tmp_path: Path) -> None:
    records = [bills.done(OCTOBER + 20 * DAY, 30), bills.done(OCTOBER + 20 * DAY, 8, volume_id="v2", account_id="b")]
    lake = bills.lake_with(tmp_path, records)
    bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    bills.put(lake, records[1:])

    rated = bills.rate(lake, "2026-11", PRICED)
    closed = bills.close(lake, rated)

    assert [(line[0], *line[3:5]) for line in told(bills.lines(rated))] == [
        ("reversal", -10, 0),
        ("reversal", -20, -40),
    ]
    of_v1 = [row for row in frozen_records(closed) if row["volume_id"] == "v1"]
    assert [(row["revision"], row["read_ops"], row["guaranteed_ops"]) for row in of_v1] == [(1, 0, 0)]
    assert told(bills.lines(bills.make(lake, "2026-12", PRICED).bill)) == []


def test_a_corrected_record_has_the_next_revision_and_what_is_corrected_names_the_one_before(tmp_path: Path) -> None:
    records = [bills.done(OCTOBER + 20 * DAY, 30), bills.done(OCTOBER + 20 * DAY, 8, volume_id="v2")]
    lake = bills.lake_with(tmp_path, records)
    october = bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    billed = {row["volume_id"]: row for row in frozen_records(october)}
    bills.put(lake, [bills.done(OCTOBER + 20 * DAY, 33), records[1]])

    rated = bills.rate(lake, "2026-11", PRICED)
    november = bills.close(lake, rated)

    corrected = {row["volume_id"]: row for row in frozen_records(november)}
    assert (corrected["v1"]["revision"], corrected["v1"]["read_ops"]) == (1, 33)
    assert corrected["v1"]["usage_record_id"] != billed["v1"]["usage_record_id"]
    assert corrected["v2"] == billed["v2"]
    assert {line["corrects_usage_record_id"] for line in bills.lines(rated)} == {billed["v1"]["usage_record_id"]}


def test_what_is_older_than_the_look_back_is_told_and_not_corrected(tmp_path: Path) -> None:
    within, before = OCTOBER + 12 * DAY, OCTOBER + 11 * DAY - HOUR
    lake = bills.lake_with(tmp_path, [bills.done(within, 30)], SETTINGS)
    bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    bills.put(lake, [bills.done(within, 31), bills.done(before, 30), bills.done(before, 9, account_id="b")])

    made = bills.make(lake, "2026-11", PRICED)
    november = bills.close(lake, bills.rate(lake, "2026-11", PRICED))

    assert made.too_late == [("2026-10", "a", 1), ("2026-10", "b", 1)]
    assert [line[3] for line in told(bills.lines(made.bill))] == [21, -20]
    listed = pq.read_table(november.directory / "not_corrected.parquet").to_pylist()
    assert [(row["account_id"], row["window_start"], row["read_ops"]) for row in listed] == [
        ("a", before, 30),
        ("b", before, 9),
    ]


def test_only_the_month_after_the_last_closed_one_corrects(tmp_path: Path) -> None:
    records = [bills.done(OCTOBER + 20 * DAY, 30)]
    lake = bills.lake_with(tmp_path, records)
    bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    bills.put(lake, [bills.done(OCTOBER + 20 * DAY, 31)])

    assert told(bills.lines(bills.make(lake, "2026-12", PRICED).bill)) == []
    assert len(told(bills.lines(bills.make(lake, "2026-11", PRICED).bill))) == 2


def test_a_correction_goes_by_the_card_of_its_own_month(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, [bills.done(OCTOBER + 20 * DAY, 30)])
    bills.close(lake, bills.rate(lake, "2026-10", PRICED))
    bills.put(lake, [bills.done(OCTOBER + 20 * DAY, 31)])

    november = bills.lines(bills.rate(lake, "2026-11", card(item(price="99"), version='"2"')))

    assert [(line["unit_price"], line["rate_card_version"]) for line in november] == [(2, "1"), (2, "1")]
    assert sum(line["amount"] for line in november) == Decimal(2)
