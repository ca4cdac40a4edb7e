"""What a format is handed: the rows of one table and billing month, in one order, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ioledger.config import DEFAULT_PROVIDER
from ioledger.errors import LakeError
from ioledger.lake import parquet
from ioledger.lake.files import ROW_GROUP_ROWS
from ioledger.lake.schema import with_all_columns
from ioledger.model.tables import USAGE_RECORD
from reports.exports.totals import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.tables import Table
    from reports.exports.totals import Totals


@dataclass(frozen=True, slots=True)
class Export:
    """The rows of a table of one billing month.

    ``period`` is the month (``2026-10``), ``start`` and ``end`` (exclusive) its ends in UTC; ``status``
    tells whether it is closed. ``provenance`` is what the rows rest on, equal for equal exports.
    ``totals`` come from the lake by SQL. ``paths`` are the files in which the rows lie, in their order.
    ``account_id`` is the one account whose rows these are, None for those of all. ``provider`` is who sells
    what is billed, for formats that name one. ``progress`` is told how many rows of how many are given, each
    time that all are asked for. ``announce`` is told before what was made appears: the SHA-256 of a file, or
    nothing; if it raises, nothing appears.
    """

    table: Table
    period: str
    start: datetime
    end: datetime
    status: Literal["open", "closed"]
    provenance: Mapping[str, str]
    totals: Totals
    paths: tuple[Path, ...]
    account_id: str | None = None
    provider: str = DEFAULT_PROVIDER
    progress: Callable[[int, int], None] = lambda _done, _all: None
    announce: Callable[[str | None], None] = lambda _sha256: None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give all rows, always in the same order, a bounded number at a time; can be called again.

        Raises LakeError if a file cannot be read, and after the last batch if they do not add up to
        ``totals``: whoever writes them must then not keep what was written.
        """
        tally = Tally(self.table)
        row_count = 0
        for path in self.paths:
            for batch in _stored(self.table, path):
                of_period = batch.filter(self._is_wanted(batch))
                if of_period.num_rows:
                    tally.add(of_period)
                    yield of_period
                    row_count += of_period.num_rows
                    self.progress(row_count, self.totals.row_count)
        if tally.totals() != self.totals:
            raise LakeError(
                f"the rows of {self.table.name} of {self.period} do not add up to the control totals: they were made "
                "again in the meantime, or a file of them is damaged; export again, and if it stays so run "
                "`ioledger lake verify`"
            )

    def _is_wanted(self, batch: pa.RecordBatch) -> pa.Array:
        of_period = self._is_of_period(batch)
        if self.account_id is None:
            return of_period
        return pc.and_(of_period, pc.fill_null(pc.equal(batch.column("account_id"), self.account_id), fill_value=False))

    def _is_of_period(self, batch: pa.RecordBatch) -> pa.Array:
        if self.table is USAGE_RECORD:
            moments = batch.column("window_start")
            begun = pc.greater_equal(moments, pa.scalar(self.start, moments.type))
            return pc.and_(begun, pc.less(moments, pa.scalar(self.end, moments.type)))
        return pc.equal(batch.column("billing_period"), self.period)


def _stored(table: Table, path: Path) -> Iterator[pa.RecordBatch]:
    with (
        parquet.unreadable_named(path, "restore it, or remove it and make it again"),
        pq.ParquetFile(path, page_checksum_verification=True) as stored,
    ):
        # In this thread, as all files of the lake are read (``ioledger.lake.parquet``).
        for batch in stored.iter_batches(batch_size=ROW_GROUP_ROWS, use_threads=False):
            yield from with_all_columns(table.name, pa.Table.from_batches([batch])).to_batches()
