"""`ioledger metrics` and `check --format prometheus` give the same numbers for the same check, series by series."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from policy_lake import NOON, collect_all, ioledger, new_lake
from told_metrics import Told, metrics_of, parsed

from ioledger.lake import layout
from policies import cli, store
from policies.metrics import FINDINGS
from policies.rule import load_rules

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

CODES = ("QOS101", "QOS102", "QOS407")
SOUND = {rule.code: rule for rule in load_rules() if rule.code in CODES}
BROKEN = {**SOUND, "QOS102": SOUND["QOS102"].model_copy(update={"statement": "SELECT 1 AS status"})}

EXEMPTIONS = """\
[[exemptions]]
rule = "QOS101"
resource = "shop/*"
reason = "It moves."
owner = "ops"
expires = 2026-11-05

[[exemptions]]
rule = "QOS4*"
resource = "nothing"
reason = "It moves."
owner = "ops"
expires = 2026-11-05
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return new_lake(tmp_path)


def of_check(told: Told) -> Told:
    """Leave the metrics of findings, rules, exemptions and checks."""
    names = {family.name for family in FINDINGS.families}
    return {name: values for name, values in told.items() if name in names}


def checked(lake: Path, now: datetime) -> Told:
    """Check, and return the numbers it prints; those of the lake are the same."""
    target = lake.parent / "check.prom"
    ioledger(lake, "check", "--format", "prometheus", "--to", str(target), now=now)
    printed = parsed(target.read_text(encoding="utf-8"))
    assert of_check(metrics_of(lake, now)) == printed
    return printed


def test_a_life_of_findings(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "shipped_rules", SOUND.values)
    exemptions = lake.parent / "exemptions.toml"
    exemptions.write_text(EXEMPTIONS, encoding="utf-8")
    first = checked(lake, NOON)
    exemptions.write_text(EXEMPTIONS.replace("11-05", "11-04"), encoding="utf-8")
    counts_again = checked(lake, NOON + MINUTE)
    monkeypatch.setattr(cli, "shipped_rules", BROKEN.values)
    fails = checked(lake, NOON + 2 * MINUTE)
    monkeypatch.setattr(cli, "shipped_rules", SOUND.values)
    collect_all(lake, NOON + 3 * MINUTE, cap_iops=None)
    mended = checked(lake, NOON + 4 * MINUTE)
    stays = checked(lake, NOON + 5 * MINUTE)
    ioledger(lake, "check", "--at", (NOON - DAY).isoformat(), now=NOON + 6 * MINUTE)
    after_one_of_the_past = of_check(metrics_of(lake, NOON + 6 * MINUTE))

    def by_rule(told: Told, kind: str) -> list[float | None]:
        values = {labels[0]: value for labels, value in told[f"ioledger_findings_{kind}"].items()}
        return [values.get(code) for code in CODES]

    assert by_rule(first, "violation") == [0, 1, 0]
    assert by_rule(first, "exempted") == [1, 0, 0]
    assert by_rule(first, "new") == [0, 1, 0]
    assert (first["ioledger_exemptions_unmatched"], first["ioledger_exemptions_expired"]) == ({(): 1}, {(): 0})
    assert by_rule(counts_again, "violation") == [1, 1, 0]
    assert by_rule(counts_again, "new") == [0, 0, 0]
    assert counts_again["ioledger_exemptions_expired"] == {(): 2}
    assert by_rule(fails, "violation") == [1, None, 0]
    assert {labels: value for labels, value in fails["ioledger_rule_failed"].items() if value} == {
        ("QOS102", "critical"): 1
    }
    assert by_rule(mended, "resolved") == [1, 1, 0]
    assert by_rule(stays, "resolved") == by_rule(stays, "violation") == [0, 0, 0]
    assert stays["ioledger_check_timestamp_seconds"] == {(): (NOON + 5 * MINUTE).timestamp()}
    assert after_one_of_the_past == stays


def test_of_a_check_that_noted_no_rules_only_its_time_is_told(lake: Path) -> None:
    store.store(lake, [], NOON)
    assert layout.files(lake, "finding") != []

    assert of_check(metrics_of(lake)) == {"ioledger_check_timestamp_seconds": {(): NOON.timestamp()}}
