"""The commands of the units, run as systemd would: no environment, no rights, nothing to write but the lake."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from lakes import read
from scheduled import command_of, cron_lines

from ioledger.cli import run

if TYPE_CHECKING:
    from pathlib import Path

LONG_ENOUGH_SECONDS = 120
"""Nothing is measured: a process that does not come so far is stuck."""

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "TMPDIR": "/var/tmp",  # noqa: S108 - the only place beside the lake that can be written
    **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
}

READ_ONLY = """
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /var/tmp
cd /var/tmp
shift
exec /usr/bin/setpriv --no-new-privs --bounding-set -all "$@"
"""
"""What ProtectSystem=strict, ReadWritePaths=, PrivateTmp=, NoNewPrivileges= and CapabilityBoundingSet= come to, in
mounts that no other process sees."""


def confined(lake: Path) -> list[str]:
    """Give the words before a command under which it has what the unit leaves it, as far as this user can do that."""
    if os.geteuid() != 0:
        return ["/usr/bin/setpriv", "--no-new-privs"]
    return ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", READ_ONLY, "sh", str(lake)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("scheduled") / "100% of it"
    directory.mkdir()
    assert run(["--config", str(directory / "ioledger.toml"), "init", "--systemd"]) == 0
    return directory


def service(site: Path, name: str) -> list[str]:
    return [*confined(site / "lake"), *command_of(site / "systemd" / f"ioledger-{name}.service")]


@pytest.mark.skipif(os.geteuid() != 0, reason="confining a process to its lake takes root")
def test_what_they_are_run_in_leaves_the_lake_alone_to_be_written(site: Path) -> None:
    for place, code in ((site, 1), (site / "lake", 0)):
        words = [*confined(site / "lake"), "/usr/bin/mktemp", "-d", f"--tmpdir={place}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr


def test_the_service_collects_and_tells_systemd(site: Path, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    words = ["1s" if word == "60s" else word for word in service(site, "collect")]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(LONG_ENOUGH_SECONDS)
        environment = {**ENVIRONMENT, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"}
        with subprocess.Popen(words, cwd="/", env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                heard = [listening.recv(4096).decode()]
                while not heard[-1].startswith("STATUS=1 of 1 sources read at "):
                    heard.append(listening.recv(4096).decode())
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=LONG_ENOUGH_SECONDS)
            finally:
                process.kill()
    assert heard[0].startswith("READY=1\n")
    assert process.returncode == 0
    assert read(site / "lake", "SELECT count(*) > 0 FROM collection_run WHERE status = 'ok'") == [(True,)]


def test_every_timer_runs_a_command_that_succeeds(site: Path) -> None:
    when, _, command = cron_lines(site / "systemd" / "ioledger.cron")[0]
    assert when == "* * * * *"
    by_cron = subprocess.run(
        ["/bin/sh", "-c", command], cwd="/", env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert by_cron.returncode == 0
    assert by_cron.stderr.startswith("try-out: ")
    timers = sorted((site / "systemd").glob("*.timer"))
    assert len(timers) == 4
    for timer in timers:
        words = service(site, timer.stem.removeprefix("ioledger-"))
        done = subprocess.run(words, cwd="/", env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
