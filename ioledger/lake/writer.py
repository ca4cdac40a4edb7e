"""Writes runs and derived rows into a lake, so that a crash leaves all of a run or nothing.

The order is the guarantee: everything is written and flushed under temporary names first; then the
files get their names, ``collection_run`` last. Until that last rename, the run does not exist for
readers. A run that is there already is replaced by a swap instead (``ioledger.lake.swaps``).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.errors import DataError, LakeError, one_of
from ioledger.lake import files, layout, locks, replacing
from ioledger.lake.digest import rows_digest
from ioledger.lake.schema import arrow_schema, typed
from ioledger.model.tables import COLLECTION_RUN, READ_BY, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime
    from pathlib import Path

    from ioledger.model.records import Row, Run
    from ioledger.model.tables import Table


def write_run(lake: Path, run: Run, *, is_next: bool = False) -> None:
    """Store one run of a source: its rows, and last its ``collection_run`` row.

    A run that was stored before under the same source and ``run_id`` is replaced. One writer at a
    time works for a source. ``is_next`` says that the source's last run was stored whole and has a
    smaller ``run_id``: then neither what this run could replace nor what a crash left is looked for,
    and its cost does not grow with the runs of the day. Raises DataError if a row breaks its table's
    contract and LakeError if the lake cannot be written; in both cases nothing of this run is stored.
    """
    tables = _tables_of(run)
    parts = [
        (layout.fact_partition(lake, name, day, run.source) / f"{run.run_id}.parquet", part)
        for name, rows in tables.items()
        for day, part in _by_day(TABLES[name], rows)
    ]
    try:
        _store(lake, run, parts, is_next=is_next)
    except (OSError, LakeError) as error:
        for path, _ in parts:
            with suppress(OSError):
                files.temporary(path).unlink()
        if isinstance(error, LakeError):
            raise
        raise LakeError(
            f"the run of {run.source} cannot be stored in {lake}: {error.strerror or error}; nothing of it was kept, "
            "make the lake writable and collect again"
        ) from error


def _tables_of(run: Run) -> dict[str, pa.Table]:
    """Check and complete the rows of a run; the ``collection_run`` row comes last."""
    valid = READ_BY[run.kind]
    for name in run.tables:
        if name not in valid:
            raise DataError(f"{run.source} is a {run.kind} source and gave rows of {name!r}; valid are {one_of(valid)}")
    tables = {
        name: typed(TABLES[name], run.tables[name], set_by_run(TABLES[name], run.tables[name], run))
        for name in valid
        if run.tables.get(name)
    }
    first_row_at, last_row_at = _span(tables)
    row: Row = {
        "source": run.source,
        "run_id": run.run_id,
        "kind": run.kind,
        "host_id": run.host_id,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "boottime_us": run.boottime_us,
        "boot_id": run.boot_id,
        "status": run.status,
        "row_count": sum(len(rows) for rows in tables.values()),
        "timeout_count": run.timeout_count,
        "first_row_at": first_row_at,
        "last_row_at": last_row_at,
        "digest": [(name, rows_digest(TABLES[name], rows)) for name, rows in tables.items()],
        "error": run.error,
        "collector_version": run.collector_version,
    }
    tables[COLLECTION_RUN.name] = typed(COLLECTION_RUN, [row])
    return tables


def _span(tables: Mapping[str, pa.Table]) -> tuple[datetime | None, datetime | None]:
    """Return the earliest and the latest time of rows, which name the dates under which they lie."""
    ends = [pc.min_max(rows.column(TABLES[name].time)).as_py() for name, rows in tables.items()]
    return min((end["min"] for end in ends), default=None), max((end["max"] for end in ends), default=None)


def set_by_run(table: Table, rows: Iterable[Row], run: Run) -> Row:
    """Return what the run itself sets in every row of a table, none of which may have it already."""
    facts: dict[str, object] = {"source": run.source, "run_id": run.run_id}
    if table.time == "observed_at":
        facts["observed_at"] = run.started_at
    given = sorted({name for row in rows for name in row.keys() & facts.keys()})
    if given:
        raise DataError(f"{run.source} gave {table.name}.{given[0]}, which the run itself sets; leave it out")
    return facts


def _by_day(table: Table, rows: pa.Table) -> list[tuple[date, pa.Table]]:
    """Cut a table by the UTC date of its time."""
    days = pc.cast(pc.floor_temporal(rows.column(table.time), unit="day"), pa.date32())
    found = sorted(set(days.to_pylist()))
    if len(found) == 1:
        return [(found[0], rows)]  # as a rule: a copy of a large table is a lot of memory
    return [(day, rows.filter(pc.equal(days, pa.scalar(day, pa.date32())))) for day in found]


def _store(lake: Path, run: Run, parts: list[tuple[Path, pa.Table]], *, is_next: bool) -> None:
    layout.refuse_vanished(lake)
    for path, part in parts:
        files.make_directories(path.parent)
        for left_over in () if is_next else path.parent.glob(f".*{files.TEMPORARY_SUFFIX}"):
            left_over.unlink()
        files.write_parquet(files.temporary(path), part)
    paths = [path for path, _ in parts]
    with locks.publishing(lake):
        is_new = is_next or not replacing.stored(lake, run.source, run.run_id)
        if is_new:
            for path in paths:
                files.publish(path)
    if not is_new:
        replacing.replace(lake, run.source, run.run_id, paths)


def write_derived(  # noqa: PLR0913 - a file has these parts
    lake: Path, table: Table, day: date, name: str, rows: pa.Table, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Put ``rows``, all of one UTC day and in their final order, in the place of the file ``name``.

    The file is sealed, and has the ``metadata`` (``files.write_parquet``). Raises LakeError if the lake
    cannot be written; what was there then stays.
    """
    write_derived_of(lake, table, day, name, [rows.cast(arrow_schema(table.name))], metadata=metadata)


def write_derived_of(  # noqa: PLR0913 - likewise
    lake: Path,
    table: Table,
    day: date,
    name: str,
    parts: Iterable[pa.Table],
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Do the same as ``write_derived`` with rows that come in parts, in order, so that not all are held at once."""
    path = layout.derived_partition(lake, table.name, day) / f"{name}.parquet"
    try:
        files.make_directories(path.parent)
        files.write_parquet_of(files.temporary(path), arrow_schema(table.name), parts, metadata, sealed=True)
        files.publish(path)
    except OSError as error:
        with suppress(OSError):
            files.temporary(path).unlink()
        raise _unwritable(path, error) from error


def remove_derived(lake: Path, table: Table, day: date, name: str) -> None:
    """Remove the file ``name`` of one UTC day, if there is one; raises LakeError if it must stay."""
    path = layout.derived_partition(lake, table.name, day) / f"{name}.parquet"
    try:
        if path.exists():
            path.unlink()
            files.sync_directory(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> LakeError:
    return LakeError(
        f"{path} cannot be written: {error.strerror or error}; what was there stays, make the lake writable and "
        "run the command again"
    )
