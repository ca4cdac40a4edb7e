"""The report of a month in a real browser: from disk, without a network, for everybody."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import bills
import browser as browsers
import duckdb
import pytest
import report_lake
from policy_lake import ioledger
from rate_cards import card, item
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browser import Browser

NONE = "\N{EN DASH}"
CLASSES = ("guaranteed", "burst", "throttled", "best_effort", "unclassified")
A4_LANDSCAPE = int((297 - 2 * 12) / 25.4 * 96)
"""The width of what is printed, in the pixels of CSS."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report_lake.new_lake(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="module")
def page(lake: Path) -> str:
    path = lake.parent / "report.html"
    assert ioledger(lake, "report", "--period", report_lake.PERIOD, "--to", str(path)) == 0
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.started() as started:
        yield started


def digits(text: str) -> str:
    return text.replace(",", "")


def choose(browser: Browser, css: str, label: str, value: str) -> None:
    (select,) = [
        each.find_element("css selector", "select")
        for each in browser.driver.find_elements("css selector", f"{css} .tools label")
        if each.text.startswith(label)
    ]
    Select(select).select_by_visible_text(value)


def names(browser: Browser, css: str = "#volume-table") -> list[str]:
    return [row["Volume"].splitlines()[0] for row in browser.rows(css)]


def test_opens_from_disk_without_network_and_complaints(browser: Browser, page: str, lake: Path) -> None:
    browser.open(page)

    assert browser.complaints() == []
    assert browser.find("h1").text == "Disk I/O 2026-11"
    text = (lake.parent / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"(?i)\b(?:https?|ftp|wss?):|//\w+\.\w", text) == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def test_names_are_never_markup(browser: Browser, page: str) -> None:
    browser.open(f"{page}#account=evil")

    assert browser.complaints() == []
    assert browser.find("#page h2").text == report_lake.HOSTILE
    assert browser.run("return document.scripts.length") == 2
    assert report_lake.HOSTILE in browser.texts("#volume-list select option")


def test_names_in_a_statement_are_never_markup(browser: Browser, lake: Path) -> None:
    path = lake.parent / "evil.html"
    assert ioledger(lake, "statement", report_lake.PERIOD, "--to", str(path), "--account", "evil") == 0
    browser.open(path.as_uri())

    assert browser.complaints() == []
    assert report_lake.HOSTILE in browser.find("body").text
    assert browser.run("return document.scripts.length") == 0


def test_numbers_are_those_of_the_usage_records(browser: Browser, page: str, lake: Path) -> None:
    files = [str(path) for path in lake.glob("usage_record/**/*.parquet")]
    sums = ", ".join(f"sum({name}_ops)::BIGINT" for name in CLASSES)
    with duckdb.connect() as connection:
        records = connection.read_parquet(files, hive_partitioning=False)
        of_accounts = records.aggregate(f"account_id, {sums}", "account_id").fetchall()
        by_account = {account: counts for account, *counts in of_accounts}
        by_volume = dict(records.aggregate("volume_id, sum(read_ops + write_ops)::BIGINT", "volume_id").fetchall())
        charged = connection.read_parquet(
            [str(path) for path in lake.glob("charge/**/*.parquet")], hive_partitioning=False
        )
        amounts = dict(charged.aggregate("account_id, sum(amount)", "account_id").fetchall())

    browser.open(page)
    shown = {
        (row["Account"].splitlines()[1] if "\n" in row["Account"] else None): row for row in browser.rows("#by-account")
    }
    headings = ("Guaranteed", "Burst", "Throttled", "Best effort", "Unclassified")
    assert {account: [int(digits(row[name])) for name in headings] for account, row in shown.items()} == by_account
    assert {account: Decimal(digits(row["EUR"])) for account, row in shown.items() if account} == {
        account: amount for account, amount in amounts.items() if account
    }
    operations = {
        re.findall(r"vol-\d+", row["Volume"])[0]: int(digits(row["Operations"]))
        for row in browser.rows("#volume-table")
    }
    assert operations == by_volume
    assert browser.texts("#reconciliation .differs") == []
    assert len(browser.texts("#reconciliation .agrees")) > 10

    browser.open(f"{page}#account=acme")
    assert [int(digits(row["Operations"])) for row in browser.rows("#page .split table")] == by_account["acme"]
    assert Decimal(digits(browser.texts("#page .facts div:last-child dd")[0].split()[0])) == amounts["acme"]


