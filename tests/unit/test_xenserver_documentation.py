"""docs/xenserver.md has valid examples and tells of every key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from collectors.hypervisors.xenserver import XenserverSource
from ioledger.config import validated

PAGE = (Path(__file__).parents[2] / "docs" / "xenserver.md").read_text(encoding="utf-8")


def test_the_examples_are_valid() -> None:
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (table,) = tomllib.loads("\n".join(examples))["sources"].values()
    assert table.pop("type") == "xenserver"
    assert len(table["volume_id"]) > 1
    validated(XenserverSource.Settings, table, "docs/xenserver.md")


def test_every_key_is_told() -> None:
    keys = PAGE.partition("| Key | Meaning |")[2].partition("\n\n")[0]
    told = re.findall(r"`(\w+)`", re.sub(r"\| [^|]* \|$", "|", keys, flags=re.MULTILINE))
    assert set(told) == set(XenserverSource.Settings.model_fields)
