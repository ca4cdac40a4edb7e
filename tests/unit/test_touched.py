from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from ioledger.lake.reader import connect_tables
from policies.finding import Finding
from policies.touched import Touched, touched

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from ioledger.model.records import Row

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ZEROS = dict.fromkeys(
    ("flush_ops", "read_bytes", "write_bytes", "guaranteed_ops", "burst_ops", "throttled_ops", "best_effort_ops",
     "unclassified_ops", "resets", "revision", "read_ops", "write_ops"), 0,
)  # fmt: skip
NOTHING_HELD = dict.fromkeys(
    ("observed_seconds", "gap_seconds", "at_cap_seconds", "cap_iops_seconds", "sold_iops_seconds",
     "guaranteed_iops_seconds", "deliverable_iops_seconds", "max_iops_seconds", "gib_seconds"), Decimal(0),
)  # fmt: skip


def record(hour: int, kind: str, **columns: object) -> Row:
    start = NOON + hour * HOUR
    return {
        "usage_record_id": f"{kind} {hour} {columns.get('device')} {columns['volume_id']}", "kind": kind,
        "window_start": start, "window_end": start + HOUR, "qos_class": "guaranteed", "provisioned": True,
        "throttled": False, "pool_id": "gold", **ZEROS, **NOTHING_HELD, **columns,
    }  # fmt: skip


def records() -> Iterator[Row]:
    """Give four hours of two volumes: the first under one disk, in each hour ten times the operations of the last."""
    for hour in range(4):
        yield record(hour, "io", volume_id="vol-a", vm_id="vm", device="vda", read_ops=10**hour, write_ops=10**hour)
        yield record(
            hour, "allocation", volume_id="vol-a", sold_iops_seconds=Decimal(3600),
            deliverable_iops_seconds=Decimal(900),
        )  # fmt: skip
        yield record(hour, "io", volume_id="vol-b", vm_id="vm", device="vdb", read_ops=5)


def charges() -> Iterator[Row]:
    """Give lines of a bill of the first three hours, one that is not billed, and one that corrects the first."""
    start, end = NOON, NOON + 3 * HOUR
    line = {"billing_period": "2026-11", "billing_period_start": start, "billing_period_end": end,
            "charge_period_start": start, "charge_period_end": end, "charge_kind": "usage", "pool_id": "gold",
            "qos_class": "guaranteed", "currency": "EUR", "usage_record_count": 3, "usage_quantity": Decimal(1),
            "usage_unit": "Operations"}  # fmt: skip
    disk = {"volume_id": "vol-a", "vm_id": "vm", "device": "vda"}
    for number, (meter, key, amount) in enumerate(
        [
            ("read_ops", disk, "12.5"),
            ("sold_iops", {"volume_id": "vol-a"}, "100"),
            ("gib", {"volume_id": "vol-a", "currency": "JPY"}, "7"),
            ("read_ops", {**disk, "volume_id": "vol-b", "device": "vdb"}, None),
            ("read_ops", {**disk, "correction": "replacement"}, "0.125"),
        ]
    ):
        yield {**line, "charge_id": str(number), "meter": meter, "amount": amount and Decimal(amount), **key}


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect_tables({"usage_record": list(records()), "charge": list(charges())}) as opened:
        yield opened


def finding(kind: str, resource_id: str, starts: timedelta, ends: timedelta, volume_id: str | None = None) -> Finding:
    columns: dict[str, Any] = dict.fromkeys(("vm_id", "account_id", "observed", "expected", "unit"))
    return Finding(
        code="QOS000", severity="high", status="violation", resource_kind=kind, resource_id=resource_id,
        volume_id=volume_id, interval_start=NOON + starts, interval_end=NOON + ends, reason="", first_seen_at=NOON,
        last_seen_at=NOON, **columns,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            ("disk", "vm/vda", HOUR, 2 * HOUR, "vol-a"),
            Touched(2, 20, Decimal(3600), Decimal(900), "112.625 EUR, 7 JPY"),
        ),
        (
            ("disk", "vm/vda", HOUR / 2, HOUR + HOUR / 60, "vol-a"),
            Touched(4, 22, Decimal(7200), Decimal(1800), "112.625 EUR, 7 JPY"),
        ),
        (("disk", "vm/vdb", HOUR, 2 * HOUR, "vol-b"), Touched(1, 5, Decimal(0), Decimal(0))),
        (
            ("volume", "vol-a", 0 * HOUR, 4 * HOUR, "vol-a"),
            Touched(8, 2222, Decimal(14400), Decimal(3600), "112.625 EUR, 7 JPY"),
        ),
        (("guest", "vm", 0 * HOUR, HOUR), Touched(2, 7, Decimal(0), Decimal(0), "12.625 EUR")),
        (("pool", "gold", 3 * HOUR, 9 * HOUR), Touched(3, 2005, Decimal(3600), Decimal(900))),
        (("volume", "vol-c", 0 * HOUR, 4 * HOUR, "vol-c"), Touched()),
        (("source", "gold", 0 * HOUR, 4 * HOUR), Touched()),
        (("volume", "vol-a", 4 * HOUR, 5 * HOUR, "vol-a"), Touched()),
    ],
)
def test_a_finding_touches_the_whole_records_of_its_hours(
    connection: duckdb.DuckDBPyConnection, found: tuple[Any, ...], expected: Touched
) -> None:
    of_each, of_all = touched(connection, [finding(*found)])

    assert of_each == [expected]
    assert of_all == expected


def test_what_several_findings_touch_is_counted_once(connection: duckdb.DuckDBPyConnection) -> None:
    findings = [
        finding("disk", "vm/vda", 0 * HOUR, HOUR, "vol-a"),
        finding("disk", "vm/vda", HOUR / 2, 2 * HOUR, "vol-a"),
        finding("volume", "vol-a", 0 * HOUR, HOUR, "vol-a"),
    ]

    of_each, of_all = touched(connection, findings)

    assert [each.touched_ops for each in of_each] == [2, 22, 2]
    assert of_all == Touched(4, 22, Decimal(7200), Decimal(1800), "112.625 EUR, 7 JPY")


def test_without_findings_nothing_is_touched(connection: duckdb.DuckDBPyConnection) -> None:
    assert touched(connection, []) == ([], Touched())
