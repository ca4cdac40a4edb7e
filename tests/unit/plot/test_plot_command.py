"""The `plot` command over small lakes."""

from __future__ import annotations

import os
import pty
import re
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from defusedxml import ElementTree
from lakes import new_lake, sort_partitions
from plotted import END, HISTORY, MINUTE, STORY, TEN, at, disk, kvm, run
from policy_lake import ioledger
from rich.cells import cell_len

from reports.plot.disk import Stretch
from reports.plot.looking import look

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = ("--from", TEN.isoformat(), "--to", END.isoformat())
DAY = 1440
TWIN = {"vm_id": "vm-2", "vm_name": "twin", "epoch": "t1", "volume_id": "vol-2"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a lake with the story, and two volumes that have one name."""
    directory = tmp_path_factory.mktemp("plot")
    runs = [
        *STORY,
        run("shop-2", 1, "controlplane", entitlement=[
            {"volume_id": "vol-2", "volume_name": "twin"}, {"volume_id": "vol-3", "volume_name": "twin"}]),
    ]  # fmt: skip
    return new_lake(directory, *runs)


def test_a_picture_is_written_whole(lake: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pictures" / "disk.svg"

    assert ioledger(lake, "plot", "data", *PERIOD, "--to-file", str(path)) == 0

    assert ElementTree.parse(path).getroot().get("role") == "img"
    assert [each.name for each in path.parent.iterdir()] == ["disk.svg"]
    assert capfd.readouterr().out == ""


def test_a_pipe_gets_a_plain_picture_of_eighty_columns(lake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert ioledger(lake, "plot", "vol-1", *PERIOD) == 0

    out = capfd.readouterr().out
    assert "data · vda of web" in out
    assert "\x1b" not in out
    assert 70 < max(map(len, out.splitlines())) <= 80


def drained(leader: int) -> bytes:
    """Return all that was printed on a terminal that is closed by now."""
    text = b""
    with suppress(OSError):
        while chunk := os.read(leader, 65536):
            text += chunk
    os.close(leader)
    return text


@pytest.mark.parametrize(("width", "no_color"), [(60, "1"), (100, "")])
def test_a_terminal_gets_a_picture_of_its_width(
    lake: Path, monkeypatch: pytest.MonkeyPatch, width: int, no_color: str
) -> None:
    for name, value in (("COLUMNS", str(width)), ("TERM", "xterm-256color"), ("NO_COLOR", no_color)):
        monkeypatch.setenv(name, value)
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert ioledger(lake, "plot", "vol-1", *PERIOD) == 0
    text = drained(leader).decode()

    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert width - 20 < max(map(cell_len, lines)) <= width
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", text)) is not bool(no_color)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("vol-x1", *PERIOD), "no volume has the id or the name 'vol-x1'; near are 'vol-1'"),
        (("dat", *PERIOD), "near are 'data'"),
        (("zzz", *PERIOD), "`ioledger volumes` lists all there are"),
        (("twin", *PERIOD), "'twin' is the name of 2 volumes, vol-2, vol-3; give the id of one of them"),
        (("vol-2", *PERIOD), "nothing is known of volume 'vol-2' from 2026-11-01T10:00:00Z"),
        (("vol-1", "--from", "2026-11-02", "--to", "2026-11-02"), "not after its start"),
        (("vol-1", *PERIOD, "--disk", "web/vdz"), "on no disk 'web/vdz'; it was on vm-1/vda (vda of web)"),
        (("vol-1", *PERIOD, "--to-file", "/proc/no/disk.svg"), "name a place with --to-file"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    lake: Path, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert ioledger(lake, "plot", *arguments) == 2

    out, err = capfd.readouterr()
    assert out == ""
    assert told in err
    assert "Traceback" not in err


def test_a_lake_of_sorted_files_gives_the_same_history(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *STORY)
    sort_partitions(lake.glob("disk_io_stat/*/*"))

    assert look(lake, "data", TEN, END) == HISTORY
    assert look(lake, "vol-1", TEN, END, "web/vda") == HISTORY


def test_a_disk_that_was_silent_for_days_gets_a_gap_and_no_peak_of_all_that_it_did(tmp_path: Path) -> None:
    # Rule 2: consecutive rows of one epoch are one interval, however far apart. Who saw the last days alone would
    # take the counters for those of a disk that began five minutes ago (rule 4).
    seen = [kvm(0, 0, 0), kvm(5, 300, 0)]
    silent = [run("kvm-a", minute) for minute in (2 * DAY, 3 * DAY, 4 * DAY - 5)]
    again = [kvm(4 * DAY, 9_000_000_000, 0), kvm(4 * DAY + 5, 9_000_000_600, 0)]
    lake = new_lake(tmp_path, *seen, *silent, *again)
    start, end = at(4 * DAY - 10), at(4 * DAY + 5)

    told = look(lake, "vol-1", start, end)

    assert told.gaps == [Stretch(start, at(4 * DAY))]
    assert [(step.start, step.read_iops) for step in told.steps] == [(at(4 * DAY), 2)]


def test_a_volume_is_found_behind_a_serial(tmp_path: Path) -> None:
    blank = {"volume_id": None, "disk_serial": "S1"}
    names = run("map", 0, "storage", volume_alias=[
        {"namespace": "serial", "alias": "S1", "volume_id": "vol-9", "valid_from": TEN - DAY * MINUTE}])  # fmt: skip
    lake = new_lake(tmp_path, names, kvm(0, 0, 0, **blank), kvm(5, 300, 0, **blank))

    told = look(lake, "vol-9", TEN, TEN + timedelta(minutes=5))

    assert [step.read_iops for step in told.steps] == [1]


def test_another_disk_at_the_same_time_is_told_of(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = {"vm_id": "vm-2", "vm_name": "mail", "epoch": "m1"}
    lake = new_lake(
        tmp_path, *(run("kvm-a", n, disk_io_stat=[disk(n, n * 60, 0), disk(n, 0, 0, **other)]) for n in (0, 10))
    )

    assert ioledger(lake, "plot", "vol-1", *PERIOD) == 0
    out, err = capfd.readouterr()
    assert "Also on vda of mail at the same time" in out
    assert "--disk VM/DEVICE shows one of them" in err
    assert ioledger(lake, "plot", "vol-1", *PERIOD, "--disk", "mail/vda") == 0
    assert "Also on vda of web" in capfd.readouterr().out
