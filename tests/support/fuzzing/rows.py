"""What a source gave, as the lake takes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fuzzing.target import WrongError, require

from ioledger.errors import DataError
from ioledger.lake.schema import typed
from ioledger.lake.unfit import without_unfit
from ioledger.lake.writer import set_by_run
from ioledger.model.columns import COUNT, EXACT, MONEY, PER_GIB
from ioledger.model.records import Run
from ioledger.model.tables import DISK_IO_STAT, FACTS, READ_BY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ioledger.model.records import Kind, Reading, Row
    from ioledger.model.tables import Table

AT: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)

_AMOUNTS: Final = (COUNT, PER_GIB, EXACT, MONEY)


def require_stored(table: Table, rows: Sequence[Row]) -> None:
    """Require that the lake's table takes rows, and gives every amount back as it was."""
    same: dict[str, object] = {"source": "fuzz", "run_id": "1"}
    if table.time == "observed_at":
        same["observed_at"] = AT
    try:
        stored = typed(table, rows, same)
    except DataError as error:
        raise WrongError(f"the source gives what no table takes: {error}") from error
    for column in table.columns:
        if column.type in _AMOUNTS:
            given = sorted(str(row[column.name]) for row in rows if row.get(column.name) is not None)
            kept = sorted(str(value) for value in stored.column(column.name).to_pylist() if value is not None)
            if column.type == COUNT:
                require(same=kept, as_=given, what=column.name)


def require_reading(reading: Reading, kind: Kind) -> Run:
    """Return a reading as it is stored, without odd rows; require that the lake takes it, and that it tells of odds.

    Raises DataError for what has to fail its run: an odd row that does not tell whose disk it is of.
    """
    run = Run("fuzz", "1", kind, AT, AT, 0, "ok", "0", error=reading.error, tables=reading.tables)
    if any(name not in READ_BY[kind] for name in reading.tables):
        raise WrongError(f"a {kind} gives rows of {list(reading.tables)}")
    fit = without_unfit(run)
    if fit is run and DISK_IO_STAT.name in run.tables:
        typed(DISK_IO_STAT, run.tables[DISK_IO_STAT.name], set_by_run(DISK_IO_STAT, (), run))
    run = fit
    for name, rows in run.tables.items():
        require_stored(FACTS[name], rows)
    if run.error is not None and len(run.error.splitlines()) != 1:
        raise WrongError(f"what could not be read is told in no sentence: {run.error!r:.300}")
    if reading.remember is not None and json.loads(json.dumps(reading.remember)) != reading.remember:
        raise WrongError("what is to be remembered is another thing when it is read again")
    return run
