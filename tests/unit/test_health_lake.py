"""What `doctor` says of a lake that somebody left in disorder, and of one that is as it should be."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample

from ioledger.health import file_system, lake, locks
from ioledger.lake import layout
from ioledger.lake.compaction import compact
from ioledger.lake.files import temporary
from ioledger.lake.lock_holders import Holder
from ioledger.lake.locks import exclusive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.health.check import Check

MOUNTS = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
31 27 0:40 / /srv/the\\040lakes rw,relatime shared:1 - nfs4 filer:/lakes rw
32 27 0:41 / /home rw - fuse.sshfs host:/home rw
33 27 8:1 / /home rw - xfs /dev/sda1 rw
"""


def told(path: Path, now: datetime) -> list[locks.HeldLock]:
    found = locks.held_locks(path, Path("/proc/locks").read_text(encoding="utf-8"))
    assert found is not None
    return [lock._replace(holder=lock.holder._replace(since=now)) for lock in found]


@contextmanager
def process(path: Path, *, forks: bool) -> Iterator[subprocess.Popen[str]]:
    """Run a process that takes the lock of a compaction and keeps it, and may leave another behind that has it too."""
    program = (
        "import os, sys, time\nfrom pathlib import Path\nfrom ioledger.lake import locks\n"
        f"with locks.exclusive(Path({str(path)!r}), locks.UPKEEP):\n"
        f"    child = os.fork() if {forks} else os.getpid()\n"
        "    if child: print(child, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        last = int(started.stdout.readline())
        yield started
        started.kill()
        if forks:
            os.kill(last, 9)


def test_a_sound_lake_has_nothing_to_mend(tmp_path: Path) -> None:
    path = new_lake(tmp_path, a_run(sample()))
    found: list[Check] = [
        lake.writing(path),
        lake.locks(told(path, NOON), NOON),
        lake.left_overs(path, NOON),
        lake.pending_swaps(path, NOON),
        lake.compaction(path, NOON),
        lake.quarantine(path),
        lake.withheld(path),
    ]
    assert [check for check in found if check.mend] == []
    assert list((path / layout.LOCKS).glob(".*")) == []


def test_a_lock_that_a_dead_process_left_is_nobodys(tmp_path: Path) -> None:
    path = new_lake(tmp_path)
    with process(path, forks=False) as holder:
        (held,) = told(path, NOON)
        assert (held.name, held.holder.pid, held.is_alive) == ("upkeep", holder.pid, True)
        assert lake.locks([held], NOON).found.startswith(f"held: upkeep by process {holder.pid} of ")
    assert f'"pid": {holder.pid}' in (path / layout.LOCKS / "upkeep.lock").read_text()
    assert lake.locks(told(path, NOON), NOON) == lake.Check("locks", "none is held")
    with exclusive(path, "upkeep"):
        pass


def test_a_lock_that_outlived_its_process_is_told(tmp_path: Path) -> None:
    path = new_lake(tmp_path)
    with process(path, forks=True) as holder:
        holder.kill()
        holder.wait()
        check = lake.locks(told(path, NOON), NOON)
        assert f"process {holder.pid}, which took it, has ended" in check.found
        assert check.mend is not None
        assert "upkeep.lock" in check.mend


def test_a_process_that_proc_hides_has_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = new_lake(tmp_path)
    hidden = 2**22 + 1  # more than any process has (proc_sys_kernel(5)), so /proc does not show it
    lock = path / layout.LOCKS / "upkeep.lock"
    lock.write_text(f'{{"pid": {hidden}, "user": "alice", "host": "kvm-07", "command": "ioledger collect"}}')
    kernel = f"1: FLOCK  ADVISORY  WRITE {hidden} fe:00:{lock.stat().st_ino} 0 EOF\n"

    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    gone = locks.held_locks(path, kernel)
    monkeypatch.setattr(os, "kill", refuse)
    there = locks.held_locks(path, kernel)
    assert ([lock.is_alive for lock in gone or ()], [lock.is_alive for lock in there or ()]) == ([False], [True])


def test_a_lock_that_is_held_for_hours_is_told_with_its_process() -> None:
    holder = Holder(4711, "alice", "kvm-07", "ioledger usage build", NOON - timedelta(hours=7))
    check = lake.locks([locks.HeldLock("usage-build", holder, is_alive=True)], NOON)
    told = "process 4711 of alice on kvm-07 (ioledger usage build) since 2025-11-22T05:00:00Z (7 h)"
    assert check.found == f"usage-build is held by {told}"
    assert check.mend is not None
    assert "ps -fp 4711" in check.mend
    assert lake.locks(None, NOON).mend is None


def test_files_that_a_crash_left_are_told_and_those_that_are_written_now_are_not(tmp_path: Path) -> None:
    path = new_lake(tmp_path, a_run(sample()))
    (stored,) = layout.files(path, "disk_io_stat")
    now = datetime.now(UTC)
    left = temporary(stored)
    left.write_bytes(b"12345")
    assert lake.left_overs(path, now).mend is None
    long_ago = time.time() - 7200
    os.utime(left, (long_ago, long_ago))
    check = lake.left_overs(path, now)
    assert check.found.startswith("1 temporary file of 5 bytes, the oldest of ")
    assert check.found.endswith(str(left.relative_to(path)))
    assert check.mend is not None


def test_days_that_nobody_merged_are_told_until_they_are(tmp_path: Path) -> None:
    path = new_lake(tmp_path, a_run(sample()), a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
    assert lake.compaction(path, NOON + timedelta(days=1)).mend is None
    late = NOON + timedelta(days=3)
    check = lake.compaction(path, late)
    assert check.found == "4 files of 1 day from 2025-11-22 on are not merged, and make every reader slow"
    assert "ioledger lake compact" in (check.mend or "")
    compact(path, late)
    assert lake.compaction(path, late).mend is None


def test_old_files_that_a_reader_keeps_are_told_after_a_day(tmp_path: Path) -> None:
    from ioledger.lake import locks as lake_locks  # noqa: PLC0415 - beside the checks of the same name

    path = new_lake(tmp_path, a_run(sample()), a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
    with lake_locks.reading(path):
        compact(path, NOON + timedelta(days=3))
    now = datetime.now(UTC)
    assert lake.pending_swaps(path, now).mend is None
    check = lake.pending_swaps(path, now + timedelta(days=2))
    assert check.found.startswith("the old files of 2 swaps wait to be removed since ")
    assert check.mend is not None
    assert lake.left_overs(path, now + timedelta(days=2)).mend is None


def test_what_was_set_aside_is_told(tmp_path: Path) -> None:
    path = new_lake(tmp_path)
    (path / ".quarantine" / "20251122T120000Z").mkdir(parents=True)
    check = lake.quarantine(path)
    assert check.found == f"facts were set aside 1 time, the last in {path}/.quarantine/20251122T120000Z"
    assert "why.txt" in (check.mend or "")


@pytest.mark.parametrize(("options", "is_sound"), [("rw,local_lock=none", True), ("rw,local_lock=all", False)])
def test_nfs_is_sound_where_its_server_keeps_the_locks(tmp_path: Path, options: str, *, is_sound: bool) -> None:
    told = f"31 27 0:40 / {tmp_path.resolve()} rw shared:1 - nfs4 filer:/lakes {options}\n"
    assert (lake.file_system(tmp_path, told).mend is None) == is_sound


@pytest.mark.parametrize(
    ("place", "kind", "is_remote"),
    [("/srv/lake", "ext4", False), ("/srv/the lakes/a", "nfs4", True), ("/home/u/lake", "xfs", False)],
)
def test_the_file_system_is_that_of_the_nearest_mount(place: str, kind: str, *, is_remote: bool) -> None:
    mount = file_system.mount_of(MOUNTS, Path(place))
    assert mount is not None
    assert (mount.kind, file_system.is_remote(mount.kind)) == (kind, is_remote)


def test_a_lake_on_the_network_is_told(tmp_path: Path) -> None:
    path = new_lake(tmp_path)
    check = lake.file_system(path, f"40 1 0:9 / {tmp_path.resolve()} rw - fuse.sshfs host:/ rw")
    assert check.found.startswith(f"the lake lies on fuse.sshfs at {tmp_path.resolve()}: ")
    assert check.mend is not None
    assert lake.file_system(path, None).mend is None


def test_locks_that_a_file_system_gives_twice_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    path = new_lake(tmp_path)
    check = lake.writing(path)
    assert "given to a second process" in check.found
    assert check.mend is not None
