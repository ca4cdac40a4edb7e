"""A file that is damaged is named in one sentence, and nothing else in the lake changes."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import duckdb
import pytest
from lakes import MINUTE, NOON, content, read

from ioledger.cli import run
from ioledger.errors import LakeError
from ioledger.lake import layout
from ioledger.model.tables import TABLES
from reports.usage.edges import STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


ZSTD_MAGIC: Final = (0xFD2FB528).to_bytes(4, "little")
"""The start of every zstd frame (RFC 8878, section 3.1.1), and so of every compressed page."""


def truncated(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def emptied(_: bytes) -> bytes:
    return b""


def with_a_flipped_bit_in_its_footer(whole: bytes) -> bytes:
    # The last 8 bytes are the footer's length and the magic word: the length now points elsewhere.
    return whole[:-6] + bytes([whole[-6] ^ 0x10]) + whole[-5:]


def with_a_flipped_bit_in_each_page(whole: bytes) -> bytes:
    return whole.replace(ZSTD_MAGIC, bytes([ZSTD_MAGIC[0] ^ 0x04]) + ZSTD_MAGIC[1:])


@pytest.fixture
def sound(full_lake: Path) -> Path:
    return full_lake


def content_for_people(lake: Path) -> dict[str, bytes]:
    """Give all files of a lake but for what builds remember of each other."""
    return {name: whole for name, whole in content(lake).items() if not name.startswith(STATE)}


def forget_what_was_built(lake: Path) -> None:
    shutil.rmtree(lake / STATE)


@contextmanager
def damaged(lake: Path, table: str, damage: Callable[[bytes], bytes]) -> Iterator[Path]:
    """Damage one file of a table for the block, in which nothing else of the lake may change."""
    path = layout.files(lake, table)[0]
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    before = content_for_people(lake)
    try:
        yield path
        assert content_for_people(lake) == before
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("damage", [truncated, emptied, with_a_flipped_bit_in_its_footer])
def test_a_file_that_cannot_be_opened_is_named_and_nothing_is_lost(
    sound: Path, table: str, damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    with damaged(sound, table, damage) as path:
        code = run(["--lake", str(sound), "lake", "stats"])
    told = capsys.readouterr()
    assert (code, told.out) == (2, "")
    assert told.err.startswith(f"ioledger: {path} cannot be read: ")
    assert told.err.count("\n") == 1
    assert "; restore it, or " in told.err


@pytest.mark.parametrize("table", TABLES)
def test_a_page_that_cannot_be_read_is_named(sound: Path, table: str) -> None:
    with (
        damaged(sound, table, with_a_flipped_bit_in_each_page) as path,
        pytest.raises(LakeError, match=f"^{path} cannot be read: .*; restore it, or "),
    ):
        read(sound, f"FROM {table}")


def test_a_build_over_a_damaged_file_keeps_the_records_that_were_there(
    sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    period = ["--from", NOON.isoformat(), "--to", (NOON + MINUTE).isoformat()]
    forget_what_was_built(sound)
    with damaged(sound, "disk_io_stat", with_a_flipped_bit_in_each_page) as path:
        assert run(["--lake", str(sound), "usage", "build", *period]) == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
    with damaged(sound, "usage_record", with_a_flipped_bit_in_each_page) as path:
        assert run(["--lake", str(sound), "usage", "build", *period]) == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
    with damaged(sound, "quarantine", with_a_flipped_bit_in_each_page) as path:
        assert run(["--lake", str(sound), "usage", "build", *period]) == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
    assert run(["--lake", str(sound), "usage", "build", *period]) == 0


def test_an_error_of_a_reader_that_no_file_caused_is_not_blamed_on_one(sound: Path) -> None:
    with pytest.raises(duckdb.Error, match="no_such_column"):
        read(sound, "SELECT no_such_column FROM disk_io_stat")
