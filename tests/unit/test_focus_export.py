"""Exports as FOCUS, by the public checker of FOCUS files and by hand."""

from __future__ import annotations

import csv
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING

import bills
import pyarrow.parquet as pq
import pytest
from charge_rows import EARLIER, MONTH_SECONDS, charge, plausible
from command import ioledger
from exported import NAMES, PERIOD, export, lake_with, taken_for_closed
from focus_checker import CHECKOUT, PYTHON, Checker, checker
from rate_cards import card, item

from ioledger.errors import ConfigurationError
from ioledger.model.tables import CHARGE

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row

FILES = ("bill.csv", "bill.parquet")

ONE_OF_TWO = {"open": "InvoiceId-C-005-C", "closed": "InvoiceId-C-004-C"}
"""The checker judges "must be null" and "must not be null" each by itself, though FOCUS asks for one of the two."""


@pytest.fixture(scope="session")
def focus_checker() -> Checker:
    found = checker()
    if found is None:
        pytest.skip(f"the checker of FOCUS files runs on Python {PYTHON}, and this machine has none")
    return found


def awkward() -> list[Row]:
    """Give charges that lack what most have, in every unit that a rate card can price."""
    earlier = {"charge_period_start": EARLIER[0], "charge_period_end": EARLIER[1], "corrects_charge_id": "c" * 64}
    units = (
        ("IOPS-Seconds", "IOPS-Hours"), ("IOPS-Seconds", "100 IOPS-Months"), ("GiB-Seconds", "GiB-Hours"),
        ("GiB-Seconds", "GiB-Months"), ("GiB-Seconds", "1000 GiB-Hours"), ("Operations", "Operations"),
        ("Bytes", "Bytes"), ("Bytes", "1073741824 Bytes"),
    )  # fmt: skip
    ascii_names = [name for name in NAMES if name.isascii()]  # the checker takes other letters for a mistake
    nobody: Row = dict.fromkeys(("project_id", "offering_id", "offering_name", "pool_id", "zone_id", "volume_name"))
    nothing: Row = dict.fromkeys(("volume_id", "vm_id", "device", "qos_class"))
    credit: Row = {"charge_kind": "credit", "sku": "undelivered", "title": None}
    return [
        *(charge(usage_unit=usage, pricing_unit=pricing, sku=pricing) for usage, pricing in units),
        *(charge(account_id=f"account {number}", account_name=name) for number, name in enumerate(ascii_names)),
        charge(**nobody, volume_id="=vol", account_name=None),
        charge(**nobody, volume_id=None, sku="disk"),
        charge(**nobody, **nothing, sku="account", title="=1+1"),
        charge(**earlier, **credit, correction="reversal", usage_quantity=Decimal(MONTH_SECONDS),
               pricing_quantity=Decimal(1), cost=Decimal("0.06"), amount=Decimal("0.06")),
        charge(**earlier, **credit, correction="replacement", usage_quantity=Decimal(-MONTH_SECONDS) / 2,
               pricing_quantity=Decimal("-0.5"), cost=Decimal("-0.03"), amount=Decimal("-0.03")),
        charge(account_id=None, sku="nobody's"),
    ]  # fmt: skip


def written(directory: Path, rows: list[Row], name: str = FILES[0], status: str = "open") -> Path:
    lake = lake_with(directory, charges=rows)
    if status == "closed":
        closed = taken_for_closed(lake)
        next((lake / "charge").glob("*/*.parquet")).rename(closed / "charge.parquet")
    return export(lake, CHARGE, "focus", directory / name)


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("status", ["open", "closed"])
@pytest.mark.parametrize("name", FILES)
def test_the_checker_finds_nothing_to_fault(tmp_path: Path, focus_checker: Checker, name: str, status: str) -> None:
    path = written(tmp_path, [*plausible(), *awkward()], name, status)
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    verdict = focus_checker.judge(path, scratch)

    assert verdict.failed == {ONE_OF_TWO[status]}
    assert len(verdict.passed) == 289


def test_the_checker_finds_nothing_to_fault_in_a_bill_with_corrections_that_was_closed(
    tmp_path: Path, focus_checker: Checker
) -> None:
    text = card(
        item(price="0.013", per_month="true", free="50", tier_scope='"account"', minimum="9"),
        item(sku='"reads"', meter='"read_ops"', price="0.5", per="1000"),
        item(sku='"credit"', meter='"undelivered_iops"', price="0.001"),
    )
    records = [
        *(bills.sold(start, 90, deliverable_iops_seconds=9 * 3600) for start in (bills.OCTOBER, bills.NOVEMBER)),
        bills.done(bills.OCTOBER, 1700),
    ]
    lake = bills.lake_with(tmp_path, records)
    bills.close(lake, bills.rate(lake, "2026-10", text))
    bills.put(lake, [*records, bills.done(bills.OCTOBER + 20 * 24 * bills.HOUR, 300), bills.done(bills.NOVEMBER, 5)])
    november = bills.rate(lake, "2026-11", text)
    bills.close(lake, november)
    path = export(lake, CHARGE, "focus", tmp_path / FILES[0], "2026-11")
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    verdict = focus_checker.judge(path, scratch)

    assert verdict.failed == {ONE_OF_TWO["closed"]}
    billed = [line["amount"] for line in bills.lines(november) if line["amount"] is not None]
    assert sum(Decimal(row["BilledCost"]) for row in rows_in(path)) == sum(billed)
    assert {row["ChargeClass"] for row in rows_in(path)} == {"", "Correction"}


