"""Parquet with the table's own schema: money and amounts are DECIMAL, and columns tell their units and meanings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.lake import files
from ioledger.lake.schema import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reports.exports.batch import Export

TABLES: Final = ("usage_record", "charge")


def write(export: Export, path: Path) -> None:
    """Write the rows as they are; the file's metadata tells the period, what the rows rest on and add up to."""
    told = {
        "period": export.period,
        "status": export.status,
        "totals": json.dumps(export.totals.as_json(), ensure_ascii=False),
        **export.provenance,
    }
    with (
        path.open("wb") as stream,
        files.parquet_writer(stream, arrow_schema(export.table.name)) as writer,
    ):
        for rows in _row_groups(export):
            writer.write_table(rows, row_group_size=files.ROW_GROUP_ROWS)
        writer.add_key_value_metadata({f"ioledger.{name}": value for name, value in told.items()})


def count_rows(path: Path) -> int:
    """Count the rows that a reader of Parquet finds."""
    return int(pq.read_metadata(path).num_rows)


def _row_groups(export: Export) -> Iterator[pa.Table]:
    """Join small batches, such as those of days without much, to row groups of the usual length."""
    waiting = arrow_schema(export.table.name).empty_table()
    for batch in export.batches():
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while len(waiting) >= files.ROW_GROUP_ROWS:
            yield waiting.slice(0, files.ROW_GROUP_ROWS)
            waiting = waiting.slice(files.ROW_GROUP_ROWS)
    if len(waiting):
        yield waiting
