"""`lake verify` names whatever is broken, and `--quarantine` leaves a lake that is sound without it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, content, read
from sound_lakes import SOON, build_all, fact_rows, file_of, rewrite, runs, sound_lake, with_value

from ioledger.cli import run
from ioledger.lake import layout, locks, reader, stretches
from ioledger.lake.compaction import compact
from ioledger.lake.quarantine import QUARANTINE
from ioledger.lake.verification import verify
from ioledger.model.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

LATER = NOON + timedelta(days=2)
"""When all days of the lake are over."""
ALL_RUNS = {each.run_id for each in runs()}


@dataclass(frozen=True)
class Case:
    """A way to break a lake, what is told of it (table, run, words), and the runs that have to go."""

    name: str
    damage: Callable[[Path], object]
    told: set[tuple[str, str | None, str]]
    gone: frozenset[str] = frozenset()


def flip_a_bit(table: str, name: str) -> Callable[[Path], None]:
    """Flip a bit in a page so that it still can be read: only its checksum tells."""

    def damage(lake: Path) -> None:
        path = file_of(lake, table, name)
        whole = bytearray(path.read_bytes())
        chunk = pq.read_metadata(path).row_group(0).column(0)
        whole[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
        path.write_bytes(whole)

    return damage


def cut_short(table: str, name: str) -> Callable[[Path], None]:
    def damage(lake: Path) -> None:
        path = file_of(lake, table, name)
        path.write_bytes(path.read_bytes()[:-30])

    return damage


def rows_changed(table: str, name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    return lambda lake: rewrite(file_of(lake, table, name), change)


def copied(table: str, name: str, to: str) -> Callable[[Path], None]:
    """Copy a file to another name, or to another directory beside its own."""

    def damage(lake: Path) -> None:
        path = file_of(lake, table, name)
        target = (path.parent / to).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())

    return damage


def removed(table: str, name: str) -> Callable[[Path], None]:
    return lambda lake: file_of(lake, table, name).unlink()


def reversed_rows(rows: pa.Table) -> pa.Table:
    return rows.take(pa.array(range(len(rows) - 1, -1, -1)))


def doubled(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows])


LOST = "the rows of disk_io_stat are not those that were collected"
OF_KVM_02 = frozenset({"s1", "s2", "s3"})

CASES = [
    Case(
        "a page with a flipped bit",
        flip_a_bit("disk_io_stat", "r2"),
        {("disk_io_stat", None, "it cannot be read: "), ("collection_run", "r2", LOST)},
        frozenset({"r2"}),
    ),
    Case(
        "a file cut short",
        cut_short("disk_cap", "r1"),
        {("disk_cap", None, "it cannot be read: "), ("collection_run", "r1", "the rows of disk_cap are not those")},
        frozenset({"r1"}),
    ),
    Case(
        "a merged file cut short",
        cut_short("disk_io_stat", "merged"),
        {
            ("disk_io_stat", None, "it cannot be read: "),
            ("sample_stretch", None, "it is the index of no sorted file"),
            *(("collection_run", run_id, LOST) for run_id in OF_KVM_02),
        },
        OF_KVM_02,
    ),
    Case(
        "the row of a run cut short",
        cut_short("collection_run", "r2"),
        {("collection_run", None, "it cannot be read: "), ("disk_io_stat", "r2", "2 rows of a run that was never")},
        frozenset({"r2"}),
    ),
    Case(
        "another value",
        rows_changed("disk_io_stat", "r2", with_value("read_ops", 7)),
        {("collection_run", "r2", LOST)},
        frozenset({"r2"}),
    ),
    Case(
        "another value in a merged file",
        rows_changed("disk_io_stat", "merged", with_value("read_ops", 7, where=1)),
        {
            ("collection_run", "s2", LOST),
            ("sample_stretch", None, "it is not the index of its samples"),
        },
        frozenset({"s2"}),
    ),
    Case(
        "a lost row",
        rows_changed("disk_io_stat", "r2", lambda rows: rows.slice(1)),
        {("collection_run", "r2", f"{LOST}: 1 are there")},
        frozenset({"r2"}),
    ),
    Case(
        "a lost file",
        removed("provisioned_iops", "a1"),
        {("collection_run", "a1", "the rows of provisioned_iops are not those that were collected: 0 are there")},
        frozenset({"a1"}),
    ),
    Case(
        "rows of a table that the run does not tell of",
        rows_changed("collection_run", "c1", with_value("digest", None)),
        {("collection_run", "c1", "1 rows of entitlement are there, of which the run does not tell")},
        frozenset({"c1"}),
    ),
    Case(
        "another count of rows",
        rows_changed("collection_run", "r2", with_value("row_count", 3)),
        {("collection_run", "r2", "the run tells of 3 rows, and 2 are there")},
        frozenset({"r2"}),
    ),
    Case(
        "rows twice in a file",
        rows_changed("disk_io_stat", "r2", doubled),
        {("collection_run", "r2", f"{LOST}: 4 are there")},
        frozenset({"r2"}),
    ),
    Case(
        "rows in two files",
        lambda lake: (
            copied("disk_io_stat", "r2", "copy.parquet")(lake),
            name_runs(file_of(lake, "disk_io_stat", "copy"), ["r2"]),
        ),
        {("disk_io_stat", "r2", "it repeats rows that another file has")},
    ),
    Case(
        "a copy that does not name its run",
        copied("disk_io_stat", "r2", "copy.parquet"),
        {("disk_io_stat", None, "it has rows of run r2, which it does not name")},
    ),
    Case(
        "a file under another date",
        copied("disk_io_stat", "r2", "../../date=2025-11-21/source=kvm-01/r2.parquet"),
        {("disk_io_stat", None, "it has rows of another date, sampled_at 2025-11-22T12:01:00Z")},
    ),
    Case(
        "a file under another source",
        copied("disk_io_stat", "r2", "../source=kvm-02/r2.parquet"),
        {("disk_io_stat", None, "it has rows of another source, kvm-01")},
    ),
    Case(
        "a file outside the partitions",
        copied("disk_io_stat", "r2", "../../r2.parquet"),
        {("disk_io_stat", None, "it does not lie in disk_io_stat/date=YYYY-MM-DD/source=NAME/")},
    ),
    Case(
        "a run that was committed twice",
        lambda lake: (
            copied("collection_run", "r2", "copy.parquet")(lake),
            name_runs(file_of(lake, "collection_run", "copy"), ["r2"]),
        ),
        {("collection_run", "r2", "the run was committed twice")},
    ),
    Case(
        "a run that was never committed",
        removed("collection_run", "r3"),
        {("disk_io_stat", "r3", "1 rows of a run that was never committed, and so are not read")},
        frozenset({"r3"}),
    ),
    Case(
        "a column of another type",
        rows_changed(
            "disk_io_stat", "r2",
            lambda rows: rows.set_column(
                rows.schema.get_field_index("read_ops"), "read_ops", pc.cast(rows["read_ops"], pa.float64())
            ),
        ),
        {("disk_io_stat", None, "its column read_ops is double, and disk_io_stat has int64"),
         ("collection_run", "r2", LOST)},
        frozenset({"r2"}),
    ),
    Case(
        "a column that is there twice",
        rows_changed("disk_io_stat", "r2", lambda rows: rows.append_column("read_ops", rows["read_ops"])),
        {("disk_io_stat", None, "it cannot be read: it has 2 columns 'read_ops'"), ("collection_run", "r2", LOST)},
        frozenset({"r2"}),
    ),
    Case(
        "a merged file out of order",
        rows_changed("disk_io_stat", "merged", reversed_rows),
        {("sample_stretch", None, "the samples it is the index of are not in their order")},
    ),
    Case(
        "another index",
        rows_changed("sample_stretch", "merged", with_value("last_read_ops", 7)),
        {("sample_stretch", None, "it is not the index of its samples")},
    ),
    Case(
        "an index that names other runs",
        lambda lake: name_runs(file_of(lake, "sample_stretch", "merged"), ["s1", "s2"]),
        {("sample_stretch", None, "it names other runs than its samples have")},
    ),
    Case(
        "an index cut short",
        cut_short("sample_stretch", "merged"),
        {("sample_stretch", None, "it cannot be read: ")},
    ),
    Case(
        "usage cut short",
        cut_short("usage_record", "usage"),
        {("usage_record", None, "it cannot be read: ")},
    ),
    Case(
        "usage with another id",
        rows_changed("usage_record", "usage", with_value("usage_record_id", "0" * 64)),
        {("usage_record", None, "1 records have an id that is not the digest of their key")},
    ),
    Case(
        "usage whose classes do not add up",
        rows_changed("usage_record", "usage", with_value("best_effort_ops", 1)),
        {("usage_record", None, "in 1 records the classes of operations do not add up to reads and writes")},
    ),
    Case(
        "usage out of order",
        rows_changed("usage_record", "usage", reversed_rows),
        {("usage_record", None, "its records are not in the order of their keys")},
    ),
    Case(
        "a finding cut short",
        cut_short("finding", "finding"),
        {("finding", None, "it cannot be read: ")},
    ),
]  # fmt: skip


def name_runs(path: Path, run_ids: list[str]) -> None:
    rows = pq.read_table(path, partitioning=None)
    stretches.files.write_parquet(path, rows, stretches.runs_metadata(run_ids))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = sound_lake(tmp_path_factory.mktemp("sound"))
    build_all(lake)
    return lake


def verified(lake: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    capsys.readouterr()
    code = run(["--lake", str(lake), "lake", "verify", "--format", "json", *words])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def test_a_sound_lake_is_clean(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = content(sound)
    code, problems, err = verified(sound, capsys)
    assert (code, problems) == (0, [])
    paths = [path for name in TABLES for path in layout.files(sound, name)]
    row_count = sum(pq.read_metadata(path).num_rows for path in paths)
    assert err == f"{row_count} rows in {len(paths)} files read, 0 problems found\n"
    assert content(sound) == before


def test_a_compacted_lake_is_clean_also_while_it_is_read(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    copytree(sound, lake)
    with reader.connect(lake):
        assert compact(lake, LATER).waiting_count
        assert verified(lake, capsys)[:2] == (0, [])
    compact(lake, LATER)
    assert list((lake / "disk_io_stat").rglob("merged~*.parquet"))
    assert verified(lake, capsys)[:2] == (0, [])


def test_nothing_is_set_aside_while_the_lake_is_read(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    copytree(sound, lake)
    broken = layout.files(lake, "disk_io_stat")[0]
    broken.write_bytes(broken.read_bytes()[:100])
    before = content(lake)
    with locks.reading(lake):
        assert run(["--lake", str(lake), "lake", "verify", "--quarantine"]) == 2
    told = capsys.readouterr().err
    assert f"is being read by process {os.getpid()} of " in told
    assert "; wait until nobody reads it, and run the command again" in told
    assert content(lake) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_broken_is_named_and_can_be_set_aside(
    case: Case, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = tmp_path / "lake"
    copytree(sound, lake)
    case.damage(lake)
    before, rows_before = content(lake), fact_rows(lake)

    code, problems, _ = verified(lake, capsys)

    assert code == 3
    assert content(lake) == before
    found = {(problem["table"], problem["run_id"]) for problem in problems}
    assert found == {(table, run_id) for table, run_id, _ in case.told}, problems
    for table, run_id, words in case.told:
        texts = [row["problem"] for row in problems if (row["table"], row["run_id"]) == (table, run_id)]
        assert any(text.startswith(words) for text in texts), texts

    code, again, err = verified(lake, capsys, "--quarantine")

    assert (code, again) == (3, problems)
    assert "set aside in " in err
    (quarantine,) = (lake / QUARANTINE).iterdir()
    explanation = (quarantine / "why.txt").read_text()
    assert all(problem["file"] in explanation and problem["problem"] in explanation for problem in problems)
    assert fact_rows(lake, quarantine) == rows_before
    assert verified(lake, capsys)[:2] == (0, [])
    build_all(lake)
    assert {run_id for (run_id,) in read(lake, "SELECT run_id FROM collection_run")} == ALL_RUNS - case.gone
    assert usage_files(lake) == usage_without(case.gone)


@cache
def usage_without(gone: frozenset[str]) -> dict[str, bytes]:
    """Return the usage of a lake that never had some of the runs."""
    with TemporaryDirectory() as directory:
        lake = sound_lake(Path(directory), without=gone)
        build_all(lake)
        return usage_files(lake)


def usage_files(lake: Path) -> dict[str, bytes]:
    return {name: whole for name, whole in content(lake).items() if name.startswith("usage_record")}


def test_rows_of_a_run_that_is_being_written_are_left_alone(sound: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    copytree(sound, lake)
    removed("collection_run", "r2")(lake)
    problems = verify(lake, SOON + (MINUTE * 60 * 13)).problems
    assert problems == []