def test_sorts_by_numbers_and_by_names(browser: Browser, page: str) -> None:
    browser.open(page)
    head = browser.find("#volume-table thead th:nth-child(8) button")

    head.send_keys(Keys.ENTER)
    falling = [int(digits(row["Operations"])) for row in browser.rows("#volume-table")]
    assert falling == sorted(falling, reverse=True)
    assert browser.texts("#volume-table [aria-sort=descending]") == ["Operations"]
    head.click()
    rising = [int(digits(row["Operations"])) for row in browser.rows("#volume-table")]
    assert rising == sorted(falling)
    choose(browser, "#volume-list", "Sort by", "Volume, falling")
    assert names(browser)[1:3] == ["data-23", "data-22"]
    choose(browser, "#volume-list", "Sort by", "Amount, EUR, falling")
    amounts = [row["Amount, EUR"] for row in browser.rows("#volume-table")]
    known = [Decimal(digits(amount)) for amount in amounts if amount != NONE]
    assert known == sorted(known, reverse=True)
    assert amounts[len(known) :] == [NONE] * (len(amounts) - len(known))

    browser.find("#by-account thead th:nth-child(6) button").click()
    burst = [int(digits(row["Burst"])) for row in browser.rows("#by-account")]
    assert burst == sorted(burst, reverse=True)


def test_counts_sort_exactly_beyond_what_numbers_of_javascript_hold(browser: Browser, tmp_path: Path) -> None:
    reads = {"v1": 2**53, "v2": 2**53 + 1, "v3": 2**53 + 2, "v4": 9}
    rows = [bills.done(bills.OCTOBER, count, volume_id=volume) for volume, count in reads.items()]
    path = tmp_path / "report.html"
    assert ioledger(bills.lake_with(tmp_path, rows), "report", "--period", "2026-10", "--to", str(path)) == 0

    browser.open(path.as_uri())
    choose(browser, "#volume-list", "Sort by", "Operations, falling")

    assert browser.complaints() == []
    assert [(row["Volume"].split()[0], int(digits(row["Operations"]))) for row in browser.rows("#volume-table")] == [
        ("v3", 2**53 + 2), ("v2", 2**53 + 1), ("v1", 2**53), ("v4", 9),
    ]  # fmt: skip
    assert "not rated" in browser.find("#money").text


def test_pages_of_accounts_and_volumes_tell_all_that_is_charged(browser: Browser, tmp_path: Path) -> None:
    later = bills.OCTOBER + 9 * report_lake.HOUR
    rows = [
        bills.done(bills.OCTOBER, 10, offering_id="gold", observed_seconds=19),
        bills.done(later, 7, offering_id="silver", observed_seconds=19),
        bills.done(later, 5, account_id="b", observed_seconds=3600),
    ]
    lake = bills.lake_with(tmp_path, rows)
    reads = item(sku='"reads"', meter='"read_ops"', price="2", minimum="5000", tier_scope='"account"')
    bills.rate(lake, "2026-10", card(reads, currency='"JPY"'))
    path = tmp_path / "report.html"
    assert ioledger(lake, "report", "--period", "2026-10", "--to", str(path)) == 0

    browser.open(f"{path.as_uri()}#account=a")
    by_offering = {row["Offering"]: (row["Guaranteed"], row["JPY"]) for row in browser.rows("#page-offerings")}
    assert by_offering == {"gold": ("10", "20"), "silver": ("7", "14"), "none": ("0", "4,966")}
    assert browser.texts("#page .facts div:last-child dd") == ["5,000 JPY"]

    browser.open(f"{path.as_uri()}#volume=v1")
    assert browser.texts("#page > p a") == ["a", "b"]
    assert browser.texts("#page .facts div:last-child dd")[-1] == "44 JPY"
    assert browser.complaints() == []


