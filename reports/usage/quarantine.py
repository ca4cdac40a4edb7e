"""The table `quarantine`: usage records that are withheld, hour by hour, and why.

A crash between the files of an hour leaves at most a row too many: a disk is listed before its records
go, and struck off the list after they are back. Nothing is ever missing from both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.clock import utc_text
from ioledger.lake import layout, reader, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import TIME
from ioledger.model.tables import QUARANTINE
from reports.usage import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    import duckdb

    from ioledger.model.period import Window

FILE: Final = "quarantine"

Rows = list[dict[str, Any]]


def file(lake: Path, day: date) -> Path:
    """Return the file of the hours that begin on one UTC day; it is there if any record of them is withheld."""
    return layout.derived_partition(lake, QUARANTINE.name, day) / f"{FILE}.parquet"


def announce(lake: Path, day: date, rows: pa.Table) -> None:
    """List what will be withheld of a day, before its records go; raises LakeError."""
    if len(rows):
        _put(lake, day, pa.concat_tables([_stored(lake, day), rows]))


def settle(lake: Path, day: date, hours: Sequence[Window], rows: pa.Table) -> None:
    """Let ``rows`` be all that is withheld of some hours of a day, whose records are stored; raises LakeError."""
    stored = _stored(lake, day)
    starts = pa.array([opens for opens, _ in hours], TIME)
    others = stored.filter(pc.invert(pc.is_in(stored.column("window_start"), starts)))
    _put(lake, day, pa.concat_tables([others, rows]))


def _stored(lake: Path, day: date) -> pa.Table:
    path = file(lake, day)
    schema = arrow_schema(QUARANTINE.name)
    return reader.stored_whole(path).cast(schema) if path.exists() else schema.empty_table()


def _put(lake: Path, day: date, rows: pa.Table) -> None:
    """Store rows sorted and once each; a file that holds them already stays as it is."""
    distinct = rows.group_by(list(rows.column_names), use_threads=False).aggregate([]).select(rows.column_names)
    ordered = distinct.sort_by([(name, "ascending") for name in QUARANTINE.names]).cast(rows.schema)
    if ordered.equals(_stored(lake, day)):
        return
    if len(ordered):
        writer.write_derived(lake, QUARANTINE, day, FILE, ordered)
    else:
        writer.remove_derived(lake, QUARANTINE, day, FILE)


def withheld(connection: duckdb.DuckDBPyConnection, start: datetime, end: datetime) -> Rows:
    """List what is withheld of the hours that overlap ``[start, end)``; ``connection`` has the lake's tables."""
    rows: Rows = (
        connection.sql(statement("quarantined"), params={"start": start, "end": end}).to_arrow_table().to_pylist()
    )
    return rows


def accounts(lake: Path, start: datetime, end: datetime) -> set[str | None]:
    """Return the accounts of which something is withheld in a period, which therefore cannot be closed.

    None stands for usage of which nobody knows whose it is. Raises LakeError if the lake cannot be read.
    """
    with reader.connect(lake) as connection:
        return {row["account_id"] for row in withheld(connection, start, end)}


def subjects(rows: Iterable[Mapping[str, Any]]) -> set[tuple[str, ...]]:
    """Return the disks and volumes that rows name."""
    return {tuple(str(part) for part in _subject(row)) for row in rows}


def sentences(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say of each disk and volume, for each invariant it breaks, in which hours and why it is withheld."""
    told: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        told.setdefault((_subject(row), row["invariant"]), []).append(row)
    return [_sentence(of_one) for of_one in told.values()]


def warning(rows: Iterable[Mapping[str, Any]], lacking: str) -> str:
    """Say how much is missing from what is given out, named by ``lacking``."""
    count = len(subjects(rows))
    return (
        f"{count} {'disk or volume is' if count == 1 else 'disks and volumes are'} quarantined and missing from "
        f"{lacking}; the table quarantine says which and why, and their accounts cannot be closed"
    )


def _sentence(rows: Sequence[Mapping[str, Any]]) -> str:
    first, last = rows[0], rows[-1]
    name = f"disk {first['device']} of {first['vm_id']}" if first["kind"] == "io" else f"volume {first['volume_id']}"
    count = len({row["window_start"] for row in rows})
    return (
        f"{name} is quarantined in {count} {'hour' if count == 1 else 'hours'} from {utc_text(first['window_start'])} "
        f"to {utc_text(last['window_end'])}: {first['reason']} "
        f"(expected {first['expected']}, found {first['observed']})"
    )


def _subject(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["kind"], *((row["vm_id"], row["device"]) if row["kind"] == "io" else (row["volume_id"],)))
