"""The report of a month says what it rests on, and nothing in it can become markup."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING, Any

import bills
import pytest
from bills import NOVEMBER, OCTOBER
from lakes import a_run
from policy_lake import ioledger
from rate_cards import card, item

from ioledger.lake.writer import write_run
from reports.html import data
from reports.pages import text

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row

CARD = card(item(), item(sku='"reads"', meter='"read_ops"', price="0.01"))


def page_of(lake: Path, period: str = "2026-10") -> str:
    path = lake.parent / "page.html"
    assert ioledger(lake, "report", "--period", period, "--to", str(path)) == 0
    return path.read_text(encoding="utf-8")


def data_of(page: str) -> Any:  # noqa: ANN401 - JSON
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


def rows_of(page: str, table: str) -> list[list[str]]:
    (found,) = re.findall(rf'<table[^>]*id="{table}".*?</table>', page, re.DOTALL)
    cells = [re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr.*?</tr>", found, re.DOTALL)]
    return [[" ".join(unescape(re.sub("<[^>]*>", "", cell)).split()) for cell in row] for row in cells]


def notes_of(page: str) -> str:
    return " ".join(re.findall(r'<p class="draft">(.*?)</p>', page))


def hours(count: int = 3, **columns: object) -> list[Row]:
    return [bills.done(OCTOBER + timedelta(hours=hour), 10, **columns) for hour in range(count)]


def test_a_month_without_charges_shows_usage_alone(tmp_path: Path) -> None:
    page = page_of(bills.lake_with(tmp_path, hours()))

    assert "This month is not rated, so there are no amounts" in page
    assert data_of(page)["volumes"]["ops"] == [30]
    assert data_of(page)["currencies"] == []
    assert "This month is not closed" in notes_of(page)


def test_charges_of_other_usage_records_are_told(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, hours())
    bills.rate(lake, "2026-10", CARD)
    assert "have changed since" not in notes_of(page_of(lake))

    bills.put(lake, hours(4))

    assert "have changed since: ioledger rate --period 2026-10" in notes_of(page_of(lake))


def test_a_closed_month_is_told_as_it_was_closed_and_corrections_where_they_are_billed(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, hours())
    bills.close(lake, bills.rate(lake, "2026-10", CARD))
    bills.put(lake, [*hours(4), bills.done(NOVEMBER, 7)])
    bills.rate(lake, "2026-11", CARD)

    october, november = page_of(lake), page_of(lake, "2026-11")

    assert data_of(october)["volumes"]["ops"] == [30]
    assert notes_of(october) == ""
    assert ["EUR", "total", "1", "0.30"] in rows_of(october, "charges")
    assert [row[1:5] for row in rows_of(november, "corrections")[1:]] == [
        ["2026-10", "taken back", "1", "-0.30"],
        ["2026-10", "billed anew", "1", "0.40"],
    ]
    assert {row[3] for row in rows_of(november, "reconciliation")[1:]} == {"✓ yes"}


def test_no_name_ends_the_data_or_begins_a_comment(tmp_path: Path) -> None:
    hostile = "</script><!--<script>alert(1)</script>\u2028&amp;"
    page = page_of(bills.lake_with(tmp_path, hours(1, volume_id=hostile, account_id=hostile)))

    assert data_of(page)["volumes"]["id"] == [hostile]
    assert data_of(page)["accounts"] == [[hostile, None]]
    assert page.count("<script") == 2
    assert "<!--" not in page


def test_the_same_lake_gives_the_same_bytes(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, [*hours(), *hours(2, volume_id="v2", account_id=None)])
    bills.rate(lake, "2026-10", CARD)

    assert page_of(lake) == page_of(lake)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--period", "October", "--to", "page.html"], "October"),
        (["--period", "2026-10-01", "--to", "page.html"], "write a month as 2026-10"),
        (["--period", "2026-09", "--to", "page.html"], "there are no usage records of 2026-09"),
        (["--period", "2026-10", "--to", "."], ". is no file; name one that is to be written"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = bills.lake_with(tmp_path, hours(1))
    monkeypatch.chdir(tmp_path)

    assert ioledger(lake, "report", *words) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(("count", "told"), [(9, 9), (2**53 - 1, 2**53 - 1), (2**53, str(2**53))])
def test_counts_that_javascript_would_round_are_digits(count: int, told: int | str) -> None:
    assert data.exact(count) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (2047, "1.9 KiB"), (5 * 2**40, "5.0 TiB")],
)
def test_sizes_are_rounded_down(value: int, told: str) -> None:
    assert text.size(value) == told.replace(" ", "\xa0")


@pytest.mark.parametrize(("seconds", "told"), [(0, "0 s"), (90, "1 min 30 s"), (3600, "1 h"), (90_061, "1 d 1 h")])
def test_times_are_told_in_their_largest_units(seconds: int, told: str) -> None:
    assert text.lasting(seconds).replace("\xa0", " ") == told


def test_amounts_keep_every_digit(tmp_path: Path) -> None:
    rows = [bills.done(OCTOBER, 10**15 + number, volume_id=f"v{number}") for number in (1, 2)]
    lake = bills.lake_with(tmp_path, rows)
    bills.rate(lake, "2026-10", CARD)

    assert [Decimal(amount) for amount in data_of(page_of(lake))["volumes"]["amount EUR"]] == [
        Decimal(10**15 + 1) / 100,
        Decimal(10**15 + 2) / 100,
    ]


def test_a_month_with_nothing_but_held_lines_has_no_amount(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, [bills.sold(OCTOBER, 5, qos_class="conflicting")])
    bills.rate(lake, "2026-10", card(item(), open_conflict='"hold"'))

    page = page_of(lake)

    assert f"<dt>Charged</dt><dd>{text.NONE} EUR" in page
    assert [row[2:] for row in rows_of(page, "charges")[1:]] == [["1", text.NONE], ["1", text.NONE]]


def test_an_account_is_charged_what_is_on_none_of_its_volumes_too(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, hours(offering_id="gold"))
    reads = item(sku='"reads"', meter='"read_ops"', price="0.01", minimum="5", tier_scope='"account"')
    bills.rate(lake, "2026-10", card(reads))

    told = data_of(page_of(lake))

    assert told["volumes"]["amount EUR"] == ["0.3"]
    assert sum(Decimal(each) for each in told["parts"]["amount EUR"] if each) == 5


def test_what_a_volume_did_counts_for_the_offering_that_it_had_then(tmp_path: Path) -> None:
    later = [bills.done(OCTOBER + timedelta(hours=9), 7, offering_id="silver")]
    told = data_of(page_of(bills.lake_with(tmp_path, [*hours(offering_id="gold"), *later])))

    offerings = [told["offerings"][each][0] for each in told["parts"]["offering"]]
    assert dict(zip(offerings, told["parts"]["ops"], strict=True)) == {"gold": 30, "silver": 7}


def test_a_source_that_fell_silent_is_silent_until_the_end(tmp_path: Path) -> None:
    lake = bills.lake_with(tmp_path, hours())
    for hour, source in ((0, "kvm-01"), (1, "kvm-01"), (2, "kvm-01"), (5, "kvm-02"), (30, "kvm-03")):
        write_run(lake, a_run(source=source, at=OCTOBER + timedelta(hours=hour)))

    silences = {row[0]: row[7:9] for row in rows_of(page_of(lake), "sources")[1:]}

    assert silences["kvm-01"] == ["1 h", "1 d 4 h"]
    assert silences["kvm-02"] == [text.NONE, "1 d 1 h"]
    assert silences["kvm-03"][0] == text.NONE
