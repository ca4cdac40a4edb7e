from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ioledger.lake.reader import connect_tables
from ioledger.model.tables import FINDING
from policies import engine
from policies.finding import Finding
from policies.guarded import Guard
from policies.judged import at
from policies.rule import RESULT, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policies.rule import Severity

    Check = Callable[..., list[Finding]]

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)

A_FINDING = {
    "status": "'violation'",
    "resource_kind": "'disk'",
    "resource_id": "'a/vda'",
    "vm_id": "'a'",
    "volume_id": "NULL::VARCHAR",
    "account_id": "NULL::VARCHAR",
    "observed": "'1'",
    "expected": "'2'",
    "unit": "'disks'",
    "reason": "'Too few.'",
    "interval_start": "NULL::TIMESTAMPTZ",
    "interval_end": "NULL::TIMESTAMPTZ",
}


def rule(statement: str, code: str = "QOS901", severity: Severity = "low") -> Rule:
    return Rule(
        code=code, name="any", title="t", severity=severity, what="w", why="w", example="e", mend="m", origin="o",
        moment=NOON, file="QOS901_any.sql", statement=statement, cases=[],
    )  # fmt: skip


def finding(**expressions: str) -> str:
    """Write a SELECT of one finding, with other expressions for some columns; an empty one leaves the column out."""
    columns = {**A_FINDING, **expressions}
    return "SELECT " + ", ".join(f"{expression} AS {name}" for name, expression in columns.items() if expression)


@pytest.fixture
def check() -> Iterator[Check]:
    with connect_tables({}) as connection:
        yield lambda *rules: engine.worst_first(
            engine.check(connection, rules, at(NOON), engine.thresholds(rules, {}), Guard(timeout_seconds=60))
        )


def test_a_finding_has_the_columns_of_the_lake_and_a_rule_gives_all_that_the_check_does_not() -> None:
    assert tuple(field.name for field in fields(Finding)) == FINDING.names
    assert [name for name in FINDING.names if name not in RESULT] == [
        "code", "severity", "first_seen_at", "last_seen_at", "exempted_by", "checked_at", "resolved_at", "returns",
    ]  # fmt: skip


def test_a_finding_carries_its_rule_and_its_moment(check: Check) -> None:
    (found,) = check(rule(finding(status="'unknown'"), severity="medium"))

    assert (found.code, found.severity, found.status, found.reason) == ("QOS901", "medium", "unknown", "Too few.")
    assert found.first_seen_at == found.last_seen_at == NOON


def test_the_worst_comes_first(check: Check) -> None:
    found = check(
        rule(" UNION ALL ".join(finding(resource_id=name) for name in ("'b'", "'a'")), "QOS901", "high"),
        rule(finding(status="'unknown'"), "QOS902", "critical"),
        rule(finding(), "QOS903", "critical"),
        rule(finding(), "QOS904", "low"),
    )

    assert [(f.code, f.resource_id) for f in found] == [
        ("QOS903", "a/vda"),
        ("QOS902", "a/vda"),
        ("QOS901", "a"),
        ("QOS901", "b"),
        ("QOS904", "a/vda"),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_a_resource_has_one_finding_of_a_rule_and_a_violation_outranks_what_is_unknown(
    check: Check, order: int
) -> None:
    rows = [finding(status="'unknown'", observed="'0'"), finding(observed="'3'"), finding(observed="'1'")]

    (found,) = check(rule(" UNION ALL ".join(rows[::order])))

    assert (found.status, found.observed) == ("violation", "1")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("SELECT iotune FROM disk_io_stat", 'cannot be run: Binder Error: Referenced column "iotune" not found'),
        ("SELECT vm_id FROM disk_stats", "cannot be run: Catalog Error: Table with name disk_stats does not exist"),
        (finding(resource_id="'vda'::INTEGER::VARCHAR"), "cannot be run: Conversion Error"),
        (finding(unity="'disks'"), "the SELECT gives a column 'unity' too many"),
        (f"{finding()}, 'volumes' AS unit", "the SELECT gives a column 'unit' too many"),
        (finding(unit=""), "the SELECT lacks the column 'unit'"),
        (finding(observed="1"), "the column 'observed' is of type INTEGER; cast it to VARCHAR"),
        (finding(status="'ok'"), "a finding has the status 'ok'; valid are unknown, violation"),
        (finding(resource_id="NULL::VARCHAR"), "a finding has no resource_id"),
    ],
)
def test_a_rule_that_gives_no_findings_is_told_and_never_taken_for_a_pass(
    check: Check, statement: str, sentence: str
) -> None:
    (told,) = check(rule(statement))

    assert (told.status, told.resource_kind, told.resource_id) == ("error", "rule", "QOS901")
    assert told.reason.startswith("QOS901_any.sql: ")
    assert sentence in told.reason
    assert "\n" not in told.reason
