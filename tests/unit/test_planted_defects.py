from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from planted import BOTH_LIMIT, HOUR, NOON, PLANTED, Fleet, add_clean

from ioledger.lake.reader import connect_tables
from ioledger.lake.state.tables import prepare_rows
from policies import engine
from policies.guarded import Guard
from policies.judged import Judged, at
from policies.rule import load_rules

if TYPE_CHECKING:
    from policies.finding import Finding

RULES = load_rules()


def found(fleet: Fleet, judged: Judged) -> list[Finding]:
    with connect_tables(fleet.tables, [BOTH_LIMIT]) as connection:
        prepare_rows(connection, judged.start, judged.end)
        return engine.check(connection, RULES, judged, engine.thresholds(RULES, {}), Guard(timeout_seconds=300))


@pytest.fixture(scope="module")
def fleet() -> tuple[Fleet, set[tuple[str, str]]]:
    """Give a fleet with every defect once, beside twice as many disks without any, and where they are planted."""
    planted = Fleet()
    add_clean(planted, 20)
    return planted, {(code, plant(planted)) for code, plant in PLANTED.items()}


def test_every_rule_has_a_defect_of_its_own() -> None:
    assert PLANTED.keys() == {rule.code for rule in RULES}


def test_each_defect_is_found_once_and_nothing_else(fleet: tuple[Fleet, set[tuple[str, str]]]) -> None:
    judged, planted = fleet

    findings = found(judged, at(NOON))

    assert Counter((finding.code, finding.resource_id) for finding in findings) == Counter(planted)
    assert {finding.status for finding in findings} == {"violation"}


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    clean = Fleet()
    add_clean(clean, 3)

    assert found(clean, at(NOON)) == []


def test_over_a_period_each_defect_is_found_and_nothing_else(fleet: tuple[Fleet, set[tuple[str, str]]]) -> None:
    judged, planted = fleet
    period = Judged(NOON - 240 * HOUR, NOON)

    findings = found(judged, period)

    assert {(finding.code, finding.resource_id) for finding in findings} == planted
    assert {finding.status for finding in findings} == {"violation"}
    for finding in findings:
        assert period.start <= finding.first_seen_at < finding.last_seen_at <= period.end
