"""SQL is made of literals, .sql files, quoted paths and names of the vocabulary: never of what somebody else wrote."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
AREAS = ("ioledger", "collectors", "policies", "reports")
CALLS = {"execute", "executemany", "sql", "query", "from_query", "set_sql_query", "extract_statements"}
"""Methods whose first argument is SQL, of DuckDB and ADBC."""

_WORDS = re.compile(
    r"\b(SELECT|INSERT|DELETE|UPDATE|CREATE|DROP|ALTER|ATTACH|COPY|SET|PRAGMA|FROM|WHERE|JOIN|UNION|CAST|GRANT"
    r"|list_contains|read_parquet|IS NOT DISTINCT)\b"
)

_SAFE = re.compile(
    r"[A-Z_][A-Z_0-9]*(\.\w+|\[\w+\])*|"  # a constant of ours, and what it holds
    r"(\w+\.)?(_?statement|view|text|_sql|packaged|usage_statement)\([^()]*\)|"  # the text of an .sql file
    r"(reader\.)?(literal|scan)\(.*\)|(lake|opened)\.select\(.*\)|"  # a path in quotes, and a table's files
    r"text_of\(.*\)"  # how a column of the vocabulary is written as text
)

# By file: what else goes into SQL, each where it comes from.
ALLOWED: dict[str, dict[str, set[str]]] = {
    "names of the vocabulary, or of our own .sql files, that a loop or a caller with a literal gives": {
        "ioledger/lake/prune/selection.py": {"table"},
        "ioledger/lake/reader.py": {"name", "column", "sql_type"},
        "ioledger/lake/state/tables.py": {"kind", "step"},
        "reports/charges/splitting.py": {"name"},
        "reports/explain/line_usage.py": {"name", "place"},
        "reports/explain/search.py": {"table", "column"},
        "reports/exports/formats/cloudevents.py": {"id_name", "export.table.name"},
        "reports/exports/lines.py": {"name"},
        "reports/exports/postgres/window.py": {"table"},
        "reports/usage/day.py": {"name", "where", "table"},
        "reports/usage/samples.py": {"view", "columns"},
        "reports/usage/subject.py": {"table"},
    },
    "SQL that the same function or its caller made, which is looked at there": {
        "ioledger/lake/last_rows.py": {"query"},
        "ioledger/lake/parsed.py": {"part"},
        "ioledger/lake/prune/selection.py": {"sql"},
        "ioledger/lake/reader.py": {
            "select",
            "cast",
            "nothing",
            "stored",
            "only",
            "statement",
            "kept",
            "by_name",
        },
        "ioledger/lake/state/tables.py": {"loose_samples"},
        "policies/volumes/reading.py": {"query", "_DIFFERS if drift else ''"},
        "reports/explain/search.py": {"condition"},
        "reports/exports/formats/cloudevents.py": {"subject", "data"},
        "reports/exports/formats/csv.py": {"cells"},
        "reports/exports/lines.py": {"select"},
        "reports/exports/postgres/session.py": {"script", "sql"},
        "reports/usage/cut.py": {"narrowed"},
        "reports/usage/day.py": {"rows", "lake.narrowed.get(DISK_IO_STAT.name, '')"},
        "reports/usage/edge_sweep.py": {"runs"},
        "reports/usage/finality.py": {"sql"},
        "reports/usage/samples.py": {"rows"},
    },
    "paths in quotes, one after the other": {
        "ioledger/lake/reader.py": {"listed"},
        "policies/enclosed.py": {"', '.join(sorted(allowed))"},
        "reports/explain/runs.py": {"listed"},
        "reports/explain/search.py": {"listed"},
        "reports/usage/cut.py": {"listed", "f'read_parquet([{listed}])' if edges else 'edge'"},
        "reports/usage/day.py": {"listed"},
        "reports/usage/samples.py": {"listed"},
    },
    "ids as literals, whose quotes are doubled": {
        "reports/usage/subject.py": {"_listed(vm_ids)", "_listed(volume_ids)"}
    },
    "numbers and times of ours": {
        "ioledger/lake/catalog.py": {"_kept[0]"},
        "policies/checking.py": {"limits.memory_mib"},
        "policies/sandbox.py": {"most"},
        "policies/volumes/reading.py": {"since.isoformat()", "until.isoformat()"},
        "reports/usage/edge_sweep.py": {"first * HOUR_US"},
        "reports/usage/shard.py": {"shard.threads"},
    },
    "no SQL, but a sentence about it": {"policies/statement.py": {"kind.partition('_')[0]"}},
    "rules: shipped ones, and users' own, which run enclosed in a process apart (test_rule_sandbox.py)": {
        "policies/engine.py": {"statement", "rule.statement"},
        "policies/statement.py": {"statement"},
    },
}


def sources() -> Iterator[tuple[str, str]]:
    for area in AREAS:
        for path in sorted((ROOT / area).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def is_message(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Tell whether a text is what an error or the log says."""
    while node in parents:
        node = parents[node]
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name.endswith("Error") or name in {"info", "warning", "error"}:
                return True
    return False


def parts(text: str) -> set[str]:
    """Give what is put into SQL in a source file, and is not of the kinds that are safe wherever they stand."""
    tree = ast.parse(text)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALLS
            and node.args
        ):
            found += [node.args[0]] if not isinstance(node.args[0], ast.Constant | ast.JoinedStr) else []
        is_format = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
        if not (isinstance(node, ast.JoinedStr | ast.BinOp) or is_format):
            continue
        constants = " ".join(
            str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        )
        if not _WORDS.search(constants) or is_message(node, parents):
            continue
        if isinstance(node, ast.JoinedStr):
            found += [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            found += [side for side in (node.left, node.right) if not isinstance(side, ast.Constant | ast.JoinedStr)]
        elif isinstance(node, ast.Call):
            found += [*node.args, *(keyword.value for keyword in node.keywords)]
    return {unparsed for each in found if not _SAFE.fullmatch(unparsed := ast.unparse(each))}


def allowed(file: str) -> set[str]:
    return {part for files in ALLOWED.values() for part in files.get(file, ())}


@pytest.fixture(scope="module")
def made() -> dict[str, set[str]]:
    return {file: parts(text) for file, text in sources()}


def test_nothing_else_goes_into_sql(made: dict[str, set[str]]) -> None:
    assert {file: odd for file, found in made.items() if (odd := found - allowed(file))} == {}


def test_the_list_of_what_may_has_nothing_that_is_not_there(made: dict[str, set[str]]) -> None:
    listed = {file for files in ALLOWED.values() for file in files}
    assert {file: gone for file in listed if (gone := allowed(file) - made.get(file, set()))} == {}


@pytest.mark.parametrize(
    "line",
    [
        'connection.execute(f"SELECT * FROM charge WHERE account_id = {account_id!r}")',
        'connection.execute("SELECT * FROM charge WHERE account_id = \'" + account_id + "\'")',
        'connection.sql("SELECT * FROM charge WHERE account_id = %s" % account_id)',
        'connection.sql("SELECT * FROM {}".format(account_id))',
        "connection.execute(account_id)",
        "relation.filter(f\"account_id = '{account_id}' AND list_contains(x, 1)\")",
    ],
)
def test_sql_that_is_made_of_a_name_is_found(line: str) -> None:
    assert "account_id" in parts(line)
