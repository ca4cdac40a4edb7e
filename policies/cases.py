"""Runs the cases that a rule's own file holds: given rows, expected findings."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb

from ioledger.errors import DataError
from ioledger.lake.reader import connect_tables
from ioledger.lake.state.tables import prepare_rows
from ioledger.model.columns import COLUMNS, EXACT
from ioledger.model.tables import USAGE_AMOUNTS
from policies import engine
from policies.enclosed import enclose
from policies.guarded import out_of_memory
from policies.statement import one_line

if TYPE_CHECKING:
    from ioledger.model.records import Row
    from policies.rule import Case, Rule

_COMMITTED_RUN: Final = {"row_count": 0, "collector_version": "0"}
"""What every run has and no judgement looks at, so that cases need not say it."""

_EMPTY_RECORD: Final = {
    "usage_record_id": "",
    "qos_class": "best_effort",
    "provisioned": False,
    "throttled": False,
    "revision": 0,
    **{name: Decimal(0) if COLUMNS[name].type == EXACT else 0 for name in USAGE_AMOUNTS},
}
"""A usage record of nothing, so that cases need say only what they are about."""

_HOUR: Final = timedelta(hours=1)


def failures(rule: Rule) -> list[str]:
    """Run every case of a rule; return a sentence for each that does not come out as it says."""
    found = ((case, failure(rule, case)) for case in rule.cases)
    return [f"{rule.code}: {case.name}: {sentence}" for case, sentence in found if sentence]


def failure(rule: Rule, case: Case) -> str | None:
    """Run one case; return what came out differently, or None."""
    try:
        with given(case) as connection:
            return difference(connection, rule, case)
    except DataError as error:
        return str(error)
    except (duckdb.OutOfMemoryException, MemoryError):
        return out_of_memory(rule)
    except duckdb.Error as error:
        return f"the rule cannot be run: {one_line(error)}"


def given(case: Case) -> duckdb.DuckDBPyConnection:
    """Open the rows of a case, and nothing beside them; raises DataError if they break the contract of their tables."""
    rows = {table: [_whole(table, row) for row in given_rows] for table, given_rows in case.given.items()}
    connection = connect_tables(rows, case.settings)
    prepare_rows(connection, case.judged.start, case.judged.end)
    enclose(connection)
    return connection


def _whole(table: str, row: Row) -> Row:
    """Add to a row what cases of its table need not say."""
    if table == "collection_run":
        return {**_COMMITTED_RUN, "ended_at": row.get("started_at"), **row}
    if table == "usage_record":
        start = row.get("window_start")
        return {**_EMPTY_RECORD, "window_end": start + _HOUR if isinstance(start, datetime) else None, **row}
    return row


def difference(connection: duckdb.DuckDBPyConnection, rule: Rule, case: Case) -> str | None:
    """Compare what a rule finds in the rows of a case, behind ``connection``, with what it must find.

    Findings and expectations are paired in the order of their resources and, of one resource, of time.
    Raises DataError if the rule cannot be run.
    """
    findings = engine.apply(connection, rule, case.judged, {**rule.defaults, **case.parameters})
    expected = sorted(case.expect, key=_row_order)
    if len(findings) != len(expected):
        found = "; ".join(finding.reason for finding in findings) or "nothing"
        return f"expected {len(expected)} findings, found {len(findings)}: {found}"
    for finding, row in zip(findings, expected, strict=True):
        for name, value in row.items():
            if getattr(finding, name) != value:
                resource = f"{finding.resource_kind} {finding.resource_id}"
                return f"expected {name} {value!r} on {resource}, found {getattr(finding, name)!r}"
    return None


def _row_order(row: dict[str, Any]) -> tuple[str, str, str]:
    return str(row.get("resource_kind")), str(row.get("resource_id")), str(row.get("interval_start"))
