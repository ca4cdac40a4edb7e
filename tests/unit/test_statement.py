"""Statements tell an account what its charges and usage records say, to the last digit."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from charge_rows import START, charge, plausible
from exported import NAMES, PERIOD, lake_with, taken_for_closed, usage_row
from hypothesis import given
from hypothesis import strategies as st
from usage_lakes import store

from ioledger.cli import run
from ioledger.model.tables import USAGE_AMOUNTS
from reports.statement.command import file_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.model.records import Row

VOID = {"meta", "br", "rect"}
NO_TEXT = {"style", "title"}


class Page(HTMLParser):
    """A page as a reader sees it: by heading the rows of its tables, and the text; tags have to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[str] = []
        self.text = ""
        self.rows: dict[str, list[list[str]]] = defaultdict(list)
        self.amounts: dict[str, list[list[tuple[str, str]]]] = defaultdict(list)
        self.labels: list[str] = []
        self._open: list[str] = []
        self._heading = ""
        self._exact = ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.references += [f"{name}={values[name]}" for name in ("src", "href", "action", "style") if name in values]
        if tag == "h2":
            self._heading = ""
        if tag in ("tr", "dl"):
            self.rows[self._heading].append([])
            self.amounts[self._heading].append([])
        if tag in ("td", "th", "dd", "dt"):
            self.rows[self._heading][-1].append("")
        if tag == "data":
            self._exact = values["value"] or ""
        if tag == "svg" and "aria-label" in values:
            self.labels.append(values["aria-label"] or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - its signature
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if NO_TEXT & set(self._open):
            return
        self.text += data
        if "h2" in self._open:
            self._heading += data
        if {"td", "th", "dd", "dt"} & set(self._open):
            self.rows[self._heading][-1][-1] += data
        if "data" in self._open:
            self.amounts[self._heading][-1].append((self._exact, data))


def statement(lake: Path, *words: str | Path) -> int:
    return run(["--lake", str(lake), "statement", PERIOD, *map(str, words)])


def page_of(directory: Path, charges: Sequence[Row], usage: Sequence[Row] = (), account: str = "acme") -> Page:
    lake = lake_with(directory, usage, charges)
    path = directory / "page.html"
    assert statement(lake, "--account", account, "--to", path) == 0
    return Page(path.read_text(encoding="utf-8"))


def cells(page: Page, heading: str) -> list[list[str]]:
    return [[" ".join(cell.split()) for cell in row] for row in page.rows[heading]]


def exact_sum(rows: Sequence[Sequence[tuple[str, str]]]) -> Decimal:
    return sum((Decimal(exact) for row in rows for exact, _ in row), Decimal(0))


def used(number: int, **columns: object) -> Row:
    return usage_row(number, **{**dict.fromkeys(USAGE_AMOUNTS, 0), **EXACT_NOTHING, **columns})


EXACT_NOTHING = {name: Decimal(0) for name in USAGE_AMOUNTS if name.endswith("_seconds")}


def test_what_is_shown_is_what_the_rows_amount_to(tmp_path: Path) -> None:
    rows = [*plausible(), *(charge(volume_id=f"v{n}", amount=Decimal(f"1234567.{n:02}")) for n in range(40))]
    page = page_of(tmp_path, rows)

    mine = [row for row in rows if row["account_id"] == "acme" and row["amount"] is not None]
    corrected = sum(row["amount"] for row in mine if row["correction"])
    credited = sum(row["amount"] for row in mine if row["charge_kind"] == "credit" and not row["correction"])
    total = sum(row["amount"] for row in mine)
    assert exact_sum(page.amounts["Charges"]) == total - corrected - credited
    assert exact_sum(page.amounts["Credits"]) == credited == Decimal("-0.08")
    assert exact_sum(page.amounts["Corrections"]) == corrected == Decimal("-1.2")
    assert [Decimal(exact) for exact, _ in page.amounts["Total"][0]] == [
        total - corrected - credited, credited, corrected, total,
    ]  # fmt: skip
    assert exact_sum(page.amounts["Volumes"]) == total


def test_amounts_are_grouped_and_lose_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path, [charge(amount=Decimal("1234567.1")), charge(sku="b", amount=Decimal("0.123456789012"))])

    shown = [found for row in page.amounts["Charges"] for found in row]
    assert shown == [("0.123456789012", "0.123456789012"), ("1234567.1", "1,234,567.10")]
    assert all(
        Decimal(text.replace(",", "")) == Decimal(exact)
        for rows in page.amounts.values() for row in rows for exact, text in row
    )  # fmt: skip


