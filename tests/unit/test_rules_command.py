from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from policy_lake import ioledger

from policies import cli
from policies.rule import load_rules

if TYPE_CHECKING:
    from pathlib import Path

RULE = next(rule for rule in load_rules() if rule.code == "QOS102")


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A place without a lake: the rules can be read before there is one."""
    return tmp_path / "lake"


def test_lists_the_rules(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ioledger(nowhere, "rules", "--format", "json") == 0

    listed = json.loads(capsys.readouterr().out)
    assert {
        "code": "QOS402",
        "severity": "medium",
        "title": "A running disk maps to no volume, or to one that nobody bought",
        "parameters": "grace_seconds = 0",
    } in listed


def test_explains_a_rule_under_the_headings_that_every_rule_has(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ioledger(nowhere, "rules", "explain", "qos402") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# QOS402: A running disk maps to no volume, or to one that nobody bought"
    assert [line for line in lines if line.startswith("## ")] == [
        "## What it finds",
        "## Why it matters",
        "## An example",
        "## How to mend it",
        "## Parameters",
        "## Where the idea comes from",
    ]


def test_a_rule_that_is_not_there_is_told(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ioledger(nowhere, "rules", "explain", "QOS999") == 2
    assert capsys.readouterr().err.startswith("ioledger: there is no rule 'QOS999'")


def test_runs_the_cases_of_the_rules(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "shipped_rules", lambda: [RULE])

    assert ioledger(nowhere, "rules", "test") == 0
    assert capsys.readouterr().out == f"1 rules, {len(RULE.cases)} cases: all came out as their files say\n"


def test_a_case_that_comes_out_differently_is_told(
    nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = RULE.model_copy(update={"statement": RULE.statement.replace("< guaranteed_iops", "<= guaranteed_iops")})
    monkeypatch.setattr(cli, "shipped_rules", lambda: [broken])

    assert ioledger(nowhere, "rules", "test") == 2

    told = capsys.readouterr().err.splitlines()
    assert told[-2].startswith("QOS102: the cap equals the minimum: expected 0 findings, found 1: Disk vda")
    assert told[-1].startswith("ioledger: ")
