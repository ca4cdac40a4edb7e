"""Who may read and write what the commands make, under any umask."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from command import ioledger

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """
lake = "data/lake"

[sources.fleet]
type = "storage-inventory"
provisioned_iops = "array.csv"
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", ["000", "022"])
def test_nobody_else_may_write_anything_or_look_into_the_lake(tmp_path: Path, umask: str) -> None:
    (tmp_path / "ioledger.toml").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "array.csv").write_text("volume_id\nv1\n", encoding="utf-8")
    under_umask = ["/bin/sh", "-c", f'umask {umask}; exec "$@"', "sh"]
    for words in (("init",), ("collect",), ("metrics", "--to", "out.prom")):
        done = ioledger(*words, cwd=tmp_path, prefix=under_umask)
        assert done.returncode in {0, 3}, done.stderr

    lake = tmp_path / "data" / "lake"
    made = [*(tmp_path / "data").rglob("*"), tmp_path / "data", tmp_path / "out.prom"]
    assert len(made) > 10
    assert [path for path in made if mode(path) & stat.S_IWOTH] == []
    assert mode(lake) & stat.S_IRWXO == 0
    assert mode(tmp_path / "out.prom") == 0o664 & ~int(umask, 8), "what leaves the lake is as the umask has it"
