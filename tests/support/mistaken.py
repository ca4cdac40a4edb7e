"""Places in which people make mistakes, and what they then read."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import month_end
from policy_lake import ioledger

from ioledger.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

FILE = Path(__file__).parents[1] / "mistakes" / "mistakes.toml"

_LONG_LIST = re.compile(r"((?:[\w-]+, ){3})(?:[\w-]+, ){3,}([\w-]+)")
"""More than six words: names of which more come to be, and which nobody reads in a page."""

_NOW = month_end.END + 2 * month_end.HOUR


class Told(NamedTuple):
    """What a command told, and how it ended."""

    code: int
    text: str


def mistakes() -> list[dict[str, Any]]:
    """Return all mistakes, in the order in which the page shows them."""
    listed: list[dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["mistake"]
    return listed


def nothing(directory: Path) -> None:
    """Leave an empty directory."""


def begun(directory: Path) -> None:
    """Do what `ioledger init` does."""
    with chdir(directory):
        assert run(["init"]) == 0


def october(directory: Path) -> None:
    """Collect, build and rate the end of October 2026."""
    lake = month_end.new_lake(directory)
    ioledger(lake, "usage", "build", now=_NOW)
    ioledger(lake, "rate", "--period", "2026-10", "--rate-card", str(directory / "rates.toml"), now=_NOW)
    (directory / "ioledger.toml").write_text("", encoding="utf-8")


def closed(directory: Path) -> None:
    """Close October 2026 in a copy of its place."""
    ioledger(directory / "lake", "close", "2026-10", "--despite", "findings", "--because", "a test", now=_NOW)


AFTER = {"closed": "october"}
"""Places that begin as a copy of another one."""

PLACES: dict[str, Callable[[Path], None]] = {"nothing": nothing, "begun": begun, "october": october, "closed": closed}


def make(mistake: dict[str, Any], place: Path, directory: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    """Make a mistake in a copy of its place, and return what is told, long lists of names cut short."""
    shutil.copytree(place, directory, dirs_exist_ok=True)
    for name, text in mistake.get("files", {}).items():
        (directory / name).parent.mkdir(exist_ok=True, parents=True)
        (directory / name).write_text(text, encoding="utf-8")
    with chdir(directory):
        capsys.readouterr()
        code = run(shlex.split(mistake["words"]))
    told = capsys.readouterr()
    return Told(code, _LONG_LIST.sub(r"\1..., \2", told.err.strip().removeprefix("ioledger: ")))
