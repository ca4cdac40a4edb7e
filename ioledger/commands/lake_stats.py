"""The `lake stats` command: what the lake holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ioledger.lake import layout, reader
from ioledger.model.tables import FACTS, TABLES
from ioledger.terminal import format_option, show

if TYPE_CHECKING:
    import duckdb

    from ioledger.app import App
    from ioledger.model.tables import Table

_COLUMNS = ("table", "rows", "files", "bytes", "sources", "first", "last")


@click.command()
@format_option
@click.pass_obj
def stats(app: App, output_format: str) -> None:
    """Show for each table its rows, files, bytes, sources and times."""
    with reader.connect(app.lake()) as connection:
        rows = [{**_stored(connection, table), **_sizes(app, table)} for table in TABLES.values()]
    show(rows, _COLUMNS, output_format)


def _stored(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, object]:
    sources = "count(DISTINCT source)" if table.name in FACTS else "NULL"
    found = connection.execute(
        f"SELECT count(*), {sources}, min({table.time}), max({table.time}) FROM {table.name}"
    ).fetchall()
    return {"table": table.name, **dict(zip(("rows", "sources", "first", "last"), found[0], strict=True))}


def _sizes(app: App, table: Table) -> dict[str, object]:
    files = layout.files(app.lake(), table.name)
    return {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}
