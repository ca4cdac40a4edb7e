"""What was collected, hour by hour, as a file of ``collection_run`` tells it: merged ones note it in their footers.

Of a day that is over nothing changes any more, and whoever asks which runs there are reads no row of it.
"""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import connections
from ioledger.lake.parsed import text
from ioledger.lake.sealed_text import sealed, unsealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import pyarrow as pa

KEY: Final = "ioledger.run_hours"
"""Where a merged file has it in its metadata, as JSON under a seal."""

_MOST_HOURS: Final = 1000
"""A source that tells of months at once has so many more that they are better read than kept in a footer."""


class RunHour(NamedTuple):
    """The runs of a source that began, or have rows, in a UTC hour, which is counted since 1970.

    ``fingerprint`` is of them and their rows; they are filed under the days from ``first_day`` to ``last_day``.
    """

    kind: str
    source: str
    hour: int
    fingerprint: int
    first_day: date
    last_day: date


class RunHours(NamedTuple):
    """What a file tells of runs of one source: the least and the greatest of their ids, none twice, and their hours."""

    source: str
    first_run_id: str
    last_run_id: str
    hours: Sequence[RunHour]


def run_hours(connection: duckdb.DuckDBPyConnection) -> list[RunHour]:
    """Sum up the runs of ``collection_run``, as far as a connection sees it."""
    return [
        RunHour(kind, source, hour, int(fingerprint), first_day, last_day)
        for kind, source, hour, fingerprint, first_day, last_day in connection.execute(text("run_hour.sql")).fetchall()
    ]


def metadata_of(rows: pa.Table) -> dict[str, str]:
    """Return the metadata of a file that has these rows of ``collection_run``; none where it is to be read."""
    run_ids = rows.column("run_id").to_pylist()
    sources = rows.column("source").unique().to_pylist()
    if len(set(run_ids)) < len(run_ids) or len(sources) != 1:
        return {}
    with closing(connections.new()) as connection:
        connection.register("collection_run", rows)
        hours = run_hours(connection)
    if len(hours) > _MOST_HOURS:
        return {}
    told = [[*hour[:3], str(hour.fingerprint), *map(str, hour[4:])] for hour in sorted(hours)]
    content = json.dumps([*sources, min(run_ids), max(run_ids), told], separators=(",", ":"))
    return {KEY: sealed(content)}


def noted(metadata: bytes) -> RunHours | None:
    """Read what a file notes under ``KEY``; None where that is damaged, so that its rows are read."""
    content = unsealed(metadata)
    if content is None:
        return None
    source, first_run_id, last_run_id, told = json.loads(content)
    hours = [
        RunHour(kind, source, hour, int(fingerprint), date.fromisoformat(first_day), date.fromisoformat(last_day))
        for kind, source, hour, fingerprint, first_day, last_day in told
    ]
    return RunHours(source, first_run_id, last_run_id, hours)
