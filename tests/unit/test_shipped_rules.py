from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sql_mutants import mutants

from ioledger.errors import DataError
from policies import cases
from policies.rule import load_rules

if TYPE_CHECKING:
    import duckdb
    from sql_mutants import Mutant

    from policies.rule import Case, Rule

RULES = load_rules()

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


@pytest.mark.parametrize(
    ("rule", "case"),
    [pytest.param(rule, case, id=f"{rule.code}: {case.name}") for rule in RULES for case in rule.cases],
)
def test_the_rows_of_a_rule_come_out_as_its_file_says(rule: Rule, case: Case) -> None:
    assert cases.failure(rule, case) is None


@every_rule
def test_the_rows_of_a_rule_notice_every_small_mistake_in_it(rule: Rule) -> None:
    opened = [(case, cases.given(case)) for case in rule.cases]
    wrong = list(mutants(rule.statement))

    unnoticed = [
        mutant.mistake
        for mutant in wrong
        if not any(notices(connection, rule, case, mutant) for case, connection in opened)
    ]

    for _, connection in opened:
        connection.close()
    assert len(wrong) > 3
    assert unnoticed == []


def notices(connection: duckdb.DuckDBPyConnection, rule: Rule, case: Case, mutant: Mutant) -> bool:
    try:
        wrong = rule.model_copy(update={"statement": mutant.statement})
        return cases.difference(connection, wrong, case) is not None
    except DataError:
        return True


@every_rule
def test_a_rule_stays_silent_in_a_lake_that_holds_nothing(rule: Rule) -> None:
    nothing = rule.cases[0].model_copy(update={"given": {}, "expect": []})

    assert cases.failure(rule, nothing) is None
