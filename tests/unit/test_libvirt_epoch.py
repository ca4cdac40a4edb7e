"""Which run of the counters a sample belongs to, told by the URI's scheme."""

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
from collectors.hypervisors.libvirt_epoch import LocalQemuEpochs, RemoteEpochs, epochs_for, qemu_pid_directory
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
    epochs = epochs_for(uri, "host-1", {})
    assert isinstance(epochs, RemoteEpochs)
    assert epochs.current("web", UUID, 4, CLOCK).epoch("vda") == f"host-1:{UUID}:4:vda"


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


def test_a_local_epoch_is_the_process_and_no_other(tmp_path: Path) -> None:
    before = CLOCK.now()
    with process("-uuid", UUID) as guest:
        (tmp_path / "web.pid").write_text(f"{guest.pid}\n", encoding="ascii")
        it_runs = CLOCK.now()
        epochs = LocalQemuEpochs(tmp_path)
        run = epochs.current("web", UUID, 1, CLOCK)
        assert run.identity == epochs.current("web", UUID, 1, CLOCK).identity
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
            LocalQemuEpochs(tmp_path).current("web", UUID, 1, CLOCK)


@pytest.mark.parametrize("content", [None, "", "no pid", "999999999"])
def test_a_process_that_cannot_be_identified_makes_the_guest_unreadable(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "web.pid").write_text(content, encoding="ascii")
    with pytest.raises(UnreadableGuestError, match=r"cannot be identified through .*web\.pid"):
        LocalQemuEpochs(tmp_path).current("web", UUID, 1, CLOCK)
