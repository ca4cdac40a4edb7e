"""What can be said of one file of the lake by itself: whether it can be read, and says what its place says."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ioledger.clock import utc_text
from ioledger.errors import LakeError
from ioledger.lake import connections, merged, parquet, versions
from ioledger.lake.journal import own_name
from ioledger.lake.stretches import RUNS_METADATA
from ioledger.model.columns import COLUMNS
from ioledger.model.tables import DISK_IO_STAT, FACTS, SAMPLE_STRETCH
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.model.tables import Table

_BY_SOURCE: Final = re.compile(r"date=(?P<day>\d{4}-\d\d-\d\d)/source=(?P<source>[^/]+)/[^/]+")
_BY_DAY: Final = re.compile(r"date=(?P<day>\d{4}-\d\d-\d\d)/[^/]+")
STRETCH: Final = "stretch"


class BrokenFileError(Exception):
    """A file cannot be relied on; the message says why, as part of a sentence."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a table, and what its place says of its rows; ``source`` is None where files have none."""

    path: Path
    table: Table
    day: date
    source: str | None


def stored_file(lake: Path, table: Table, path: Path) -> StoredFile:
    """Return what the place of a file says; raises BrokenFileError where that is no place for one."""
    has_source = table.name in FACTS or table.name == SAMPLE_STRETCH.name
    found = (_BY_SOURCE if has_source else _BY_DAY).fullmatch(path.relative_to(lake / table.name).as_posix())
    try:
        if found:
            day = date.fromisoformat(found["day"])
            return StoredFile(path, table, day, found["source"] if has_source else None)
    except ValueError:
        pass
    where = "date=YYYY-MM-DD/source=NAME" if has_source else "date=YYYY-MM-DD"
    raise BrokenFileError(f"it does not lie in {table.name}/{where}/")


def rows_of(file: StoredFile) -> pa.Table:
    """Read a file whole and return its rows, with the checksum of every page compared.

    Raises BrokenFileError if it cannot be read or breaks the contract of its table or place, and
    LakeError if it is not there any more.
    """
    try:
        rows = parquet.rows_of(file.path)
        rows.validate(full=True)
        _read_footer(file.path)
    except FileNotFoundError as error:
        raise LakeError(f"{file.path} went away while it was read; verify again when nothing else works") from error
    except (OSError, UnicodeDecodeError, pa.ArrowException, duckdb.Error) as error:
        if is_shortage(error):
            raise
        raise BrokenFileError(f"it cannot be read: {str(error).splitlines()[0].rstrip('.')}") from error
    versions.refuse_newer_file(file.path, rows.schema.metadata)
    for problem in chain(_of_schema(file.table, rows.schema), _of_values(file, rows)):
        raise BrokenFileError(" ".join(problem.split()))  # whoever broke it may have put lines into names
    return rows


def _read_footer(path: Path) -> None:
    """Have DuckDB read the footer of a file, too: it refuses some that Arrow takes. Raises FileNotFoundError."""
    with path.open("rb") as stream, connections.cursor_of(_database()) as cursor:
        # By its number: its name may be taken away by a compaction.
        cursor.execute("FROM parquet_file_metadata($path)", {"path": f"/proc/self/fd/{stream.fileno()}"}).fetchall()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return connections.new()


def _of_schema(table: Table, schema: pa.Schema) -> Iterator[str]:
    known = {column.name: column.type for column in table.columns}
    if table == DISK_IO_STAT:
        known[STRETCH] = COLUMNS[STRETCH].type
    # A version that only adds columns does not raise the schema's; who goes back to an older one keeps them.
    is_ours = versions.KEY.encode() in (schema.metadata or {})
    for field in schema:
        if field.name not in known:
            if table.name in FACTS and is_ours:
                continue
            yield f"it has a column {field.name!r}, which {table.name} has not"
        elif field.type != known[field.name]:
            yield f"its column {field.name} is {field.type}, and {table.name} has {known[field.name]}"
    for name in table.required:
        if name not in schema.names:
            yield f"it lacks the column {name}"


def _of_values(file: StoredFile, rows: pa.Table) -> Iterator[str]:
    table = file.table
    for name in table.required:
        if rows.column(name).null_count:
            yield f"{rows.column(name).null_count} rows have no {name}"
    for name, valid in table.values.items():
        if name in rows.column_names:
            strange = set(pc.unique(rows.column(name)).to_pylist()) - {None, *valid}
            if strange:
                yield f"{name} is {min(strange)!r} in some rows"
    yield from _of_dates(file, rows)
    if file.source is not None:
        others = [source for source in pc.unique(rows.column("source")).to_pylist() if source != file.source]
        if others:
            yield f"it has rows of another source, {min(others)}"
    if table.name in FACTS:
        yield from _of_runs(file, rows)


def _of_dates(file: StoredFile, rows: pa.Table) -> Iterator[str]:
    time = file.table.time
    if time not in rows.column_names:  # an older file, of a table that does not require the column
        return
    ends = pc.min_max(rows.column(time)).as_py()
    if ends["min"] is not None and not ends["min"].date() == file.day == ends["max"].date():
        yield f"it has rows of another date, {time} {utc_text(ends['min'])} to {utc_text(ends['max'])}"


def _of_runs(file: StoredFile, rows: pa.Table) -> Iterator[str]:
    found, named = set(pc.unique(rows.column("run_id")).to_pylist()), named_runs(file.path)
    foreign = sorted(run_id for run_id in found if not merged.may_hold(own_name(file.path), run_id))
    if merged.run_range(own_name(file.path)) and foreign:
        yield f"it has rows of run {foreign[0]}, which its name leaves out"
    if named is None:
        return
    if found - named:
        yield f"it has rows of run {min(found - named)}, which it does not name"
    if named - found:
        yield f"it lacks rows of run {min(named - found)}"


def named_runs(path: Path) -> set[str] | None:
    """Return the runs that a file of facts, or an index of one, says it holds; None if it says nothing.

    An index lists them; a merged file is named after the first and the last, and one of samples that
    was only sorted leaves that to its index; any other is named after its one run. Raises
    BrokenFileError for a list that cannot be read.
    """
    metadata = pq.read_metadata(path)
    listed = (metadata.metadata or {}).get(RUNS_METADATA.encode())
    if listed is not None:
        try:
            return set(json.loads(listed))
        except (ValueError, TypeError) as error:
            raise BrokenFileError("its list of runs is no JSON array") from error
    name = own_name(path)
    return None if STRETCH in metadata.schema.names or merged.run_range(name) else {name.removesuffix(".parquet")}
