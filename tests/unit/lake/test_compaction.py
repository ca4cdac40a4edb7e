"""What `ioledger lake compact` merges and when, what it leaves alone, and what it tells."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, content, new_lake, read, sample

from ioledger.app import App
from ioledger.cli import run
from ioledger.errors import BusyError
from ioledger.lake import layout, locks, reader
from ioledger.lake.compaction import compact
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

HOUR = timedelta(hours=1)
MIDNIGHT = NOON + 12 * HOUR
AFTER_THE_DAY = MIDNIGHT + 2 * HOUR
SAMPLES = "FROM disk_io_stat ORDER BY ALL"
RUNS = "FROM collection_run ORDER BY run_id"


class FixedClock:
    """A clock that stands still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def boottime_us(self) -> int:
        return 1


def command(lake: Path, now: datetime = AFTER_THE_DAY) -> int:
    return run(["lake", "compact"], App(FixedClock(now), config_file=Path("no.toml"), lake_option=lake))


def names(lake: Path, table: str = "disk_io_stat") -> list[str]:
    """Name the files of a table, merged ones without their tag."""
    return [path.stem.rpartition("~")[0] or path.stem for path in layout.files(lake, table)]


def minutes(*numbers: int) -> list[datetime]:
    return [NOON + number * MINUTE for number in numbers]


def lake_of(directory: Path, *moments: datetime) -> Path:
    return new_lake(directory, *(a_run(sample(at=at), at=at) for at in moments))


def test_an_hour_is_merged_when_it_is_over_and_the_day_two_hours_after_its_end(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(0, 59, 60, 61))
    samples, runs = read(lake, SAMPLES), read(lake, RUNS)
    first, second = "merged~20251122T120000~20251122T125900", "merged~20251122T130000~20251122T130100"

    compact(lake, NOON + HOUR - MINUTE)
    assert names(lake) == ["20251122T120000", "20251122T125900", "20251122T130000", "20251122T130100"]
    compact(lake, NOON + HOUR)
    assert names(lake) == ["20251122T130000", "20251122T130100", first]
    compact(lake, AFTER_THE_DAY - MINUTE)
    for table in ("disk_io_stat", "collection_run", "sample_stretch"):
        assert names(lake, table) == [first, second]
    assert (read(lake, SAMPLES), read(lake, RUNS)) == (samples, runs)

    compact(lake, AFTER_THE_DAY)
    for table in ("disk_io_stat", "collection_run", "sample_stretch"):
        assert names(lake, table) == ["merged~20251122T120000~20251122T130100"]
    assert (read(lake, SAMPLES), read(lake, RUNS)) == (samples, runs)


def test_a_merged_file_is_sorted_by_series_and_time_and_its_index_names_its_runs(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *(a_run(sample("vm-2", at), sample("vm-1", at), at=at) for at in minutes(1, 0)))
    compact(lake, AFTER_THE_DAY)
    (path,) = layout.files(lake, "disk_io_stat")
    found = pq.read_table(path, columns=["vm_id", "sampled_at"], partitioning=None).to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("vm-1", NOON), ("vm-1", NOON + MINUTE), ("vm-2", NOON), ("vm-2", NOON + MINUTE),
    ]  # fmt: skip
    (index,) = layout.files(lake, "sample_stretch")
    assert index.name == path.name == "merged~20251122T120000~20251122T120100~4a7e2e3e7caa.parquet"
    assert json.loads(pq.read_metadata(index).metadata[b"ioledger.runs"]) == ["20251122T120000", "20251122T120100"]


def test_every_table_of_facts_is_merged_by_date_and_source(tmp_path: Path) -> None:
    tables = {
        "disk_io_stat": [sample(), sample("vm-2", MIDNIGHT)],
        "disk_cap": [{"vm_id": "v", "device": "d", "layer": "qemu"}],
    }
    lake = new_lake(
        tmp_path,
        *(a_run(at=NOON, run_id=run_id, tables=tables) for run_id in ("a", "b")),
        *(
            a_run(kind="controlplane", source="shop", run_id=run_id, tables={"entitlement": [{"volume_id": "v"}]})
            for run_id in ("a", "b")
        ),
    )  # fmt: skip
    compact(lake, AFTER_THE_DAY + 24 * HOUR)
    found = [
        str(path.relative_to(lake).parent)
        for table in ("collection_run", "disk_io_stat", "disk_cap", "entitlement")
        for path in layout.files(lake, table)
    ]
    assert found == [
        "collection_run/date=2025-11-22/source=kvm-01",
        "collection_run/date=2025-11-22/source=shop",
        "disk_io_stat/date=2025-11-22/source=kvm-01",
        "disk_io_stat/date=2025-11-23/source=kvm-01",
        "disk_cap/date=2025-11-22/source=kvm-01",
        "entitlement/date=2025-11-22/source=shop",
    ]


