"""Merged files: the rows of many runs in one sorted file, and its name, which tells whose they may be.

Such a file is called ``merged~FIRST~LAST~TAG.parquet``: the first and the last run id in it, written as
in an address where they hold other characters than letters, digits, ``_``, ``.`` and ``-``, and a tag
made of the names of the files that went into it. Any other file holds one run, whose id is its name.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.errors import DamagedFileError
from ioledger.lake import files, journal, parquet, stretches, versions
from ioledger.lake.schema import arrow_schema
from ioledger.model.tables import DISK_IO_STAT, SAMPLE_STRETCH
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ioledger.model.tables import Table

_KIND: Final = "merged"
_PARTS: Final = 4
_TAG_LENGTH: Final = 12


def name_of(run_ids: Collection[str], made_of: Iterable[str]) -> str:
    """Name the merged file of some runs, which is made of files of these names."""
    tag = hashlib.sha256("\n".join(sorted(made_of)).encode()).hexdigest()[:_TAG_LENGTH]
    return "~".join((_KIND, _quoted(min(run_ids)), _quoted(max(run_ids)), tag)) + ".parquet"


def _quoted(run_id: str) -> str:
    return quote(run_id, safe="").replace("~", "%7E")


def run_range(name: str) -> tuple[str, str] | None:
    """Return the first and the last run id of a merged file by its name; None for the file of one run."""
    parts = name.removesuffix(".parquet").split("~")
    if len(parts) != _PARTS or parts[0] != _KIND:
        return None
    return unquote(parts[1]), unquote(parts[2])


def last_run_id(path: Path) -> str:
    """Return the greatest run id that a file of facts holds, by its own name, wherever it lies now."""
    name = journal.own_name(path)
    ends = run_range(name)
    return ends[1] if ends else name.removesuffix(".parquet")


def may_hold(name: str, run_id: str) -> bool:
    """Tell by its name whether a file is that of a run or a merged one that can hold it."""
    ends = run_range(name)
    return name == f"{run_id}.parquet" if ends is None else ends[0] <= run_id <= ends[1]


def run_ids_in(path: Path) -> set[str]:
    """Return the ids of all runs of which a file has rows; raises DamagedFileError if it cannot be read."""
    # Named in the metadata, the runs of a day would cost nearly a byte a sample: footers are not compressed.
    return set(columns_of(path, ["run_id"]).column("run_id").unique().to_pylist())


def columns_of(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Read a file of facts, or some of its columns.

    Raises DamagedFileError if the file cannot be read, NewerVersionError if a newer version wrote it, and
    FileNotFoundError if it is gone.
    """
    # Each page is compared with its checksum: a flipped bit must not outlive the file it was in.
    with _damage_named(path):
        rows = parquet.rows_of(path, names)
        versions.refuse_newer_file(path, rows.schema.metadata)
        return rows


def read(table: Table, path: Path) -> pa.Table:
    """Read the rows of one file of facts, with the table's columns first and in its order.

    Columns of a later version are kept. Raises as ``columns_of``.
    """
    with _damage_named(path):
        return _conforming(table, columns_of(path))


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Name a file of facts that cannot be read in the block."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        if is_shortage(error):
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise DamagedFileError(
            f"{path} cannot be read: {reason}; restore it, or move every file of its runs out of the lake"
        ) from error


def _conforming(table: Table, rows: pa.Table) -> pa.Table:
    schema = arrow_schema(table.name)
    if "stretch" in rows.column_names:  # numbered anew in every merged file
        rows = rows.drop_columns(["stretch"])
    if rows.schema.equals(schema):
        return rows
    fields, columns = [], []
    for field in schema:
        is_there = field.name in rows.column_names
        fields.append(field if is_there else field.with_nullable(True))  # noqa: FBT003 - pyarrow's signature
        columns.append(rows.column(field.name).cast(field.type) if is_there else pa.nulls(len(rows), field.type))
    for field in rows.schema:
        if field.name not in schema.names:
            fields.append(field)
            columns.append(rows.column(field.name))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=schema.metadata))


def merge(table: Table, parts: Sequence[pa.Table]) -> pa.Table:
    """Put rows of one date and source into the order of a merged file; of rows equal in every column one stays."""
    order = [*table.key, *(["run_id"] if "run_id" not in table.key else [])]
    rows = pa.concat_tables(parts, promote_options="default").combine_chunks()
    rows = rows.sort_by([(name, "ascending") for name in order])
    equal = pa.repeat(pa.scalar(value=True), max(len(rows) - 1, 0))
    for name in reversed(order):
        column = rows.column(name)
        before, after = column[:-1], column[1:]
        both_null = pc.and_(before.is_null(), after.is_null())
        equal = pc.and_(equal, pc.or_(both_null, pc.fill_null(pc.equal(before, after), False)))  # noqa: FBT003 - where one is NULL
    return rows if not pc.any(equal).as_py() else _distinct(rows, order)


def _distinct(rows: pa.Table, order: Sequence[str]) -> pa.Table:
    """Drop rows that are equal in every column to one before; equal rows have the same place in the order."""
    kept: list[int] = []
    place: tuple[object, ...] | None = None
    at_place: list[dict[str, object]] = []
    for number, row in enumerate(rows.to_pylist()):
        here = tuple(row[name] for name in order)
        if here != place:
            place, at_place = here, []
        if row not in at_place:
            at_place.append(row)
            kept.append(number)
    return rows.take(pa.array(kept, pa.int64()))


def write(
    partition: Path, table: Table, made_of: Iterable[str], rows: pa.Table, note: Mapping[str, str] | None = None
) -> dict[Path, Path]:
    """Write merged rows of one date and source under hidden names, flushed; samples with their index.

    Returns the hidden name of each file by the one it is to have. ``made_of`` names the files that the
    rows come from, and ``note`` is metadata of the file that has them. Raises OSError; then nothing is left behind.
    """
    run_ids = rows.column("run_id").unique().to_pylist()
    path = partition / name_of(run_ids, made_of)
    content = {path: rows}
    if table is DISK_IO_STAT:
        found = stretches.numbered(rows)
        content[path] = found.samples
        if found.index is not None:
            content[index_of(path)] = found.index
    written: dict[Path, Path] = {}
    try:
        for name, of_file in content.items():
            written[name] = journal.hidden(name)
            files.make_directories(name.parent)
            metadata = note if name == path else stretches.runs_metadata(run_ids)
            files.write_parquet(written[name], of_file, metadata)
    except BaseException:
        discard(written.values())
        raise
    return written


def discard(hidden: Iterable[Path]) -> None:
    """Remove files that were written for a swap and are not needed."""
    for path in hidden:
        path.unlink(missing_ok=True)


def index_of(path: Path) -> Path:
    """Return where the index of a merged file of samples lies."""
    lake, day, source = path.parents[3], path.parts[-3], path.parts[-2]
    return lake / SAMPLE_STRETCH.name / day / source / path.name
