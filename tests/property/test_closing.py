"""Whatever comes late and however often months are closed, all bills together are those of data in time."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bills
from bills import NOVEMBER, OCTOBER
from hypothesis import given, settings
from hypothesis import strategies as st
from rate_cards import card, item

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ioledger.model.records import Row
    from reports.charges.stored import Bill

MONTHS = ("2026-10", "2026-11", "2026-12")
TIERS = "[{ from = 0, to = 40, price = 0.07 }, { from = 40, price = 0.03 }]"


def cards(rounding: str, mode: str, free: int) -> str:
    """Give a card in which what one volume does changes what the others of its account cost."""
    return card(
        item(price="0.013", per_month="true", free="50", tier_scope='"account"'),
        item(sku='"reads"', meter='"read_ops"', price="", tiers=TIERS, tier_mode='"graduated"',
             tier_scope='"account"', free=str(free)),
        item(sku='"writes"', meter='"write_ops"', price="", tiers=TIERS, tier_mode='"volume"', tier_scope='"account"',
             minimum="2.5"),
        item(sku='"credit"', meter='"undelivered_iops"', price="0.001"),
        rounding=f'"{rounding}"', rounding_mode=f'"{mode}"',
    )  # fmt: skip


@st.composite
def hours(draw: st.DrawFn) -> dict[tuple[Any, ...], Row]:
    """Give some usage records by what names them, of two months and their borders."""
    found: dict[tuple[Any, ...], Row] = {}
    for _ in range(draw(st.integers(0, 12))):
        start = draw(st.sampled_from([OCTOBER, NOVEMBER])) + timedelta(hours=draw(st.sampled_from([0, 1, 30, 719])))
        who = {"account_id": draw(st.sampled_from(["a", "b", None])), "volume_id": draw(st.sampled_from(["v1", "v2"]))}
        if draw(st.booleans()):
            iops = draw(st.integers(1, 90))
            row = bills.sold(start, iops, deliverable_iops_seconds=3600 * draw(st.integers(0, iops)), **who)
        else:
            reads = draw(st.integers(0, 99))
            row = bills.done(start, reads, write_ops=draw(st.integers(1, 99)), **who)
        found[row["kind"], start, *who.values()] = row
    return found


def amounts_by_account(made: Iterable[Bill]) -> dict[str | None, Decimal]:
    total: dict[str | None, Decimal] = defaultdict(Decimal)
    for bill in made:
        for line in bills.lines(bill):
            total[line["account_id"]] += line["amount"] or 0
    return {account: amount for account, amount in total.items() if amount}


@settings(max_examples=6)
@given(hours(), hours(), hours(), st.sampled_from(["line", "invoice"]), st.sampled_from(["half_up", "half_even"]),
       st.integers(0, 60), st.sampled_from(["UTC", "Europe/Berlin"]))  # fmt: skip
def test_late_data_is_billed_as_if_it_had_been_in_time(  # noqa: PLR0913, PLR0917 - each is drawn
    in_time: dict[Any, Row], late: dict[Any, Row], later: dict[Any, Row], rounding: str, mode: str, free: int, zone: str
) -> None:
    text = cards(rounding, mode, free)
    table = {"valid_from": OCTOBER - timedelta(days=400), "billing_time_zone": zone, "correction_look_back_days": 100}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        lake = bills.lake_with(directory / "closed", in_time.values(), table)
        made = []
        # What came late takes the place of some records, adds others, and leaves one out.
        known = dict(in_time)
        for period, came in zip(MONTHS, (late, later, {}), strict=True):
            bill = bills.rate(lake, period, text)
            bills.close(lake, bill)
            made.append(bill)
            known = {**dict(list(known.items())[1:] if came else known), **came}
            bills.put(lake, known.values())

        at_once = bills.lake_with(directory / "at_once", known.values(), table)
        expected = [bills.rate(at_once, period, text) for period in MONTHS]

        assert amounts_by_account(made) == amounts_by_account(expected)
        for bill in made:
            for line in bills.lines(bill):
                assert line["correction"] is None or line["charge_period_start"] < line["billing_period_start"]