def test_times_add_up_before_they_are_rounded(browser: Browser, tmp_path: Path) -> None:
    rows = [bills.done(bills.OCTOBER, 1, volume_id=f"v{each}", at_cap_seconds=19) for each in range(10)]
    path = tmp_path / "report.html"
    assert ioledger(bills.lake_with(tmp_path, rows), "report", "--period", "2026-10", "--to", str(path)) == 0

    browser.open(f"{path.as_uri()}#account=a")

    assert "0.05 h\nof disks" in browser.texts("#page .facts dd")


def test_filters_and_searches(browser: Browser, page: str) -> None:
    browser.open(page)

    choose(browser, "#volume-list", "What is wrong", "drift: not as sold")
    assert names(browser) == ["data-4", "data-8"]
    choose(browser, "#volume-list", "Account", "Bolt & Söhne")
    assert names(browser) == ["data-4"]
    choose(browser, "#volume-list", "What is wrong", "all volumes")
    assert len(names(browser)) == 6
    choose(browser, "#volume-list", "Account", "all accounts")
    browser.find("#volume-list input").send_keys("WEB-13/vd")
    assert names(browser) == ["data-13"]
    browser.find("#volume-list input").send_keys("x")
    assert names(browser) == []
    assert browser.find("#volume-list [role=status]").text == "Nothing matches; there are 24 in all."

    choose(browser, "#finding-list", "State", "resolved")
    assert {row["What"].splitlines()[0] for row in browser.rows("#finding-table")} == {"data-16"}


def test_every_account_and_volume_has_a_page(browser: Browser, page: str) -> None:
    browser.open(page)

    browser.find("#by-account a[href='#account=bolt']").click()
    browser.wait_for(lambda: browser.find("#page h2").text == "Bolt & Söhne")
    assert browser.run("return document.activeElement.innerText") == "Bolt & Söhne"
    assert len(names(browser, "#page-volumes")) == 6
    assert {row["Rule"] for row in browser.rows("#page-findings")} >= {"QOS101", "QOS102"}
    assert not browser.find("#report").is_displayed()

    browser.find("#page-volumes a[href='#volume=vol-0004']").click()
    browser.wait_for(lambda: browser.find("#page h2").text == "data-4")
    facts = browser.texts("#page .facts:first-of-type dd")
    assert [fact.splitlines() for fact in facts[:3]] == [
        ["min 1,000", "max 2,000", "IOPS"], ["min 1,000", "max 2,000", "IOPS"], ["300 IOPS in total"],
    ]  # fmt: skip
    browser.driver.back()
    browser.wait_for(lambda: browser.find("#page h2").text == "Bolt & Söhne")
    browser.driver.back()
    browser.wait_for(lambda: browser.find("#report").is_displayed())
    browser.open(f"{page}#account=nobody")
    assert browser.find("#report").is_displayed()
    assert browser.complaints() == []


@pytest.mark.parametrize("place", ["", "#account=acme", "#volume=vol-0008"])
def test_nothing_keeps_people_from_reading_it(browser: Browser, page: str, place: str) -> None:
    browser.open(page + place)
    assert browser.barriers() == []

    browser.open(page + place, dark=True)
    assert browser.barriers("color-contrast") == []


@pytest.mark.parametrize("place", ["", "#account=acme", "#volume=vol-0008"])
def test_fits_a_phone_and_a_sheet_of_paper(browser: Browser, page: str, place: str) -> None:
    browser.open(page + place, width=390)
    assert browser.run("return document.documentElement.scrollWidth") == 390

    browser.open(page + place, width=A4_LANDSCAPE, media="print")
    beyond = browser.run(
        "return [...document.querySelectorAll('td, th, p, dd, svg')].filter(each => each.checkVisibility() && "
        "each.getBoundingClientRect().right > arguments[0] + 1).map(each => each.outerHTML.slice(0, 200))",
        A4_LANDSCAPE,
    )
    assert beyond == []
    assert base64.b64decode(browser.pdf()).startswith(b"%PDF")


def test_reads_without_script(browser: Browser, page: str) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(page)
        text = browser.find("body").text
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert "The list of all volumes takes the script" in text
    assert "is capped at 300 IOPS, below the 1000 IOPS that volume vol-0004 guarantees it" in text
    assert "Bolt & Söhne" in text
    assert "A cap is below the minimum that the storage guarantees" in text