def test_each_currency_has_its_own_total_and_its_own_places(tmp_path: Path) -> None:
    page = page_of(tmp_path, [charge(), charge(sku="b", currency="JPY", amount=Decimal(4321))])

    assert [row[-1] for row in page.amounts["Total"] if row] == [("30", "30.00"), ("4321", "4,321")]
    assert cells(page, "Volumes")[1][-1] == "30.00 EUR4,321 JPY"


def test_a_line_has_its_quantity_and_the_price_as_the_rate_card_has_it(tmp_path: Path) -> None:
    page = page_of(tmp_path, plausible())

    assert ["Operations", "1.234567", "1000000 Operations", "0.0725", "0.09", "EUR"] in cells(page, "Charges")
    assert ["Operationsfree of charge", "1", "1000000 Operations", "0", "0.00", "EUR"] in cells(page, "Charges")


def test_lines_of_one_item_and_price_are_one_row_and_those_of_another_price_are_not(tmp_path: Path) -> None:
    rows = [
        charge(volume_id="a"), charge(volume_id="b"),
        charge(volume_id="c", unit_price=Decimal("0.07"), rate_card_version="2", amount=Decimal(35),
               charge_period_start=START.replace(day=16)),
    ]  # fmt: skip
    page = page_of(tmp_path, rows)

    assert [row[1:5] for row in cells(page, "Charges")[1:]] == [
        ["1,000", "IOPS-Months", "0.06", "60.00"],
        ["500", "IOPS-Months", "0.07", "35.00"],
    ]
    assert cells(page, "Charges")[2][0] == "Guaranteed IOPS2026-10-16 00:00 to 2026-11-01 00:00"


def test_corrections_stand_apart_with_the_period_that_they_correct(tmp_path: Path) -> None:
    page = page_of(tmp_path, plausible())

    assert cells(page, "Corrections")[1:] == [
        ["2026-09", "Guaranteed IOPStakes back what was billed", "-500", "IOPS-Months", "0.06", "-30.00", "EUR"],
        ["2026-09", "Guaranteed IOPSbilled anew", "480", "IOPS-Months", "0.06", "28.80", "EUR"],
    ]


def test_what_is_held_or_has_no_price_is_told_with_the_reason(tmp_path: Path) -> None:
    page = page_of(tmp_path, plausible())

    assert cells(page, "Not billed yet")[1:] == [
        ["Guaranteed IOPS", "500", "IOPS-Months", "storage and hypervisor both limit the disk"]
    ]
    assert cells(page, "Without a price")[1:] == [["flush_ops", "42", "Operations", "no rate card counts it"]]
    assert "because it is held or without a price" in page.text


def test_usage_is_told_by_class_and_level(tmp_path: Path) -> None:
    io = used(0, guaranteed_ops=600, throttled_ops=399, unclassified_ops=1, read_ops=900, write_ops=100,
              observed_seconds=Decimal(2700), gap_seconds=Decimal(900), qos_class="conflicting")  # fmt: skip
    hour = {"kind": "allocation", "device": None, "sold_iops_seconds": Decimal(500 * 3600)}
    levels = [
        used(1, **hour, deliverable_iops_seconds=Decimal(300 * 3600)),
        used(2, **hour, deliverable_iops_seconds=Decimal(900 * 3600)),
    ]
    page = page_of(tmp_path, [charge()], [io, *levels])

    assert "Operations: 1,000. Reads: 900, writes: 100." in page.text
    (label,) = page.labels
    assert label.replace("\xa0", "") == (
        "Guaranteed 60.0%, Burst 0.0%, Throttled 39.9%, Best effort 0.0%, Unclassified 0.1%"
    )
    facts = cells(page, "Usage")[-1]
    assert dict(zip(facts[::2], facts[1::2], strict=True)) == {
        "Sold": "1,000.00 IOPS-hours",
        "Could be delivered of it": "800.00 IOPS-hours 80.0 % of what was sold",
        "In conflict": "1.00 h of disks that storage and hypervisor both limit",
        "At the cap": "0.00 h at 95 % of a cap or more",
        "Observed": "0.75 h 75.0 % of the time of disks",
        "In gaps": "0.25 h between readings too far apart",
    }
    assert ["datavol-1", "600", "0", "399", "0", "1", "30.00 EUR"] in cells(page, "Volumes")
    assert ["datavol-1", "1,000.00", "800.00", "80.0 %", "1.00", "0.75", "0.25"] in cells(page, "Volumes")


def test_usage_of_other_accounts_and_months_is_not_told(tmp_path: Path) -> None:
    rows = [used(0, read_ops=1, guaranteed_ops=1), used(0, account_id="globex", read_ops=10, guaranteed_ops=10),
            used(-1, read_ops=100, guaranteed_ops=100), used(744, read_ops=1000, guaranteed_ops=1000)]  # fmt: skip
    page = page_of(tmp_path, [charge()], rows)

    assert "Operations: 1. Reads: 1, writes: 0." in page.text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b \"c\" 'd' </style><b>", "{{ 7 * 7 }}"])
