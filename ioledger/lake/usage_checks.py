"""Whether stored usage records can be what a build has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import connections
from ioledger.lake.reader import view
from ioledger.model.tables import USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator


def wrong_with_usage(rows: pa.Table) -> Iterator[str]:
    """Yield what is wrong with the records of one file: their names, their order, repeats and sums."""
    with connections.new() as connection:
        connection.execute(view("usage_record_id"))
        connection.register("record", rows)
        misnamed, repeated, unequal = connection.execute(view("wrong_record")).fetchall()[0]
    if misnamed:
        yield f"{misnamed} records have an id that is not the digest of their key"
    if repeated:
        yield f"{repeated} records are there more than once"
    if unequal:
        yield f"in {unequal} records the classes of operations do not add up to reads and writes"
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in USAGE_RECORD.key])
    if not np.array_equal(order.to_numpy(), np.arange(len(rows))):
        yield "its records are not in the order of their keys"
