"""The SQL and the reference, two readings of one contract, agree on whatever a fleet may report."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import golden
import pyarrow.parquet as pq
import pytest
from behaviours import behaviours
from fleet_parts import by_some_policy
from fleets import fleets, zones_and_moments
from hypothesis import event, given, settings
from hypothesis import strategies as st
from reference.facts import Settings, to_datetime
from reference.records import usage_records as reference_records
from reference.windows import rule_8_windows
from sightings import coherent_fleets

from ioledger.lake import layout
from ioledger.lake.reader import connect_tables
from ioledger.lake.settings import timeline, zone_spans
from ioledger.lake.writer import write_run
from ioledger.model.period import windows
from ioledger.model.tables import OPERATION_CLASSES
from reports.usage.build import build, usage_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb
    from fleet_parts import Fleet
    from reference.facts import Row, Tables

    from ioledger.model.period import Window
    from ioledger.model.records import Run

FEWER = settings(max_examples=settings().max_examples // 8)
HOUR_US = 3_600_000_000
COHERENT_FLEETS = by_some_policy(coherent_fleets())
ANY_FLEETS = st.one_of(fleets(), COHERENT_FLEETS)


def hours_of(fleet: Fleet) -> list[Window]:
    return windows(fleet.start, fleet.end, zone_spans(timeline(fleet.settings)))


@contextmanager
def connected(tables: Tables, fleet: Fleet) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(connect_tables(tables, fleet.settings)) as connection:
        connection.execute("SET threads = 1")  # a small fleet is no work for more
        yield connection


def records_of(tables: Tables, fleet: Fleet, hours: Sequence[Window]) -> list[Row]:
    with connected(tables, fleet) as connection:
        return list(usage_records(connection, hours).to_pylist())


def assert_equal(expected: Sequence[Row], actual: Sequence[Row]) -> None:
    difference = golden.difference(expected, actual)
    if difference:
        pytest.fail(difference, pytrace=False)


@given(fleets())
def test_sql_and_reference_give_the_same_records(fleet: Fleet) -> None:
    assert_sql_and_reference_agree(fleet)


@given(COHERENT_FLEETS)
def test_sql_and_reference_give_the_same_records_of_coherent_lives(fleet: Fleet) -> None:
    for behaviour in behaviours(fleet):
        event(behaviour)
    assert_sql_and_reference_agree(fleet)


def assert_sql_and_reference_agree(fleet: Fleet) -> None:
    hours = hours_of(fleet)
    tables = fleet.tables()
    expected = reference_records(tables, fleet.settings, hours[0][0], fleet.end)
    assert_equal(expected, records_of(tables, fleet, hours))


@FEWER
@given(ANY_FLEETS)
def test_the_classes_of_operations_add_up(fleet: Fleet) -> None:
    for record in records_of(fleet.tables(), fleet, hours_of(fleet)):
        assert sum(record[name] for name in OPERATION_CLASSES) == record["read_ops"] + record["write_ops"]


@FEWER
@given(ANY_FLEETS, st.data())
def test_a_build_in_two_parts_gives_the_same_as_in_one_go(fleet: Fleet, data: st.DataObject) -> None:
    hours, tables = hours_of(fleet), fleet.tables()
    first = data.draw(st.integers(1, len(hours) - 1))
    one_by_one = [record for part in (hours[:first], hours[first:]) for record in records_of(tables, fleet, part)]
    at_once = records_of(tables, fleet, hours)
    assert_equal(at_once, sorted(one_by_one, key=lambda record: record["kind"]))


@FEWER
@given(ANY_FLEETS, st.data())
def test_the_order_in_which_rows_arrive_changes_nothing(fleet: Fleet, data: st.DataObject) -> None:
    tables = fleet.tables()
    shuffled = {name: data.draw(st.permutations(rows)) for name, rows in tables.items()}
    hours = hours_of(fleet)
    assert_equal(records_of(tables, fleet, hours), records_of(shuffled, fleet, hours))


@FEWER
@given(ANY_FLEETS, st.data())
def test_a_lake_that_grew_in_any_order_and_twice_holds_the_same_bytes(fleet: Fleet, data: st.DataObject) -> None:
    shuffled: list[Run] = data.draw(st.permutations(fleet.runs))
    early, late = shuffled[::2], [*shuffled[1::2], *shuffled[::4]]
    middle = fleet.start + (fleet.end - fleet.start) / 2
    with TemporaryDirectory() as at_once, TemporaryDirectory() as bit_by_bit:
        _write(Path(at_once), fleet, fleet.runs)
        build(Path(at_once), fleet.start, fleet.end)

        _write(Path(bit_by_bit), fleet, early)
        build(Path(bit_by_bit), fleet.start, fleet.end)
        _write(Path(bit_by_bit), fleet, late)
        build(Path(bit_by_bit), middle, fleet.end)
        build(Path(bit_by_bit), fleet.start, middle)

        assert _parquet_files(Path(at_once)) == _parquet_files(Path(bit_by_bit))


@FEWER
@given(ANY_FLEETS, st.data())
def test_a_lake_on_disk_that_grew_gives_the_records_of_the_reference(fleet: Fleet, data: st.DataObject) -> None:
    shuffled: list[Run] = data.draw(st.permutations(fleet.runs))
    half = len(shuffled) // 2
    with TemporaryDirectory() as directory:
        lake = Path(directory)
        for part in (shuffled[:half], shuffled[half:]):
            _write(lake, fleet, part)
            _write_and_lose(lake, fleet.uncommitted)
            build(lake, fleet.start, fleet.end)
        files = layout.files(lake, "usage_record")
        stored = [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
    expected = reference_records(fleet.tables(), fleet.settings, hours_of(fleet)[0][0], fleet.end)
    assert_equal(sorted(expected, key=lambda record: record["window_start"].date()), stored)


def _write_and_lose(lake: Path, runs: Sequence[Run]) -> None:
    for run in runs:
        write_run(lake, run)
        for path in layout.run_files(lake, "collection_run", run.source, run.run_id):
            path.unlink()


def _write(lake: Path, fleet: Fleet, runs: Sequence[Run]) -> None:
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(golden.settings_toml(fleet.settings), encoding="utf-8")
    for run in runs:
        write_run(lake, run)


def _parquet_files(lake: Path) -> dict[str, bytes]:
    return {str(path.relative_to(lake)): path.read_bytes() for path in lake.rglob("*.parquet")}


@given(zones_and_moments())
def test_windows_begin_where_the_local_clock_shows_a_full_hour(zone_and_moment: tuple[str, int]) -> None:
    zone, moment = zone_and_moment
    table: dict[str, Any] = {"valid_from": to_datetime(0), "billing_time_zone": zone}
    expected = rule_8_windows(Settings([{**table, "valid_from": 0}]), moment, moment + 6 * HOUR_US)
    found = windows(to_datetime(moment), to_datetime(moment + 6 * HOUR_US), zone_spans(timeline([table])))
    began_before = [opens for opens, _ in found if opens < to_datetime(moment)]
    assert [(to_datetime(w.start), to_datetime(w.end)) for w in expected] == found[len(began_before) :]
    assert len(began_before) <= 1
