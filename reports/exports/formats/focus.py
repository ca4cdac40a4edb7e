"""FOCUS 1.2, the specification of bills that finance tools read, as CSV or Parquet; docs/exports-focus.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from ioledger.errors import ConfigurationError
from ioledger.lake.files import COMPRESSION_LEVEL, TEMPORARY_SUFFIX
from reports.exports import focus_rows
from reports.exports.formats import csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from reports.exports.batch import Export
    from reports.exports.focus_rows import FocusRows

TABLES: Final = ("charge",)

_VERSION: Final = "1.2"
_KINDS: Final = (".csv", ".parquet")


def write(export: Export, path: Path) -> None:
    """Write charges as rows of FOCUS, but for those that ``left_out`` counts.

    The suffix of the file's name says how. Raises ConfigurationError for any but .csv and .parquet.
    """
    kind = _kind(path)
    with focus_rows.focus_rows(export.provider, is_closed=export.status == "closed") as rows:
        made = (rows.of(batch) for batch in export.batches())
        if kind == ".csv":
            _write_csv(path, rows, made)
        else:
            _write_parquet(path, made, _metadata(export))


def count_rows(path: Path) -> int:
    """Count the rows that a reader finds."""
    if _kind(path) == ".csv":
        return csv.count_rows(path)
    with pq.ParquetFile(path) as written:
        return int(written.metadata.num_rows)


def left_out(export: Export) -> Mapping[str, int]:
    """Count the charges that are not in the file, by why; docs/exports-focus.md says what each means."""
    found: Counter[str] = Counter()
    for batch in export.batches():
        found.update(focus_rows.left_out(batch))
    return dict(sorted(found.items()))


def _kind(path: Path) -> str:
    # The file gets its own name when it is whole; until then another follows it.
    name = path.name.removesuffix(TEMPORARY_SUFFIX)
    kind = Path(name).suffix.lower()
    if kind not in _KINDS:
        raise ConfigurationError(
            f"{name.removeprefix('.')!r} does not say how FOCUS is to be written; name a file that ends with .csv or "
            ".parquet"
        )
    return kind


def _write_csv(path: Path, rows: FocusRows, made: Iterator[pa.Table]) -> None:
    with path.open("wb") as stream:
        for number, table in enumerate(made):
            if number == 0:
                stream.write((",".join(table.column_names) + "\r\n").encode())
            stream.writelines(rows.csv(table))


def _write_parquet(path: Path, made: Iterator[pa.Table], metadata: Mapping[str, str]) -> None:
    first = next(made)
    with (
        path.open("wb") as stream,
        pq.ParquetWriter(
            stream, first.schema, compression="zstd", compression_level=COMPRESSION_LEVEL, write_page_checksum=True
        ) as writer,
    ):
        writer.write_table(first)
        for table in made:
            writer.write_table(table)
        writer.add_key_value_metadata(metadata)


def _metadata(export: Export) -> dict[str, str]:
    facts = {"period": export.period, "status": export.status, **export.provenance}
    missing = {f"left_out.{why}": str(count) for why, count in left_out(export).items()}
    return {"focus.version": _VERSION, **{f"ioledger.{name}": value for name, value in {**facts, **missing}.items()}}
