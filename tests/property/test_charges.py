"""Bills of drawn usage records by drawn rate cards are those of a plain reference, to the last digit."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import usage_lakes
from billed_months import BilledMonth, amounts, keys, months, rate_cards, record, records, written
from hypothesis import event, given, settings
from hypothesis import strategies as st
from reference.prices import KEY, Name, charges, matches, seconds
from usage_lakes import EXACT

from ioledger.lake import settings as lake_settings
from ioledger.lake import writer
from ioledger.lake.schema import typed
from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_AMOUNTS, USAGE_KEY, USAGE_RECORD
from reports.charges import bill, card_file, stored, totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from random import Random

    from ioledger.model.records import Row
    from reports.charges.rate_card import RateCard

Lines = list[dict[str, Any]]

HALF_A_PLACE = Fraction(1, 2 * 10**12)
NOT_RAW = ("sold_iops", "deliverable_iops", "undelivered_iops")
HALF = settings(max_examples=settings().max_examples // 2)
A_FEW = settings(max_examples=settings().max_examples // 12)


def made(lake: Path, billed: BilledMonth, cards: Sequence[RateCard]) -> stored.Bill:
    named = stored.month_of(billed.name, lake_settings.load(lake))
    return bill.make(lake, named, written(cards), Path("rates.toml")).bill


def rated(billed: BilledMonth, rows: Iterable[Row], cards: Sequence[RateCard]) -> stored.Bill:
    with TemporaryDirectory() as directory:
        lake = Path(directory)
        usage_lakes.settle(lake, billed.tables)
        usage_lakes.store(lake, rows)
        return made(lake, billed, cards)


def name_of(line: dict[str, Any]) -> Name:
    key = tuple(line[name] for name in KEY)
    return Name(line["charge_period_start"], line["sku"], line["meter"], line["charge_kind"], line["tier"], key)


def without_counts(lines: Lines) -> Lines:
    return [{name: value for name, value in line.items() if name != "usage_record_count"} for line in lines]


@st.composite
def usage_and_cards(draw: st.DrawFn) -> tuple[BilledMonth, list[Row], list[RateCard]]:
    billed = draw(months())
    cards = draw(rate_cards(billed))
    return billed, draw(records(billed, [card.valid_from for card in cards])), cards


def check_costs(lines: Lines) -> None:
    """See that a line's cost is what its own columns say, and how far its amount may be from it."""
    for line in lines:
        if line["charge_kind"] in ("usage", "free", "credit"):
            exact = Fraction(line["usage_quantity"]) * Fraction(line["unit_price"])
            assert abs(Fraction(line["cost"]) - exact / Fraction(line["usage_per_pricing_unit"])) <= HALF_A_PLACE
        if line["charge_kind"] in ("usage", "free", "credit", "held"):
            units = Fraction(line["usage_quantity"]) / Fraction(line["usage_per_pricing_unit"])
            assert abs(Fraction(line["pricing_quantity"]) - units) <= HALF_A_PLACE


def check_nothing_is_lost(lines: Lines, rows: Iterable[Row], cards: Sequence[RateCard]) -> None:
    """See that what lines of an item hold is all that the usage records that it prices hold, once."""
    for start, sku in {(line["charge_period_start"], line["sku"]) for line in lines if line["sku"]}:
        of_item = [line for line in lines if (line["charge_period_start"], line["sku"]) == (start, sku)]
        version, end = of_item[0]["rate_card_version"], of_item[0]["charge_period_end"]
        (item,) = [item for card in cards if card.version == version for item in card.items if item.sku == sku]
        if item.meter.name not in NOT_RAW:
            priced = [
                row for row in rows
                if row["kind"] == item.meter.kind and start <= row["window_start"] < end
                and row["account_id"] is not None and matches(item, row)
            ]  # fmt: skip
            assert sum(line["usage_quantity"] for line in of_item) == sum(row[item.meter.column] for row in priced)


def check_totals(found: stored.Bill, lines: Lines) -> None:
    """See that what accounts owe is the sum of their lines."""
    owed: dict[tuple[Any, Any], Fraction] = {}
    for line in lines:
        whose = (line["account_id"], line["currency"])
        owed[whose] = owed.get(whose, Fraction()) + Fraction(line["amount"] or 0)
    shown = totals.by_account(found.lines)
    assert {(each["account_id"], each["currency"]): each["total"] for each in shown} == owed
    assert all(each["total"] == each["usage"] + each["minimums"] + each["credits"] for each in shown)