def test_compacting_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1, 60, 61))
    for now in (NOON + HOUR, AFTER_THE_DAY):
        compact(lake, now)
        before = {path: path.stat().st_mtime_ns for path in lake.rglob("*.parquet")}
        assert compact(lake, now).merged_count == 0
        assert {path: path.stat().st_mtime_ns for path in lake.rglob("*.parquet")} == before


def test_late_runs_join_the_merged_file_of_their_hour_or_day(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(10, 20))
    compact(lake, NOON + HOUR)
    write_run(lake, a_run(sample("late"), at=NOON + 30 * MINUTE))
    compact(lake, NOON + HOUR)
    assert names(lake) == ["merged~20251122T121000~20251122T123000"]
    compact(lake, AFTER_THE_DAY)
    write_run(lake, a_run(sample("later"), at=NOON))
    compact(lake, AFTER_THE_DAY)
    assert names(lake) == ["merged~20251122T120000~20251122T123000"]
    assert len(read(lake, SAMPLES)) == 4


def test_a_run_that_is_not_committed_stays_as_it_is(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1, 2))
    for path in layout.run_files(lake, "collection_run", "kvm-01", "20251122T120100"):
        path.unlink()
    compact(lake, AFTER_THE_DAY)
    assert names(lake) == ["20251122T120100", "merged~20251122T120000~20251122T120200"]
    assert len(read(lake, SAMPLES)) == 2
    write_run(lake, a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
    compact(lake, AFTER_THE_DAY)
    assert len(read(lake, SAMPLES)) == 3


def test_what_a_collector_is_writing_stays_and_what_a_compaction_left_goes(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1))
    partition = layout.fact_partition(lake, "disk_io_stat", NOON.date(), "kvm-01")
    being_written, left_over = partition / ".r.parquet.tmp", partition / ".merged~a~b~c.parquet.0123abcd.new"
    for path in (being_written, left_over):
        path.write_bytes(b"")
    compact(lake, NOON)
    assert being_written.exists()
    assert not left_over.exists()


def test_rows_equal_in_every_column_are_kept_once_and_others_all(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1))
    compact(lake, AFTER_THE_DAY)
    (path,) = layout.files(lake, "disk_io_stat")
    rows = pq.read_table(path, partitioning=None).drop_columns(["stretch"])
    other = rows.set_column(rows.column_names.index("read_ops"), "read_ops", pa.array([7, None], pa.int64()))
    pq.write_table(pa.concat_tables([rows, other]), path.with_name("20251122T120000.parquet"))
    compact(lake, AFTER_THE_DAY)
    found = read(lake, "SELECT run_id, read_ops FROM disk_io_stat ORDER BY ALL")
    assert [(run_id[-4:-2], ops in {7, None}) for run_id, ops in found] == [
        ("00", True), ("00", False), ("01", False), ("01", True),
    ]  # fmt: skip


def test_columns_of_a_later_version_are_kept(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1))
    path = layout.files(lake, "disk_io_stat")[0]
    rows = pq.read_table(path, partitioning=None)
    pq.write_table(rows.append_column("of_tomorrow", pa.array(["x"])).drop_columns(["cap_group"]), path)
    compact(lake, AFTER_THE_DAY)
    (path,) = layout.files(lake, "disk_io_stat")
    assert pq.read_table(path, partitioning=None).column("of_tomorrow").to_pylist() == ["x", None]
    assert pq.read_schema(path).names[: len(rows.column_names)] == rows.column_names


@pytest.mark.parametrize("is_read", [False, True], ids=["finished", "pending"])
def test_a_repeated_run_replaces_its_rows_in_a_merged_file(tmp_path: Path, is_read: bool) -> None:  # noqa: FBT001 - a parameter of the test
    lake = lake_of(tmp_path, *minutes(0, 1, 2))
    again = NOON + MINUTE
    if is_read:
        with reader.connect(lake) as connection:
            compact(lake, AFTER_THE_DAY)
            for ops in (7, 8):
                write_run(lake, a_run(sample(at=again, read_ops=ops), at=again))
                assert read(lake, "SELECT read_ops FROM disk_io_stat ORDER BY run_id")[1] == (ops,)
            assert len(connection.execute(SAMPLES).fetchall()) == 3
    else:
        compact(lake, AFTER_THE_DAY)
        write_run(lake, a_run(sample(at=again, read_ops=8), at=again))
    for _ in range(2):
        assert read(lake, "SELECT read_ops FROM disk_io_stat ORDER BY run_id")[1:2] == [(8,)]
        assert len(read(lake, SAMPLES)) == len(read(lake, RUNS)) == 3
        compact(lake, AFTER_THE_DAY)
    write_run(lake, a_run(at=again, status="failed"))
    assert (len(read(lake, SAMPLES)), len(read(lake, RUNS))) == (2, 3)
    assert not [name for name in content(lake) if name.endswith((".new", ".json"))]


