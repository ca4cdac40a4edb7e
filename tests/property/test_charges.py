"""Bills of drawn usage records by drawn rate cards are those of a plain reference, to the last digit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import usage_lakes
from billed_months import BilledMonth, months, rate_cards, records, written
from hypothesis import event, given
from hypothesis import strategies as st
from reference.prices import KEY, Name, amount, charges, matches

from ioledger.lake import settings as lake_settings
from reports.charges import bill, card_file, stored, totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ioledger.model.records import Row
    from reports.charges.rate_card import RateCard

Lines = list[dict[str, Any]]
PLACES = Fraction(1, 2 * 10**12)


def made(lake: Path, billed: BilledMonth, cards: Sequence[RateCard]) -> stored.Bill:
    month = stored.month_of(billed.name, lake_settings.load(lake))
    return bill.make(lake, month, written(cards), Path("rates.toml")).bill


def rated(billed: BilledMonth, rows: Sequence[Row], cards: Sequence[RateCard]) -> Lines:
    with TemporaryDirectory() as directory:
        lake = Path(directory)
        usage_lakes.settle(lake, billed.tables)
        usage_lakes.store(lake, rows)
        lines: Lines = made(lake, billed, cards).lines.to_pylist()
    return lines


def name_of(line: dict[str, Any]) -> Name:
    key = tuple(line[name] for name in KEY)
    return Name(line["charge_period_start"], line["sku"], line["meter"], line["charge_kind"], line["tier"], key)


@st.composite
def usage_and_cards(draw: st.DrawFn) -> tuple[BilledMonth, list[Row], list[RateCard]]:
    billed = draw(months())
    cards = draw(rate_cards(billed))
    return billed, draw(records(billed, [card.valid_from for card in cards])), cards


@given(st.data())
def test_a_bill_is_that_of_the_reference(data: st.DataObject) -> None:
    billed, rows, cards = data.draw(usage_and_cards())
    lines = rated(billed, rows, cards)

    expected = charges(rows, cards, billed.hours)
    found = {name_of(line): line for line in lines}
    assert found.keys() == expected.keys()
    assert len(found) == len(lines) == len({line["charge_id"] for line in lines})
    for name, line in found.items():
        charge = expected[name]
        event(name.charge_kind)
        assert Fraction(line["usage_quantity"]) == charge.quantity, name
        assert line["unit_price"] == charge.unit_price, name
        assert (line["cost"] is None) == (charge.cost is None), name
        if charge.cost is not None and charge.amount is not None:
            assert abs(Fraction(line["cost"]) - charge.cost) <= PLACES, name
            assert Fraction(line["amount"]) == charge.amount, name
        if charge.reason is not None:
            assert line["reason"] == charge.reason
