"""Text formats: SQL turns each batch into lines, which are written as they come."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from ioledger.lake import connections
from ioledger.model.columns import EXACT, MONEY, PER_GIB, TIME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.model.columns import Column
    from reports.exports.batch import Export


_SLICE_ROWS: Final = 16_384
"""What DuckDB gives a core at a time."""


def lines(export: Export, select: str) -> Iterator[bytes]:
    """Give what ``select`` makes of each batch in turn, in its order.

    ``select`` is SQL over the table ``batch`` with one column of text. Its rows are joined as they are:
    each has to bring the end of its line.
    """
    with closing(connections.new()) as connection:
        for batch in export.batches():
            slices = [batch.slice(start, _SLICE_ROWS) for start in range(0, batch.num_rows, _SLICE_ROWS)]
            connection.register("batch", pa.Table.from_batches(slices))
            made = connection.sql(select).to_arrow_table()
            connection.unregister("batch")
            for (texts,) in made.to_batches():
                yield "".join(texts.to_pylist()).encode()


def text_of(column: Column) -> str:
    """Return the SQL of a column's value as text without losing a digit.

    Times are ISO 8601 in UTC with ``Z``, numbers have a decimal point, no exponent and no zeros at the
    end of their places.
    """
    name = f'"{column.name}"'
    if column.type == TIME:
        seconds = f"strftime({name}, '%Y-%m-%dT%H:%M:%S')"
        places = f"CASE WHEN microsecond({name}) % 1000000 = 0 THEN '' ELSE strftime({name}, '.%f') END"
        return f"{seconds} || {places} || 'Z'"
    if column.type in (EXACT, PER_GIB, MONEY):
        return f"regexp_replace(CAST({name} AS VARCHAR), '[.]?0*$', '')"  # faster than trimming twice
    return f"CAST({name} AS VARCHAR)"
