"""A lake whose file system goes away is missed, is not written elsewhere meanwhile, and is written again."""

from __future__ import annotations

import signal
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT
from lakes import NOON, a_run, new_lake, read, sample
from mounts import bound, mounted
from permissions import read_only, without_overriding_permissions

from ioledger.errors import LakeError
from ioledger.lake import layout, locks, memory
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TextIO

FLEET = """start = 2025-11-22T12:00:00Z
[[guests]]
id = "vm-1"
name = "web"
processes = [{ host = "h", from_minute = 0, to_minute = 99999999 }]
[[guests.disks]]
device = "vda"
volume_id = "vol-1"
loads = [{ from_minute = 0, to_minute = 99999999, read_iops = 10, write_iops = 1 }]
"""
GONE = "there is no lake at "


def emptied(lake: Path) -> Path:
    """Return a directory as a mount point is whose file system went away."""
    for path in sorted(lake.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return lake


def hold_lock(lake: Path) -> None:
    with locks.exclusive(lake, "collect-kvm-01"):
        pass


@pytest.mark.parametrize(
    "write",
    [
        lambda lake: write_run(lake, a_run(sample(), at=NOON)),
        lambda lake: memory.remember(lake, "kvm-01", {}),
        lambda lake: memory.tell_refusal(lake, "kvm-01", "the clock was put back"),
        hold_lock,
    ],
)
def test_nothing_is_written_where_a_lake_was(write: Callable[[Path], None], tmp_path: Path) -> None:
    lake = emptied(new_lake(tmp_path, a_run(sample())))
    try:
        write(lake)
    except LakeError as error:
        assert str(error).startswith(f"{GONE}{lake} any more; mount the file system that it is on")  # noqa: PT017 - one of these is silent
    assert list(lake.iterdir()) == []


def configure(directory: Path, lake: str) -> None:
    (directory / "fleet.toml").write_text(FLEET, encoding="utf-8")
    source = '[sources.kvm-a]\ntype = "synthetic"\nfleet = "fleet.toml"\nhost = "h"\n'
    (directory / "ioledger.toml").write_text(f'lake = "{lake}"\n{source}', encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A configuration whose lake is a mount point, and beside it the file system that belongs there."""
    with mounted(tmp_path / "disk", "size=16m") as disk:
        new_lake(disk)
        (tmp_path / "point").mkdir()
        configure(tmp_path, "point")
        yield tmp_path


def wait_for(stream: TextIO, told: str) -> None:
    for line in stream:
        if told in line:
            return
    raise AssertionError(f"{told!r} was never told")


@contextmanager
def service(site: Path, *before: str) -> Iterator[TextIO]:
    """Run a service that collects every second, whose stderr is given; at the end it is stopped, and ends in order."""
    words = [*before, SCRIPT, "collect", "--every", "1s"]
    with subprocess.Popen(words, cwd=site, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            yield process.stderr
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0


def test_a_service_waits_for_its_lake_to_come_back(site: Path, tried: Callable[[str], None]) -> None:
    lake, point = site / "disk" / "lake", site / "point"
    with ExitStack() as mounts, service(site) as told:
        with bound(lake, point):
            wait_for(told, "kvm-a: 1 rows")
        wait_for(told, f"ioledger: {GONE}")
        assert list(point.iterdir()) == []
        ((before,),) = read(lake, "SELECT count(*) FROM collection_run")
        mounts.enter_context(bound(lake, point))
        wait_for(told, "kvm-a: 1 rows")
    assert list(point.iterdir()) == []
    ((after, distinct),) = read(lake, "SELECT count(*), count(DISTINCT run_id) FROM collection_run")
    assert after == distinct > before
    tried("lakes that went away and came back")


def test_a_service_goes_on_after_it_lost_the_right_to_write(tmp_path: Path, tried: Callable[[str], None]) -> None:
    lake = new_lake(tmp_path)
    configure(tmp_path, "lake")
    with service(tmp_path, *without_overriding_permissions()) as told:
        wait_for(told, "kvm-a: 1 rows")
        with read_only(lake):
            wait_for(told, "Permission denied")
        wait_for(told, "kvm-a: 1 rows")
    assert not list(lake.rglob("*.tmp"))
    tried("lost permissions")


def test_a_command_is_refused_before_the_lake_is_mounted(site: Path, tried: Callable[[str], None]) -> None:
    done = subprocess.run([SCRIPT, "collect"], cwd=site, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"ioledger: {GONE}point")
    tried("lakes that were not mounted")
    assert list((site / "point").iterdir()) == []
    assert layout.require(site / "disk" / "lake")
