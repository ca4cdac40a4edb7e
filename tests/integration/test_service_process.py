"""`collect --every` as systemd runs it: many sources, one of which hangs, and a socket that is told of it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT, WITH_PLUGIN
from lakes import new_lake, read

if TYPE_CHECKING:
    from pathlib import Path

LONG_ENOUGH_SECONDS = 120
"""Nothing is measured: a process that does not come so far is stuck."""

FLEET = """start = 2025-11-22T12:00:00Z
[[guests]]
id = "vm-1"
name = "web"
[[guests.processes]]
host = "h"
from_minute = 0
to_minute = 99999999
[[guests.disks]]
device = "vda"
volume_id = "vol-1"
loads = []
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Three sources, of which `slow` waits to be told to go on."""
    new_lake(tmp_path)
    (tmp_path / "fleet.toml").write_text(FLEET)
    sound = "".join(
        f'[sources.kvm-{name}]\ntype = "synthetic"\nfleet = "fleet.toml"\nhost = "h"\n' for name in ("a", "b")
    )
    slow = f'[sources.slow]\ntype = "slow"\ndirectory = {json.dumps(str(tmp_path))}\n'
    (tmp_path / "ioledger.toml").write_text(slow + sound)
    return tmp_path


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_hears_how_it_is_while_a_source_hangs(site: Path, *, is_abstract: bool) -> None:
    address = f"@{site}" if is_abstract else str(site / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if is_abstract else address)
        listening.settimeout(LONG_ENOUGH_SECONDS)
        process = subprocess.Popen(
            [SCRIPT, "collect", "--every", "1s"],
            cwd=site,
            env={**WITH_PLUGIN, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"},
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                assert listening.recv(4096) == b"READY=1\nSTATUS=waiting for the first beat"
                heard = []
                while sum(message.startswith(b"STATUS=2 of 2") for message in heard) < 5:
                    heard.append(listening.recv(4096))
                (site / "go").touch()
                while not heard[-1].startswith(b"STATUS=3 of 3 sources read at 2"):
                    heard.append(listening.recv(4096))
                process.send_signal(signal.SIGTERM)
                while not heard[-1].startswith(b"STOPPING=1"):
                    heard.append(listening.recv(4096))
                _, err = process.communicate(timeout=LONG_ENOUGH_SECONDS)
            finally:
                process.kill()
    assert process.returncode == 0
    assert heard.count(b"WATCHDOG=1") >= 4
    lines = err.splitlines()
    assert sum(line.startswith("slow: still being read after ") for line in lines) == 1
    assert {line for line in lines if "still being read" not in line} == {
        "slow: 2 rows",
        "kvm-a: 1 rows",
        "kvm-b: 1 rows",
    }
    beats = read(
        site / "lake",
        "SELECT source, count(*), count(DISTINCT run_id), count(DISTINCT date_trunc('second', started_at)) "
        "FROM collection_run WHERE status = 'ok' GROUP BY source ORDER BY source",
    )
    for _, runs, ids, seconds in beats:
        assert runs == ids == seconds
    told = [(source, lines.count(f"{source}: {'2' if source == 'slow' else '1'} rows")) for source, *_ in beats]
    assert [(source, runs) for source, runs, *_ in beats] == told
    assert told[0][1] >= 3
