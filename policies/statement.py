"""What the one statement of a rule may be: a SELECT over the lake alone, with the same answer every time.

DuckDB takes a SELECT that writes, ``WITH x AS (COPY …)``, for a SELECT like any other, so that the
tree of the statement is looked through.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import duckdb

from ioledger.errors import DataError, did_you_mean, one_of
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

BUILT_IN: Final = ("period_start", "period_end")
"""The bound parameters that every rule may name: the time that is judged, TIMESTAMPTZ, the end exclusive."""

_READING: Final = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""The kinds of query in a tree that change nothing."""

_HARMLESS: Final = frozenset({"generate_series", "range", "unnest"})
"""Those of DuckDB's table functions that make rows from their arguments alone."""

_NOWHERE: Final = 2**64 - 1
"""What DuckDB gives as the place of what has none."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_Node = dict[str, Any]


def refuse_others(statement: str, declared: Collection[str], file: str) -> None:
    """Raise DataError, with file and line, unless this is one SELECT that a rule may be.

    It uses the ``declared`` parameters, all of them, and beside them ``BUILT_IN`` at most.
    """
    try:
        found = duckdb.extract_statements(statement)
    except duckdb.Error as error:
        if is_shortage(error):
            raise
        raise DataError(f"{file}: the statement is not SQL: {one_line(error)}; correct it there") from error
    if [one.type for one in found] != [duckdb.StatementType.SELECT]:
        line = _line(statement, _beginning(statement, found))
        kinds = ", ".join(one.type.name for one in found) or "none"
        raise DataError(
            f"{file}: line {line}: after the comment a rule has exactly one SELECT, not {kinds}; leave only that"
        )
    tree = _tree(statement, file)
    for node in _nodes(tree):
        forbidden = _forbidden(node)
        if forbidden:
            place = min(_places(node), default=_beginning(statement, found))
            raise DataError(f"{file}: line {_line(statement, place)}: {forbidden}")
    _refuse_other_parameters(statement, tree, declared, file)


def _beginning(statement: str, found: list[duckdb.Statement]) -> int:
    """Return where the first statement begins that is too many, in bytes."""
    if not found:
        return len(statement.rstrip().encode())
    start = len(statement[: statement.index(found[0].query)].encode())
    is_select = found[0].type == duckdb.StatementType.SELECT
    return start + len(found[0].query.encode()) if is_select and len(found) > 1 else start


def _tree(statement: str, file: str) -> _Node:
    ((text,),) = _parser().execute("SELECT json_serialize_sql($statement)", {"statement": statement}).fetchall()
    try:
        tree: _Node = json.loads(text)
    except RecursionError as error:
        raise DataError(f"{file}: the statement is nested too deeply to be looked through; flatten it") from error
    if tree["error"]:
        raise DataError(f"{file}: the statement cannot be looked through: {tree['error_message']}; write it otherwise")
    return tree


def _nodes(tree: object) -> Iterator[_Node]:
    """Give every node of a tree, each before what is within it."""
    left = [tree]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            yield value
            left.extend(reversed(value.values()))
        elif isinstance(value, list):
            left.extend(reversed(value))


def _forbidden(node: _Node) -> str | None:
    """Say why a rule may not hold this node of a tree, and what to write; None if it may."""
    kind = str(node.get("type"))
    if kind.endswith("_NODE") and kind not in _READING:
        return f"a rule only reads, and this {kind.partition('_')[0]} writes; leave only the SELECT"
    if kind == "SHOW_REF":
        return "a rule reads the lake's tables and views, not what DESCRIBE, SHOW or SUMMARIZE tell of them"
    if kind == "BASE_TABLE":
        path = node["qualified_name"]["path"]
        if not _NAME.fullmatch(path[-1]) or path[-1].lower() in _built_in()["view"]:
            return f"a rule reads the lake's tables and views alone, not {'.'.join(path)!r}"
    if kind == "TABLE_FUNCTION":
        name = node["function"]["function_name"].lower()
        if name in _built_in()["table"] - _HARMLESS:
            return f"a rule reads the lake alone, so it may not call {name}(); valid are {one_of(_HARMLESS)}"
    if kind == "FUNCTION":
        name = node["function_name"].lower()
        if name in _built_in()["changing"]:
            return f"a rule gives the same answer every time, so it may not call {name}(); use ${BUILT_IN[0]} for times"
    return None


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """Return a connection that looks at text alone; to open one takes longer than to use it."""
    return duckdb.connect()


@cache
def _built_in() -> dict[str, frozenset[str]]:
    """Name DuckDB's own views, its table functions, and its functions that have effects or other answers later."""
    rows = (
        _parser()
        .execute(
            """
            SELECT 'view', view_name FROM duckdb_views() WHERE internal
            UNION
            SELECT 'table', function_name FROM duckdb_functions()
            WHERE function_type IN ('table', 'table_macro', 'pragma')
            UNION
            SELECT 'changing', function_name FROM duckdb_functions()
            WHERE function_type = 'scalar' AND stability <> 'CONSISTENT'
            """
        )
        .fetchall()
    )
    return {kind: frozenset(name for k, name in rows if k == kind) for kind in ("view", "table", "changing")}


def _refuse_other_parameters(statement: str, tree: _Node, declared: Collection[str], file: str) -> None:
    places: dict[str, int] = {}
    for node in _nodes(tree):
        if node.get("type") == "VALUE_PARAMETER":
            places.setdefault(node["identifier"], node["query_location"])
    valid = {*BUILT_IN, *declared}
    for name, place in sorted(places.items()):
        if name not in valid:
            raise DataError(
                f"{file}: line {_line(statement, place)}: the statement uses ${name}, which no [[parameters]] "
                f"declares{did_you_mean(name, valid)}; declared are {one_of(valid)}"
            )
    for name in sorted(set(declared) - places.keys()):
        raise DataError(f"{file}: the statement never uses the parameter ${name}; use it, or do not declare it")


def _places(node: _Node) -> Iterator[int]:
    """Give where a node of a tree and what is within it stand, in bytes, as far as DuckDB tells."""
    return (place for inner in _nodes(node) if (place := inner.get("query_location", _NOWHERE)) != _NOWHERE)


def _line(statement: str, place: int) -> int:
    return statement.encode()[:place].count(b"\n") + 1


def one_line(error: Exception) -> str:
    """Return a DuckDB message as one line, without the picture of the place."""
    return re.sub(r"\s+", " ", re.sub(r"\n *\^.*", "", str(error))).strip()
