"""The macros of limits.sql say what an independent account of the same limits says, for any amounts."""

from __future__ import annotations

from dataclasses import astuple
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference import limits
from reference.limits import UNKNOWN, Bucket, Caps, Disk

from ioledger.lake.reader import view

if TYPE_CHECKING:
    from collections.abc import Iterator

GREATEST: Final = 2**63 - 1
SECOND: Final = 1_000_000
NAMES: Final = "abcdefghij"
SQL_TYPES: Final = {bool: "BOOLEAN", Decimal: "DECIMAL(18, 6)"}

amounts = st.one_of(
    st.sampled_from((0, 1, 2, 3, 10, 512, 4096, SECOND - 1, SECOND, GREATEST - 1, GREATEST)),
    st.integers(0, 20_000),
    st.integers(0, GREATEST),
)
known_or_not = st.none() | amounts
per_gib = st.none() | st.decimals(0, Decimal("999999999999.999999"), places=6)
three_caps = st.tuples(known_or_not, known_or_not, known_or_not)
buckets = st.builds(Bucket, cap=amounts, burst=known_or_not, burst_seconds=known_or_not)
volumes_and_disks = st.builds(
    Disk,
    cap_iops=known_or_not,
    cap_io_size=known_or_not,
    cap_bps=known_or_not,
    min_iops=known_or_not,
    min_enforced=st.sampled_from((True, True, False, None)),
    max_iops=known_or_not,
    iops_unit_bytes=known_or_not,
    max_bps=known_or_not,
    attached_count=st.none() | st.integers(0, 3) | amounts,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute(view("limits"))
        yield opened


def said(connection: duckdb.DuckDBPyConnection, expression: str, *values: object) -> Any:  # noqa: ANN401 - as SQL has it
    """Compute an expression in which the values, in the lake's types, are called ``a``, ``b`` and so on."""
    typed = (f"?::{SQL_TYPES.get(type(value), 'BIGINT')} AS {name}" for name, value in zip(NAMES, values, strict=False))
    (row,) = connection.execute(f"SELECT {expression} FROM (SELECT {', '.join(typed)})", values).fetchall()  # noqa: S608
    return row[0]


@given(three_caps)
def test_the_ceiling_of_reads_and_writes_together(
    connection: duckdb.DuckDBPyConnection, caps: tuple[int | None, int | None, int | None]
) -> None:
    assert said(connection, "ceiling_of(a, b, c)", *caps) == limits.ceiling(*caps)
    assert said(connection, "is_one_sided(a, b, c)", *caps) is limits.is_one_sided(*caps)


@given(three_caps, three_caps)
@example((1000, None, None), (None, 1000, 1000))
@example((1000, None, None), (None, 300, 700))
@example((1000, None, None), (None, 1000, None))
@example((None, 300, 700), (1000, 300, 700))
@example((None, None, None), (1000, None, None))
@example((1000, None, None), (2000, None, None))
def test_whether_a_total_is_split_or_put_together_with_another_sum(
    connection: duckdb.DuckDBPyConnection, sold: Caps, live: Caps
) -> None:
    changed = said(connection, "is_sum_changed(a, b, c, d, e, f)", *sold, *live)

    assert changed is limits.is_sum_changed(sold, live)


@pytest.mark.parametrize(
    ("cap", "words"),
    [
        ((1000, None, None), "1000 IOPS in total"),
        ((None, 600, 400), "600 IOPS on reads and 400 IOPS on writes (1000 IOPS together)"),
        ((None, 600, None), "600 IOPS on reads alone"),
        ((None, None, 0), "0 IOPS on writes alone"),
        ((1000, 600, None), "1000 IOPS in total and 600 IOPS on reads"),
        ((None, None, None), None),
    ],
)
def test_a_cap_in_words(connection: duckdb.DuckDBPyConnection, cap: Caps, words: str | None) -> None:
    assert said(connection, "cap_in_words(a, b, c, 'IOPS')", *cap) == words


@given(known_or_not, per_gib, known_or_not)
@example(None, Decimal("999999999999.999999"), GREATEST)
@example(None, Decimal("0.5"), 2**30 * 3)
@example(None, Decimal("0.000001"), 2**30 * SECOND - 1)
def test_what_was_sold_by_size(
    connection: duckdb.DuckDBPyConnection, iops: int | None, for_each_gib: Decimal | None, size: int | None
) -> None:
    sold = limits.sold(iops, for_each_gib, size)

    assert said(connection, "sold_iops_of(a, b, c)", iops, for_each_gib, size) == (None if sold is UNKNOWN else sold)
    assert said(connection, "is_sold(a, b)", iops, for_each_gib) is (sold is not None)


@given(amounts, st.decimals(0, 1000, places=6))
@example(251, Decimal("2.5"))
@example(250, Decimal("2.5"))
def test_the_size_for_which_a_number_is_right(
    connection: duckdb.DuckDBPyConnection, iops: int, for_each_gib: Decimal
) -> None:
    size = said(connection, "likely_size_of(a, b)", iops, for_each_gib)

    assert size == limits.likely_size(iops, for_each_gib)


few = st.none() | st.integers(0, 2)


@given(st.tuples(few, few, few), st.tuples(few, few, few))
def test_caps_in_another_form_or_swapped(
    connection: duckdb.DuckDBPyConnection, sold: tuple[int | None, ...], live: tuple[int | None, ...]
) -> None:
    in_other_form = said(connection, "is_other_form(a, b, c, d, e, f)", *sold, *live)

    assert in_other_form is limits.is_other_form(sold, live)
    assert said(connection, "is_crossed(a, b, c, d)", *sold[1:], *live[1:]) is limits.is_crossed(sold[1:], live[1:])


@given(st.tuples(few, few, few), st.tuples(few, few, few))
def test_another_cap(
    connection: duckdb.DuckDBPyConnection, sold: tuple[int | None, ...], live: tuple[int | None, ...]
) -> None:
    lasts_longer = sold[2] is not None and live[2] is not None and live[2] > sold[2]

    assert said(connection, "is_other_cap(a, b, c, d, e, f)", *sold, *live) is (sold[:2] != live[:2] or lasts_longer)


@given(amounts, st.none() | st.integers(0, 3) | amounts)
def test_the_shares_of_disks_on_one_volume(
    connection: duckdb.DuckDBPyConnection, amount: int, attached_count: int | None
) -> None:
    least = said(connection, "least_share_of(a, b)", amount, attached_count)
    most = said(connection, "most_share_of(a, b)", amount, attached_count)

    assert least == limits.least_share(amount, attached_count)
    assert most == limits.most_share(amount, attached_count)
    assert least * limits.disks(attached_count) <= amount <= most * limits.disks(attached_count)


def test_an_amount_that_is_not_set_has_no_shares(connection: duckdb.DuckDBPyConnection) -> None:
    assert said(connection, "least_share_of(a, 2)", None) is None
    assert said(connection, "most_share_of(a, 2)", None) is None


@given(buckets, amounts)
@example(Bucket(cap=GREATEST, burst=GREATEST, burst_seconds=GREATEST), GREATEST)
def test_what_passes_within_a_time(connection: duckdb.DuckDBPyConnection, bucket: Bucket, lasted_us: int) -> None:
    passed = said(connection, "most_within(a, b, c, d)", *astuple(bucket), lasted_us)

    assert passed == bucket.most_within(lasted_us)
    assert said(connection, "burst_rate_of(a, b)", bucket.cap, bucket.burst) == max(bucket.cap, bucket.burst or 0)


def test_a_burst_without_a_cap_limits_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    assert said(connection, "burst_rate_of(a, b)", None, 5) is None
    assert said(connection, "most_within(a, b, c, d)", None, 5, 2, SECOND) is None


def test_what_passes_through_a_real_burst(connection: duckdb.DuckDBPyConnection) -> None:
    """QEMU 7.2 let 1099, 1001, 500 and then 200 through in the seconds of a burst to 1000 for 2 s at a cap of 200."""
    passed = [said(connection, "most_within(200::BIGINT, 1000::BIGINT, 2::BIGINT, a)", n * SECOND) for n in range(1, 5)]

    assert passed == [1100, 2100, 2600, 2800]
    assert said(connection, "most_within(200::BIGINT, NULL, NULL, a)", SECOND) == 220


@given(known_or_not, known_or_not, known_or_not)
def test_requests_of_one_size_in_a_limit_of_operations(
    connection: duckdb.DuckDBPyConnection, iops: int | None, unit: int | None, request: int | None
) -> None:
    fitting = limits.at_size(iops, unit, request)

    assert said(connection, "iops_at_size(a, b, c)", iops, unit, request) == (None if fitting is UNKNOWN else fitting)


def test_requests_through_a_real_cap_with_a_size(connection: duckdb.DuckDBPyConnection) -> None:
    """QEMU 7.2 let 50 requests of 16 KiB a second through at a cap of 200 IOPS and a size of 4 KiB."""
    assert said(connection, "iops_at_size(a, b, c)", 200, 4096, 16384) == 50
    assert said(connection, "iops_at_size(a, b, c)", 200, 4096, 4096) == 200
    assert said(connection, "iops_at_size(a, b, c)", 200, 4096, 6144) == 133


@given(known_or_not, known_or_not)
def test_requests_of_one_size_in_a_limit_of_bytes(
    connection: duckdb.DuckDBPyConnection, bps: int | None, request: int | None
) -> None:
    fitting = limits.by_bytes(bps, request)

    assert said(connection, "iops_of_bps(a, b)", bps, request) == (None if fitting is UNKNOWN else fitting)


@given(volumes_and_disks, known_or_not)
def test_the_most_and_the_least_of_a_disk(
    connection: duckdb.DuckDBPyConnection, disk: Disk, request: int | None
) -> None:
    most = said(connection, "at_most_iops_of(a, b, c, f, g, h, i, j)", *astuple(disk), request)
    least = said(
        connection,
        "at_least_iops_of(is_enforced(d, e), d, g, i, j, at_most_iops_of(a, b, c, f, g, h, i, j))",
        *astuple(disk),
        request,
    )

    assert most == disk.at_most(request)
    assert least == (None if disk.at_least(request) is UNKNOWN else disk.at_least(request))
    assert most is None or least is None or least <= most
