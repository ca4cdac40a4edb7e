"""Runs rules over the state of a lake, at a moment or over a period."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import duckdb

from ioledger.errors import ConfigurationError, DataError, did_you_mean, one_of
from ioledger.model.tables import FINDING
from policies import guarded, intervals
from policies.finding import Finding
from policies.rule import PREFIX, RESULT, SEVERITIES, Rule
from policies.statement import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from policies.guarded import Guard
    from policies.judged import Judged

Thresholds = dict[str, dict[str, int]]
"""The value of every declared parameter, by rule code and name."""

STATUSES: Final = ("violation", "unknown")
"""What a rule may give, worst first: what is known to be wrong outranks what could not be judged."""

_LENGTHS: Final = {"days": timedelta(days=1), "hours": timedelta(hours=1), "seconds": timedelta(seconds=1)}

_WRONG_NAMES: Final = (duckdb.BinderException, duckdb.CatalogException)
"""Other errors may also come from a file of the lake that cannot be read; the reader tells them apart."""

_NEVER_NULL: Final = tuple(name for name in FINDING.required if name in RESULT)


def thresholds(rules: Iterable[Rule], configured: Mapping[str, Mapping[str, int]]) -> Thresholds:
    """Return every rule's parameters: the defaults, but for what ``[rules.CODE]`` of ioledger.toml sets.

    Raises ConfigurationError for a rule or parameter that does not exist, and for a negative value.
    """
    values = {rule.code: rule.defaults for rule in rules}
    for code, settings in configured.items():
        if code not in values:
            own = "" if code.startswith(PREFIX) else "; a rule of your own is there with --rules DIR"
            raise ConfigurationError(
                f"[rules.{code}]: there is no such rule{did_you_mean(code, values)}; valid are {one_of(values)}{own}"
            )
        for name, value in settings.items():
            if name not in values[code]:
                valid = f"valid are {one_of(values[code])}" if values[code] else "it has none, so leave it out"
                raise ConfigurationError(
                    f"[rules.{code}]: unknown parameter {name!r}{did_you_mean(name, values[code])}; {valid}"
                )
            if value < 0:
                raise ConfigurationError(f"[rules.{code}]: {name} is {value}; valid are 0 and whole numbers above it")
            values[code][name] = value
    return values


def look_back(rules: Iterable[Rule], values: Thresholds) -> timedelta:
    """Return how far before the judged time rules look at the lake's tables: the longest time that any declares."""
    lengths = [
        values[rule.code][parameter.name] * _LENGTHS[parameter.unit]
        for rule in rules
        for parameter in rule.parameters
        if parameter.unit in _LENGTHS
    ]
    # What is filed under a UTC day may be needed from its beginning, and neighbours of what is looked at as well.
    return max(lengths, default=timedelta()) + timedelta(days=1)


def check(
    connection: duckdb.DuckDBPyConnection, rules: Iterable[Rule], judged: Judged, values: Thresholds, guard: Guard
) -> list[Finding]:
    """Judge the lake behind ``connection``; a rule that fails is a finding with the status ``error``.

    At a moment a resource has at most one finding per rule. Raises LakeError if the lake cannot be read.
    """
    found: list[Finding] = []
    for rule in rules:
        run = partial(apply, connection, rule, judged, values[rule.code])
        found += guarded.findings(connection, rule, judged, run, guard)
    return found


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Put rules that failed first, and then findings by severity, status, code, resource and time."""
    return sorted(findings, key=_rank)


def _rank(finding: Finding) -> tuple[bool, int, int, str, str, str, datetime]:
    is_failure = finding.status not in STATUSES
    return (
        not is_failure,
        SEVERITIES.index(finding.severity),
        0 if is_failure else STATUSES.index(finding.status),
        finding.code,
        finding.resource_kind,
        finding.resource_id,
        finding.first_seen_at,
    )


def apply(
    connection: duckdb.DuckDBPyConnection, rule: Rule, judged: Judged, parameters: Mapping[str, int]
) -> list[Finding]:
    """Run one rule; the order of its findings is that of their resources, and of one resource that of time.

    At a moment a finding has no end, and was first and last seen then; over a period these are the ends of
    its interval. Raises DataError if the rule cannot be run or gives something else than findings, and
    DuckDB's errors for whatever may have another reason.
    """
    values = {**parameters, "period_start": judged.start, "period_end": judged.end}
    of_resource: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(_selected(connection, rule, values), key=_row_order):
        of_resource.setdefault((row["resource_kind"], row["resource_id"]), []).append(row)
    told = intervals.at_moment if judged.is_moment else intervals.over_period
    return [
        Finding(code=rule.code, severity=rule.severity, **row)
        for rows in of_resource.values()
        for row in told(rows, judged)
    ]


def _selected(connection: duckdb.DuckDBPyConnection, rule: Rule, values: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        (statement,) = connection.extract_statements(rule.statement)
        # DuckDB refuses a bound parameter that the statement does not name.
        result = connection.execute(statement, {name: values[name] for name in statement.named_parameters})
        columns = [(name, str(type_)) for name, type_, *_ in result.description or ()]
        _refuse_other_columns(rule, columns)
        rows = [dict(zip(dict(columns), row, strict=True)) for row in result.fetchall()]
    except _WRONG_NAMES as error:
        raise DataError(
            f"{rule.file}: the rule cannot be run: {one_line(error)}; it may read the lake's tables and views, "
            "by the columns they have"
        ) from error
    except duckdb.DataError as error:
        raise DataError(f"{rule.file}: the rule cannot be run: {one_line(error)}; correct the value there") from error
    for row in rows:
        _refuse_other_values(rule, row)
    return rows


def _refuse_other_columns(rule: Rule, columns: list[tuple[str, str]]) -> None:
    types = dict(columns)
    names = [name for name, _ in columns]
    for name in names:
        if name not in RESULT or names.count(name) > 1:
            raise DataError(f"{rule.file}: the SELECT gives a column {name!r} too many; valid are {one_of(RESULT)}")
    for name, wanted in RESULT.items():
        if name not in types:
            raise DataError(f"{rule.file}: the SELECT lacks the column {name!r}; a finding has {one_of(RESULT)}")
        if types[name] != wanted:
            raise DataError(f"{rule.file}: the column {name!r} is of type {types[name]}; cast it to {wanted}")


def _refuse_other_values(rule: Rule, row: dict[str, Any]) -> None:
    for name in _NEVER_NULL:
        if row[name] is None:
            raise DataError(f"{rule.file}: a finding has no {name}; every finding needs one ({row})")
    if row["status"] not in STATUSES:
        raise DataError(f"{rule.file}: a finding has the status {row['status']!r}; valid are {one_of(STATUSES)}")


def _row_order(row: dict[str, Any]) -> tuple[Any, ...]:
    """Order rows by resource, a resource's violation before its unknown, and then by all they say."""
    rest = tuple((row[name] is None, str(row[name])) for name in RESULT)
    return row["resource_kind"], row["resource_id"], STATUSES.index(row["status"]), rest
