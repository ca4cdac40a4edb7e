"""`ioledger rate`: what people and programs read, what has no price, and mistakes that leave the bill as it was."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from billing import NOVEMBER, done, held, lake_of
from lakes import a_run, content
from rate_cards import card, item

from ioledger.cli import run
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row

SIZE = item(sku='"size"', meter='"gib"', per_month="true", price="0.1")
PRICES = card(
    item(per_month="true", price="0.01"),
    item(sku='"back"', meter='"undelivered_iops"', per_month="true", price="0.01"),
    item(sku='"reads"', meter='"read_ops"', price="0.5", minimum="3", tier_scope='"volume"'),
    item(sku='"writes"', meter='"write_ops"', price="0"),
    SIZE,
    open_conflict='"hold"',
)


def rows_of_two() -> list[Row]:
    return [
        *held(sold_iops=1000, deliverable_iops=500, gib=100),
        *done(read_ops=4, write_ops=1),
        *held(account_id="zeta", volume_id="v2", sold_iops=1000, qos_class="conflicting"),
        *held([0], account_id=None, volume_id="v3", gib=2),
    ]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Two accounts in November, and a volume of nobody; a run after its end makes all of it final."""
    lake = lake_of(tmp_path, rows_of_two())
    name = 'Acme "A"\nand sons'
    sold = [{"volume_id": "v1", "account_id": "acme", "account_name": name}]
    for at in (NOVEMBER, NOVEMBER + timedelta(days=31)):
        write_run(lake, a_run(kind="controlplane", source="shop", at=at, tables={"entitlement": sold}))
    return lake


def rate(lake: Path, cards: str, *words: str, period: str = "2026-11") -> int:
    path = lake.parent / "rates.toml"
    path.write_text(cards, encoding="utf-8")
    return run(["--lake", str(lake), "rate", "--period", period, "--rate-card", str(path), *words])


def bills(lake: Path) -> dict[str, bytes]:
    return {name: held for name, held in content(lake).items() if name.startswith("charge")}


def test_people_read_who_owes_how_much_and_are_told_what_has_no_price(
    lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rate(lake, PRICES) == 3

    told = capsys.readouterr()
    heading, _, acme, zeta, nobody = (line.split() for line in told.out.splitlines())
    assert " ".join(heading) == (
        "account id account name currency usage minimums credits corrections total held lines unpriced lines"
    )
    assert acme == ["acme", "Acme", '"A"\\x0aand', "sons", "EUR", "22.00", "1.00", "-5.00", "0.00", "18.00", "0", "0"]
    assert zeta == ["zeta", "EUR", "0.00", "0.00", "0.00", "0.00", "0.00", "2", "0"]
    assert nobody[-2:] == ["0", "1"]
    assert told.err == "ioledger: UNPRICED: 7200 GiB-Seconds of gib, nobody knows which account it is of\n"


def test_programs_read_the_same_with_names_as_they_are(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rate(lake, PRICES, "--format", "json") == 3
    as_json = json.loads(capsys.readouterr().out)
    assert rate(lake, PRICES, "--format", "csv") == 3
    as_csv = list(csv.DictReader(StringIO(capsys.readouterr().out)))

    assert as_json[0] == {
        "account_id": "acme", "account_name": 'Acme "A"\nand sons', "currency": "EUR", "usage": "22.00",
        "minimums": "1.00", "credits": "-5.00", "corrections": "0.00", "total": "18.00", "held_lines": 0,
        "unpriced_lines": 0,
    }  # fmt: skip
    assert [(each["account_id"], each["held_lines"], each["unpriced_lines"]) for each in as_json] == [
        ("acme", 0, 0),
        ("zeta", 2, 0),
        (None, 0, 1),
    ]
    assert as_csv[0]["account_name"] == 'Acme "A"\nand sons'
    assert [each["account_id"] for each in as_csv] == ["acme", "zeta", ""]


def test_rating_twice_replaces_and_the_same_cards_give_the_same_bytes(lake: Path) -> None:
    rate(lake, PRICES)
    first = bills(lake)
    rate(lake, PRICES)
    assert bills(lake) == first

    rate(lake, PRICES.replace("0.01", "0.02"))

    assert bills(lake).keys() == first.keys() == {"charge/date=2026-11-01/2026-11.parquet"}
    assert bills(lake) != first


def test_a_month_with_prices_for_all_is_no_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = lake_of(tmp_path, held(gib=1))
    write_run(lake, a_run(kind="controlplane", source="shop", at=NOVEMBER + timedelta(days=31), tables={}))

    assert rate(lake, card(SIZE)) == 0
    assert capsys.readouterr().err == ""


def test_what_can_still_change_is_told_as_a_draft(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = lake_of(tmp_path, held(range(24), gib=1))
    write_run(lake, a_run(kind="controlplane", source="shop", at=NOVEMBER + timedelta(hours=12), tables={}))

    assert rate(lake, card(SIZE)) == 0
    assert "this is a draft: hours of 2026-11 that can still change: 1\n" in capsys.readouterr().err


def test_a_month_without_usage_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rate(lake, PRICES, period="2026-10") == 0
    told = capsys.readouterr()
    assert "there is no usage in 2026-10; make its records with `ioledger usage build`" in told.err


TIERS = {"price": "", "tier_mode": '"graduated"', "tier_scope": '"volume"'}


@pytest.mark.parametrize(
    ("period", "cards", "sentence"),
    [
        ("2026-11-22", PRICES, "'2026-11-22' is a day, and bills are of months; write a month as 2026-11"),
        ("November", PRICES, "'November' is no period; write a month as 2026-11"),
        ("2026-13", PRICES, "'2026-13' is no period"),
        ("2026", PRICES, "'2026' is no period"),
        (
            "2026-11",
            card(item(**TIERS, tiers="[{ from = 0, to = 9, price = 1 }, { from = 8, price = 1 }]")),
            "tiers 1 and 2 overlap: one is to 9, the next from 8",
        ),
        (
            "2026-11",
            card(item(**TIERS, tiers="[{ from = 0, to = 9, price = 1 }, { from = 10, price = 1 }]")),
            "tiers 1 and 2 leave a gap: one is to 9, the next from 10",
        ),
        ("2026-11", card(currency='"EUX"'), "received 'EUX', which is no currency"),
        ("2026-11", card(item(price="-1")), "received -1; valid is a number from 0"),
        ("2026-11", card() + card(version='"2"', valid_from="2026-11-15"), "two cards are in force from 2026-11-15"),
        ("2026-11", "cards = 1", "rates.toml: "),
        ("2026-11", "[[cards]", "cannot be read as TOML"),
    ],
)
def test_a_mistake_is_one_sentence_and_the_bill_stays_as_it_was(
    lake: Path, capsys: pytest.CaptureFixture[str], period: str, cards: str, sentence: str
) -> None:
    rate(lake, PRICES)
    before = bills(lake)
    capsys.readouterr()

    assert rate(lake, cards, period=period) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("ioledger: ")
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1
    assert bills(lake) == before


def test_a_file_that_is_not_there_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lake", str(lake), "rate", "--period", "2026-11", "--rate-card", "nowhere.toml"]) == 2
    assert "there is no rate card at nowhere.toml; write one as docs/rate-cards.md shows" in capsys.readouterr().err


def test_usage_that_cannot_be_read_leaves_the_bill_as_it_was(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rate(lake, PRICES)
    before = bills(lake)
    (path,) = (lake / "usage_record" / "date=2026-11-07").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    capsys.readouterr()

    assert rate(lake, PRICES) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert bills(lake) == before
