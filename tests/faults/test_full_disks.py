"""A disk that is full, or that nobody may write, ends a command in one sentence, and what was there stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faulted_sites import COMMANDS, facts_and_bills, go, left_over, only_sentences
from kills import site
from mounts import full, make_read_only, make_writable, mounted
from simulation import oracle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from faulted_sites import Sites

KIB = 1024
ROOMS = (0, 8 * KIB, 24 * KIB)
"""From no room at all to room for a part of what each command writes."""

NOT_SHORT = [pytest.param(name, room, marks=pytest.mark.long) for name in COMMANDS for room in ROOMS]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "size=16m") as point:
        yield point


def young_site(directory: Path) -> Path:
    """Make a site in which nothing was done but to collect twice."""
    directory.mkdir()
    site.new(directory)
    for minutes in (0, 30):
        assert go(directory, site.COMMANDS["collect"], site.BORN + minutes * site.MINUTE) == 0
    return directory


def refuse(directory: Path, words: tuple[str, ...], name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that cannot end well; return its one sentence."""
    capsys.readouterr()
    assert go(directory, words, site.moment_of(name)) == 2
    (sentence,) = only_sentences(capsys.readouterr().err)
    assert left_over(directory) == []
    return sentence


@pytest.mark.parametrize(("name", "room"), [("collect", 8 * KIB), ("lake compact", 0)])
def test_a_full_disk_costs_nothing_that_was_there(
    name: str, room: int, disk: Path, capsys: pytest.CaptureFixture[str], tried: Callable[[str], None]
) -> None:
    work = young_site(disk / "site")
    before = facts_and_bills(work)
    with full(disk, room):
        assert "No space left on device" in refuse(work, COMMANDS[name], name, capsys)
        after = facts_and_bills(work)
    assert {path: after.get(path) for path in before if ".memory" not in path} == {
        path: whole for path, whole in before.items() if ".memory" not in path
    }
    assert go(work, COMMANDS[name], site.moment_of(name, 1)) == 0
    assert left_over(work) == []
    tried("full disks")


@pytest.mark.parametrize(("name", "room"), NOT_SHORT)
def test_a_command_that_met_a_full_disk_ends_well_when_there_is_room(  # noqa: PLR0913, PLR0917 - fixtures
    name: str,
    room: int,
    disk: Path,
    made_sites: Sites,
    capsys: pytest.CaptureFixture[str],
    tried: Callable[[str], None],
    tmp_path: Path,
) -> None:
    work = made_sites.copied(name, disk / "site")
    closed = oracle.closed_month(work / "lake", site.MONTH)
    with full(disk, room):
        capsys.readouterr()
        code = go(work, COMMANDS[name], site.moment_of(name))
        told = capsys.readouterr().err
        assert code in ({2} if room == 0 else {0, 2}), told
        sentences = only_sentences(told)
        assert left_over(work) == []
        if code:
            assert "No space left on device" in sentences[-1]
            assert len(sentences) == 1
            assert oracle.closed_month(work / "lake", site.MONTH) == closed
    made_sites.require_healed(name, work, tmp_path / "expected")
    tried("full disks")


def test_a_lake_mounted_read_only_stays_as_it_is(
    disk: Path, capsys: pytest.CaptureFixture[str], tried: Callable[[str], None]
) -> None:
    work = young_site(disk / "site")
    before = facts_and_bills(work)
    make_read_only(disk)
    for name in ("collect", "lake compact"):
        assert "Read-only file system" in refuse(work, COMMANDS[name], name, capsys)
        tried("read-only lakes")
    assert go(work, ("lake", "stats"), site.COLLECTED_AT) == 0, "reading goes on"
    assert facts_and_bills(work) == before
    make_writable(disk)
    assert go(work, COMMANDS["collect"], site.COLLECTED_AT) == 0


@pytest.mark.long
@pytest.mark.parametrize("name", ["usage build", "close", "rate"])
def test_no_command_changes_a_lake_mounted_read_only(
    name: str, disk: Path, made_sites: Sites, capsys: pytest.CaptureFixture[str], tried: Callable[[str], None]
) -> None:
    work = made_sites.copied(name, disk / "site")
    before = facts_and_bills(work)
    make_read_only(disk)
    assert "Read-only file system" in refuse(work, COMMANDS[name], name, capsys)
    assert facts_and_bills(work) == before
    make_writable(disk)
    assert go(work, COMMANDS[name], site.moment_of(name)) == 0
    tried("read-only lakes")