def test_the_last_run_of_a_merged_file_can_be_replaced_too(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, NOON)
    compact(lake, AFTER_THE_DAY)
    write_run(lake, a_run(at=NOON, status="failed"))
    assert read(lake, SAMPLES) == []
    assert read(lake, "FROM sample_stretch") == []
    assert read(lake, "SELECT status FROM collection_run") == [("failed",)]


def test_usage_is_neither_made_again_nor_made_otherwise(tmp_path: Path) -> None:
    ours, theirs = (lake_of(tmp_path / name, *minutes(0, 1, 58, 61, 62, 121)) for name in ("ours", "theirs"))
    period = (NOON, NOON + 3 * HOUR)
    build(ours, *period)
    for now in (NOON + HOUR, AFTER_THE_DAY):
        compact(ours, now)
        assert build(ours, *period).made == []
    compact(theirs, AFTER_THE_DAY)
    build(theirs, *period)
    (mine,), (other,) = (layout.files(lake, "usage_record") for lake in (ours, theirs))
    assert mine.read_bytes() == other.read_bytes()


def test_two_runs_that_tell_of_one_moment_are_metered_as_before(tmp_path: Path) -> None:
    ours, theirs = (lake_of(tmp_path / name, *minutes(0, 1, 2, 3)) for name in ("ours", "theirs"))
    for lake in (ours, theirs):
        write_run(lake, a_run(sample(at=NOON + MINUTE, read_ops=1), at=NOON + MINUTE, run_id="20251122T120101"))
    compact(ours, AFTER_THE_DAY)
    for lake in (ours, theirs):
        build(lake, NOON, NOON + HOUR)
    (mine,), (other,) = (layout.files(lake, "usage_record") for lake in (ours, theirs))
    assert mine.read_bytes() == other.read_bytes()


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1, 2))
    with reader.connect(lake):
        assert command(lake) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("merged 6 files into 2, ")
    assert told.err.endswith(
        ", with 6 rows\nthe lake is being read: the old files of 2 swaps are removed by a later compaction\n"
    )
    assert run(["--lake", str(lake), "lake", "stats", "--format", "csv"]) == 0
    assert "disk_io_stat,3,1," in capsys.readouterr().out
    assert command(lake) == 0
    assert "merged 0 files into 0, 0 bytes into 0, with 0 rows\n" in capsys.readouterr().err
    assert len(list(lake.rglob("*.parquet"))) == 3


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def double_a_column(path: Path) -> None:
    rows = pq.read_table(path)
    pq.write_table(rows.append_column("read_ops", rows["read_ops"]), path)


@pytest.mark.parametrize("damage", [cut_short, double_a_column])
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_merged(
    damage: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = new_lake(
        tmp_path,
        *(a_run(sample(at=at), at=at, source=source) for at in minutes(0, 1) for source in ("kvm-01", "kvm-02")),
    )
    path = layout.files(lake, "disk_io_stat")[0]
    damage(path)
    before = content(lake)
    assert command(lake) == 3
    told = capsys.readouterr()
    assert f"ioledger: {path} cannot be read: " in told.err
    assert told.err.endswith(
        f"ioledger: 1 files of {lake} cannot be read, and what would be merged with them stays as it is; "
        "mend them and compact again\n"
    )
    assert names(lake) == ["20251122T120000", "20251122T120100", "merged~20251122T120000~20251122T120100"]
    partition = str(path.parent.relative_to(lake))
    now = content(lake)
    assert {name: now[name] for name in now if name.startswith(partition)} == {
        name: before[name] for name in before if name.startswith(partition)
    }


def test_one_compaction_at_a_time(tmp_path: Path) -> None:
    lake = lake_of(tmp_path, NOON)
    with locks.exclusive(lake, locks.UPKEEP), pytest.raises(BusyError, match=r"upkeep of .* is in use by process"):
        compact(lake, AFTER_THE_DAY)


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = lake_of(tmp_path, *minutes(0, 1))
    with reader.connect(lake):
        compact(lake, AFTER_THE_DAY)
    journal = lake / ".journal" / "000000000001.json"
    journal.write_bytes(b"{")
    for words in (["compact"], ["stats"]):
        assert run(["--lake", str(lake), "lake", *words]) == 2
        assert capsys.readouterr().err.startswith(f"ioledger: the journal {journal} cannot be read: ")
