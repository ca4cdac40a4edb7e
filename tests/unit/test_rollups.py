"""`usage show` from rollups: what it believes, what it reads, and what is final."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from lakes import a_run, content, new_lake, read, sample
from usage_lakes import settle

from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage import rollup
from reports.usage.build import build
from reports.usage.cover import BY_MONTH_AND_DAY, Rollups
from reports.usage.show import totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
START = datetime(2025, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin, where the 26th has 25 hours
END = START + 9 * DAY
BERLIN = [{"valid_from": datetime(2000, 1, 1, tzinfo=UTC), "billing_time_zone": "Europe/Berlin"}]


@pytest.fixture(scope="module")
def nine_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two guests on two hosts over the end of October, whose second host goes silent after five days."""
    lake = new_lake(tmp_path_factory.mktemp("built"))
    settle(lake, BERLIN)
    for number in range(9 * 4 + 1):
        at = START + number * 6 * HOUR
        write_run(lake, a_run(sample("vm-1", at, vm_name=f"name-{number // 4}"), at=at))
        if at < START + 5 * DAY:
            write_run(lake, a_run(sample("vm-2", at, vm_name="two"), source="kvm-02", at=at))
    build(lake, START, END)
    return lake


@pytest.fixture
def lake(tmp_path: Path, nine_days: Path) -> Path:
    shutil.copytree(nine_days, tmp_path / "lake")
    return tmp_path / "lake"


def rollup_files(lake: Path) -> dict[str, bytes]:
    return {name: whole for name, whole in content(lake).items() if name.startswith(("usage_day", "usage_month"))}


def without_rollups(lake: Path, start: datetime, end: datetime) -> Any:  # noqa: ANN401 - Totals
    copy = lake.with_name("without")
    shutil.copytree(lake, copy)
    for table in BY_MONTH_AND_DAY:
        shutil.rmtree(copy / table.name)
    found = totals(copy, "vm", start, end)
    shutil.rmtree(copy)
    return found


def days_used(lake: Path, start: datetime, end: datetime) -> int:
    return len(Rollups(lake).cover(start, end, BY_MONTH_AND_DAY).files["usage_day"])


def test_a_build_sums_each_local_day_and_month(lake: Path) -> None:
    assert read(lake, "SELECT DISTINCT window_start, window_end - window_start FROM usage_day ORDER BY 1")[:3] == [
        (START, DAY),
        (START + DAY, 25 * HOUR),
        (START + DAY + 25 * HOUR, DAY),
    ]
    first_of_november = datetime(2025, 10, 31, 23, tzinfo=UTC)
    assert read(lake, "SELECT DISTINCT window_start FROM usage_month ORDER BY 1") == [
        (datetime(2025, 9, 30, 22, tzinfo=UTC),),
        (first_of_november,),
    ]
    by_record, by_day, by_month = (
        read(lake, f"FROM {name} SELECT sum(read_ops), sum(observed_seconds)")
        for name in ("usage_record", "usage_day", "usage_month")
    )
    assert by_record == by_day == by_month


def test_days_that_are_too_heavy_for_one_go_give_the_same_rollups(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_one_go = rollup_files(lake)
    for table in ("usage_day", "usage_month"):
        shutil.rmtree(lake / table)
    monkeypatch.setattr(rollup, "_BYTES_AT_ONCE", 1)

    build(lake, START, END)

    assert rollup_files(lake) == in_one_go


def more_operations(path: Path) -> None:
    rows = pq.read_table(path, partitioning=None)
    place = rows.schema.get_field_index("read_ops")
    pq.write_table(rows.set_column(place, rows.schema.field(place), pc.add(rows["read_ops"], pa.scalar(1))), path)


def a_flipped_bit(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])


def half_of_it(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize("spoil", [more_operations, a_flipped_bit, half_of_it, lambda path: path.unlink()])
def test_a_rollup_that_was_changed_is_not_believed_and_the_next_build_makes_it_again(
    lake: Path, spoil: Callable[[Path], None]
) -> None:
    before, shown = rollup_files(lake), totals(lake, "vm", START, END)
    for table in BY_MONTH_AND_DAY:
        spoil(layout.files(lake, table.name)[1])
    assert totals(lake, "vm", START, END) == shown
    build(lake, START, END)
    assert rollup_files(lake) == before


@pytest.mark.parametrize("spoil", [more_operations, lambda path: path.unlink()])
def test_records_that_were_changed_count_and_not_the_rollups_of_before(
    lake: Path, spoil: Callable[[Path], None]
) -> None:
    before = totals(lake, "vm", START, END)
    spoil(layout.files(lake, "usage_record")[3])
    shown = totals(lake, "vm", START, END)
    assert shown == without_rollups(lake, START, END) != before


def test_rollups_follow_the_billing_time_zone(lake: Path) -> None:
    settle(lake, [{**BERLIN[0], "billing_time_zone": "Asia/Kolkata"}])
    assert totals(lake, "vm", START, END) == without_rollups(lake, START, END)
    build(lake, START, END)
    starts = read(lake, "SELECT DISTINCT strftime(window_start, '%H:%M') FROM usage_day")
    assert starts == [("18:30",)]
    assert totals(lake, "vm", START, END) == without_rollups(lake, START, END)


@pytest.mark.parametrize("hours", range(0, 9 * 24, 11))
def test_the_same_hours_are_final_as_by_all_runs(lake: Path, hours: int) -> None:
    start, end = START, START + (hours + 1) * HOUR
    shown = {row["id"]: row["final"] for row in totals(lake, "vm", start, end).rows}
    by_all_runs = read(
        lake,
        f"FROM usage_record SELECT vm_id, bool_and(is_final(window_start, window_end)) "
        f"WHERE window_start < '{end}' AND window_end > '{start}' GROUP BY vm_id",
    )
    assert shown == dict(by_all_runs)


def test_a_source_that_is_retired_leaves_no_hour_open(lake: Path) -> None:
    (open_end,) = {row["final"] for row in totals(lake, "vm", START, START + 5 * DAY).rows if row["id"] == "vm-1"}
    settle(lake, [{**BERLIN[0], "retired": ["kvm-02"]}])
    (retired,) = {row["final"] for row in totals(lake, "vm", START, START + 5 * DAY).rows if row["id"] == "vm-1"}
    assert (open_end, retired) == (False, True)


def test_no_runs_are_read_but_those_of_the_period_and_the_last_ones(lake: Path) -> None:
    settle(lake, [{**BERLIN[0], "retired": ["kvm-02"]}])
    start, end = START + DAY, START + 3 * DAY + HOUR
    shown = totals(lake, "vm", start, end)
    days = sorted((lake / "collection_run").iterdir())
    for directory in (days[0], *days[5:-1]):
        for path in directory.glob("source=kvm-01/*.parquet"):
            path.write_bytes(b"not to be read")
    assert totals(lake, "vm", start, end) == shown
    assert days_used(lake, start, end) == 2


def test_a_name_is_the_last_one_told_in_the_period(lake: Path) -> None:
    names = [
        {row["id"]: row["name"] for row in totals(lake, "vm", START, START + number * DAY).rows}["vm-1"]
        for number in (1, 3)
    ]
    assert names == ["name-0", "name-2"]
