"""Checks that hold for every record before it is stored, also in production (docs/metering.md).

What the records of a disk say is compared with its counters as they were read, without the intervals,
pieces and streamed sums that the records were made of. What does not hold is withheld, and nothing else.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa

from ioledger.lake.schema import arrow_schema
from ioledger.lake.stretches import LONGEST_INTERVAL_US
from ioledger.model.tables import QUARANTINE
from reports.usage import statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from ioledger.model.period import Window

_OUR_DEFECT: Final = "this is a defect of ioledger, please report it; the samples are as they were"
_REASONS: Final = {
    "deltas of a disk": "records of a disk on it do not add up to what the disk's counters rose by, so that its cap is "
    f"in doubt: {_OUR_DEFECT}",
    "deltas": f"its records do not add up to what its counters rose by: {_OUR_DEFECT}",
    "classes": f"its operations by class do not add up to its reads and writes: {_OUR_DEFECT}",
    "levels": f"its records hold more than its greatest level over the time: {_OUR_DEFECT}",
    "range": "its counters rose by more than a record can hold, 9223372036854775807: mend the source that reads them, "
    "or move the runs that are wrong out of the lake, and build again",
}


class Checked(NamedTuple):
    """The records of some hours that may be stored, and the rows of ``quarantine`` of those withheld."""

    records: pa.Table
    quarantined: pa.Table


def checked(
    cursor: duckdb.DuckDBPyConnection, records: pa.Table, hours: Sequence[Window], streams: Sequence[Path]
) -> Checked:
    """Withhold the records of every disk and volume of which something that must hold does not.

    ``cursor`` has the tables of an open day of which the records of ``hours`` were just made, and the
    records themselves in its table ``made``; ``streams`` are its sorted files, by ``file_number`` from 1.
    """
    runs = _runs(hours)
    _register_runs(cursor, runs)
    _read_borders(cursor, runs, streams)
    cursor.execute(statement("counter_rise"))
    cursor.execute(statement("violation"))
    found = cursor.execute("SELECT count(*) FROM violation").fetchall()[0][0]
    rows = cursor.sql(statement("withheld")).to_arrow_table().to_pylist() if found else []
    return Checked(_without(records, rows), _quarantined(rows))


def _runs(hours: Sequence[Window]) -> list[Window]:
    """Join hours that follow one another without a break."""
    breaks = [number for number, (before, after) in enumerate(pairwise(hours), start=1) if before[1] != after[0]]
    return [(hours[first][0], hours[last - 1][1]) for first, last in pairwise([0, *breaks, len(hours)])]


def _register_runs(cursor: duckdb.DuckDBPyConnection, runs: Sequence[Window]) -> None:
    cursor.execute(
        statement("hour_run"), {"starts": [opens for opens, _ in runs], "ends": [closes for _, closes in runs]}
    )


def _read_borders(cursor: duckdb.DuckDBPyConnection, runs: Sequence[Window], streams: Sequence[Path]) -> None:
    """Read what lies around the borders that cut a stretch; those of whole UTC days cut none."""
    cursor.execute(statement("no_border_reading"))
    margin = timedelta(microseconds=LONGEST_INTERVAL_US)
    for border in sorted({border for run in runs for border in run}):
        cut = cursor.execute(
            "SELECT DISTINCT file_number FROM day_stretch WHERE first_sampled_at < $at AND last_sampled_at > $at",
            {"at": border},
        ).fetchall()
        for (number,) in sorted(cut):
            cursor.execute(
                statement("border_reading"),
                {
                    "file_number": number,
                    "path": str(streams[number - 1]),
                    "since": border - margin,
                    "until": border + margin,
                },
            )


def _without(records: pa.Table, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Leave out the records of the disks and volumes that rows of ``quarantine`` name, in their hours."""
    if not rows:
        return records
    withheld = {_subject(row) for row in rows}
    columns = records.select(["kind", "window_start", "vm_id", "device", "volume_id"]).to_pylist()
    return records.filter(pa.array([_subject(record) not in withheld for record in columns], pa.bool_()))


def _subject(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is withheld as one: a disk or a volume in an hour."""
    whose = (row["vm_id"], row["device"]) if row["kind"] == "io" else (row["volume_id"],)
    return (row["kind"], row["window_start"], *whose)


def _reason(row: dict[str, Any]) -> str:
    is_of_disk = (row["kind"], row["invariant"]) == ("allocation", "deltas")
    return _REASONS["deltas of a disk" if is_of_disk else row["invariant"]]


def _quarantined(rows: Sequence[dict[str, Any]]) -> pa.Table:
    told = [{**row, "reason": _reason(row)} for row in rows]
    table = pa.Table.from_pylist(told, schema=arrow_schema(QUARANTINE.name))
    return table.sort_by([(name, "ascending") for name in QUARANTINE.key])
