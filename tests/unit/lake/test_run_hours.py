"""What was collected is told by the footers of merged files, without their rows, as their rows tell it."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from shutil import copyfile
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, assert_refused_as_committed_twice, new_lake, read, sample

from ioledger.errors import NewerVersionError
from ioledger.lake import layout, merged, reader
from ioledger.lake.compaction import compact
from ioledger.lake.files import write_parquet
from ioledger.lake.footers import Footers
from ioledger.lake.run_hours import KEY
from ioledger.lake.writer import write_run
from ioledger.model.tables import COLLECTION_RUN
from reports.usage.collected import collected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reports.usage.collected import Collected

DAY = timedelta(days=1)
LATER = NOON + 3 * DAY
SEVERAL = [NOON + number * MINUTE for number in range(5)]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Two hosts and an array on two days, one of whose runs has rows of hours before it began."""
    lake = new_lake(tmp_path)
    for at in [*SEVERAL, *(moment + DAY for moment in SEVERAL)]:
        write_run(lake, a_run(sample("vm-1", at - timedelta(hours=at.minute)), at=at))
        write_run(lake, a_run(sample("vm-2", at), source="kvm-02", at=at))
        allocation = {"volume_id": "v", "min_iops": 1}
        write_run(
            lake,
            a_run(source="array", kind="storage", at=at, status="partial", tables={"provisioned_iops": [allocation]}),
        )
    return lake


@pytest.fixture
def lake(plain: Path) -> Path:
    compact(plain, LATER)
    return plain


def of_first_day(lake: Path, source: str = "kvm-01") -> Path:
    (path,) = layout.files_of_partition(lake, "collection_run", NOON.date(), source)
    return path


@contextmanager
def opened(lake: Path) -> Iterator[tuple[Collected, set[Path]]]:
    """Give what was collected, and the files of runs that were read to know it, those for doubled runs included."""
    with reader.open_lake(lake) as found:
        yield collected(found), found.shown["collection_run"]


def assert_told_as_rows_do(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(lake) as (told, _):
        pass
    with monkeypatch.context() as patched:
        patched.setattr(Footers, "run_hours", lambda _self, _paths: {})
        with opened(lake) as (from_rows, read_for_it):
            assert read_for_it == set(layout.files(lake, "collection_run"))
    assert told == from_rows


def test_no_row_of_merged_files_is_read_and_all_is_known(plain: Path) -> None:
    with opened(plain) as (before, read_before):
        assert len(read_before) == 30
    compact(plain, LATER)
    with opened(plain) as (after, read_after):
        assert read_after == set()
    assert after == before
    assert len(after.places) > 5, "hours before its own of one run"


def test_runs_that_came_later_are_read_alone(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(lake, a_run(sample("vm-1", NOON + 2 * DAY), at=NOON + 2 * DAY))
    with opened(lake) as (_, read_for_it):
        assert [path.name for path in read_for_it] == ["20251124T120000.parquet"]
    assert_told_as_rows_do(lake, monkeypatch)


def test_a_run_among_those_of_a_merged_file_is_compared_with_them(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    between = NOON + MINUTE / 2
    write_run(lake, a_run(sample("vm-1", between), at=between))
    assert_told_as_rows_do(lake, monkeypatch)
    of_both = of_first_day(lake, "kvm-02")
    again = of_both.with_name("renamed.parquet")
    write_parquet(again, merged.read(COLLECTION_RUN, of_both).slice(2, 1))
    assert_refused_as_committed_twice(lake, "20251122T120200 of kvm-02", of_both, again)


@pytest.mark.parametrize("name", ["as it was", "merged~20251122T120003~20251122T120500~0123456789ab.parquet"])
def test_a_merged_file_that_is_there_twice_is_found(lake: Path, name: str) -> None:
    first = of_first_day(lake)
    second = lake / f"collection_run/date=2025-11-25/source=kvm-01/{first.name if name == 'as it was' else name}"
    second.parent.mkdir(parents=True)
    copyfile(first, second)
    assert_refused_as_committed_twice(lake, "20251122T120000 of kvm-01", first, second)


def test_a_note_that_was_damaged_counts_for_nothing(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = of_first_day(lake)
    noted = pq.read_metadata(path).metadata[KEY.encode()]
    whole = path.read_bytes()
    damaged = noted.replace(b"20251122T120000", b"20251122T120001")
    assert damaged != noted
    path.write_bytes(whole.replace(noted, damaged))
    with opened(lake) as (_, read_for_it):
        assert read_for_it == {path}
    assert_told_as_rows_do(lake, monkeypatch)


def test_a_merged_file_that_is_written_anew_without_a_run_tells_what_is_left(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(lake, a_run(sample("vm-7", NOON, read_ops=1), at=NOON))
    assert_told_as_rows_do(lake, monkeypatch)
    path = of_first_day(lake, "kvm-02")
    rows = merged.read(COLLECTION_RUN, path)
    write_parquet(path, rows.slice(1))  # as what sets runs aside does
    assert_told_as_rows_do(lake, monkeypatch)


def test_a_source_that_tells_of_months_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [sample("vm-1", NOON - timedelta(hours=1100)), sample("vm-1", NOON)]
    lake = new_lake(tmp_path, a_run(*rows), a_run(sample("vm-1", NOON + MINUTE), at=NOON + MINUTE))
    compact(lake, LATER)
    assert KEY.encode() not in pq.read_metadata(of_first_day(lake)).metadata
    assert_told_as_rows_do(lake, monkeypatch)


def test_a_merged_file_of_a_newer_version_is_refused_though_no_row_of_it_is_read(lake: Path) -> None:
    path = of_first_day(lake)
    metadata = pq.read_metadata(path).metadata
    rows = pq.ParquetFile(path).read().replace_schema_metadata({b"ioledger.schema_version": b"999"})
    write_parquet(path, rows, {KEY: metadata[KEY.encode()].decode()})
    with pytest.raises(NewerVersionError, match="has schema version 999"):
        read(lake, "SELECT 1")
