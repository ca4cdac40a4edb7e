"""Stretches against a plain reading of what they are, row by row."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from lakes import NOON

from ioledger.lake.schema import arrow_schema
from ioledger.lake.stretches import ORDER, stretches_of
from ioledger.model.columns import COUNTERS
from ioledger.model.tables import SAMPLE_STRETCH, STRETCH_CONSTANTS

if TYPE_CHECKING:
    from ioledger.model.records import Row

SCHEMA = arrow_schema("disk_io_stat")
CHANGING = {"run_id", "sampled_at", "window_start", *COUNTERS}


def mostly(usual: object, *others: object) -> st.SearchStrategy[Any]:
    return st.sampled_from((*[usual] * 40, *others))


@st.composite
def samples(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw rows of one source: few disks, moments that coincide, counters that mostly rise."""
    rows = []
    for number in range(draw(st.integers(0, 30))):
        row: dict[str, Any] = dict.fromkeys(SCHEMA.names)
        row |= {
            "source": "kvm-01",
            "run_id": f"r{number // 3:02}",
            "vm_id": draw(mostly("vm-1", "vm-2")),
            "device": draw(mostly("vda", None, "vdb")),
            "epoch": draw(mostly("e1", None, "e2")),
            "state": draw(mostly("ok", "off", "timeout")),
            "sampled_at": NOON + timedelta(minutes=number * draw(mostly(1, 0, 16)) - draw(mostly(0, 1, 2))),
        }
        for name in COUNTERS:
            row[name] = draw(mostly(number, None, 0, number + 1))
        for name in draw(mostly(set(), {"cap_group"}, {"volume_id"}, {"cap_total_iops", "host_id"})):
            row[name] = draw(st.sampled_from((7, 8))) if name == "cap_total_iops" else draw(st.sampled_from("ab"))
        rows.append(row)
    return draw(st.permutations(rows))


def nulls_last(row: Row) -> list[tuple[bool, Any]]:
    return [(row[name] is None, row[name] if row[name] is not None else "") for name in ORDER]


def continues(before: Row, row: Row, after: Row | None) -> bool:
    """Tell whether a row belongs to the stretch of the row before it, as metering reads it."""

    def is_same_moment(one: Row, other: Row) -> bool:
        return all(one[name] == other[name] for name in ("vm_id", "device", "epoch", "sampled_at"))

    if any(before[name] != row[name] for name in SCHEMA.names if name not in CHANGING):
        return False
    if after is not None and is_same_moment(row, after):
        return False
    if not timedelta() < row["sampled_at"] - before["sampled_at"] <= timedelta(seconds=900):  # type: ignore[operator]
        return False
    pairs: list[tuple[Any, Any]] = [(before[name], row[name]) for name in COUNTERS]
    return all((old is None) == (new is None) and (old is None or old <= new) for old, new in pairs)


def stretches_row_by_row(rows: list[Row]) -> list[list[Row]]:
    found: list[list[Row]] = []
    for number, row in enumerate(rows):
        after = rows[number + 1] if number + 1 < len(rows) else None
        if found and continues(rows[number - 1], row, after):
            found[-1].append(row)
        else:
            found.append([row])
    return found


def index_row(number: int, rows: list[Row]) -> Row:
    first, last = rows[0], rows[-1]
    moments: list[Any] = [row["sampled_at"] for row in rows]
    intervals = [(later - earlier) // timedelta(microseconds=1) for earlier, later in pairwise(moments)]
    set_to_count = ("epoch", "read_ops", "write_ops", "read_bytes", "write_bytes")
    return {
        "stretch": number,
        "row_count": len(rows),
        "counts": first["state"] == "ok" and all(first[name] is not None for name in set_to_count),
        **{name: first[name] for name in STRETCH_CONSTANTS},
        **{f"first_{name}": first[name] for name in ("run_id", "sampled_at", *COUNTERS)},
        **{f"last_{name}": last[name] for name in ("run_id", "sampled_at", *COUNTERS)},
        "longest_us": max(intervals, default=0),
    }


@given(samples())
def test_the_index_is_what_a_reading_row_by_row_finds(rows: list[Row]) -> None:
    expected = stretches_row_by_row(sorted(rows, key=nulls_last))

    found = stretches_of(pa.Table.from_pylist(rows, SCHEMA))

    assert found.index is not None
    assert found.index.schema.equals(arrow_schema("sample_stretch"), check_metadata=True)
    assert found.index.to_pylist() == [index_row(number, part) for number, part in enumerate(expected, start=1)]
    numbered = [{**row, "stretch": number} for number, part in enumerate(expected, start=1) for row in part]
    assert found.samples.to_pylist() == numbered


@given(samples())
def test_a_stretch_has_no_more_rows_than_moments_and_all_rows_are_in_one(rows: list[Row]) -> None:
    found = stretches_of(pa.Table.from_pylist(rows, SCHEMA))
    assert found.index is not None
    assert sum(found.index.column("row_count").to_pylist()) == len(rows)
    assert found.samples.drop_columns("stretch").schema.equals(SCHEMA, check_metadata=True)


def test_the_columns_of_a_stretch_tell_of_every_column_of_a_sample() -> None:
    told = {*STRETCH_CONSTANTS, *(name.removeprefix("first_") for name in SAMPLE_STRETCH.names if "first_" in name)}
    assert told == set(SCHEMA.names) - {"window_start"}
