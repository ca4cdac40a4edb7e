"""The fleets that are measured on: their truth is what metering finds, by two implementations of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reference.records import usage_records

from benchmarks.activity import days
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from benchmarks.measure import WrongResultError, check_usage, compare
from benchmarks.truth import AMOUNTS, Truth
from ioledger.lake import reader
from ioledger.model.tables import FACTS
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path

EVENTFUL = Fleet(8, seed=12)
SMALL = Fleet(4, seed=1)
MOVE_AND_RESTART = 25  # a seed of four disks with which both happen on the first day


def truth_of(fleet: Fleet, day_count: int) -> Truth:
    truth = Truth(fleet)
    for day in days(fleet, day_count):
        truth.add(day)
    return truth


def content(lake: Path) -> dict[str, bytes]:
    return {str(path.relative_to(lake)): path.read_bytes() for path in lake.rglob("*.parquet")}


def rows_of(lake: Path) -> dict[str, list[dict[str, Any]]]:
    with reader.connect(lake) as connection:
        return {name: connection.table(name).to_arrow_table().to_pylist() for name in FACTS}


def test_the_usage_that_is_built_is_what_the_fleet_did(tmp_path: Path) -> None:
    truth = write_lake(tmp_path / "lake", EVENTFUL, 2)

    build(tmp_path / "lake", EVENTFUL.start, EVENTFUL.end(2))

    check_usage(tmp_path / "lake", truth.table())


def test_the_fleet_has_all_that_makes_metering_hard() -> None:
    truth = truth_of(EVENTFUL, 2)
    idle = {name for name in AMOUNTS if truth.amounts[name].sum() == 0}
    assert idle == set()
    assert sum(len(day.left_disks) for day in days(EVENTFUL, 2)) > 0, "no guest moves"
    assert truth.from_zero_ops > 0
    assert not all(day.is_run.all() for day in days(EVENTFUL, 2)), "no run is missing"


def test_the_reference_finds_what_the_fleet_did(tmp_path: Path) -> None:
    fleet = Fleet(4, seed=MOVE_AND_RESTART)
    truth = write_lake(tmp_path / "lake", fleet, 1).table()

    records = usage_records(rows_of(tmp_path / "lake"), [], fleet.start, fleet.end(1))

    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for record in records:
        for name in AMOUNTS:
            seconds = record[f"{name[:-3]}_seconds"] * 1_000_000 if name.endswith("_us") else record[name]
            found[record["volume_id"]][name] += int(seconds)
    assert [{"volume_id": volume_id, **found[volume_id]} for volume_id in sorted(found)] == truth.to_pylist()


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for name, fleet in (("one", SMALL), ("same", Fleet(4, seed=1)), ("other", Fleet(4, seed=2))):
        write_lake(tmp_path / name, fleet, 1)
    assert content(tmp_path / "one") == content(tmp_path / "same")
    assert content(tmp_path / "one") != content(tmp_path / "other")


def test_a_short_history_is_the_beginning_of_a_long_one(tmp_path: Path) -> None:
    told: dict[int, pa.Table] = {}
    write_lake(tmp_path / "long", SMALL, 2, after_day=lambda count, truth: told.update({count: truth.table()}))
    short = write_lake(tmp_path / "short", SMALL, 1)
    assert told[1].equals(short.table())
    assert content(tmp_path / "short").items() <= content(tmp_path / "long").items()


def test_day_files_are_sorted_by_series_and_time(tmp_path: Path) -> None:
    write_lake(tmp_path / "lake", EVENTFUL, 1)
    keys = [(name, "ascending") for name in ("vm_id", "device", "epoch", "sampled_at")]
    paths = sorted((tmp_path / "lake" / "disk_io_stat").rglob("*.parquet"))
    tables = [pq.read_table(path, partitioning=None) for path in paths]
    assert len(tables) == EVENTFUL.host_count + 1
    assert all(table.equals(table.sort_by(keys)) for table in tables)


def test_a_wrong_amount_is_refused_by_name() -> None:
    truth = pa.table({"volume_id": ["v1", "v2"], "read_ops": [1, 2]})
    compare(truth, truth)
    with pytest.raises(WrongResultError, match="read_ops of volume v2 is 2, and usage tells 3"):
        compare(truth, pa.table({"volume_id": ["v1", "v2"], "read_ops": [1, 3]}))
    with pytest.raises(WrongResultError, match="usage tells of 1 volumes, and the fleet has 2"):
        compare(truth, truth.slice(0, 1))
