"""Charges as `ioledger rate` would leave them in a lake, without the usage that they would come from."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ioledger.lake import settings, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import parse_period, utc_day
from ioledger.model.tables import CHARGE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.model.records import Row

PERIOD = "2026-10"
START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER = (datetime(2026, 9, 1, tzinfo=UTC), START)

MONTH_SECONDS = 31 * 86_400


def charge(**columns: object) -> Row:
    """Give a complete charge of October 2026, 500 IOPS held all month at 0.06 each, but for ``columns``."""
    row: dict[str, Any] = {
        **dict.fromkeys(CHARGE.names),
        "billing_period": PERIOD,
        "billing_period_start": START,
        "billing_period_end": END,
        "charge_period_start": START,
        "charge_period_end": END,
        "charge_kind": "usage",
        "account_id": "acme",
        "account_name": "Acme Ltd",
        "project_id": "web",
        "offering_id": "gold",
        "offering_name": "Gold",
        "pool_id": "pool-1",
        "zone_id": "zone-1",
        "volume_id": "vol-1",
        "volume_name": "data",
        "vm_id": "vm-1",
        "device": "vda",
        "qos_class": "guaranteed",
        "rate_card": "standard",
        "rate_card_version": "2026-1",
        "currency": "EUR",
        "sku": "guaranteed-iops",
        "title": "Guaranteed IOPS",
        "meter": "guaranteed_iops",
        "usage_record_count": 744,
        "usage_quantity": Decimal(500 * MONTH_SECONDS),
        "usage_unit": "IOPS-Seconds",
        "usage_per_pricing_unit": Decimal(MONTH_SECONDS),
        "pricing_quantity": Decimal(500),
        "pricing_unit": "IOPS-Months",
        "unit_price": Decimal("0.06"),
        "cost": Decimal(30),
        "amount": Decimal(30),
        "rounding_difference": Decimal(0),
        **columns,
    }
    named = [row[name] for name in ("billing_period", "correction", "charge_period_start", "rate_card", *CHARGE.key)]
    digest = hashlib.sha256(repr(named).encode()).hexdigest()
    return {**row, "charge_id": columns.get("charge_id", digest)}


def plausible(account_name: str = "Acme Ltd") -> list[Row]:
    """Give a bill with every kind of line: priced, free, minimum, credit, held, unpriced, and corrections."""
    operations = {
        "meter": "throttled_ops", "usage_unit": "Operations", "usage_per_pricing_unit": Decimal(1_000_000),
        "pricing_unit": "1000000 Operations", "qos_class": "throttled",
    }  # fmt: skip
    named = {"account_name": account_name}
    billed = charge(
        **named, billing_period="2026-09", billing_period_start=EARLIER[0], billing_period_end=EARLIER[1],
        charge_period_start=EARLIER[0], charge_period_end=EARLIER[1],
    )  # fmt: skip
    corrects = {
        **named, "charge_period_start": EARLIER[0], "charge_period_end": EARLIER[1],
        "corrects_charge_id": billed["charge_id"], "corrects_usage_record_id": "f" * 64, "corrected_record_count": 3,
    }  # fmt: skip
    no_price: dict[str, Any] = dict.fromkeys(
        ("currency", "sku", "title", "rate_card", "rate_card_version", "usage_per_pricing_unit", "pricing_quantity",
         "pricing_unit", "unit_price", "cost", "amount", "rounding_difference")
    )  # fmt: skip
    return [
        charge(**named),
        charge(
            **named, **operations, charge_kind="free", sku="operations", title="Operations", tier=None,
            usage_quantity=Decimal(1_000_000), pricing_quantity=Decimal(1), unit_price=Decimal(0), cost=Decimal(0),
            amount=Decimal(0),
        ),
        charge(
            **named, **operations, sku="operations", title="Operations", tier=1, usage_quantity=Decimal(1_234_567),
            pricing_quantity=Decimal("1.234567"), unit_price=Decimal("0.0725"), cost=Decimal("0.0895061075"),
            amount=Decimal("0.09"),
        ),
        charge(
            **{**named, **operations, "usage_per_pricing_unit": None, "pricing_unit": "Minimums"},
            charge_kind="minimum", sku="operations", title="Operations", usage_record_count=0,
            usage_quantity=Decimal(0), pricing_quantity=Decimal("0.9104938925"), unit_price=Decimal(1),
            cost=Decimal("0.9104938925"), amount=Decimal("0.91"),
        ),
        charge(
            **named, charge_kind="credit", sku="undelivered", title="Guarantee not kept", meter="undelivered_iops",
            usage_quantity=Decimal(-3_600_000), pricing_quantity=Decimal("-1.344086021505"),
            cost=Decimal("-0.080645161290"), amount=Decimal("-0.08"), rounding_difference=Decimal("0.01"),
        ),
        charge(
            **named, charge_kind="held", qos_class="conflicting", volume_id="vol-2", volume_name=None, amount=None,
            rounding_difference=None, reason="storage and hypervisor both limit the disk",
        ),
        charge(
            **named, **no_price, charge_kind="unpriced", meter="flush_ops", usage_unit="Operations",
            usage_quantity=Decimal(42), qos_class="best_effort", reason="no rate card counts it",
        ),
        charge(
            account_id="globex", account_name="Globex", currency="JPY", cost=Decimal("4321.000000000001"),
            amount=Decimal(4321), unit_price=Decimal("8.642"),
        ),
        charge(
            **corrects, correction="reversal", usage_quantity=Decimal(-500 * MONTH_SECONDS),
            pricing_quantity=Decimal(-500), cost=Decimal(-30), amount=Decimal(-30),
        ),
        charge(
            **corrects, correction="replacement", usage_quantity=Decimal(480 * MONTH_SECONDS),
            pricing_quantity=Decimal(480), cost=Decimal("28.8"), amount=Decimal("28.8"),
        ),
    ]  # fmt: skip


def store(lake: Path, rows: Sequence[Row], period: str = PERIOD) -> None:
    """Store the charges of a billing period as its one file, in the order of the table's key, NULL last."""
    start, _ = parse_period(period, settings.zone_spans(settings.load(lake)))
    ordered = sorted(
        rows, key=lambda row: [(row[name] is None, 0 if row[name] is None else row[name]) for name in CHARGE.key]
    )
    made = pa.Table.from_pylist([dict(row) for row in ordered], schema=arrow_schema(CHARGE.name))
    writer.write_derived(lake, CHARGE, utc_day(start), period, made)
