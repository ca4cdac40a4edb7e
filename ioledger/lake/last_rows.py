"""The last that is known of each disk of a source, for a source that has lost its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.lake import layout, parsed
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Row


def last_rows(lake: Path, source: str) -> list[Row]:
    """Return the last row with an epoch of each disk of a source: identity, times, operations and bytes.

    It reads all that the lake has of the source's samples. Raises LakeError where they cannot be read.
    """
    if not layout.files_of_source(lake, DISK_IO_STAT.name, source):
        return []
    from ioledger.lake.reader import open_unlisted  # noqa: PLC0415 - the query engine stays in memory once it is there

    with open_unlisted(lake) as opened:
        for table in (COLLECTION_RUN.name, DISK_IO_STAT.name):
            opened.show(table, list(layout.files_of_source(lake, table, source).values()))
        query = parsed.text("last_rows.sql")
        rows: list[Row] = opened.connection.sql(query).to_arrow_table().to_pylist()
    return rows
