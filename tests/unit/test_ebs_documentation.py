"""docs/ebs.md says which rights and keys there are."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from pathlib import Path

from collectors.storage import ebs_check
from collectors.storage.ebs import EbsSource
from ioledger.config import validated

PAGE = (Path(__file__).parents[2] / "docs" / "ebs.md").read_text(encoding="utf-8")


def fenced(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_policy_allows_what_doctor_tries_and_no_more() -> None:
    (statement,) = json.loads(fenced("json"))["Statement"]
    assert statement["Effect"] == "Allow"
    tried = re.findall(r'"(\w+:\w+)": \(', inspect.getsource(ebs_check))
    assert sorted(statement["Action"]) == sorted(tried) != []


def test_the_example_is_valid_and_every_key_is_told() -> None:
    (table,) = tomllib.loads(fenced("toml"))["sources"].values()
    assert table.pop("type") == "ebs"
    validated(EbsSource.Settings, table, "docs/ebs.md")
    keys = PAGE.partition("| Key | Meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", re.sub(r"\| [^|]* \|$", "|", keys, flags=re.MULTILINE))) == set(
        EbsSource.Settings.model_fields
    )