def test_names_with_markup_are_text(tmp_path: Path, name: str) -> None:
    everywhere = dict.fromkeys(("account_name", "volume_name", "title", "pricing_unit", "sku"), name)
    page = page_of(tmp_path, [charge(**everywhere), charge(**everywhere, charge_kind="held", amount=None, reason=name)])

    assert not {"script", "b"} & page.tags
    assert page.text.count(name) == 8


def test_a_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    page = page_of(tmp_path, plausible())

    assert page.references == []
    assert not {"script", "link", "img", "iframe", "object"} & page.tags
    assert not re.search(r"url\(|@import", (tmp_path / "page.html").read_text(encoding="utf-8"))


def test_every_account_has_its_file_and_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    rows = [charge(account_id=name, account_name=name) for name in NAMES]
    usage = [used(0, account_id="only used", read_ops=1, guaranteed_ops=1)]
    lake = lake_with(tmp_path, usage, [*rows, charge(account_id=None)])

    assert statement(lake, "--to", tmp_path / "first") == 0
    assert statement(lake, "--to", tmp_path / "second") == 0

    found = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    assert set(found) == {file_name(name) for name in (*NAMES, "only used")}
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}


def test_what_is_of_no_known_account_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = lake_with(tmp_path, charges=[charge(), charge(account_id=None)])

    assert statement(lake, "--to", tmp_path / "pages") == 0

    assert "1 charges are on no statement, because nobody knows whose they are" in capsys.readouterr().err


@given(st.text(max_size=300), st.text(max_size=300))
def test_accounts_have_files_of_their_own_whatever_their_ids(first: str, second: str) -> None:
    names = [file_name(account_id) for account_id in (first, second)]

    assert (names[0] == names[1]) == (first == second)
    assert all(re.fullmatch(r"[A-Za-z0-9_~%-]*\.html", name) and len(name) < 200 for name in names)


@pytest.mark.parametrize("start", ["x" * 300, "é" * 100])
def test_long_ids_that_differ_at_their_end_have_files_of_their_own(start: str) -> None:
    assert file_name(f"{start}1") != file_name(f"{start}2")


def test_a_month_is_a_draft_until_it_is_closed(tmp_path: Path) -> None:
    usage = [used(0, read_ops=1, guaranteed_ops=1)]
    assert "DRAFT." in page_of(tmp_path, [charge()], usage).text
    lake = tmp_path / "lake"
    closed = taken_for_closed(lake)
    (closed / "usage_record").symlink_to(lake / "usage_record")
    (closed / "charge.parquet").symlink_to(next((lake / "charge").glob("*/*.parquet")))

    assert statement(lake, "--account", "acme", "--to", tmp_path / "closed.html") == 0

    page = Page((tmp_path / "closed.html").read_text(encoding="utf-8"))
    assert "raft" not in page.text
    assert "Operations: 1. Reads: 1, writes: 0." in page.text


def test_a_closed_month_tells_the_usage_that_was_frozen_with_it(tmp_path: Path) -> None:
    test_a_month_is_a_draft_until_it_is_closed(tmp_path)
    lake = tmp_path / "lake"
    (lake / "closed" / PERIOD / "usage_record").unlink()
    (lake / "usage_record").rename(lake / "closed" / PERIOD / "usage_record")
    store(lake, [used(0, read_ops=99, guaranteed_ops=99)])

    assert statement(lake, "--account", "acme", "--to", tmp_path / "later.html") == 0

    assert (tmp_path / "later.html").read_bytes() == (tmp_path / "closed.html").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--account", "nobody", "--to", "x.html"], "the account 'nobody' has no charges and no usage in 2026-10"),
        (["--account", "acme", "--to", "lake"], "lake is no file; name one that is to be written"),
        (["--to", "a-file"], "a-file/acme.html cannot be written: Not a directory; name a place"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = lake_with(tmp_path, charges=[charge()])
    (tmp_path / "a-file").touch()
    monkeypatch.chdir(tmp_path)

    assert statement(lake, *words) == 2

    assert re.search(message, capsys.readouterr().err)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-file", "lake"]


def test_if_one_page_cannot_be_written_none_is(tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=[charge(account_id="a"), charge(account_id="b")])
    pages = tmp_path / "pages"
    (pages / "b.html").mkdir(parents=True)

    assert statement(lake, "--to", pages) == 2

    assert [path.name for path in pages.iterdir()] == ["b.html"]