def test_the_checker_faults_a_file_that_is_wrong(tmp_path: Path, focus_checker: Checker) -> None:
    path = written(tmp_path, plausible())
    path.write_text(path.read_text(encoding="utf-8").replace("Usage-Based", "Now and then"), encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    assert "ChargeFrequency-C-003-M" in focus_checker.judge(path, scratch).failed


def test_names_stay_numbers_keep_a_decimal_point_and_times_are_of_utc(tmp_path: Path) -> None:
    first = rows_in(written(tmp_path, [charge(account_name="Größe 東京 🚀")]))[0]

    assert first["BillingAccountName"] == "Größe 東京 🚀"
    assert first["BilledCost"] == "30.0"
    assert first["ListUnitPrice"] == "0.06"
    assert first["ConsumedQuantity"] == "1339200000.0"
    assert first["BillingPeriodStart"] == "2026-10-01T00:00:00Z"
    assert first["InvoiceId"] == ""


def test_both_files_hold_the_same(tmp_path: Path) -> None:
    text = rows_in(written(tmp_path, [*plausible(), *awkward()]))
    (tmp_path / "again").mkdir()
    table = pq.read_table(written(tmp_path / "again", [*plausible(), *awkward()], FILES[1]))

    assert table.column_names == list(text[0])
    assert [row["x_ChargeId"] for row in text] == table.column("x_ChargeId").to_pylist()
    assert [Decimal(row["BilledCost"]) for row in text] == table.column("BilledCost").to_pylist()
    assert [row["SkuPriceDetails"] for row in text] == table.column("SkuPriceDetails").to_pylist()


def test_what_has_no_amount_or_no_account_is_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, [*plausible(), *awkward()], FILES[1])

    expected = {"held": 1, "unpriced": 1, "without_account": 1}
    kinds = pq.read_table(path).column("x_ChargeKind").to_pylist()
    assert not {"held", "unpriced"} & set(kinds)
    assert len(kinds) == len(plausible()) + len(awkward()) - 3
    totals = json.loads((tmp_path / "bill.parquet.totals.json").read_text(encoding="utf-8"))
    assert totals["left_out"] == expected
    metadata = pq.read_metadata(path).metadata
    assert {why: int(metadata[f"ioledger.left_out.{why}".encode()]) for why in expected} == expected


def test_a_bill_of_which_nothing_has_an_amount_is_an_empty_file_with_columns(tmp_path: Path) -> None:
    path = written(tmp_path, [charge(charge_kind="held", amount=None)])

    assert path.read_text(encoding="utf-8").startswith("BilledCost,BillingAccountId,")
    assert rows_in(path) == []


def test_invoices_have_numbers_once_the_month_is_closed(tmp_path: Path) -> None:
    found = rows_in(written(tmp_path, plausible(), status="closed"))

    assert {row["InvoiceId"] for row in found} == {"2026-10-acme-EUR", "2026-10-globex-JPY"}


@pytest.mark.parametrize("name", ["bill.json", "bill", "csv"])
def test_a_name_that_does_not_say_how_to_write_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{name}' does not say .* ends with .csv or .parquet"):
        written(tmp_path, [charge()], name)

    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_the_page_says_of_every_column_where_it_comes_from(tmp_path: Path) -> None:
    page = (CHECKOUT / "docs" / "exports-focus.md").read_text(encoding="utf-8")
    table = page.partition("## Columns")[2].partition("## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if "|" in line]
    told = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]

    assert sorted(told) == sorted(rows_in(written(tmp_path, [charge()]))[0])


def test_the_provider_of_the_configuration_is_who_bills(tmp_path: Path) -> None:
    lake_with(tmp_path, charges=plausible())
    (tmp_path / "ioledger.toml").write_text('[export]\nprovider = "Example Cloud"\n', encoding="utf-8")
    words = ["export", "charges", "--period", PERIOD, "--to", "bill.csv", "--as", "focus"]

    done = ioledger(*words, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    names = ("ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceProviderName", "HostProviderName")
    assert {row[name] for row in rows_in(tmp_path / "bill.csv") for name in names} == {"Example Cloud"}
