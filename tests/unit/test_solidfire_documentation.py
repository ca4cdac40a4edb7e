"""docs/solidfire.md says which rights and keys there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from collectors.storage import solidfire_check, solidfire_listing, solidfire_rows
from collectors.storage.solidfire import SolidfireSource
from ioledger.config import validated

PAGE = (Path(__file__).parents[2] / "docs" / "solidfire.md").read_text(encoding="utf-8")


def table_below(heading: str) -> str:
    return PAGE.partition(heading)[2].partition("\n\n")[0]


def test_every_method_that_is_called_is_told_and_no_other() -> None:
    modules = (solidfire_check, solidfire_listing, solidfire_rows)
    sources = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in modules)
    called = set(re.findall(r'(?:ask|must)\(\s*"(\w+)"', sources)) | set(solidfire_check.NEEDED)
    told = [row.split("|")[1] for row in table_below("| Method | Access | Needed |").splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", "".join(told))) == called != set()


def test_the_example_is_valid_and_every_key_is_told() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (table,) = tomllib.loads(example)["sources"].values()
    assert table.pop("type") == "solidfire"
    validated(SolidfireSource.Settings, table, "docs/solidfire.md", {"directory": Path("/etc/ioledger")})
    keys = [row.split("|")[1] for row in table_below("| Key | Meaning |").splitlines()[2:]]
    assert set(re.findall(r"`(\w+)`", "".join(keys))) == set(SolidfireSource.Settings.model_fields)
