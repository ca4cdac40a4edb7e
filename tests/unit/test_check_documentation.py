"""docs/checks.md says what `check` does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from policy_lake import NOON, ioledger, new_lake

import ioledger as library
from ioledger.config import CheckTable
from ioledger.model.tables import FINDING
from policies import exemptions
from policies.outputs import FORMATS
from policies.rule import load_rules

if TYPE_CHECKING:
    import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def block(language: str) -> str:
    return PAGE.partition(f"```{language}\n")[2].partition("```")[0]


def first_column(text: str) -> list[str]:
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w.-]+)`", cell)]


def test_the_example_of_exemptions_is_one(tmp_path: Path) -> None:
    path = tmp_path / exemptions.FILE
    path.write_text(block("toml"), encoding="utf-8")

    read = exemptions.load(path, [rule.code for rule in load_rules()])

    assert [exemption.rule for exemption in read] == ["QOS101", "QOS4*"]
    assert first_column(section("Exemptions")) == ["rule", "resource", "reason", "owner", "expires"]


def test_every_format_is_described() -> None:
    assert sorted(first_column(section("Formats"))) == sorted(FORMATS)


def test_the_life_of_a_finding_is_told_with_its_columns_and_the_damping_time() -> None:
    told = section("The life of a finding")

    assert set(first_column(told)) == set(FINDING.names[-3:]) | {"first_seen_at", "last_seen_at"}
    (setting,) = re.findall(r"```toml\n(.*?)```", told, re.DOTALL)
    assert CheckTable(**tomllib.loads(setting)["check"]) == CheckTable()


def test_the_example_of_open_findings_answers(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    ioledger(lake, "check")

    with library.open(lake) as opened:
        rows = opened.connection.sql(block("sql")).fetchall()

    assert rows == [(code, "shop/vda", NOON, 0, False) for code in ("QOS101", "QOS102")]


def test_the_example_of_sql_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = new_lake(tmp_path)
    example = block("toml").replace("5b1e0d3c-7f0a-4d55-9a53-0c8f7a2f6f10", "shop")
    (tmp_path / exemptions.FILE).write_text(example, encoding="utf-8")
    ioledger(lake, "check")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    exec(block("python"), {})  # noqa: S102 - what the page tells its readers to run

    assert "storage-team@example.net, until 2026-12-15" in capsys.readouterr().out
