"""The libvirt source on real QEMU processes; the guests stay paused, for nothing here needs them to run."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from faulty_worker import replace_calls
from libvirt_reading import read_once
from live_guests import (
    PATIENCE_SECONDS,
    QEMU_CONF,
    SYSTEM_PATH,
    Guest,
    LiveHost,
    live_host,
    ordinary_user,
    short_directory,
)

from collectors.hypervisors import libvirt_asking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ioledger.model.records import Reading

WEB = Guest("web", "vol-web", caps={"total_iops_sec": 100})
DB = Guest("db", "vol-db")


@pytest.fixture(scope="module")
def host() -> Iterator[LiveHost]:
    with live_host() as started:
        for guest in (WEB, DB):
            started.define(guest)
            started.virsh("start", guest.name, "--paused")
        yield started


def read(host: LiveHost) -> Reading:
    return read_once(host.uri)


def rows(host: LiveHost) -> dict[str, dict[str, Any]]:
    reading = read(host)
    assert reading.error is None
    return {str(row["vm_name"]): dict(row) for row in reading.tables["disk_io_stat"]}


def test_an_empty_drive_is_no_disk(host: LiveHost) -> None:
    listed = [(row["vm_name"], row["device"]) for row in read(host).tables["disk_io_stat"]]
    assert sorted(listed) == [("db", "vda"), ("web", "vda")]


def test_counters_are_known_where_they_are_zero(host: LiveHost) -> None:
    web = rows(host)["web"]
    assert (web["state"], web["read_ops"], web["flush_time_ns"]) == ("ok", 0, 0)
    assert web["epoch_started_at"] < web["sampled_at"]


def test_a_cap_that_is_changed_on_the_running_guest_is_the_one_that_counts(host: LiveHost) -> None:
    host.virsh("blkdeviotune", "web", "vda", "--total-iops-sec", "77", "--live")
    assert rows(host)["web"]["cap_total_iops"] == 77
    host.virsh("blkdeviotune", "web", "vda", "--total-iops-sec", "0", "--live")
    assert "cap_total_iops" not in rows(host)["web"]


def test_a_new_process_is_a_new_epoch_and_nothing_else_is(host: LiveHost) -> None:
    before = rows(host)
    host.virsh("reset", "web")
    host.virsh("snapshot-create", "db", "--disk-only", "--no-metadata")
    assert {name: row["epoch"] for name, row in rows(host).items()} == {
        name: row["epoch"] for name, row in before.items()
    }
    host.virsh("destroy", "web")
    assert rows(host)["web"]["state"] == "off"
    assert "epoch" not in rows(host)["web"]
    host.virsh("start", "web", "--paused")
    after = rows(host)
    assert after["web"]["epoch"] != before["web"]["epoch"]
    assert after["db"]["epoch"] == before["db"]["epoch"]


def test_a_guest_whose_process_cannot_be_identified_is_an_error_never_another_epoch(host: LiveHost) -> None:
    pid_file = host.socket.parent / "qemu" / "run" / "web.pid"
    hidden = pid_file.rename(pid_file.with_suffix(".hidden"))
    try:
        reading = read(host)
    finally:
        hidden.rename(pid_file)
    found = {row["vm_name"]: (row["device"], row["state"], row.get("epoch")) for row in reading.tables["disk_io_stat"]}
    assert found["web"] == ("vda", "error", None)
    assert found["db"][1] == "ok"
    assert reading.error is not None
    assert reading.error.startswith("1 of 2 guests could not be read in full; it is web: its QEMU process cannot be")


COUNTED_BEFORE = 41
"""What the guests had read when libvirt answered."""


MEANWHILE = """\
import subprocess, threading
asking, answered = threading.Lock(), []
def domainListGetStats(real, *arguments):
    answers = real(*arguments)
    with asking:
        if len(answered) == 2:
            return answers
        answered.append(True)  # two guests are asked by two calls
        for command in {commands!r} if len(answered) == 2 else ():
            subprocess.run(["virsh", "--quiet", "--connect", {uri!r}, *command.split()], check=True, stdout=2)
    return [(guest, {{**stats, "block.0.rd.reqs": {counted}}}) for guest, stats in answers]
"""


@pytest.fixture
def change_after_the_answer(host: LiveHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let something happen to the guest `web` between libvirt's first answer and all that is asked after it."""

    def arrange(*commands: str) -> None:
        code = MEANWHILE.format(commands=commands, uri=host.uri, counted=COUNTED_BEFORE)
        replace_calls(monkeypatch, tmp_path, code)
        monkeypatch.setattr(libvirt_asking, "PATIENCE_SECONDS", PATIENCE_SECONDS)  # what happens takes its time

    return arrange


def test_counters_of_a_process_that_was_replaced_meanwhile_are_not_given_to_the_new_one(
    host: LiveHost, change_after_the_answer: Callable[..., None]
) -> None:
    before = rows(host)
    change_after_the_answer("destroy web", "start web --paused")
    after = rows(host)
    assert (after["db"]["epoch"], after["db"]["read_ops"]) == (before["db"]["epoch"], COUNTED_BEFORE)
    assert after["web"]["epoch"] != before["web"]["epoch"]
    assert (after["web"]["state"], after["web"]["read_ops"]) == ("ok", 0)


def test_a_guest_that_was_turned_off_meanwhile_is_off_and_no_failure(
    host: LiveHost, change_after_the_answer: Callable[..., None]
) -> None:
    change_after_the_answer("destroy web")
    assert rows(host)["web"]["state"] == "off"
    host.virsh("start", "web", "--paused")


BECOME = """\
import encodings.idna, os  # after all imports: that user may not be able to read the modules
if os.geteuid() != {user}:
    os.setgroups([]); os.setgid({group}); os.setuid({user})
"""


@pytest.fixture
def root() -> Iterator[Path]:
    with short_directory() as directory:
        yield directory


def test_the_embedded_driver_needs_no_daemon(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "etc").mkdir()
    (root / "etc" / "qemu.conf").write_text(QEMU_CONF, encoding="utf-8")
    uri = f"qemu:///embed?root={root}"
    (root / "disk.raw").write_bytes(bytes(2**20))
    domain = root / "domain.xml"
    domain.write_text(
        f"""<domain type='qemu'><name>e</name><memory unit='MiB'>16</memory><os><type arch='x86_64'>hvm</type></os>
        <devices><disk type='file'><source file='{root}/disk.raw'/><target dev='vda' bus='virtio'/></disk></devices>
        </domain>""",
        encoding="utf-8",
    )
    identity = ordinary_user(root)
    for name, value in {"PATH": SYSTEM_PATH, "HOME": str(root), "XDG_RUNTIME_DIR": str(root)}.items():
        monkeypatch.setenv(name, value)
    create = ["virsh", "-q", "-c", uri, "create", str(domain), "--paused"]
    subprocess.run(create, cwd=root, check=True, capture_output=True, **identity)
    owner = {"user": identity.get("user", os.geteuid()), "group": identity.get("group", os.getegid())}
    replace_calls(monkeypatch, tmp_path, BECOME.format(**owner))
    monkeypatch.chdir(root)
    try:
        reading = read_once(uri)
    finally:
        os.kill(int((root / "run" / "qemu" / "e.pid").read_text(encoding="ascii")), signal.SIGKILL)
    assert reading.error is None
    (row,) = reading.tables["disk_io_stat"]
    assert (row["vm_name"], row["device"], row["state"], row["read_ops"]) == ("e", "vda", "ok", 0)
