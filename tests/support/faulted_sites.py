"""The site of ``kills.site`` before each of its commands, for tests in which something real gets in the way of one."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kills import site

from ioledger.cli import run
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

FINISHED = "finished"

COMMANDS = {**site.COMMANDS, "rate": site.rate(site.NEXT_MONTH)}
MANIFEST = {f"lake/closed/{site.MONTH}/manifest.json"}
"""It names the last entry of the audit log, and that tells of what was tried."""


@dataclass(frozen=True)
class Sites:
    """A directory with the site before each of its commands, and after the last."""

    directory: Path

    def copied(self, name: str, to: Path) -> Path:
        """Copy the site before a command, to a directory that is not there or is empty."""
        return shutil.copytree(self.directory / name, to, dirs_exist_ok=True)

    def content_after(self, name: str, words: Sequence[str], moment: datetime, scratch: Path) -> dict[str, bytes]:
        """Return the content of the site's lake after a command that nothing gets in the way of."""
        work = self.copied(name, scratch)
        assert go(work, words, moment) == 0
        found = facts_and_bills(work)
        shutil.rmtree(work)
        return found

    def require_healed(self, name: str, work: Path, scratch: Path) -> None:
        """Run a command again that something got in the way of; it leaves what it leaves where nothing does."""
        assert go(work, COMMANDS[name], site.moment_of(name, 1)) == 0
        assert left_over(work) == []
        if name != "collect":  # which ran twice, at two moments
            expected = self.content_after(name, COMMANDS[name], site.moment_of(name), scratch)
            assert {path for path, whole in facts_and_bills(work).items() if expected.get(path) != whole} <= MANIFEST


def go(directory: Path, words: Sequence[str], moment: datetime, config: str = "ioledger.toml") -> int:
    """Run a command in a site's directory, at a moment of the site's clock, and return its exit code."""
    with contextlib.chdir(directory):
        return run(list(words), app=site.app(moment, config))


def facts_and_bills(directory: Path) -> dict[str, bytes]:
    """Give all files of a site's lake but for locks and the audit log, and what was exported."""
    lake = directory / "lake"
    apart = (lake / layout.LOCKS, lake / "audit")
    found = [path for path in lake.rglob("*") if path.is_file() and not any(map(path.is_relative_to, apart))]
    found += directory.glob(f"{site.EXPORTED}*")
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


def only_sentences(told: str) -> list[str]:
    """Return the errors that were told, of which none may be a traceback."""
    assert "Traceback" not in told
    assert "defect" not in told
    return [line for line in told.splitlines() if line.startswith("ioledger: ")]


def left_over(directory: Path) -> list[str]:
    """Name what would be hidden files of something half written."""
    return [str(path) for path in directory.rglob("*") if path.name.endswith((".tmp", ".new"))]


def sites(shared: Path) -> Sites:
    """Return the site before each of its commands, made once by whoever comes first."""
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        if not (shared / FINISHED).exists():
            _make(shared)
    return Sites(shared)


def _make(shared: Path) -> None:
    work = shared / "work"
    work.mkdir()
    site.new(work)

    def go_on(words: Sequence[str], moment: datetime, config: str = "ioledger.toml") -> None:
        assert go(work, words, moment, config) == 0, words

    for name in site.story(go_on):
        shutil.copytree(work, shared / name)
        go_on(site.COMMANDS[name], site.moment_of(name))
        if name == "usage build":
            shutil.copytree(work, shared / "rate")
    work.rename(shared / FINISHED)
