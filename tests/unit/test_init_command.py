"""`init` gives a newcomer a configuration and a lake that work, and takes nothing away."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from lakes import NOON, content

from collectors.registry import build_sources
from ioledger import config
from ioledger.cli import run
from ioledger.lake import layout, settings


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def uncommented(text: str) -> str:
    """Take the comment sign from lines that hold a table or a key, as people do."""
    return re.sub(r"^# (\[.*\]|[a-z_]+ = .*)$", r"\1", text, flags=re.MULTILINE)


def test_what_it_writes_can_be_read(directory: Path) -> None:
    assert run(["init"]) == 0
    configuration = config.load(Path("ioledger.toml"))
    assert list(build_sources(configuration, directory)) == ["try-out"]
    assert layout.require(Path(configuration.lake)) == Path("lake")
    assert settings.load(Path("lake")) == settings.timeline(())


def test_every_example_in_the_configuration_is_valid(directory: Path) -> None:
    assert run(["init"]) == 0
    path = Path("ioledger.toml")
    path.write_text(uncommented(path.read_text()))
    configuration = config.load(path)
    assert list(build_sources(configuration, directory)) == ["try-out", "kvm-01", "cloud", "array-a", "shop"]
    assert configuration.rules


def test_the_example_of_settings_shows_every_key_with_its_default() -> None:
    assert run(["init"]) == 0
    path = Path("lake/settings.toml")
    path.write_text(uncommented(path.read_text()))
    (table,) = tomllib.loads(path.read_text())["settings"]
    assert table.keys() == settings.SettingsTable.model_fields.keys()
    before, after = settings.load(Path("lake"))
    assert {name: getattr(before, name) for name in table if name != "valid_from"} == {
        name: getattr(after, name) for name in table if name != "valid_from"
    }
    assert after.valid_from < NOON.replace(year=2027)


def test_an_existing_configuration_is_not_overwritten(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init"]) == 0
    before = content(directory)
    capsys.readouterr()
    assert run(["init"]) == 2
    assert capsys.readouterr().err == (
        "ioledger: ioledger.toml is there already and stays as it is; remove it first, or name another with --config\n"
    )
    assert content(directory) == before


def test_a_lake_that_is_missing_is_made_for_the_configuration_that_is_there() -> None:
    path = Path("ioledger.toml")
    path.write_text('lake = "elsewhere"\n')
    assert run(["init"]) == 0
    assert path.read_text() == 'lake = "elsewhere"\n'
    assert layout.require(Path("elsewhere"))


def test_settings_of_an_existing_lake_stay() -> None:
    assert run(["init"]) == 0
    Path("lake/settings.toml").write_text("[[settings]]\nvalid_from = 2025-01-01T00:00:00Z\nmax_gap_seconds = 5\n")
    Path("ioledger.toml").unlink()
    assert run(["init"]) == 0
    assert settings.at(settings.load(Path("lake")), NOON).max_gap_seconds == 5


@pytest.mark.parametrize("name", ["other", 'a "quoted" name', "back\\slash", "Größe 水 🐘"])
def test_a_lake_named_on_the_command_line_is_the_one_that_later_commands_find(name: str) -> None:
    assert run(["--lake", name, "init"]) == 0
    assert layout.require(Path(config.load(Path("ioledger.toml")).lake)).samefile(name)
    assert run(["lake", "stats"]) == 0


def test_where_no_lake_can_be_made_nothing_is_written(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("lake").write_text("in the way")
    assert run(["init"]) == 2
    assert capsys.readouterr().err == (
        "ioledger: no lake can be made at lake: File exists; choose a directory you can write\n"
    )
    assert content(directory) == {"lake": b"in the way"}
