"""What one account is given holds nothing of another: no name, no amount, in no byte of any format."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from zipfile import ZipFile, is_zipfile

import charge_rows
import exported
import pyarrow.parquet as pq
import pytest

from ioledger.cli import run
from ioledger.model.tables import CHARGE, USAGE_KEY, USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS, THEIRS = "ours", "th3irs"
"""Every text of an account has its mark in it, and every amount its number."""

NUMBERS = {OURS: 1199, THEIRS: 7700770077}
MARKS = (THEIRS, str(NUMBERS[THEIRS]), "7,700,770,077")
CHOSEN = {
    "account_id", "account_name", "project_id", "offering_id", "offering_name", "pool_id", "zone_id", "volume_id",
    "volume_name", "vm_id", "device", "rate_card", "rate_card_version", "sku", "title",
}  # fmt: skip
"""The texts that somebody chooses: all but kinds, units, classes and the period."""

FILES = [
    (words, name)
    for words, table in (("usage", USAGE_RECORD), ("charges", CHARGE))
    for name in exported.file_formats(table.name)
]


def texts(mark: str, names: set[str]) -> dict[str, str]:
    return {name: mark if name == "account_id" else f"{mark} {name}" for name in sorted(names & CHOSEN)}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    usage, charges = [], []
    for place, mark in enumerate((OURS, THEIRS)):
        counted = dict.fromkeys(("read_ops", "guaranteed_ops", "read_bytes"), NUMBERS[mark])
        usage += [
            exported.usage_row(5 * number + place, **{**texts(mark, set(USAGE_KEY)), **counted}) for number in range(4)
        ]
        amounts = {name: Decimal(NUMBERS[mark]) for name in ("usage_quantity", "pricing_quantity", "cost", "amount")}
        charges += [
            charge_rows.charge(**{**texts(mark, set(CHARGE.names)), **amounts, "tier": number})
            for number in range(1, 5)
        ]
    return exported.lake_with(tmp_path_factory.mktemp("tenants"), usage, charges)


def everything(path: Path) -> Iterator[bytes]:
    """Give all that a file holds: as it is, unpacked, and of Parquet the values with their dictionaries."""
    yield path.read_bytes()
    if is_zipfile(path):
        with ZipFile(path) as packed:
            for member in packed.infolist():
                yield member.filename.encode()
                yield packed.read(member)
    elif path.read_bytes().startswith(b"PAR1"):
        texts_in = [field.name for field in pq.read_schema(path) if field.type == "string"]
        stored = pq.ParquetFile(path, read_dictionary=texts_in)
        yield str(stored.metadata.metadata).encode()
        read = stored.read()
        yield str(read.schema).encode()
        for column in read.columns:
            for chunk in column.chunks:
                yield str(chunk.to_pylist()).encode()
                if hasattr(chunk, "dictionary"):
                    yield str(chunk.dictionary.to_pylist()).encode()


def marks_in(directory: Path, mark: str | tuple[str, ...]) -> list[str]:
    marks = (mark,) if isinstance(mark, str) else mark
    return [
        f"{path.name}: {each}"
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        for content in everything(path)
        for each in marks
        if each.encode() in content or each.encode("utf-16-le") in content
    ]


@pytest.mark.parametrize(("what", "name"), FILES)
def test_an_export_of_an_account_holds_nothing_of_others(
    lake: Path, tmp_path: Path, what: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", what, "--period", "2026-10", "--as", name, "--to"]
    assert run(["--lake", str(lake), *words, str(tmp_path / "all.csv")]) == 0
    assert marks_in(tmp_path, THEIRS), "what is looked for can be found"

    capsys.readouterr()
    own = tmp_path / "own"
    own.mkdir()
    assert run(["--lake", str(lake), *words, str(own / "own.csv"), "--account", OURS]) == 0
    assert marks_in(own, OURS)
    assert marks_in(own, MARKS) == []
    assert [mark for mark in MARKS if mark in "".join(capsys.readouterr())] == []


def test_a_bill_in_focus_as_parquet_neither(lake: Path, tmp_path: Path) -> None:
    words = ["export", "charges", "--period", "2026-10", "--as", "focus", "--account", OURS]
    assert run(["--lake", str(lake), *words, "--to", str(tmp_path / "bill.parquet")]) == 0

    assert marks_in(tmp_path, OURS)
    assert marks_in(tmp_path, MARKS) == []


def test_statements_hold_nothing_of_others(lake: Path, tmp_path: Path) -> None:
    assert run(["--lake", str(lake), "statement", "2026-10", "--to", str(tmp_path / "all")]) == 0
    one = tmp_path / "one" / "own.html"
    assert run(["--lake", str(lake), "statement", "2026-10", "--to", str(one), "--account", OURS]) == 0

    assert (tmp_path / "all" / f"{OURS}.html").read_bytes() == one.read_bytes()
    assert marks_in(one.parent, OURS)
    assert marks_in(one.parent, MARKS) == []


def test_an_account_without_rows_is_told(lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "usage", "--period", "2026-10", "--as", "csv", "--to", str(tmp_path / "file")]

    assert run(["--lake", str(lake), *words, "--account", "nobody"]) == 2
    assert "the account 'nobody' has no rows of usage_record in 2026-10" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_never_replaced_by_one_account(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "usage", "--period", "2026-10", "--as", "postgres", "--to", "postgresql://nowhere.invalid/x"]

    assert run(["--lake", str(lake), *words, "--account", OURS]) == 2
    assert "--account cannot go with --as postgres" in capsys.readouterr().err
