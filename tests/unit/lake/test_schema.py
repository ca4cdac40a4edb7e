"""Rows are checked against the vocabulary before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from lakes import NOON, sample

from ioledger.errors import DataError
from ioledger.lake.schema import typed
from ioledger.model.tables import FACTS

TIME_WANTED = "which is not a time with its offset from UTC"
SOLD = {"source": "shop", "run_id": "r", "observed_at": NOON, "volume_id": "v"}
DECIMAL_RANGE = "valid are 0 to less than 1000000000000, with at most 6 decimal places"


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("read_ops", -1, "received -1; valid are 0 to 9223372036854775807"),
        ("read_ops", 2**63, "received 9223372036854775808; valid are 0 to 9223372036854775807"),
        ("read_ops", 1.0, "received 1.0, which is not a whole number"),
        ("read_ops", "1", "received '1', which is not a whole number"),
        ("read_ops", True, "received True, which is not a whole number"),
        ("vm_name", 7, "received 7, which is not text"),
        ("vm_name", b"vm", "received b'vm', which is not text"),
        ("vm_name", "vm\udc80", "received 'vm\\udc80', which is not Unicode text"),
        ("vm_id", None, "a row has no value; every row needs one"),
        ("sampled_at", None, "a row has no value; every row needs one"),
        ("sampled_at", "2025-11-22", f"received '2025-11-22', {TIME_WANTED}"),
        ("sampled_at", 1763812800, f"received 1763812800, {TIME_WANTED}"),
        ("sampled_at", datetime(2025, 11, 22), f"received datetime.datetime(2025, 11, 22, 0, 0), {TIME_WANTED}"),  # noqa: DTZ001 - what is refused
        ("state", "running", "received 'running'; valid are error, off, ok, timeout"),
        ("state", "", "received ''; valid are error, off, ok, timeout"),
    ],
)
def test_a_bad_sample_is_told_in_a_sentence(column: str, value: object, problem: str) -> None:
    table = FACTS["disk_io_stat"]
    with pytest.raises(DataError) as caught:
        typed(table, [sample(source="s", run_id="r"), {**sample("vm-2", source="s", run_id="r"), column: value}])
    assert str(caught.value) == f"disk_io_stat.{column}: {problem}"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (1, "received 1, which is not a decimal number"),
        (0.5, "received 0.5, which is not a decimal number"),
        (Decimal(-1), f"received -1; {DECIMAL_RANGE}"),
        (Decimal("0.0000001"), f"received 1E-7; {DECIMAL_RANGE}"),
        (Decimal("1E12"), f"received 1E+12; {DECIMAL_RANGE}"),
        (Decimal("NaN"), f"received NaN; {DECIMAL_RANGE}"),
        (Decimal("Infinity"), f"received Infinity; {DECIMAL_RANGE}"),
    ],
)
def test_a_bad_decimal_is_told_in_a_sentence(value: object, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        typed(FACTS["entitlement"], [{**SOLD, "sold_min_iops_per_gib": value}])
    assert str(caught.value) == f"entitlement.sold_min_iops_per_gib: {problem}"


def test_a_flag_is_true_or_false() -> None:
    row = {"source": "a", "run_id": "r", "observed_at": NOON, "volume_id": "v", "min_enforced": 1}
    with pytest.raises(DataError) as caught:
        typed(FACTS["provisioned_iops"], [row])
    assert str(caught.value) == "provisioned_iops.min_enforced: received 1, which is not true or false"


def test_an_unknown_column_names_its_neighbour_and_all_that_are_valid() -> None:
    row = {"source": "a", "run_id": "r", "observed_at": NOON, "pool_id": "p", "pool": "p"}
    with pytest.raises(DataError) as caught:
        typed(FACTS["storage_pool"], [row])
    assert str(caught.value) == (
        "storage_pool has no column 'pool' (did you mean 'pool_id'?); it has can_be_managed, capacity_iops, "
        "capacity_means, managed, name, observed_at, pool_id, provider, run_id, shared, source, supports_burst_iops, "
        "supports_max_iops, supports_min_iops, type, zone_id"
    )


def test_two_rows_of_one_key_are_refused() -> None:
    row = sample(source="s", run_id="r", device=None, epoch=None)
    with pytest.raises(DataError) as caught:
        typed(FACTS["disk_io_stat"], [row, {**row, "read_ops": 8}])
    assert str(caught.value) == (
        f"disk_io_stat holds two rows with vm_id vm-1, device None, epoch None, sampled_at {NOON}; "
        "each may appear once in a run"
    )


def test_the_ends_of_every_range_are_held() -> None:
    rows = [
        sample(source="s", run_id="r", read_ops=0, write_ops=2**63 - 1, epoch_started_at=datetime(1, 1, 1, tzinfo=UTC))
    ]
    (held,) = typed(FACTS["disk_io_stat"], rows).to_pylist()
    assert (held["read_ops"], held["write_ops"]) == (0, 2**63 - 1)
    most = Decimal("999999999999.999999")
    (held,) = typed(FACTS["entitlement"], [{**SOLD, "sold_min_iops_per_gib": most}]).to_pylist()
    assert held["sold_min_iops_per_gib"] == most
    assert held["sold_max_iops_per_gib"] is None
