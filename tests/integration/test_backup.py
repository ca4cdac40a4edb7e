"""A lake that is copied as docs/how-to/administrator.md says, while runs are stored, is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pages import blocks

IOLEDGER = Path(sys.executable).with_name("ioledger")


def ioledger(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([IOLEDGER, *words], cwd=directory, capture_output=True, text=True, check=False)


def runs(lake: Path) -> int:
    return len(list(lake.glob("collection_run/*/*/*.parquet")))


def test_a_copy_of_a_lake_in_use_holds_whole_runs_alone(tmp_path: Path) -> None:
    for block in blocks("tutorial.md"):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
    ioledger(tmp_path, "init")
    (copying,) = [block.text for block in blocks("how-to/administrator.md") if "flock" in block.text]
    command = copying.splitlines()[1].removeprefix("$ ").replace("/backup/", "")
    collecting = subprocess.Popen(
        [sys.executable, "replay.py", "2026-10-01T00:00:00Z", "2026-10-31T00:00:00Z"], cwd=tmp_path
    )
    try:
        before = after = 0
        while before < 6 or after == before:  # until runs are stored during a copy
            assert collecting.poll() is None
            before = runs(tmp_path / "lake")
            copied = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
            after = runs(tmp_path / "lake")
        assert copied.returncode in {0, 1}, copied.stderr  # 1: a directory changed meanwhile
    finally:
        collecting.kill()
        collecting.wait()

    restored = tmp_path / "restored"
    restored.mkdir()
    subprocess.run(["tar", "--extract", "--file", tmp_path / "lake.tar", "--directory", restored], check=True)

    assert runs(restored / "lake") >= before
    told = json.loads(ioledger(restored, "--lake", "lake", "lake", "verify", "--quarantine", "--format", "json").stdout)
    assert [row["problem"] for row in told if "never committed" not in row["problem"]] == []
    assert ioledger(restored, "--lake", "lake", "lake", "verify").returncode == 0
