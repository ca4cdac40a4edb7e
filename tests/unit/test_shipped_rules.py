from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from sql_mutants import mutants

from ioledger.errors import DataError
from policies import cases
from policies.rule import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    from sql_mutants import Mutant

    from policies.rule import Case, Rule

RULES = load_rules()

NOTHING = {"moment": RULES[0].moment, "until": None, "given": {}, "settings": [], "expect": []}

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


@dataclass(frozen=True)
class Opened:
    """A case, and its rows with their state: the state is the same for every version of the rule."""

    case: Case
    connection: duckdb.DuckDBPyConnection


@pytest.fixture
def opened(rule: Rule) -> Iterator[list[Opened]]:
    """Open every case of a rule."""
    opened = [Opened(case, cases.given(case)) for case in rule.cases]
    yield opened
    for each in opened:
        each.connection.close()


@every_rule
def test_the_rows_of_a_rule_come_out_as_its_file_says_and_notice_every_small_mistake_in_it(
    rule: Rule, opened: list[Opened]
) -> None:
    different = {each.case.name: cases.difference(each.connection, rule, each.case) for each in opened}
    assert different == dict.fromkeys(different)

    wrong = list(mutants(rule.statement))
    unnoticed = [mutant.mistake for mutant in wrong if not is_noticed(opened, rule, mutant)]

    assert len(wrong) > 3
    assert unnoticed == []


def is_noticed(opened: list[Opened], rule: Rule, mutant: Mutant) -> bool:
    """Tell whether any case comes out differently; that case goes first from now on.

    What notices one mistake often notices the next one too, which is in the same part of the statement.
    """
    for place, each in enumerate(opened):
        if notices(each, rule, mutant):
            opened.insert(0, opened.pop(place))
            return True
    return False


def notices(opened: Opened, rule: Rule, mutant: Mutant) -> bool:
    try:
        wrong = rule.model_copy(update={"statement": mutant.statement})
        return cases.difference(opened.connection, wrong, opened.case) is not None
    except DataError:
        return True


@every_rule
def test_a_rule_stays_silent_in_a_lake_that_holds_nothing(rule: Rule) -> None:
    nothing = rule.cases[0].model_copy(update=NOTHING)

    assert cases.difference(empty(), rule, nothing) is None


@cache
def empty() -> duckdb.DuckDBPyConnection:
    """Open no rows at all, once: there is nothing in them by which rules could differ."""
    return cases.given(RULES[0].cases[0].model_copy(update=NOTHING))
