"""The lake as a Python library: relations for SQL, frames for people in notebooks."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import duckdb

from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import reader, settings
from ioledger.model.period import months, parse_period

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import pandas as pd

    from ioledger.lake.settings import Timeline
    from ioledger.model.period import Window


class Library:
    """What a lake holds, as it was when it was opened.

    Every method gives a DuckDB relation, which is asked only when its rows are wanted: ``filter()``,
    ``aggregate()`` and ``fetchall()`` go on in DuckDB, ``frame()`` makes a pandas frame of it and the
    relation's own ``.pl()`` one of Polars. ``connection`` takes any SQL over the same tables and views.
    Times are in UTC, amounts exact; NULL is what nobody knows, and never 0.

    ``period`` is a month such as ``2026-11``, or a day such as ``2026-11-22``, of the lake's billing time
    zone; anything else is a ConfigurationError. Without it a relation has all rows.

    Use a library in a ``with`` block, which names a file that cannot be read (LakeError), or call ``close()``.
    """

    connection: duckdb.DuckDBPyConnection
    """DuckDB with the tables and views of the lake; what is created in it is gone when the lake is closed."""

    def __init__(self, lake: str | Path) -> None:
        self._lake = Path(lake)
        self._is_closed = False
        with ExitStack() as stack:
            self._opened = stack.enter_context(reader.open_lake(self._lake))
            self._opened.show_all()
            self._line: Timeline = settings.load(self._lake)
            self._stack = stack.pop_all()
        self.connection = self._opened.connection

    def samples(self, period: str | None = None) -> duckdb.DuckDBPyRelation:
        """Give the committed rows of ``disk_io_stat``: what was read, one row per disk and run.

        Counters are in operations, bytes and nanoseconds since ``epoch_started_at``. A period has the rows
        whose ``sampled_at`` is in it.
        """
        return self._rows("disk_io_stat", "sampled_at", period)

    def intervals(self, period: str | None = None) -> duckdb.DuckDBPyRelation:
        """Give one row per interval between samples, with its amounts (operations, bytes, nanoseconds).

        ``duration_us`` is in microseconds, the caps that judge it are in operations and bytes per second.
        A period has the intervals that end in it, so that each is in one period alone.
        """
        return self._ending("interval", period)

    def latency(self, period: str | None = None) -> duckdb.DuckDBPyRelation:
        """Give the intervals with how long their requests took and how many were under way at a time.

        ``read_latency_us`` and ``write_latency_us`` are averages in microseconds, NULL without operations;
        ``queue_depth`` is the average number of reads and writes under way. All three are exact decimals,
        rounded down, and NULL where the source does not tell the times. A period has what ``intervals`` has.
        """
        return self._ending("latency", period)

    def usage(self, period: str | None = None) -> duckdb.DuckDBPyRelation:
        """Give the usage records that ``ioledger usage build`` made, one row per hour and key.

        Operations are by class, levels in IOPS-seconds and GiB-seconds. A period has the records whose hours
        begin in it.
        """
        return self._rows("usage_record", "window_start", period)

    def quarantine(self, period: str | None = None) -> duckdb.DuckDBPyRelation:
        """Give what ``ioledger usage build`` withheld, by hour, disk or volume, account and invariant."""
        return self._rows("quarantine", "window_start", period)

    def findings(self) -> duckdb.DuckDBPyRelation:
        """Give the findings that every ``ioledger check`` stored, one row per check and problem.

        The view ``open_finding`` has what is wrong as far as the last check knows, and ``finding_interval``
        what ``ioledger check --period`` found, with the time for which it held.
        """
        return self._table("finding")

    def charges(self, period: str | None = None) -> duckdb.DuckDBPyRelation:
        """Give the lines of the bills that ``ioledger rate`` made, as each month was rated last.

        Amounts are exact decimals in ``currency``; an ``amount`` of NULL is not billed yet. A closed month
        stays as it was billed. Corrections are on the bill of a later month: ``billing_period`` names the
        month whose bill a line is on, ``charge_period_start`` when that was used which it is about. The
        period is a month, and the one whose bill it is: for any other it raises ConfigurationError.
        """
        charges = self._table("charge")
        if period is None:
            return charges
        start, end = self._window(period)
        if months(start, end, settings.zone_spans(self._line)) != [(start, end)]:
            raise ConfigurationError(f"{period!r} is no month, and bills are of months; write a month as 2026-11")
        opens = duckdb.ColumnExpression("billing_period_start")
        return charges.filter(opens == duckdb.ConstantExpression(start))

    def frame(self, relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
        """Make a pandas frame of a relation of this lake that holds exactly what the relation does.

        Its columns are of Arrow's types: counters stay integers beside NULL, sums and amounts decimals, and
        times have the zone UTC. DuckDB's own ``.df()`` makes floats of decimals, and of sums of counters.
        Raises LakeError if a file cannot be read.
        """
        import pandas as pd  # noqa: PLC0415 - who takes relations or Polars does without

        with self._naming_files():
            rows = relation.to_arrow_table()
        frame: pd.DataFrame = rows.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def close(self) -> None:
        """Close the connection; relations that came from it end with it."""
        self._is_closed = True
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_closed = True
        self._stack.__exit__(kind, error, traceback)

    def _rows(self, name: str, time: str, period: str | None) -> duckdb.DuckDBPyRelation:
        rows = self._table(name)
        if period is None:
            return rows
        start, end = map(duckdb.ConstantExpression, self._window(period))
        at = duckdb.ColumnExpression(time)
        return rows.filter((at >= start) & (at < end))

    def _ending(self, name: str, period: str | None) -> duckdb.DuckDBPyRelation:
        rows = self._table(name)
        if period is None:
            return rows
        start, end = map(duckdb.ConstantExpression, self._window(period))
        at = duckdb.ColumnExpression("interval_end")
        return rows.filter((at > start) & (at <= end))

    def _window(self, period: str) -> Window:
        return parse_period(period, settings.zone_spans(self._line))

    def _table(self, name: str) -> duckdb.DuckDBPyRelation:
        with self._naming_files():
            return self.connection.table(name)

    @contextmanager
    def _naming_files(self) -> Iterator[None]:
        """Say what is wrong where that is not a mistake in a query: a file, or that the lake is closed."""
        try:
            yield
        except duckdb.Error as error:
            if self._is_closed:
                raise LakeError(f"the lake at {self._lake} is closed; open it again with ioledger.open") from error
            reader.refuse_unreadable(self._opened)
            raise
