"""Rate cards: a mistake in one is told with its line and never becomes a price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from rate_cards import card, item, one_item, write

from ioledger.errors import ConfigurationError
from ioledger.model.columns import COLUMNS
from ioledger.model.tables import USAGE_RECORD
from reports.charges.card_file import load
from reports.charges.meters import METERS
from reports.charges.rate_card import Tier, card_at

if TYPE_CHECKING:
    from pathlib import Path

MICROSECOND = timedelta(microseconds=1)
TIERED = {"price": "", "tier_mode": '"graduated"', "tier_scope": '"volume"'}


def tiered(*tiers: str) -> str:
    return item(**TIERED, tiers=f"[{', '.join(f'{{ {tier} }}' for tier in tiers)}]")


def test_numbers_are_the_digits_that_are_written(tmp_path: Path) -> None:
    found = one_item(tmp_path, price="0.100000000001", free="0.3", minimum="5", tier_scope='"account"')

    assert found.tiers == (Tier(Decimal(0), None, Decimal("0.100000000001")),)
    assert (found.free, found.minimum) == (Decimal("0.3"), Decimal(5))
    assert found.tier_scope == "account"


def test_a_price_of_nothing_has_no_sign(tmp_path: Path) -> None:
    assert str(one_item(tmp_path, **TIERED, tiers="[{ from = 0, price = -0.0 }]").tiers[0].price) == "0.0"


def test_tiers_and_filters_are_those_of_the_file(tmp_path: Path) -> None:
    found = one_item(
        tmp_path,
        **TIERED,
        tiers="[{ from = 0, to = 10, price = 2 }, { from = 10, price = 1.5 }]",
        filter='{ pool_id = ["p1", "p2"], qos_class = ["guaranteed"] }',
    )

    assert found.tiers == (Tier(Decimal(0), Decimal(10), Decimal(2)), Tier(Decimal(10), None, Decimal("1.5")))
    assert found.filter.pool_id == ("p1", "p2")
    assert found.filter.qos_class == ("guaranteed",)
    assert found.filter.account_id == ()


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ({}, "IOPS-Hours"),
        ({"per_month": "true"}, "IOPS-Months"),
        ({"meter": '"gib"', "per": "1000"}, "1000 GiB-Hours"),
        ({"meter": '"read_ops"', "per": "1000000"}, "1000000 Operations"),
        ({"meter": '"write_bytes"'}, "Bytes"),
    ],
)
def test_the_unit_of_a_price_is_written_as_finance_expects_it(
    tmp_path: Path, values: dict[str, str], unit: str
) -> None:
    assert one_item(tmp_path, **values).pricing_unit == unit


def test_every_meter_counts_a_column_of_usage_records() -> None:
    columns = {meter.column for meter in METERS.values()} | {meter.minus for meter in METERS.values() if meter.minus}

    assert columns <= set(USAGE_RECORD.names)
    assert all(meter.level == meter.column.endswith("_seconds") for meter in METERS.values())
    assert {meter.kind for meter in METERS.values()} == set(USAGE_RECORD.values["kind"])
    assert columns <= set(COLUMNS)


def test_a_card_is_in_force_from_its_first_moment_to_before_its_last(tmp_path: Path) -> None:
    start, change, end = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 5, 9))
    cards = load(
        write(
            tmp_path,
            card(version='"2"', valid_from="2026-05-01", valid_to="2026-09-01T02:00:00+02:00"),
            card(valid_from="2026-03-01T00:00:00Z", valid_to="2026-05-01"),
        )
    )

    assert [found.version for found in cards] == ["1", "2"]
    at = {moment: card_at(cards, moment) for moment in (start, change - MICROSECOND, change, end - MICROSECOND)}
    assert [found and found.version for found in at.values()] == ["1", "1", "2", "2"]
    assert card_at(cards, start - MICROSECOND) is None
    assert card_at(cards, end) is None


def test_a_card_without_an_end_goes_on(tmp_path: Path) -> None:
    cards = load(write(tmp_path, card()))

    assert card_at(cards, datetime(2999, 1, 1, tzinfo=UTC)) == cards[0]


def test_a_date_is_the_first_moment_of_the_day_where_bills_are_made(tmp_path: Path) -> None:
    (found,) = load(write(tmp_path, card(valid_to="2026-07-01")), ZoneInfo("Europe/Berlin"))

    assert found.valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert found.valid_to == datetime(2026, 6, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(("code", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_a_currency_has_its_smallest_amount(tmp_path: Path, code: str, digits: int) -> None:
    (found,) = load(write(tmp_path, card(currency=f'"{code}"')))

    assert found.minor_digits == digits


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": the key 'cards' is missing; add it"),
        ("card = 1", ": line 1: unknown key 'card' (did you mean 'cards'?); valid keys are cards"),
        (card(colour='"red"'), "line 1: unknown key 'colour'"),
        (card(currency='"EURO"'), "line 1: key 'currency': received 'EURO', which is no currency (did you mean 'EUR"),
        (card(currency='"eur"'), "received 'eur', which is no currency (did you mean 'EUR'?); valid are codes of ISO"),
        (card(currency='"XAU"'), "received 'XAU', which is no currency"),
        (card(version="2"), "line 1: key 'version': input should be a valid string"),
        (card(rounding='"lines"'), "received 'lines', which is no rounding (did you mean 'line'?); valid are invoice,"),
        (card(rounding_mode='"up"'), "which is no rounding mode; valid are half_even, half_up"),
        (card(open_conflict=""), "line 1: the key 'open_conflict' is missing; add it"),
        (card(open_conflict='"free"'), "received 'free', which is no way to price an open conflict; valid are deliv"),
        (card(valid_from='"2026-01-01"'), "key 'valid_from': received '2026-01-01'; valid is a date or a date-time"),
        (card(valid_from="2026-01-01T00:00:00"), "received '2026-01-01 00:00:00'; valid is a date or a date-time with"),
        (card(valid_from="0001-01-01"), "received '0001-01-01'; valid are the years 1970 to 9998"),
        (card(valid_to="2026-01-01"), "line 1: valid_to is not after valid_from"),
        (
            card(item(valid_from="2026-03-01", valid_to="2026-03-01T00:00:00Z")),
            "line 9: valid_to is not after valid_from",
        ),
        (card(item(valid_to="2026-03")), "cannot be read as TOML"),
        (card(item(prise="1")), "line 9: unknown key 'prise' (did you mean 'price'?); valid keys are filter, free,"),
        (card(item(), item(sku='"b"', meter='"iops"')), "line 14: key 'meter': received 'iops', which is no meter"),
        (card(item(meter='"red_ops"')), "received 'red_ops', which is no meter (did you mean 'read_ops'?); valid are"),
        (card(item(), item()), "line 14: key 'sku': 'iops' is also the sku of "),
        (card(item(price="-0.01")), "line 9: key 'price': received -0.01; valid is a number from 0"),
        (card(item(price="nan")), "received NaN; valid is a number from 0"),
        (card(item(price='"1"')), "received '1'; valid is a number from 0, without quotes"),
        (card(item(price="true")), "received True; valid is a number from 0, without quotes"),
        (card(item(price="0.1234567890123")), "valid are at most 15 digits before the decimal point and 12 after it"),
        (card(item(price="1e15")), "received 1E+15; valid are at most 15 digits"),
        (
            card(item(free="0.0000001", tier_scope='"volume"')),
            "line 9: key 'free': received 0.0000001; usage is measured in millionths, so valid are at most 6 digits",
        ),
        (
            card(tiered("from = 0, to = 0.0000001, price = 1", "from = 0.0000001, price = 1")),
            "'tiers.0.to': received 0.00",
        ),
        (card(item(price="1e999999999999999999999")), "cannot be read as TOML"),
        (card(item(price="")), "line 9: received neither of price and tiers; an item has one of the two"),
        (card(item(**{**TIERED, "price": "1"}, tiers="[{ from = 0, price = 1 }]")), "received both of price and tiers"),
        (card(item(tier_mode='"volume"')), "line 9: tiers and tier_mode (graduated or volume) go together"),
        (card(item(price="", tiers="[{ from = 0, price = 1 }]")), "tiers and tier_mode (graduated or volume) go toget"),
        (card(item(per="0")), "line 9: key 'per': input should be greater than or equal to 1 (received 0)"),
        (card(item(per="0.5")), "key 'per': input should be a valid integer"),
        (card(item(meter='"read_ops"', per_month="true")), "line 9: per_month is for levels and read_ops is a count;"),
        (card(item(free="3000")), "line 9: tiers, free and minimum each count for a scope; add tier_scope"),
        (card(item(minimum="0.01")), "line 9: tiers, free and minimum each count for a scope; add tier_scope"),
        (card(item(minimum="1", meter='"undelivered_iops"', tier_scope='"volume"')), "undelivered_iops pays back"),
        (card(item(filter='{ qos_class = ["gold"] }')), "key 'filter.qos_class.0': received 'gold', which is no QoS"),
        (card(item(filter='{ offering = ["gold"] }')), "unknown key 'filter.offering' (did you mean 'offering_id'?)"),
        (card(tiered()), "line 9: received no tiers; give at least one, or a price"),
        (card(tiered("from = 1, price = 1")), "the first tier is from 1; it has to be from 0"),
        (card(tiered("from = 0, to = 9, price = 1")), "the last tier is to 9; leave its `to` out"),
        (card(tiered("from = 0, price = 1", "from = 9, price = 1")), "tier 1 has no `to`, which only the last may"),
        (card(tiered("from = 0, to = 0, price = 1", "from = 0, price = 1")), "tier 1 is from 0 to 0; tiers ascend"),
        (
            card(tiered("from = 0, to = 9, price = 1", "from = 9, to = 5, price = 1", "from = 5, price = 1")),
            "line 9: tier 2 is from 9 to 5; tiers ascend, so `to` has to be greater",
        ),
        (
            card(tiered("from = 0, to = 9, price = 1", "from = 8, price = 1")),
            "line 9: tiers 1 and 2 overlap: one is to 9, the next from 8",
        ),
        (
            card(tiered("from = 0, to = 9, price = 1", "from = 9.5, price = 1")),
            "line 9: tiers 1 and 2 leave a gap: one is to 9, the next from 9.5",
        ),
        (card(tiered("from = 0, price = -1")), "line 9: key 'tiers.0.price': received -1; valid is a number from 0"),
        (card(tiered("from = 0, price = 1, till = 3")), "unknown key 'tiers.0.till'"),
        (
            card() + card(version='"2"', valid_from="2026-06-01"),
            "line 14: key 'valid_from': two cards are in force from 2026-06-01T00:00:00Z on, 'standard' version",
        ),
        (
            card(version='"2"', valid_from="2026-06-01") + card(valid_to="2026-06-01T00:00:01Z"),
            "line 1: key 'valid_from': two cards are in force from 2026-06-01T00:00:00Z on",
        ),
        (
            card(valid_to="2026-06-01") + card(valid_from="2026-06-01"),
            "there is another card 'standard' version '1'; give this one its own version",
        ),
        (card().partition("[[cards.items]]")[0], "line 1: the key 'items' is missing; add it"),
        (card().replace("[[cards.items]]", "[cards.items]"), "line 1: key 'items': input should be a valid list"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(ConfigurationError) as raised:
        load(path)

    assert str(raised.value).startswith(str(path))
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_line_is_that_of_the_item_whatever_its_texts_say(tmp_path: Path) -> None:
    tricky = item(title='"""\n[[cards.items]]\nis how one begins\n[[cards]]\n"""', filter='{ pool_id = ["p"] }')
    path = write(tmp_path, card(tricky, item(sku='"b"', price="").replace("[[cards.items]]", " [[ cards . items ]] #")))

    with pytest.raises(ConfigurationError, match="line 19: received neither of price and tiers"):
        load(path)


def test_where_items_have_other_headers_one_is_named_by_its_number(tmp_path: Path) -> None:
    inline = "items = [{ sku = 'a', title = 'A', meter = 'gib', price = 1 }, { sku = 'b', title = 'B', meter = 'gib' }]"
    path = write(tmp_path, card().partition("[[cards.items]]")[0], inline)

    with pytest.raises(ConfigurationError, match="card number 1, item number 2: received neither of price and tiers"):
        load(path)


def test_a_file_that_is_missing_or_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="write one as docs/rate-cards"):
        load(tmp_path / "rates.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory; put a file there"):
        load(tmp_path)
