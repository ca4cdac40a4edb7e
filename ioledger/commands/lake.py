"""The `lake` commands: what the lake holds, and its upkeep."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from ioledger.errors import PartialError
from ioledger.lake import reader
from ioledger.lake.compaction import compact
from ioledger.model.tables import FACTS, TABLES
from ioledger.terminal import format_option, progress, show

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from ioledger.app import App
    from ioledger.model.tables import Table

_log = logging.getLogger(__name__)

_COLUMNS = ("table", "rows", "files", "bytes", "sources", "first", "last")


@click.group()
def lake() -> None:
    """Look after the lake."""


@lake.command()
@format_option
@click.pass_obj
def stats(app: App, output_format: str) -> None:
    """Show for each table its rows, files, bytes, sources and times."""
    with reader.open_lake(app.lake()) as opened:
        opened.show_all()
        rows = [{**_stored(opened.connection, table), **_sizes(opened.files[table.name])} for table in TABLES.values()]
    show(rows, _COLUMNS, output_format)


@lake.command("compact")
@click.pass_obj
def compact_command(app: App) -> None:
    """Merge the files of many runs into few sorted ones: each hour, and each day, that is over.

    Nothing has to stop for it: collectors and readers go on meanwhile. A file that cannot be read is
    named and its partition left alone; the exit code is then 3.
    """
    with progress("compacting") as tell:
        done = compact(app.lake(), app.clock.now(), tell)
    _log.info(
        "merged %d files into %d, %d bytes into %d, with %d rows",
        done.merged_count, done.made_count, done.bytes_before, done.bytes_after, done.row_count,
    )  # fmt: skip
    if done.waiting_count:
        _log.info(
            "the lake is being read: the old files of %d swaps are removed by a later compaction", done.waiting_count
        )
    for failure in done.failures:
        _log.error("ioledger: %s", failure)
    if done.failures:
        raise PartialError(
            f"{len(done.failures)} files of {app.lake()} cannot be read, and what would be merged with them stays as "
            "it is; mend them and compact again"
        )


def _stored(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, object]:
    sources = "count(DISTINCT source)" if table.name in FACTS else "NULL"
    found = connection.execute(
        f"SELECT count(*), {sources}, min({table.time}), max({table.time}) FROM {table.name}"
    ).fetchall()
    return {"table": table.name, **dict(zip(("rows", "sources", "first", "last"), found[0], strict=True))}


def _sizes(files: Iterable[Path]) -> dict[str, object]:
    sizes = [path.stat().st_size for path in files]
    return {"files": len(sizes), "bytes": sum(sizes)}
