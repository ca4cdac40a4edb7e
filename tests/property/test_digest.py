"""The digest tells rows apart, and nothing but rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import NOON, a_run, new_lake, read, sample

from ioledger.lake import layout, reader
from ioledger.lake.digest import RunRows, rows_digest, run_digests
from ioledger.lake.schema import typed
from ioledger.model.columns import COUNT, FLAG, PER_GIB, TEXT, TIME, Column
from ioledger.model.tables import FACTS, Table

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

    from ioledger.model.records import Row

VALUES: dict[pa.DataType, SearchStrategy[Any]] = {
    TEXT: st.text(max_size=8),
    COUNT: st.integers(0, 2**63 - 1),
    FLAG: st.booleans(),
    TIME: st.integers(0, 10**15).map(lambda us: NOON + timedelta(microseconds=us)),
    PER_GIB: st.decimals(0, 10**6, places=6),
}
TABLES = [table for table in FACTS.values() if table.name != "collection_run"]


def value_of(table: Table, column: Column) -> SearchStrategy[Any]:
    if column.name in table.values:
        return st.sampled_from(table.values[column.name])
    known = VALUES[column.type]
    return known if column.name in table.required else st.none() | known


@st.composite
def tables_with_rows(draw: st.DrawFn, least: int = 0) -> tuple[Table, list[Row]]:
    table = draw(st.sampled_from(TABLES))
    columns = {column.name: value_of(table, column) for column in table.columns}
    of_one_run = {"source": st.just("s"), "run_id": st.just("r")}
    row = st.fixed_dictionaries({**columns, **of_one_run})
    by_key = st.lists(row, min_size=least, max_size=4, unique_by=lambda row: tuple(row[name] for name in table.key))
    return table, draw(by_key)


def digest(table: Table, rows: list[Row]) -> str:
    return rows_digest(table, typed(table, rows))


@given(tables_with_rows(), st.randoms())
def test_it_does_not_depend_on_the_order_of_rows(given_rows: tuple[Table, list[Row]], random: Any) -> None:  # noqa: ANN401 - hypothesis hands in a Random
    table, rows = given_rows
    order = pa.array(random.sample(range(len(rows)), len(rows)), pa.int64())
    shuffled = typed(table, rows).take(order)
    assert rows_digest(table, shuffled) == digest(table, rows)


@given(tables_with_rows(), st.data())
def test_the_digests_of_many_runs_at_once_are_those_of_each(
    given_rows: tuple[Table, list[Row]], data: st.DataObject
) -> None:
    table, rows = given_rows
    of_runs = [{**row, "run_id": data.draw(st.sampled_from("abc"))} for row in rows]
    by_run = {run_id: [row for row in of_runs if row["run_id"] == run_id] for run_id in "abc"}
    expected = {run_id: RunRows(len(own), digest(table, own)) for run_id, own in by_run.items() if own}
    chunks = [typed(table, [row]) for row in data.draw(st.permutations(of_runs))]
    assert run_digests(table, pa.concat_tables([typed(table, ()), *chunks])) == expected


@given(tables_with_rows())
def test_it_does_not_depend_on_how_rows_are_cut_into_chunks(given_rows: tuple[Table, list[Row]]) -> None:
    table, rows = given_rows
    whole = typed(table, rows)
    chunked = pa.concat_tables([whole.slice(start, 1) for start in range(len(rows))] or [whole])
    assert rows_digest(table, chunked) == digest(table, rows)


@given(tables_with_rows())
def test_it_does_not_depend_on_columns_that_hold_nothing(given_rows: tuple[Table, list[Row]]) -> None:
    table, rows = given_rows
    whole = typed(table, rows)
    empty = [
        name for name in whole.column_names if whole.column(name).null_count == len(rows) and name not in table.key
    ]
    assert rows_digest(table, whole.drop_columns(empty)) == digest(table, rows)
    added = whole.append_column("of_a_later_version", pa.nulls(len(rows), pa.int64()))
    assert rows_digest(table, added) == digest(table, rows)


@given(tables_with_rows(least=1), st.data())
def test_any_other_value_gives_another_digest(given_rows: tuple[Table, list[Row]], data: st.DataObject) -> None:
    table, rows = given_rows
    column = data.draw(st.sampled_from([c for c in table.columns if c.name not in ("source", "run_id", *table.key)]))
    old = rows[0][column.name]
    new = data.draw(value_of(table, column).filter(lambda value: value != old))
    assert digest(table, [{**rows[0], column.name: new}, *rows[1:]]) != digest(table, rows)


@given(tables_with_rows(least=1))
def test_a_missing_row_gives_another_digest(given_rows: tuple[Table, list[Row]]) -> None:
    table, rows = given_rows
    assert digest(table, rows[1:]) != digest(table, rows)


def test_text_that_moves_from_one_row_to_the_next_gives_another_digest() -> None:
    table = FACTS["provisioned_iops"]

    def of(first: str, second: str) -> str:
        row = {"source": "array-a", "run_id": "r", "observed_at": NOON}
        rows = [{**row, "volume_id": "a", "backend": first}, {**row, "volume_id": "b", "backend": second}]
        return digest(table, rows)

    assert len({of("ab", "c"), of("a", "bc"), of("abc", ""), of("", "abc")}) == 4


def test_null_is_not_zero_empty_or_false() -> None:
    table = FACTS["provisioned_iops"]
    row = {"source": "array-a", "run_id": "r", "observed_at": NOON, "volume_id": "a"}
    filled = [{"min_iops": 0}, {"backend": ""}, {"min_enforced": False}, {}]
    assert len({digest(table, [{**row, **columns}]) for columns in filled}) == len(filled)


@pytest.mark.parametrize("read_back", ["files", "view"])
def test_read_back_from_the_lake_it_is_the_one_in_collection_run(tmp_path: Path, read_back: str) -> None:
    midnight = NOON + timedelta(hours=12)
    guests = [sample("vm-1", midnight - timedelta(seconds=1)), sample("vm-2", midnight), sample("vm-3", device=None)]
    sold = [
        {"volume_id": f"vol-{n}", "sold_min_iops_per_gib": Decimal(n) / 3 // Decimal("0.000001") / 10**6}
        for n in (1, 2)
    ]
    lake = new_lake(
        tmp_path,
        a_run(*guests),
        a_run(kind="controlplane", source="shop", tables={"entitlement": sold, "storage_pool": [{"pool_id": "p"}]}),
    )
    stored = {
        name: found for (digests,) in read(lake, "SELECT digest FROM collection_run") for name, found in digests.items()
    }
    assert set(stored) == {"disk_io_stat", "entitlement", "storage_pool"}
    for name, expected in stored.items():
        if read_back == "files":
            rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in layout.files(lake, name)])
        else:
            with reader.connect(lake) as connection:
                rows = connection.table(name).to_arrow_table()
        assert rows_digest(FACTS[name], rows) == expected
