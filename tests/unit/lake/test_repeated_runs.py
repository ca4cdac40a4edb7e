"""A run exists once: by its collection_run row, whatever was stored under its name before."""

from __future__ import annotations

from datetime import timedelta
from shutil import copyfile
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, assert_refused_as_committed_twice, new_lake, read, sample

from ioledger.errors import DataError, LakeError
from ioledger.lake import doubled_runs, layout
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row

DAY = timedelta(days=1)


def test_a_repeated_run_replaces_its_rows(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample("vm-1"), sample("vm-2")))
    write_run(lake, a_run(sample("vm-2", read_ops=9), sample("vm-3")))
    assert read(lake, "SELECT vm_id, read_ops FROM disk_io_stat WHERE vm_id = 'vm-2'") == [("vm-2", 9)]
    assert read(lake, "SELECT vm_id FROM disk_io_stat ORDER BY 1") == [("vm-2",), ("vm-3",)]
    assert read(lake, "SELECT row_count FROM collection_run") == [(2,)]


def test_a_repeated_run_replaces_rows_that_lay_under_another_date(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample("vm-1", NOON - DAY), sample("vm-2", NOON)))
    write_run(lake, a_run(sample("vm-1", NOON), sample("vm-2", NOON + DAY)))
    found = read(lake, "SELECT vm_id, epoch_us(sampled_at - TIMESTAMPTZ '2025-11-22 12:00:00+00') FROM disk_io_stat")
    assert sorted(found) == [("vm-1", 0), ("vm-2", 86_400_000_000)]
    assert [path.parent.parent.name for path in layout.files(lake, "disk_io_stat")] == [
        "date=2025-11-22",
        "date=2025-11-23",
    ]


def test_a_repeated_run_that_failed_takes_its_rows_away(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    write_run(lake, a_run(status="failed"))
    assert read(lake, "SELECT status, row_count FROM collection_run") == [("failed", 0)]
    assert layout.files(lake, "disk_io_stat") == []


def test_runs_of_one_id_from_two_sources_are_two(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample(), source="kvm-01"), a_run(sample(), source="kvm-02"))
    write_run(lake, a_run(source="kvm-02"))
    assert read(lake, "SELECT source FROM disk_io_stat") == [("kvm-01",)]


def test_a_run_over_midnight_is_one_run_in_two_dates(tmp_path: Path) -> None:
    midnight = NOON + timedelta(hours=12)
    before, after = midnight - timedelta(microseconds=1), midnight
    lake = new_lake(tmp_path, a_run(sample("vm-1", before), sample("vm-2", after), at=before))
    assert read(lake, "SELECT vm_id FROM disk_io_stat ORDER BY 1") == [("vm-1",), ("vm-2",)]
    assert read(lake, "SELECT row_count FROM collection_run") == [(2,)]
    assert [str(path.relative_to(lake).parent) for path in layout.files(lake, "disk_io_stat")] == [
        "disk_io_stat/date=2025-11-22/source=kvm-01",
        "disk_io_stat/date=2025-11-23/source=kvm-01",
    ]
    assert [path.parent.parent.name for path in layout.files(lake, "collection_run")] == ["date=2025-11-22"]


def test_the_date_is_that_of_utc_whatever_zone_a_time_was_given_in(tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - this test alone

    evening = NOON.replace(hour=23).astimezone(ZoneInfo("Asia/Kolkata"))
    assert evening.day == 23
    lake = new_lake(tmp_path, a_run(sample(at=evening)))
    assert [path.parent.parent.name for path in layout.files(lake, "disk_io_stat")] == ["date=2025-11-22"]


def test_rows_without_their_collection_run_do_not_exist(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample("vm-1")), a_run(sample("vm-2", NOON + MINUTE), at=NOON + MINUTE))
    uncommitted, _ = layout.files(lake, "collection_run")
    uncommitted.unlink()
    assert read(lake, "SELECT vm_id FROM disk_io_stat") == [("vm-2",)]


def test_two_collection_runs_of_one_run_are_an_error_that_names_both_files(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    (first,) = layout.files(lake, "collection_run")
    second = lake / "collection_run/date=2025-11-23/source=kvm-01/merged.parquet"
    second.parent.mkdir(parents=True)
    copyfile(first, second)
    assert_refused_as_committed_twice(lake, "20251122T120000 of kvm-01", first, second)


def test_a_run_that_is_committed_twice_is_found_whatever_sources_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubled_runs, "_FILES_AT_ONCE", 1)
    lake = new_lake(tmp_path, *(a_run(sample(), source=f"kvm-0{number}") for number in (1, 2, 3)))
    assert len(read(lake, "SELECT source FROM collection_run")) == 3
    _, of_second, _ = layout.files(lake, "collection_run")
    again = lake / "collection_run/date=2025-11-23/source=kvm-02/merged.parquet"
    again.parent.mkdir(parents=True)
    copyfile(of_second, again)
    with pytest.raises(LakeError, match=r"run 20251122T120000 of kvm-02 was committed twice"):
        read(lake, "SELECT 1")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"sampled_at": NOON}, "disk_io_stat.vm_id: a row has no value; every row needs one"),
        (sample(source="x"), "kvm-01 gave disk_io_stat.source, which the run itself sets; leave it out"),
        (sample(run_id="x"), "kvm-01 gave disk_io_stat.run_id, which the run itself sets; leave it out"),
    ],
)
def test_a_bad_row_stores_nothing_and_keeps_what_was_there(tmp_path: Path, row: Row, sentence: str) -> None:
    lake = new_lake(tmp_path, a_run(sample("vm-1")))
    with pytest.raises(DataError) as caught:
        write_run(lake, a_run(sample("vm-9"), row))
    assert str(caught.value) == sentence
    assert read(lake, "SELECT vm_id FROM disk_io_stat") == [("vm-1",)]


def test_a_source_fills_the_tables_of_its_kind_alone(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with pytest.raises(DataError) as caught:
        write_run(lake, a_run(kind="storage", source="array-a", tables={"entitlement": [{"volume_id": "v"}]}))
    assert str(caught.value) == (
        "array-a is a storage source and gave rows of 'entitlement'; "
        "valid are disk_io_stat, provisioned_iops, storage_pool, volume_alias, volume_io_stat"
    )
    assert layout.files(lake, "collection_run") == []


def test_snapshots_are_observed_when_their_run_started(tmp_path: Path) -> None:
    run = a_run(kind="storage", source="array-a", tables={"provisioned_iops": [{"volume_id": "v", "min_iops": 1}]})
    lake = new_lake(tmp_path, run)
    assert read(lake, "SELECT observed_at = run.started_at FROM provisioned_iops, collection_run AS run") == [(True,)]
