"""Lakes that earlier versions left give the same answers now, also when everything is made again from their facts."""

from __future__ import annotations

import csv
import io
import shutil
from typing import TYPE_CHECKING

import pytest
from frozen_lakes import COLUMNS, LAKES, answers, columns, in_columns_of, ioledger, kept, november, unpack

from ioledger.lake import layout

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(path.name for path in LAKES.iterdir())
NOW = november(12)


LAST_HOUR = "2026-11-01 04:00"
"""From here on hours could still change when a lake was left."""


def _rows(text: str, columns: str) -> list[dict[str, str]]:
    rows = in_columns_of(text, columns)
    return [row for row in rows if row.get("window_start", "") < LAST_HOUR]


def _differing(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    return [name for name, text in expected.items() if _rows(found[name], text) != _rows(text, text)]


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_lake_gives_the_answers_that_it_gave(name: str, tmp_path: Path) -> None:
    lake, expected = unpack(name, tmp_path), kept(name)
    assert _differing(expected, answers(lake)) == []
    assert ioledger(tmp_path, NOW, "lake", "verify") == 0


@pytest.mark.parametrize("name", NAMES)
def test_what_is_made_again_from_its_facts_is_the_same(name: str, tmp_path: Path) -> None:
    lake, expected = unpack(name, tmp_path), kept(name)
    for derived in ("usage_record", "usage_day", "usage_month", "quarantine", ".usage"):
        shutil.rmtree(lake / derived, ignore_errors=True)
    assert ioledger(tmp_path, november(4, 50), "lake", "compact") == 0
    assert ioledger(tmp_path, november(4, 50), "usage", "build") in {0, 3}
    expected = {each: text for each, text in expected.items() if each in {"usage", "withheld", "samples"}}
    assert _differing(expected, answers(lake)) == []


def test_a_closed_month_is_as_it_was_closed(tmp_path: Path) -> None:
    for name in NAMES:
        lake = unpack(name, tmp_path / name)
        for closed in sorted((lake / "closed").glob("2*")):
            assert ioledger(tmp_path / name, NOW, "close", closed.name, "--verify") == 0


def test_an_upgrade_makes_usage_again_once_and_nothing_of_it_changes(tmp_path: Path) -> None:
    lake, expected = unpack(NAMES[-1], tmp_path), kept(NAMES[-1])
    assert ioledger(tmp_path, november(4, 50), "usage", "build") in {0, 3}
    before = {path: path.stat().st_mtime_ns for path in (lake / "usage_record").rglob("*.parquet")}
    assert ioledger(tmp_path, november(4, 50), "usage", "build") in {0, 3}
    assert {path: path.stat().st_mtime_ns for path in (lake / "usage_record").rglob("*.parquet")} == before
    assert _differing({"usage": expected["usage"]}, answers(lake)) == []


def test_every_table_of_the_schema_is_in_the_last_lake(tmp_path: Path) -> None:
    lake = unpack(NAMES[-1], tmp_path)
    assert [table for table in layout.TABLES if not layout.files(lake, table)] == []


def test_the_schema_is_the_one_that_lakes_are_kept_of() -> None:
    """Whoever changes a column sees here what to do."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(columns())
    assert text.getvalue() == COLUMNS.read_text(encoding="utf-8"), (
        "the schema changed: raise SCHEMA_VERSION if a column has another meaning or type or is gone, have the code "
        "read the earlier version, and keep a lake of the new one by `python tests/upgrades/write.py NAME`"
    )
