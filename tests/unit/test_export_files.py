"""`export`: a file with all rows of a month and its control totals, both whole or neither."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import charge_rows
import exported
import golden
import pyarrow.parquet as pq
import pytest
from command import ioledger

from ioledger.cli import run
from ioledger.errors import BusyError, ConfigurationError, LakeError
from ioledger.lake import files, layout, reader, writer
from ioledger.lake.schema import typed
from ioledger.model.tables import CHARGE, QUARANTINE, USAGE_AMOUNTS, USAGE_RECORD
from reports.charges import stored
from reports.charges.parts import Month
from reports.closing import archive
from reports.closing.frozen import freeze
from reports.exports import formats
from reports.exports.rows import open_export

if TYPE_CHECKING:
    from ioledger.model.tables import Table
    from reports.exports.batch import Export

FILES = [(table, name) for table in (USAGE_RECORD, CHARGE) for name in exported.file_formats(table.name)]
every_file = pytest.mark.parametrize(("table", "name"), FILES, ids=[f"{name}-{table.name}" for table, name in FILES])
MUCH = 130_000


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return exported.lake_with(tmp_path, exported.month_of_usage(), charge_rows.plausible())


def command(lake: Path, *words: str | Path) -> int:
    return run(["--lake", str(lake), "export", *map(str, words)])


def left_beside(lake: Path) -> list[str]:
    return sorted(path.name for path in lake.parent.iterdir() if path != lake)


@every_file
def test_the_same_rows_give_the_same_bytes(lake: Path, table: Table, name: str) -> None:
    first, second = (exported.export(lake, table, name, lake.parent / place) for place in ("first.csv", "second.csv"))

    assert first.read_bytes() == second.read_bytes()
    totals = [path.with_name(f"{path.name}.totals.json").read_bytes() for path in (first, second)]
    assert totals[0] == totals[1]
    assert left_beside(lake) == ["first.csv", "first.csv.totals.json", "second.csv", "second.csv.totals.json"]


@every_file
def test_the_totals_name_the_file_the_period_and_all_rows(lake: Path, table: Table, name: str) -> None:
    path = exported.export(lake, table, name, lake.parent / "file.csv")

    told = json.loads(path.with_name("file.csv.totals.json").read_text(encoding="utf-8"))
    assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (told["period"], told["start"], told["end"]) == ("2026-10", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")
    assert (told["table"], told["format"], told["status"]) == (table.name, name, "open")
    assert told["row_count"] == len(exported.rows(lake, table))
    assert told["provenance"]["ioledger_version"]


def test_usage_adds_up_to_its_totals_exactly(tmp_path: Path) -> None:
    rows = [exported.usage_row(0, **dict.fromkeys(exported.EXACT, Decimal("12345678901234567890123456789.000001")))]
    rows += [exported.usage_row(number, read_bytes=2**63 - 1) for number in range(1, 4)]
    lake = exported.lake_with(tmp_path, rows)
    path = exported.export(lake, USAGE_RECORD, "csv", tmp_path / "file.csv")

    told = json.loads(path.with_name("file.csv.totals.json").read_text(encoding="utf-8"))
    for name in USAGE_AMOUNTS:
        assert Fraction(told["totals"][name]) == sum(Fraction(row[name]) for row in rows)
    assert int(told["totals"]["read_bytes"]) == 3 * (2**63 - 1) + rows[0]["read_bytes"]


def test_charges_have_totals_for_each_currency(lake: Path) -> None:
    path = exported.export(lake, CHARGE, "csv", lake.parent / "file.csv")

    told = json.loads(path.with_name("file.csv.totals.json").read_text(encoding="utf-8"))
    assert told["provenance"]["rate_cards"] == "standard 2026-1"
    assert told["totals"]["currencies"] == [
        {
            "currency": None, "row_count": 1, "amount": None, "cost": None,
            "charge_kinds": {"unpriced": 1}, "corrections": {},
        },
        {
            "currency": "EUR", "row_count": 8, "amount": "29.72", "cost": "59.71935483871",
            "charge_kinds": {"credit": 1, "free": 1, "held": 1, "minimum": 1, "usage": 4},
            "corrections": {"replacement": 1, "reversal": 1},
        },
        {
            "currency": "JPY", "row_count": 1, "amount": "4321", "cost": "4321.000000000001",
            "charge_kinds": {"usage": 1}, "corrections": {},
        },
    ]  # fmt: skip


def test_a_month_is_that_of_the_billing_time_zone(tmp_path: Path) -> None:
    rows = [exported.usage_row(number, volume_id=f"vol{number}") for number in (-3, -2, 0, 742, 743)]
    lake = exported.lake_with(tmp_path, rows)
    zone = {"valid_from": datetime(2000, 1, 1, tzinfo=UTC), "billing_time_zone": "Europe/Berlin"}
    (lake / layout.SETTINGS).write_text(golden.settings_toml([zone]), encoding="utf-8")

    assert [row["volume_id"] for row in exported.rows(lake, USAGE_RECORD)] == ["vol-2", "vol0", "vol742"]


def test_usage_comes_by_day_and_then_as_its_files_have_it(lake: Path) -> None:
    found = [row["usage_record_id"] for row in exported.rows(lake, USAGE_RECORD)]

    stored = [path for day in range(1, 32) for path in (lake / "usage_record" / f"date=2026-10-{day:02}").glob("*")]
    assert found == [name for path in stored for name in pq.read_table(path).column("usage_record_id").to_pylist()]


@every_file
def test_a_closed_month_is_exported_as_it_was_closed(lake: Path, table: Table, name: str) -> None:
    rows = exported.rows(lake, table)
    month = close(lake)
    first = exported.export(lake, table, name, lake.parent / "first.csv")
    exported.usage_lakes.store(lake, [exported.usage_row(0, read_ops=7), exported.usage_row(50)])
    charge_rows.store(lake, [charge_rows.charge(amount=Decimal(1))])

    assert exported.rows(lake, table) == rows
    assert exported.export(lake, table, name, lake.parent / "second.csv").read_bytes() == first.read_bytes()
    told = json.loads(first.with_name("first.csv.totals.json").read_text(encoding="utf-8"))
    assert told["status"] == "closed"
    manifest = (month / archive.MANIFEST).read_bytes()
    assert told["provenance"]["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()


def close(lake: Path) -> Path:
    """Freeze October 2026 as `ioledger close` does once nothing speaks against it."""
    month = Month("2026-10", charge_rows.START, charge_rows.END)
    lines = reader.stored_whole(stored.path_of(lake, month))
    return freeze(lake, stored.Bill(month, lines, {}, ""), (), None, charge_rows.END + timedelta(days=3)).directory


@every_file
def test_a_full_disk_leaves_nothing(tmp_path: Path, table: Table, name: str) -> None:
    usage = [exported.usage_row(number) for number in range(200)]
    charges = [charge_rows.charge(volume_id=f"vol-{number}") for number in range(200)]
    lake = exported.lake_with(tmp_path, usage, charges)
    what = "usage" if table is USAGE_RECORD else "charges"

    ended = ioledger(
        "--lake", lake, "export", what, "--period", "2026-10", "--to", tmp_path / "file.csv", "--as", name,
        cwd=tmp_path, prefix=["prlimit", "--fsize=3000"],
    )  # fmt: skip

    assert ended.returncode == 2, ended.stderr
    assert re.search(r"ioledger: .* cannot be written: File too large; nothing of it was kept", ended.stderr)
    assert left_beside(lake) == []


@pytest.mark.parametrize("table", [USAGE_RECORD, CHARGE], ids=["usage", "charges"])
def test_what_breaks_off_in_the_middle_keeps_what_was_there(
    lake: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lake.parent / "file.csv"
    exported.export(lake, table, "csv", path)
    before = {name: (lake.parent / name).read_bytes() for name in left_beside(lake)}
    broken = formats.load("csv")

    def half(export: Export, to: Path) -> None:
        to.write_text("half", encoding="utf-8")
        next(export.batches())
        raise KeyboardInterrupt

    monkeypatch.setattr(broken, "write", half)
    with pytest.raises(KeyboardInterrupt):
        exported.export(lake, table, "csv", path)

    assert {name: (lake.parent / name).read_bytes() for name in left_beside(lake)} == before


@every_file
def test_a_row_that_a_format_drops_is_noticed_and_nothing_published(
    lake: Path, table: Table, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if formats.row_counter(formats.load(name)) is None:
        pytest.skip("this format does not count")
    real = exported.Export.batches

    def one_less(export: Export) -> object:
        first, *others = real(export)
        return [first.slice(1), *others]

    monkeypatch.setattr(exported.Export, "batches", one_less)
    with pytest.raises(LakeError, match=r"^\d+ rows of \w+ were written, and 2026-10 has \d+; nothing was kept"):
        exported.export(lake, table, name, lake.parent / "file.csv")

    assert left_beside(lake) == []


@pytest.mark.parametrize("name", exported.file_formats("usage_record"))
def test_rows_that_are_made_again_in_the_meantime_are_noticed(lake: Path, name: str) -> None:
    with open_export(lake, USAGE_RECORD, "2026-10") as opened:
        exported.usage_lakes.store(lake, [exported.usage_row(743, revision=1, guaranteed_ops=1)])
        with pytest.raises(LakeError, match="do not add up to the control totals: they were made again"):
            exported.publication.write_file(opened, name, lake.parent / "file.csv")

    assert left_beside(lake) == []


def test_a_file_that_cannot_be_read_is_named(lake: Path) -> None:
    path = lake / "usage_record" / "date=2026-10-31" / "usage.parquet"
    with open_export(lake, USAGE_RECORD, "2026-10") as opened:
        content = bytearray(path.read_bytes())
        column = pq.read_metadata(path).row_group(0).column(USAGE_RECORD.names.index("read_ops"))
        content[column.data_page_offset + column.total_compressed_size - 1] ^= 1
        path.write_bytes(content)
        with pytest.raises(LakeError, match=re.escape(f"{path} cannot be read: ")):
            list(opened.batches())


def test_two_processes_do_not_write_one_file(lake: Path) -> None:
    path = lake.parent / "file.csv"
    with open_export(lake, USAGE_RECORD, "2026-10") as opened:
        module = formats.load("csv")
        real = module.write  # type: ignore[attr-defined]

        def beside_another(export: Export, to: Path) -> None:
            with pytest.raises(BusyError, match="another process is writing"):
                exported.export(lake, USAGE_RECORD, "parquet", path)
            real(export, to)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "write", beside_another)
            exported.publication.write_file(opened, "csv", path)

    assert left_beside(lake) == ["file.csv", "file.csv.totals.json"]


def test_what_another_crash_left_is_written_over(lake: Path) -> None:
    (lake.parent / ".file.csv.tmp").write_text("half of an export", encoding="utf-8")

    exported.export(lake, USAGE_RECORD, "csv", lake.parent / "file.csv")

    assert left_beside(lake) == ["file.csv", "file.csv.totals.json"]


def test_a_directory_that_may_not_be_written_is_told(lake: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^/sys/file cannot be written: Permission denied; nothing of it"):
        exported.export(lake, USAGE_RECORD, "csv", Path("/sys/file"))  # not even for root


@pytest.mark.parametrize("place", ["nowhere/file", "a-directory", "a-pipe"])
def test_a_place_where_no_file_can_be_is_told(lake: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    (lake.parent / "a-directory").mkdir()
    os.mkfifo(lake.parent / "a-pipe")
    before = left_beside(lake)

    assert command(lake, "usage", "--period", "2026-10", "--to", lake.parent / place, "--as", "csv") == 2

    assert re.search(r"file cannot be written: No such file|is no file; name one", capsys.readouterr().err)
    assert left_beside(lake) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("usage", "--period", "2026-08"), "no usage records of 2026-08; make them with `ioledger usage build`"),
        (("charges", "--period", "2026-11"), "no charges of 2026-11; make them with `ioledger rate`"),
        (("usage", "--period", "2026-10-05"), "is a day, and bills are of months; write a month as 2026-10"),
        (("usage", "--period", "2026-13"), "'2026-13' is no period"),
        (("charges", "--period", "2026-10", "--as", "cloudstack"), "cannot hold rows of charge; valid are cloudevents"),
    ],
)
def test_what_cannot_be_exported_is_told_and_nothing_written(
    lake: Path, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    last = () if "--as" in words else ("--as", "csv")

    assert command(lake, *words, "--to", lake.parent / "file.csv", *last) == 2

    assert told in capsys.readouterr().err
    assert left_beside(lake) == []


def test_the_command_tells_how_much_it_exported(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(lake, "usage", "--period", "2026-10", "--to", lake.parent / "file.csv", "--as", "csv") == 0

    assert "19 rows of usage_record of 2026-10 (open) exported as csv" in capsys.readouterr().err
    assert left_beside(lake) == ["file.csv", "file.csv.totals.json"]


def test_a_long_month_is_read_in_bounded_parts_as_often_as_wanted(tmp_path: Path) -> None:
    lake = exported.lake_with(tmp_path, [exported.usage_row(1)])
    (path,) = lake.glob("usage_record/*/usage.parquet")
    files.write_parquet(path, pq.read_table(path, partitioning=None).take([0] * MUCH))

    with open_export(lake, USAGE_RECORD, "2026-10") as opened:
        sizes = [[batch.num_rows for batch in opened.batches()] for _ in range(2)]

    assert sizes == [[files.ROW_GROUP_ROWS, MUCH - files.ROW_GROUP_ROWS]] * 2


def test_usage_that_is_withheld_is_told(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opens = charge_rows.START
    row = {
        "window_start": opens, "window_end": opens + timedelta(hours=1), "kind": "io", "vm_id": "vm-9",
        "device": "vda", "invariant": "range", "expected": "0", "observed": "-1", "reason": "counters go down",
    }  # fmt: skip
    writer.write_derived(lake, QUARANTINE, opens.date(), "quarantine", typed(QUARANTINE, [row]))

    assert command(lake, "usage", "--period", "2026-10", "--to", lake.parent / "file.csv", "--as", "csv") == 0

    assert "1 disk or volume is quarantined and missing from this export" in capsys.readouterr().err
