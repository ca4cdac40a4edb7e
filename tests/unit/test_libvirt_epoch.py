"""Which process of a guest a sample belongs to, told by the URI's scheme."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_epoch import (
    LocalQemuProcesses,
    Process,
    RemoteProcesses,
    process_of,
    processes_for,
    qemu_pid_directory,
)
from collectors.hypervisors.libvirt_guest import GuestSample
from ioledger.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

UUID = "5e0e4f1a-6f0e-4a11-9d4c-000000000001"
CLOCK = SystemClock()


@pytest.mark.parametrize(
    ("uri", "environment", "directory"),
    [
        ("qemu:///system", {}, "/run/libvirt/qemu"),
        ("qemu+unix:///system", {}, "/run/libvirt/qemu"),
        ("qemu:///system?socket=/srv/b/run/libvirt-sock-ro", {}, "/srv/b/run/qemu"),
        ("qemu:///session", {"XDG_RUNTIME_DIR": "/run/user/1000"}, "/run/user/1000/libvirt/qemu/run"),
        ("qemu:///session", {"XDG_CACHE_HOME": "/c", "HOME": "/home/a"}, "/c/libvirt/qemu/run"),
        ("qemu:///session", {"HOME": "/home/a"}, "/home/a/.cache/libvirt/qemu/run"),
        ("qemu:///session?socket=/srv/u/libvirt/libvirt-sock", {}, "/srv/u/libvirt/qemu/run"),
        ("qemu:///embed?root=/srv/embedded", {}, "/srv/embedded/run/qemu"),
    ],
)
def test_a_local_qemu_uri_tells_where_the_pid_files_are(uri: str, environment: dict[str, str], directory: str) -> None:
    assert qemu_pid_directory(uri, environment) == Path(directory)


@pytest.mark.parametrize(
    "uri", ["qemu+ssh://host/system", "qemu+tls:///system", "qemu://host/system", "test:///default", "xen:///system"]
)
def test_other_uris_go_by_what_libvirt_tells(uri: str) -> None:
    processes = processes_for(uri, "host-1", {})
    assert isinstance(processes, RemoteProcesses)
    assert processes.current("web", UUID, 4, CLOCK).identity == f"host-1:{UUID}:4"


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process with these arguments, and with a name that is awkward to parse."""
    wait = "import ctypes, sys; ctypes.CDLL(None).prctl(15, b'a) S 1 (b'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", wait, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.stdin.close()


def test_a_local_identity_is_the_process_and_no_other(tmp_path: Path) -> None:
    before = CLOCK.now()
    with process("-uuid", UUID) as guest:
        (tmp_path / "web.pid").write_text(f"{guest.pid}\n", encoding="ascii")
        it_runs = CLOCK.now()
        processes = LocalQemuProcesses(tmp_path)
        run = processes.current("web", UUID, 1, CLOCK)
        assert run.identity == processes.current("web", UUID, 1, CLOCK).identity
    boot_id, pid, start = run.identity.split(":")
    assert boot_id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert int(pid) == guest.pid
    tick = timedelta(seconds=1 / os.sysconf("SC_CLK_TCK"))
    assert run.started_at is not None
    assert before - tick <= run.started_at < it_runs
    assert run.started_by_us is not None
    assert int(start) * tick < timedelta(microseconds=run.started_by_us) <= (int(start) + 1) * tick


def test_a_stale_pid_file_is_never_believed(tmp_path: Path) -> None:
    with process("-uuid", "another guest") as other:
        (tmp_path / "web.pid").write_text(str(other.pid), encoding="ascii")
        with pytest.raises(UnreadableGuestError, match=f"process {other.pid}.* is not its QEMU process"):
            LocalQemuProcesses(tmp_path).current("web", UUID, 1, CLOCK)


@pytest.mark.parametrize("content", [None, "", "no pid", "999999999"])
def test_a_process_that_cannot_be_identified_makes_the_guest_unreadable(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "web.pid").write_text(content, encoding="ascii")
    with pytest.raises(UnreadableGuestError, match=r"cannot be identified through .*web\.pid"):
        LocalQemuProcesses(tmp_path).current("web", UUID, 1, CLOCK)


class StartedAt:
    """A scheme whose process started at a time of CLOCK_BOOTTIME."""

    is_certain = True

    def __init__(self, started_by_us: int | None) -> None:
        self.process = Process("boot:18:4712", CLOCK.now(), started_by_us)

    def current(self, *_: object) -> Process:
        return self.process


def test_counters_are_not_given_to_a_process_that_may_have_started_after_them() -> None:
    sample = GuestSample("web", UUID, 3, "running", 1_000_000, CLOCK.now(), counters={"vda": {"read_ops": 5}})
    for early in (None, 1_000_000):
        assert process_of(sample, StartedAt(early), CLOCK).identity == "boot:18:4712"
    with pytest.raises(UnreadableGuestError, match="started while"):
        process_of(sample, StartedAt(1_000_001), CLOCK)
