"""docs/inventory-files.md does what it says: its examples are read, its errors are the real ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from collectors.inventory.rows import ADDED_BY_THE_RUN, file_columns, required_columns
from collectors.inventory.source import read_table
from collectors.source import Occasion
from ioledger.clock import SystemClock
from ioledger.config import load, validated
from ioledger.errors import DataError
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from ioledger.model.records import Row

PAGE = Path(__file__).parents[2] / "docs" / "inventory-files.md"

FILE = re.compile(r"^`([\w.-]+)`:\n\n```\w+\n(.*?)^```\n(?:\n```text\n(.*?)\n```\n)?", re.MULTILINE | re.DOTALL)
"""A block under the name of its file, and the block that follows where it shows an error."""


@dataclass
class Section:
    title: str
    files: dict[str, str] = field(default_factory=dict)
    errors: list[tuple[str, str, str]] = field(default_factory=list)


def sections() -> list[Section]:
    found = []
    for part in PAGE.read_text("utf-8").split("\n## ")[1:]:
        section = Section(part.splitlines()[0])
        for name, content, error in FILE.findall(part):
            if error:
                section.errors.append((name, content, error))
            else:
                section.files[name] = content
        found.append(section)
    return found


EXAMPLES = [section for section in sections() if section.title.startswith("Example")]
ERRORS = [error for section in sections() for error in section.errors]


def rows_of(section: Section, directory: Path) -> dict[str, list[Row]]:
    """Follow an example: write its files, run its SQL, read the sources of its configuration."""
    for name, content in section.files.items():
        (directory / name).write_text(content, "utf-8")
        if name.endswith(".sql"):
            duckdb.execute(content)
    tables: dict[str, list[Row]] = {}
    for name, source in load(directory / "ioledger.toml").sources.items():
        (entry_point,) = entry_points(group="ioledger.sources", name=source.type)
        kind = entry_point.load()
        settings = validated(kind.Settings, source.settings, name, {"directory": directory})
        tables |= kind(settings).read(Occasion(SystemClock())).tables
    return tables


@pytest.mark.parametrize("section", EXAMPLES, ids=lambda section: section.title)
def test_an_example_is_read(section: Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tables = rows_of(section, tmp_path)
    assert tables
    assert all(rows for rows in tables.values())


def test_the_examples_show_all_formats_and_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: set[str] = set()
    for number, section in enumerate(EXAMPLES):
        directory = tmp_path / str(number)
        directory.mkdir()
        monkeypatch.chdir(directory)
        shown |= rows_of(section, directory).keys()
    assert shown == {"provisioned_iops", "storage_pool", "volume_alias", "entitlement"}
    assert {path.suffix for path in tmp_path.glob("*/*")} >= {".csv", ".toml", ".parquet"}


@pytest.mark.parametrize(("name", "content", "error"), ERRORS, ids=[error for _, _, error in ERRORS])
def test_an_error_is_the_real_one(
    name: str, content: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content, "utf-8")
    table = "storage_pool" if name.startswith("pools") else "provisioned_iops"
    with pytest.raises(DataError) as caught:
        read_table(Path(name), FACTS[table])
    assert str(caught.value) == error


def test_errors_are_shown() -> None:
    assert len(ERRORS) == 6


def test_the_page_tells_which_columns_are_required_and_which_the_run_adds() -> None:
    text = PAGE.read_text("utf-8")
    for table in ("provisioned_iops", "entitlement", "storage_pool", "volume_alias"):
        assert all(f"`{name}`" in text for name in required_columns(FACTS[table]))
        assert set(ADDED_BY_THE_RUN).isdisjoint(file_columns(FACTS[table]))
    assert all(f"`{name}`" in text for name in ADDED_BY_THE_RUN)
