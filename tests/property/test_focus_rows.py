"""Rows of FOCUS keep every sum of the charges that they come from, whatever these are."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from charge_rows import EARLIER, charge
from hypothesis import given
from hypothesis import strategies as st

from ioledger.lake.schema import arrow_schema
from ioledger.model.tables import CHARGE_KINDS
from reports.exports.focus_rows import focus_rows, left_out

if TYPE_CHECKING:
    from ioledger.model.records import Row

LAST_PLACE = Decimal("1e-12")
PRICES = {None: Decimal(0), 1: Decimal("0.065"), 2: Decimal("123456789012345.000000000001"), 3: Decimal(0)}
NEVER_NULL = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "HostProviderName", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
    "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory",
    "ServiceName", "ServiceProviderName", "SkuId", "SkuMeter", "SkuPriceId", "x_ChargeId", "x_ChargeKind",
)  # fmt: skip


def twelve_places(number: Decimal) -> Decimal:
    return number.quantize(LAST_PLACE)


@st.composite
def charges(draw: st.DrawFn) -> Row:
    """Give a charge of any kind as rating makes it: all its numbers rest on a quantity and a price."""
    kind = draw(st.sampled_from(CHARGE_KINDS))
    tier = None if kind == "free" else draw(st.sampled_from([1, 2, 3]))
    correction = draw(st.sampled_from([None, None, "reversal", "replacement"]))
    sign = (-1 if kind == "credit" else 1) * (-1 if correction == "reversal" else 1)
    with localcontext(prec=60):
        used = sign * Decimal(draw(st.integers(0, 10**15))).scaleb(-6)
        per = Decimal(draw(st.sampled_from([1, 3600, 2_678_400, 1_000_000, 7])))
        price = PRICES[tier]
        exact = used * price / per
        amount = exact.quantize(Decimal("0.01"))
        row: Row = {
            "charge_kind": kind, "tier": tier, "sku": draw(st.sampled_from(["a", "b"])),
            "account_id": draw(st.sampled_from(["acme", "globex", None])),
            "currency": draw(st.sampled_from(["EUR", "JPY"])), "correction": correction, "usage_quantity": used,
            "usage_per_pricing_unit": per, "pricing_quantity": twelve_places(used / per), "unit_price": price,
            "cost": twelve_places(exact), "amount": None if kind in ("held", "unpriced") else amount,
        }  # fmt: skip
    periods = {"charge_period_start": EARLIER[0], "charge_period_end": EARLIER[1]} if correction else {}
    nothing: Row = dict.fromkeys(
        draw(st.sets(st.sampled_from(["volume_id", "volume_name", "vm_id", "device", "project_id", "zone_id", "title",
                                      "account_name", "offering_id", "pool_id", "qos_class"])))
    )  # fmt: skip
    return charge(**{**row, **periods, **nothing})


def in_focus(rows: list[Row]) -> list[dict[str, Any]]:
    with focus_rows("Acme Cloud", is_closed=False) as made:
        table: pa.Table = made.of(batch_of(rows))
    return list(table.to_pylist())


def batch_of(rows: list[Row]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=arrow_schema("charge"))


def sums(rows: list[Any], account: str, currency: str, amount: str) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    with localcontext(prec=60):
        for row in rows:
            found[row[account], row[currency]] += row[amount]
    return found


bills = st.lists(charges(), max_size=12)


@given(bills)
def test_what_an_account_owes_is_what_its_charges_amount_to(rows: list[Row]) -> None:
    owed = [row for row in rows if row["amount"] is not None and row["account_id"] is not None]
    found = in_focus(rows)

    assert [row["x_ChargeId"] for row in found] == [row["charge_id"] for row in owed]
    expected = sums(owed, "account_id", "currency", "amount")
    for cost in ("BilledCost", "EffectiveCost", "PricingCurrencyEffectiveCost"):
        assert sums(found, "BillingAccountId", "BillingCurrency", cost) == expected
    assert sum(left_out(batch_of(rows)).values()) == len(rows) - len(found)


@given(bills)
def test_quantity_times_price_is_cost(rows: list[Row]) -> None:
    for row in in_focus(rows):
        with localcontext(prec=90):
            product = row["PricingQuantity"] * row["ListUnitPrice"]
            # Both sides are rounded at the twelfth place: the quantity's half a unit counts as often as the price says.
            assert abs(product - row["ListCost"]) <= LAST_PLACE / 2 * (row["ListUnitPrice"] + 1)
        assert row["ListCost"] == row["ContractedCost"]
        assert row["ListUnitPrice"] == row["ContractedUnitPrice"] == row["PricingCurrencyListUnitPrice"] >= 0


@given(bills)
def test_a_price_has_one_name_and_a_name_one_price(rows: list[Row]) -> None:
    prices: dict[str, set[tuple[str, Decimal]]] = defaultdict(set)
    for row in in_focus(rows):
        prices[row["SkuPriceId"]].add((row["SkuId"], row["ListUnitPrice"]))

    assert all(len(found) == 1 for name, found in prices.items() if "minimum" not in name)


@given(bills)
def test_charges_lie_in_the_month_that_bills_them_and_corrections_before_it(rows: list[Row]) -> None:
    for row in in_focus(rows):
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        if row["ChargeClass"] == "Correction":
            assert row["ChargePeriodEnd"] <= row["BillingPeriodStart"]
        else:
            assert row["ChargeClass"] is None
            assert row["BillingPeriodStart"] <= row["ChargePeriodStart"]
            assert row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]


@given(bills)
def test_what_a_bill_needs_is_always_there(rows: list[Row]) -> None:
    for row in in_focus(rows):
        assert [name for name in NEVER_NULL if row[name] is None] == []
        assert (row["ConsumedQuantity"] is None) == (row["ConsumedUnit"] is None) == (row["ChargeCategory"] == "Credit")
        assert (row["ResourceId"] is None) == (row["ResourceName"] is None) == (row["ResourceType"] is None)
        assert (row["SubAccountId"] is None) == (row["SubAccountType"] is None)
        assert row["InvoiceId"] is None


@given(charges())
def test_taking_a_charge_back_negates_its_quantities_and_costs_and_never_its_price(row: Row) -> None:
    numbers = ("usage_quantity", "pricing_quantity", "cost", "amount")
    back = {**row, **{name: row[name] and row[name].copy_negate() for name in numbers}, "correction": "reversal"}
    found = in_focus([row, back])

    for billed, reversed_ in zip(found[::2], found[1::2], strict=True):
        assert reversed_["ListUnitPrice"] == billed["ListUnitPrice"]
        for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity", "x_UsageQuantity"):
            assert reversed_[name] == billed[name].copy_negate()
        if billed["ConsumedQuantity"] is not None:
            assert reversed_["ConsumedQuantity"] == billed["ConsumedQuantity"].copy_negate()
