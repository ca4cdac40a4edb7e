"""The `lake stats` command: what the lake holds, and in how many files."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import click

from ioledger.examples import examples
from ioledger.lake import layout
from ioledger.lake.sizes import size_of
from ioledger.model.tables import TABLES
from ioledger.terminal import format_option, show

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.app import App
    from ioledger.model.tables import Table

_COLUMNS: Final = (
    "table", "rows", "files", "bytes", "bytes_per_row", "partitions", "most_files", "files_of_one_run", "temporaries",
    "sources", "first", "last",
)  # fmt: skip


@click.command(epilog=examples("lake stats", "lake stats --format json"))
@format_option
@click.pass_obj
def stats(app: App, output_format: str) -> None:
    """Show for each table its rows, files, bytes, sources and times.

    Only the ends of files are read. Rows are those stored, with what runs that never ended have left.
    `most files` is the number of files in the fullest partition, one of a date and source; `files of
    one run` are those that compaction has not merged; `temporaries` are left by a crash, or in work.
    """
    lake = layout.require(app.lake())
    show([_row(lake, table) for table in TABLES.values()], _COLUMNS, output_format)


def _row(lake: Path, table: Table) -> dict[str, object]:
    size = size_of(lake, table)
    per_row = Decimal(size.byte_count) / size.row_count if size.row_count else None
    return {
        "table": table.name,
        "rows": size.row_count,
        "files": size.file_count,
        "bytes": size.byte_count,
        "bytes_per_row": None if per_row is None else per_row.quantize(Decimal("0.1")),
        "partitions": size.partition_count,
        "most_files": size.most_file_count,
        "files_of_one_run": size.run_file_count,
        "temporaries": size.temporary_count,
        "sources": size.source_count,
        "first": size.first,
        "last": size.last,
    }
