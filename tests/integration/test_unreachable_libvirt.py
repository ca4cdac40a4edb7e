"""A host that cannot be reached costs its own run, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from installed_wheel import Installation

GONE = '[sources.gone]\ntype = "libvirt"\nuri = "qemu+tcp://127.0.0.1:1/system"\n'
THERE = '[sources.there]\ntype = "libvirt"\nuri = "test:///default"\n'


@pytest.mark.parametrize(("configuration", "exit_code"), [(GONE, 2), (GONE + THERE, 3)])
def test_an_unreachable_host_is_one_sentence_and_a_failed_run(
    installed: Installation, tmp_path: Path, configuration: str, exit_code: int
) -> None:
    assert installed.run("init", directory=tmp_path).returncode == 0
    (tmp_path / "ioledger.toml").write_text(configuration, encoding="utf-8")

    collected = installed.run("collect", directory=tmp_path)

    assert collected.returncode == exit_code
    told = [line for line in collected.stderr.splitlines() if "gone" in line]
    assert len(told) == 1
    assert "cannot connect to qemu+tcp://127.0.0.1:1/system" in told[0]
    assert "Traceback" not in collected.stderr
    stats = installed.run("lake", "stats", "--format", "json", directory=tmp_path)
    rows = {row["table"]: row["rows"] for row in json.loads(stats.stdout)}
    assert rows["collection_run"] == configuration.count("[sources.")
    assert (rows["disk_io_stat"] > 0) == ("there" in configuration)
