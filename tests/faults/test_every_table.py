"""Damage in every table of a lake at once: each file is named, set aside or made again, and the rest goes on."""

from __future__ import annotations

from datetime import timedelta
from shutil import copytree
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from lakes import NOON, read

from ioledger.lake import layout, reader
from ioledger.lake.quarantine import set_aside
from ioledger.lake.verification import verify
from ioledger.model.tables import DERIVED, FACTS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LATER = NOON + timedelta(days=2)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def flip_a_bit(path: Path) -> None:
    """Flip a bit in the last byte of a column's pages, which still can be read then: only a checksum tells."""
    whole = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    whole[start + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(whole)


@pytest.fixture(scope="module")
def sound(full_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a lake with rows in every table, of which nothing is wrong."""
    lake = copytree(full_lake, tmp_path_factory.mktemp("every-table") / "lake")
    report = verify(lake, LATER)
    if report.problems:
        set_aside(lake, report, LATER)
    return lake


def rows_by_table(lake: Path) -> dict[str, int]:
    return {name: read(lake, f"SELECT count(*) FROM {name}")[0][0] for name in TABLES}  # noqa: S608 - names of the vocabulary


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit])
def test_damage_in_every_table_is_found_named_and_set_aside(
    damage: Callable[[Path], None], sound: Path, tmp_path: Path, tried: Callable[[str], None]
) -> None:
    lake = copytree(sound, tmp_path / "lake")
    damaged = {files[0] for name in TABLES if (files := layout.files(lake, name))}
    assert {path.relative_to(lake).parts[0] for path in damaged} == set(TABLES)
    for path in damaged:
        damage(path)
        tried(f"tables damaged: {damage.__name__}")
    report = verify(lake, LATER)
    assert damaged <= {problem.path for problem in report.problems}
    set_aside(lake, report, LATER)
    assert verify(lake, LATER).problems == []
    assert not [path for path in damaged if path.exists()]
    with reader.connect(lake) as connection:
        for name in TABLES:
            connection.table(name).fetchall()


@pytest.mark.long
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("damage", [cut_short, flip_a_bit])
def test_damage_in_one_table_costs_the_others_nothing(
    damage: Callable[[Path], None], table: str, sound: Path, tmp_path: Path, tried: Callable[[str], None]
) -> None:
    lake = copytree(sound, tmp_path / "lake")
    before = rows_by_table(lake)
    path = layout.files(lake, table)[0]
    damage(path)
    report = verify(lake, LATER)
    assert path in {problem.path for problem in report.problems}
    set_aside(lake, report, LATER)
    assert verify(lake, LATER).problems == []
    after = rows_by_table(lake)
    others = FACTS if table in DERIVED else DERIVED.keys() - {"sample_stretch"}  # an index goes with its samples
    assert {name: after[name] for name in others} == {name: before[name] for name in others}
    tried(f"tables damaged: {damage.__name__}")
