"""A rule: one SQL file that finds, explains and tests itself.

The file begins with a comment that holds TOML (``Header`` and ``Case`` say which keys), and its
one SELECT gives the columns of ``RESULT``. It reads the lake's tables and views and the bound
parameters ``$period_start``, ``$period_end`` and those that the header declares.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, Field

from ioledger.config import StrictModel, validated
from ioledger.errors import UNREADABLE, ConfigurationError, DataError, did_you_mean, one_of, why_unreadable
from ioledger.lake.settings import timeline
from ioledger.model.columns import TIME
from ioledger.model.tables import FINDING, TABLES
from policies.judged import Judged, at
from policies.statement import BUILT_IN, refuse_others

if TYPE_CHECKING:
    from collections.abc import Collection

SHIPPED_RULES: Final = Path(__file__).with_name("rules")

PREFIX: Final = "QOS"
"""What the codes of shipped rules begin with, those of later versions too."""

ADDED_BY_THE_CHECK: Final = (
    "code", "severity", "first_seen_at", "last_seen_at", "exempted_by", "checked_at", "resolved_at", "returns",
)  # fmt: skip

RESULT: Final = {
    column.name: "TIMESTAMP WITH TIME ZONE" if column.type == TIME else "VARCHAR"
    for column in FINDING.columns
    if column.name not in ADDED_BY_THE_CHECK
}
"""What a rule's SELECT gives: each column of a finding that the check does not add, with its DuckDB type."""

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")
"""The severities, worst first."""

Text = Annotated[str, Field(min_length=1)]
Tables = dict[str, list[dict[str, Any]]]
Model = TypeVar("Model", bound=StrictModel)


class Parameter(StrictModel):
    """A threshold: a whole number, not negative, that ``[rules.CODE]`` of ioledger.toml may set."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    unit: Text
    default: Annotated[int, Field(ge=0)]
    meaning: Text


class Header(StrictModel):
    """What the comment of a rule's file says about the rule.

    ``moment`` is when the rule's cases are judged, and ``given`` are the rows, by table, that a
    case finds in each table for which it gives none of its own.
    """

    code: Annotated[str, Field(pattern=r"^[A-Z]{2,8}[0-9]{3}$")]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Text
    severity: Severity
    what: Text
    why: Text
    example: Text
    mend: Text
    origin: Text
    parameters: list[Parameter] = Field(default_factory=list)
    moment: AwareDatetime
    given: Tables = Field(default_factory=dict)


class Case(StrictModel):
    """Rows, and what the rule must find in them: the columns in ``expect``, or nothing at all.

    They are judged at ``moment``, or where ``until`` is given from ``moment`` until then. ``given`` holds
    rows by table, with every column that is never NULL; a run may leave out when it ended, how many rows
    it has and which version wrote it, and a usage record all but its kind, its window's start and what the
    case is about: it is then an hour of best effort in which nothing happened. ``settings`` are the
    ``[[settings]]`` tables of the lake.
    """

    name: Text
    moment: AwareDatetime
    until: AwareDatetime | None = None
    given: Tables
    settings: list[dict[str, Any]] = Field(default_factory=list)
    parameters: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    expect: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def judged(self) -> Judged:
        """Return the time that is judged."""
        return Judged(self.moment, self.until) if self.until else at(self.moment)


class Rule(Header):
    """A rule, ready to be run. ``file`` names where it was read, for messages."""

    file: str
    statement: str
    cases: list[Case]

    @property
    def is_own(self) -> bool:
        """Tell whether this is a user's rule and not a shipped one."""
        return not self.code.startswith(PREFIX)

    @property
    def defaults(self) -> dict[str, int]:
        """Return the declared parameters with their defaults."""
        return {parameter.name: parameter.default for parameter in self.parameters}


