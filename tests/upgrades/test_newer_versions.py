"""What a newer version wrote is refused with a sentence by every command that would read it, and nothing is written."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from frozen_lakes import ioledger, november, unpack
from lakes import content
from rate_cards import card, write

from ioledger.errors import LakeError
from ioledger.lake import versions
from ioledger.lake.remote.base import Base

if TYPE_CHECKING:
    from pathlib import Path

NOW = november(5, 30)

SAYS = "; upgrade ioledger to the version that wrote it, or a newer one"

COMMANDS = (
    "collect",
    "check",
    "check --period 2026-11",
    "volumes",
    "usage build",
    "usage show",
    "rate --period 2026-11 --rate-card rates.toml",
    "close 2026-11",
    "close 2026-10 --verify",
    "export usage --period 2026-11 --to usage.csv --as csv",
    "export charges --period 2026-10 --to charges.csv --as csv",
    "reconcile --period 2026-11 --against theirs.csv",
    "explain 0123abcd",
    "report --period 2026-11 --to report.html",
    "statement 2026-10 --to pages",
    "plot vm-1/vda",
    "metrics",
    "lake stats",
    "lake verify",
    "lake verify --quarantine",
    "lake compact",
    "lake prune --before 2026-10-01",
    "lake audit",
)
"""All that read or write a lake, but `doctor`, which tells of it among other checks, and `init`, which leaves it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("newer")
    unpack("schema-1", directory)
    (directory / "ioledger.toml").write_text(
        '[sources.kvm-01]\ntype = "libvirt"\nuri = "test:///default"\n', encoding="utf-8"
    )
    write(directory, card())
    (directory / "theirs.csv").write_text("volume_id,day,read_ops\nv1,2026-11-01,1\n", encoding="utf-8")
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stored(directory: Path) -> dict[str, bytes]:
    """Give what a lake holds, but for what builds remember of days that they could read."""
    return {name: each for name, each in content(directory / "lake").items() if not name.startswith(".usage/")}


def refused(directory: Path, words: str, capfd: pytest.CaptureFixture[str]) -> str:
    """Run a command that has to refuse; return its sentence, after nothing was changed."""
    before, files = stored(directory), sorted(directory.iterdir())
    capfd.readouterr()
    assert ioledger(directory, NOW, *words.split()) == 2, words
    assert stored(directory) == before, words
    assert sorted(directory.iterdir()) == files, words
    out, err = capfd.readouterr()
    assert out == "", words
    (line,) = err.splitlines()
    return line


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_refuses_a_newer_lake(words: str, directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    marker = directory / "lake" / "lake.toml"
    marker.write_text(marker.read_text(encoding="utf-8").replace("schema_version = 1", "schema_version = 2"))
    lake = directory / "lake"
    says = f"ioledger: the lake at {lake} has schema version 2, and this ioledger reads version 1{SAYS}"
    assert refused(directory, words, capfd) == says


def make_newer(path: Path) -> None:
    """Have a file say that it is of the next version, with all else as it is."""
    with pq.ParquetFile(path) as opened:
        rows, metadata = opened.read(), {**(opened.metadata.metadata or {}), versions.KEY.encode(): b"2"}
    metadata.pop(b"ARROW:schema", None)
    pq.write_table(rows.replace_schema_metadata(metadata), path)


@pytest.mark.parametrize(
    ("table", "which", "words"),
    [
        ("disk_io_stat", "2*.parquet", ("usage build", "lake verify", "plot vm-1/vda", "check")),
        ("disk_io_stat", "merged*.parquet", ("usage build", "lake verify --quarantine")),
        ("sample_stretch", "merged*.parquet", ("lake verify", "usage build")),
        ("collection_run", "2*.parquet", ("usage build", "usage show", "check")),
        ("provisioned_iops", "2*.parquet", ("usage build", "check", "volumes")),
        ("usage_record", "*.parquet", ("usage show", "rate --period 2026-11 --rate-card rates.toml", "lake verify")),
        ("charge", "2026-11.parquet", ("lake verify", "report --period 2026-11 --to report.html")),
        ("finding", "*.parquet", ("check", "lake verify")),
    ],
)
def test_a_newer_file_of_a_table_is_refused(
    table: str, which: str, words: tuple[str, ...], directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = max((directory / "lake" / table).rglob(which))
    make_newer(path)
    shutil.rmtree(directory / "lake" / ".usage")  # so that a build has to read it
    says = f"ioledger: {path} has schema version 2, and this ioledger reads version 1{SAYS}"
    for each in words:
        assert refused(directory, each, capfd) == says, each


def test_compaction_leaves_the_partition_of_a_newer_file_as_it_is(
    directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = max((directory / "lake" / "disk_io_stat").rglob("2*.parquet"))
    make_newer(path)
    before = content(path.parent)
    assert ioledger(directory, NOW, "lake", "compact") == 3
    assert content(path.parent) == before
    assert f"{path} has schema version 2, and this ioledger reads version 1{SAYS}" in capfd.readouterr().err


def test_a_newer_closed_month_is_refused(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    manifest = directory / "lake" / "closed" / "2026-10" / "manifest.json"
    manifest.chmod(0o600)
    told = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**told, "schema_version": 2}), encoding="utf-8")
    says = f"ioledger: the closed month {manifest.parent} has schema version 2, and this ioledger reads version 1{SAYS}"
    for words in ("close 2026-10 --verify", "rate --period 2026-11 --rate-card rates.toml"):
        assert refused(directory, words, capfd) == says, words


def test_a_newer_journal_is_refused(directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    journal = directory / "lake" / ".journal" / "000000000009.json"
    journal.write_text('{"new": {}, "old": [], "then": "something"}', encoding="utf-8")
    for words in ("usage build", "usage show", "lake compact"):
        assert refused(directory, words, capfd) == (
            f"ioledger: the journal {journal} has then, which this ioledger does not know{SAYS}"
        )


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("ioledger.toml", 'lake = "lake"\nretries = 3\n', "collect"),
        ("rates.toml", '[[cards]]\nname = "a"\nsurge = 2\n', "rate --period 2026-11 --rate-card rates.toml"),
        ("lake/settings.toml", "[[settings]]\nvalid_from = 2020-01-01T00:00:00Z\nhorizon = 1\n", "usage build"),
    ],
)
def test_keys_of_a_newer_version_are_refused_and_named(
    file: str, text: str, words: str, directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (directory / file).write_text(text, encoding="utf-8")
    sentence = refused(directory, words, capfd)
    assert "unknown key" in sentence
    assert "valid keys are" in sentence


def test_a_newer_working_copy_is_refused(tmp_path: Path) -> None:
    with Base.opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / ".copy" / "base.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 1")
    before = (tmp_path / ".copy" / "base.sqlite").read_bytes()
    says = r"working copy .* has version 1, and this ioledger uses 0; upgrade ioledger"
    with pytest.raises(LakeError, match=says), Base.opened(tmp_path):
        pass
    assert (tmp_path / ".copy" / "base.sqlite").read_bytes() == before