@HALF
@given(st.data())
def test_a_bill_is_that_of_the_reference(data: st.DataObject) -> None:
    billed, rows, cards = data.draw(usage_and_cards())
    assert list(card_file.parse(written(cards), Path("rates.toml"))) == cards
    found = rated(billed, rows, cards)
    lines: Lines = found.lines.to_pylist()

    expected = charges(rows, cards, billed.hours)
    assert {*map(name_of, lines)} == expected.keys()
    assert len(lines) == len(expected) == len({line["charge_id"] for line in lines})
    for line in lines:
        name = name_of(line)
        charge = expected[name]
        event(name.charge_kind)
        assert Fraction(line["usage_quantity"]) == charge.quantity, name
        assert (line["unit_price"], line["cost"] is None) == (charge.unit_price, charge.cost is None), name
        if charge.cost is not None and charge.amount is not None:
            assert abs(Fraction(line["cost"]) - charge.cost) <= HALF_A_PLACE, name
            assert Fraction(line["amount"]) == charge.amount, name
        if charge.reason is not None:
            assert line["reason"] == charge.reason
    check_costs(lines)
    check_nothing_is_lost(lines, rows, cards)
    check_totals(found, lines)


@A_FEW
@given(st.data())
def test_neither_the_order_of_rows_nor_their_files_change_a_bill_nor_does_rating_again(data: st.DataObject) -> None:
    billed, rows, cards = data.draw(usage_and_cards())
    with TemporaryDirectory() as directory:
        lake = Path(directory)
        usage_lakes.settle(lake, billed.tables)
        usage_lakes.store(lake, rows)
        first = made(lake, billed, cards)
        stored.store(lake, first)
        path = stored.path_of(lake, first.month)
        kept = path.read_bytes()
        stored.store(lake, made(lake, billed, cards))
        assert path.read_bytes() == kept
        scatter(lake, rows, data.draw(st.randoms(use_true_random=False)))
        assert made(lake, billed, cards).lines == first.lines


def scatter(lake: Path, rows: Iterable[Row], random: Random) -> None:
    """Store records anew, each day's in any order and in two files."""
    for day in {utc_day(row["window_start"]) for row in rows}:
        of_day = [
            {"usage_record_id": "-", "revision": 0, **dict.fromkeys(USAGE_KEY), **row}
            for row in rows if utc_day(row["window_start"]) == day
        ]  # fmt: skip
        table = typed(USAGE_RECORD, of_day)
        table = table.take(random.sample(range(len(table)), len(table)))
        cut = random.randint(0, len(table))
        for name, part in (("usage", table.slice(0, cut)), ("more", table.slice(cut))):
            writer.write_derived(lake, USAGE_RECORD, day, name, part)


@A_FEW
@given(st.data())
def test_days_cost_what_their_hours_cost(data: st.DataObject) -> None:
    """Where levels stay as they are for days; however counts lie in their hours."""
    billed = data.draw(months().filter(lambda each: len(each.tables) == 1))
    days = local_days(billed)
    some = data.draw(st.lists(st.sampled_from(days), min_size=1, max_size=3, unique_by=lambda day: day[0]))
    drawn = data.draw(st.lists(keys(), min_size=1, max_size=3, unique_by=lambda key: str(key.items())))
    cards = data.draw(rate_cards(billed, [day[0][0] for day in days]))
    by_hour: list[Row] = []
    by_day: list[Row] = []
    for day in some:
        for key in drawn:
            for kind in ("io", "allocation"):
                rows = list(data.draw(a_day_of(day, kind, key)))
                merged = {name: sum(row[name] for row in rows) for name in USAGE_AMOUNTS}
                by_hour += rows
                by_day.append({**rows[0], "window_end": day[-1][1], **merged})

    found, expected = (rated(billed, rows, cards).lines.to_pylist() for rows in (by_day, by_hour))
    assert without_counts(found) == without_counts(expected)


def local_days(billed: BilledMonth) -> list[list[tuple[datetime, datetime]]]:
    zone = ZoneInfo(billed.tables[0]["billing_time_zone"])
    return [list(hours) for _, hours in groupby(billed.hours, lambda hour: hour[0].astimezone(zone).date())]


@st.composite
def a_day_of(draw: st.DrawFn, day: Sequence[tuple[datetime, datetime]], kind: str, key: Row) -> list[Row]:
    """Give the usage records of the hours of a day: the same levels in all, and operations now and then."""
    opens, _ = day[0]
    in_a_second = draw(amounts(kind, opens, opens + timedelta(seconds=1)))
    often = draw(st.integers(1, 5))
    rows = []
    for number, hour in enumerate(day):
        times = {name: int(seconds(hour)) if name in EXACT else number % often for name in USAGE_AMOUNTS}
        rows.append(record(kind, hour, key, {name: in_a_second[name] * times[name] for name in USAGE_AMOUNTS}))
    return rows