def load_rules(directory: Path = SHIPPED_RULES) -> list[Rule]:
    """Read every rule file of a directory, in the order of their codes.

    Raises DataError for a file that cannot be read or breaks the form, and for a code used twice.
    """
    rules: dict[str, Rule] = {}
    for path in sorted(directory.glob("*.sql")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: the rule cannot be read: {error}; make it readable UTF-8 text") from error
        rule = parse_rule(text, str(path))
        if rule.code in rules:
            raise DataError(f"{path}: {rules[rule.code].file} has the code {rule.code} too; give one of them another")
        rules[rule.code] = rule
    return list(rules.values())


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """Return the rules that come with ioledger, read once."""
    return tuple(load_rules())


def parse_rule(text: str, file: str) -> Rule:
    """Turn the text of a rule's file into a rule.

    Raises DataError, which names the file, the line where it is known, and what is valid.
    """
    comment, statement = _halves(text, file)
    try:
        values = tomllib.loads(comment, parse_float=Decimal)
    except UNREADABLE as error:
        raise DataError(
            f"{file}: the leading comment is not TOML: {why_unreadable(error)}; correct it there"
        ) from error
    written = {kind: values.pop(kind, []) for kind in ("fail", "pass")}
    header = _model(Header, values, file)
    _refuse_another_file_name(header, file)
    _refuse_unknown_rows(header.given, f"{file}: given")
    names = _parameter_names(header, file)
    refuse_others(statement, names, file)
    cases = [case for kind, tables in written.items() for case in _cases(header, kind, tables, file)]
    return Rule(**dict(header), file=file, statement=statement, cases=cases)


def _halves(text: str, file: str) -> tuple[str, str]:
    """Part comment and statement; each keeps its place, so that both count the lines of the file."""
    if not text.startswith("/*"):
        raise DataError(f"{file}: line 1: a rule begins with a comment /* ... */ that holds its TOML; add it")
    comment, end, statement = text[2:].partition("*/")
    if not end:
        raise DataError(f"{file}: line 1: the comment that begins here has no end; close it with */")
    return comment, "\n" * comment.count("\n") + statement


def _model(model: type[Model], values: dict[str, Any], where: str) -> Model:
    try:
        return validated(model, values, where)
    except ConfigurationError as error:
        raise DataError(str(error)) from error


def _refuse_another_file_name(header: Header, file: str) -> None:
    expected = f"{header.code}_{header.name}.sql"
    if Path(file).name != expected:
        raise DataError(f"{file}: code and name make this file {expected}; rename it, or correct code and name")


def _parameter_names(header: Header, file: str) -> set[str]:
    names = [parameter.name for parameter in header.parameters]
    for name in names:
        if name in BUILT_IN or names.count(name) > 1:
            raise DataError(f"{file}: the parameter {name!r} is there already; give it another name")
    return set(names)


def _cases(header: Header, kind: str, tables: object, file: str) -> list[Case]:
    if not isinstance(tables, list) or not tables:
        raise DataError(
            f"{file}: there is no case under [[{kind}]]; a rule has rows that fail and rows that pass, add one"
        )
    return [_case(header, kind, table, f"{file}: [[{kind}]] number {n}") for n, table in enumerate(tables, start=1)]


def _case(header: Header, kind: str, table: dict[str, Any], where: str) -> Case:
    case = _model(Case, {"moment": header.moment, "given": {}, **table}, where)
    if bool(case.expect) != (kind == "fail"):
        raise DataError(
            f"{where}: a [[fail]] lists its findings under 'expect', a [[pass]] has none; correct which it is"
        )
    _refuse_unknown_rows(case.given, f"{where}: given")
    _refuse_unknown_names(case.expect, RESULT, f"{where}: expect")
    _refuse_unknown_names(
        [case.parameters], [parameter.name for parameter in header.parameters], f"{where}: parameters"
    )
    _refuse_wrong_settings(case, where)
    return case.model_copy(update={"given": {**header.given, **case.given}})


def _refuse_wrong_settings(case: Case, where: str) -> None:
    try:
        timeline(case.settings, where)
    except ConfigurationError as error:
        raise DataError(str(error)) from error


def _refuse_unknown_rows(tables: Tables, where: str) -> None:
    for table, rows in tables.items():
        if table not in TABLES:
            raise DataError(f"{where}: no table {table!r}{did_you_mean(table, TABLES)}; valid are {one_of(TABLES)}")
        _refuse_unknown_names(rows, TABLES[table].names, f"{where}.{table}")


def _refuse_unknown_names(rows: list[dict[str, Any]], valid: Collection[str], where: str) -> None:
    for row in rows:
        for name in row:
            if name not in valid:
                raise DataError(f"{where}: unknown name {name!r}{did_you_mean(name, valid)}; valid are {one_of(valid)}")
