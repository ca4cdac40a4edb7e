"""Makes the tables that tell what held over a period, for rules: ``disk_on_volume``, ``volume_state`` and others.

A moment is a period of one microsecond. Nothing about a volume changes within a ``stretch`` of it, so
what is known of it is joined by ``volume_id`` and ``stretch``; the .sql files say what a row is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ioledger.lake import layout, stretches
from ioledger.lake.parsed import run, statements
from ioledger.model.period import utc_day
from ioledger.model.tables import (
    COLLECTION_RUN,
    DISK_IO_STAT,
    ENTITLEMENT,
    PROVISIONED_IOPS,
    SAMPLE_STRETCH,
    STORAGE_POOL,
    VOLUME_ALIAS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from ioledger.lake.reader import OpenLake

MOMENT: Final = timedelta(microseconds=1)
"""The shortest period, and the length of a moment."""

_SNAPSHOTS: Final = (PROVISIONED_IOPS.name, ENTITLEMENT.name, STORAGE_POOL.name)

_SHOWN_WHOLE: Final = (COLLECTION_RUN.name, VOLUME_ALIAS.name, STORAGE_POOL.name)
"""Tables of which rules see all of the past: what is read of a lake's sources and pools stays small."""

_KINDS: Final = ("allocation", "entitlement", "pool")
"""What snapshots tell of."""


def prepare(lake: OpenLake, period_start: datetime, period_end: datetime, look_back: timedelta) -> None:
    """Make the tables of the state from ``period_start`` to ``period_end`` (exclusive) on an open lake.

    Afterwards the lake's tables show what is filed under the days of the period and of ``look_back``
    before it, beside what the state rests on. Raises DuckDB's errors if a file cannot be read.
    """
    lake.connection.execute("SET parquet_metadata_cache = true")
    for name in _SHOWN_WHOLE:
        lake.show(name, lake.files[name])
    _run(lake.connection, "reach", period_start, period_end)
    show_reaching(lake, period_start, period_end)
    _make(lake.connection, period_start, period_end)
    shown = {name: _of_days(lake.files[name], period_start - look_back, period_end) for name in lake.files}
    for name, paths in shown.items():
        lake.show(name, lake.files[name] if name in _SHOWN_WHOLE else paths)
    loose = stretches.without_index(shown[DISK_IO_STAT.name], shown[SAMPLE_STRETCH.name])
    _make_history(lake.connection, lake.select(DISK_IO_STAT.name, loose), period_start, period_end)


def show_reaching(lake: OpenLake, period_start: datetime, period_end: datetime) -> None:
    """Let tables of volumes and disks show what their state rests on, and no more.

    ``source_reach`` is there. Where a file of samples has an index, the index stands for it.
    """
    since = dict(
        lake.connection.execute("SELECT source, least(snapshots_since, samples_since) FROM source_reach").fetchall()
    )

    def reaching(name: str) -> list[Path]:
        return [
            path
            for day, paths in layout.by_day(lake.files[name]).items()
            for path in paths
            if utc_day(since.get(layout.source_of(path), period_start)) <= day <= utc_day(period_end)
        ]

    for name in _SNAPSHOTS:
        lake.show(name, reaching(name))
    samples = reaching(DISK_IO_STAT.name)
    index_of = stretches.indices_of_committed(samples, lake.files[SAMPLE_STRETCH.name], lake.committed_runs)
    lake.show(SAMPLE_STRETCH.name, list(index_of.values()))
    lake.show(DISK_IO_STAT.name, [path for path in samples if path not in index_of])


def _of_days(paths: Iterable[Path], start: datetime, end: datetime) -> list[Path]:
    return [
        path for day, of_day in layout.by_day(paths).items() if utc_day(start) <= day <= utc_day(end) for path in of_day
    ]


def prepare_rows(connection: duckdb.DuckDBPyConnection, period_start: datetime, period_end: datetime) -> None:
    """Make the same tables of rows in memory (``reader.connect_tables``)."""
    _run(connection, "reach", period_start, period_end)
    _make(connection, period_start, period_end)
    _make_history(connection, f"FROM stored_{DISK_IO_STAT.name}", period_start, period_end)


def _make_history(
    connection: duckdb.DuckDBPyConnection, loose_samples: str, period_start: datetime, period_end: datetime
) -> None:
    # The samples that no index tells of; a rule that looks back reads these and the indices.
    connection.execute(f"CREATE OR REPLACE VIEW stored_loose_sample AS {loose_samples}")
    for name in ("caps", "history", "layers"):
        _run(connection, name, period_start, period_end)


def _make(connection: duckdb.DuckDBPyConnection, period_start: datetime, period_end: datetime) -> None:
    _run(connection, "told", period_start, period_end)
    for kind in _KINDS:
        connection.execute(f"CREATE OR REPLACE TABLE moment_{kind} AS FROM told_of('told_{kind}')")
        for step in ("repeated", "history", "unchanged"):
            connection.execute(f"CREATE OR REPLACE TABLE {step}_{kind} AS FROM {step}_of('{kind}')")
    # In memory DuckDB compresses the tables of an attached database alone: a tenth of their size remains.
    connection.execute("ATTACH ':memory:' AS state (COMPRESS)")
    for name in ("sampled", "contested", "pool", "disk", "stretch", "cut", "joined", "observed", "used"):
        _run(connection, name, period_start, period_end)
    connection.execute("CHECKPOINT state")


def _run(connection: duckdb.DuckDBPyConnection, name: str, period_start: datetime, period_end: datetime) -> None:
    values = {"period_start": period_start.astimezone(UTC), "period_end": period_end.astimezone(UTC)}
    run(connection, statements(connection, f"state/{name}.sql"), values)
