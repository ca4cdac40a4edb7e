"""docs/rules/own-rules.md does what it says: its rule is run as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from policy_lake import NOON, collect, ioledger, new_lake

from ioledger import config
from policies import cli
from policies.rule import RESULT, Header

if TYPE_CHECKING:
    from ioledger.model.records import Row

PAGE = (Path(__file__).parents[2] / "docs" / "rules" / "own-rules.md").read_text(encoding="utf-8")
GIB = 1 << 30


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A lake beside the page's rule and its thresholds."""
    lake = new_lake(tmp_path)
    (rule,) = blocks("sql")
    (name,) = re.findall(r"`([A-Z0-9]+_[a-z_]+\.sql)`", section("An example"))
    (tmp_path / "house-rules").mkdir()
    (tmp_path / "house-rules" / name).write_text(rule, encoding="utf-8")
    return lake


def test_its_rule_comes_out_as_its_rows_say(
    lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "shipped_rules", list)

    assert ioledger(lake, "rules", "test", "--rules", str(lake.parent / "house-rules")) == 0
    assert capsys.readouterr().out == "1 rules, 3 cases: all came out as their files say\n"


def test_its_rule_and_its_thresholds_are_used_by_a_check(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    volumes: list[Row] = [{"volume_id": f"vol-{size}", "size_bytes": size * GIB} for size in (511, 512, 2048)]
    collect(lake, "controlplane", NOON, {"entitlement": volumes})

    def found() -> list[str]:
        capsys.readouterr()
        ioledger(lake, "check", "--format", "json", "--rules", str(lake.parent / "house-rules"))
        findings = json.loads(capsys.readouterr().out)
        return [f["resource_id"] for f in findings if f["code"] == "ACME001"]

    assert found() == ["vol-2048"]
    (lake.parent / "ioledger.toml").write_text("".join(blocks("toml")), encoding="utf-8")
    assert found() == ["vol-2048", "vol-512"]


def test_its_limits_are_those_that_hold() -> None:
    defaults = config.CheckTable()

    assert f"It may take {defaults.rule_timeout_seconds} seconds." in PAGE
    assert f"It may take {defaults.own_rules_memory_mib} MiB of memory" in PAGE


def test_it_names_every_key_and_every_column() -> None:
    keys, columns = section("The form").split("One SELECT follows.")
    told = set(
        re.findall(r"`\[*([a-z_]+)\]*`", "".join(line.split("|")[1] for line in keys.splitlines() if "|" in line))
    )
    assert told == {*Header.model_fields, "fail", "pass"}

    rows = [line.split("|")[1:4] for line in columns.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row[0])} == set(RESULT)
    for names, types, _ in rows:
        wanted = {
            RESULT[name].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for name in re.findall(r"`(\w+)`", names)
        }
        assert wanted == {types.split(":")[0].strip()}
