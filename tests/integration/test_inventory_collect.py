"""Inventory files on their way into the lake, through the command that a scheduled job calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import ioledger

COMMAND = Path(sys.executable).parent / "ioledger"
GOOD = "volume_id,min_iops,min_enforced\nv1,500,true\nv2,,\n"

CONFIGURATION = """
[sources.array]
type = "storage-inventory"
provisioned_iops = "files/volumes.csv"

[sources.contracts]
type = "controlplane-inventory"
entitlement = "files/sold.toml"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with a lake, a configuration and good files."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "volumes.csv").write_text(GOOD)
    (tmp_path / "files" / "sold.toml").write_text(
        '[[entitlement]]\nvolume_id = "v1"\nsold_min_iops = 500\nsold_min_iops_per_gib = 0.5\n'
    )
    done = subprocess.run([COMMAND, "init"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "ioledger.toml").write_text(CONFIGURATION)
    return tmp_path


def collect(site: Path) -> subprocess.CompletedProcess[str]:
    """Collect from somewhere else: the files are found from beside the configuration."""
    return subprocess.run(
        [COMMAND, "--config", site / "ioledger.toml", "collect"],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


def rows(site: Path, query: str) -> list[tuple[object, ...]]:
    with ioledger.open(site / "lake") as library:
        return library.connection.sql(query).fetchall()


def test_good_files_reach_the_lake(site: Path) -> None:
    done = collect(site)
    assert done.returncode == 0, done.stderr
    assert rows(site, "SELECT source, volume_id, min_iops, min_enforced FROM provisioned_iops ORDER BY volume_id") == [
        ("array", "v1", 500, True),
        ("array", "v2", None, None),
    ]
    assert rows(site, "SELECT source, volume_id, sold_min_iops, sold_min_iops_per_gib::VARCHAR FROM entitlement") == [
        ("contracts", "v1", 500, "0.500000")
    ]


def test_a_bad_row_fails_its_source_and_nothing_of_its_file_is_loaded(site: Path) -> None:
    (site / "files" / "volumes.csv").write_text(GOOD + "v3,1e3,true\n")
    done = collect(site)
    assert done.returncode == 3
    sentence = f"{site}/files/volumes.csv line 4: column min_iops holds '1e3', but takes a whole number of operations"
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert rows(site, "SELECT * FROM provisioned_iops") == []
    assert rows(site, "SELECT source, status, row_count FROM collection_run ORDER BY source") == [
        ("array", "failed", 0),
        ("contracts", "ok", 1),
    ]


def test_a_missing_file_leaves_what_an_earlier_run_read(site: Path) -> None:
    collect(site)
    (site / "files" / "volumes.csv").unlink()
    done = collect(site)
    assert done.returncode == 3
    assert "volumes.csv cannot be read: No such file or directory" in done.stderr
    assert rows(site, "SELECT volume_id FROM provisioned_iops ORDER BY volume_id") == [("v1",), ("v2",)]
    assert rows(site, "SELECT status FROM collection_run WHERE source = 'array' ORDER BY run_id") == [
        ("ok",),
        ("failed",),
    ]
