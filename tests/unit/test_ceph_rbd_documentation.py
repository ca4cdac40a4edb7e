"""docs/ceph-rbd.md has valid examples and tells of every key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from collectors.storage.ceph_rbd import CephRbdSource
from ioledger.config import validated

PAGE = (Path(__file__).parents[2] / "docs" / "ceph-rbd.md").read_text(encoding="utf-8")


def test_the_examples_are_valid() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (table,) = tomllib.loads("\n".join(examples))["sources"].values()
    assert table.pop("type") == "ceph-rbd"
    validated(CephRbdSource.Settings, table, "docs/ceph-rbd.md")


def test_every_key_is_told() -> None:
    keys = PAGE.partition("| Key | Meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", keys, re.MULTILINE)) == set(CephRbdSource.Settings.model_fields)
