"""What series carry over from the days that are over, kept so that a sweep of edges goes on from there.

One file has the table ``carried`` as it was at the end of a day, and notes what that day and all before it
rest on. Where it does not hold any more, the sweep begins with the first day and another one is kept.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.lake import files
from ioledger.lake.reader import literal
from ioledger.lake.sealed_text import sealed, unsealed
from reports.usage.edges import STATE, Edges, edges_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

_NOTE: Final = "ioledger.carried"


def carried_file(lake: Path) -> Path:
    """Return where what is carried over lies."""
    return lake / STATE / "carried.parquet"


def keep(lake: Path, connection: duckdb.DuckDBPyConnection, edges: Sequence[Edges], rests_on: str) -> None:
    """Keep the table ``carried``, which some days leave behind, the first days of the lake in order; raises OSError."""
    days = [
        [each.day.isoformat(), files.state_of(each.path), each.reaches_from_us, each.windows_from_us] for each in edges
    ]
    rows = connection.sql("FROM carried ORDER BY vm_id, device, epoch").to_arrow_table()
    path = carried_file(lake)
    note = {_NOTE: sealed(json.dumps({"rests_on": rests_on, "days": days}, separators=(",", ":")))}
    files.write_parquet(files.temporary(path), rows, note, sealed=True)
    files.publish(path)


def resume(
    lake: Path, connection: duckdb.DuckDBPyConnection, days: Sequence[date], rests_on: Callable[[date], str]
) -> list[Edges]:
    """Make the table ``carried`` as it was kept, and return the edges of the days that it goes on from.

    ``days`` are those of the lake in order, and ``rests_on`` says what one of them and all before it rest on.
    Returns no edges, and leaves the table as it is, where anything is not as it was. Raises OSError.
    """
    edges = _kept(lake, days, rests_on)
    if edges:
        connection.execute(
            f"CREATE OR REPLACE TABLE carried AS SELECT * FROM read_parquet({literal(carried_file(lake))})"
        )
    return edges


def _kept(lake: Path, days: Sequence[date], rests_on: Callable[[date], str]) -> list[Edges]:
    path = carried_file(lake)
    try:
        told = unsealed((pq.read_metadata(path).metadata or {}).get(_NOTE.encode(), b""))
        if told is None or not files.is_as_sealed(path):
            return []
        kept = json.loads(told)
        edges = []
        for day, (told_day, state, reaches_from_us, windows_from_us) in zip(days, kept["days"], strict=False):
            of_day = edges_file(lake, day)
            if day.isoformat() != told_day or files.state_of(of_day) != tuple(state):
                return []
            edges.append(Edges(day, of_day, reaches_from_us, windows_from_us))
    except (FileNotFoundError, pa.ArrowException):
        return []
    is_as_it_was = len(edges) == len(kept["days"]) and edges and kept["rests_on"] == rests_on(edges[-1].day)
    return edges if is_as_it_was else []
