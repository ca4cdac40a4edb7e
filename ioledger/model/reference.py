"""The reference of the lake's tables, in Markdown, made from the vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.model.columns import COUNT, DIGESTS, EXACT, FLAG, MONEY, PER_GIB, TEXT, TIME
from ioledger.model.tables import DERIVED, FACTS, SCHEMA_VERSION, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPE_NAMES: Final = {
    TEXT: "text",
    COUNT: "integer",
    FLAG: "boolean",
    TIME: "time",
    EXACT: "decimal(38,6)",
    PER_GIB: "decimal(18,6)",
    MONEY: "decimal(38,12)",
    DIGESTS: "map of text to text",
}


def tables_page() -> str:
    """Return docs/tables.md: every table with its key and columns."""
    return (
        "# The tables of the lake\n\n"
        f"Schema version {SCHEMA_VERSION}. Made from `ioledger/model` by `make docs`; the same words are in the\n"
        "metadata of every Parquet file. Integers are 64-bit and never negative, times are UTC in microseconds,\n"
        "and NULL means not known or not set, never 0. What the numbers mean together is in\n"
        "[metering.md](metering.md).\n\n"
        "## Facts\n\nWritten by collectors, in `TABLE/date=YYYY-MM-DD/source=SOURCE/`.\n\n"
        f"{_sections(FACTS)}"
        "## Derived\n\nComputed from the facts, in `TABLE/date=YYYY-MM-DD/`; `sample_stretch` lies in\n"
        "`TABLE/date=YYYY-MM-DD/source=SOURCE/`, under the name of the file of samples that it tells of.\n\n"
        f"{_sections(DERIVED)}"
    ).rstrip() + "\n"


def _sections(tables: Mapping[str, Table]) -> str:
    return "".join(_section(table) for table in tables.values())


def _section(table: Table) -> str:
    lines = [
        f"### {table.name}\n",
        f"{table.meaning[0].upper()}{table.meaning[1:]}.\n",
        f"Partitioned by the UTC date of `{table.time}`. Key within a run: {_code(table.key)}.\n"
        if table.name in FACTS
        else f"Partitioned by the UTC date of `{table.time}`. Key: {_code(table.key)}.\n",
        "| column | type | unit | meaning |",
        "|---|---|---|---|",
    ]
    for column in table.columns:
        required = " **(always set)**" if column.name in table.required else ""
        values = f" One of {_code(table.values[column.name])}." if column.name in table.values else ""
        meaning = f"{column.meaning}.{values}{required}"
        lines.append(f"| `{column.name}` | {_TYPE_NAMES[column.type]} | {column.unit} | {meaning} |")
    return "\n".join(lines) + "\n\n"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
