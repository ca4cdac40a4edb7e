"""Reads files of the lake whole, or some of their columns."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.errors import LakeError
from ioledger.shortage import is_shortage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def rows_of(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Read a file, or the columns of these names that it has, with the checksum of every page compared.

    What the file notes of itself is left behind: it need not hold of another that is made of these rows. Raises
    FileNotFoundError if it is gone, and OSError, UnicodeDecodeError or pyarrow.ArrowException if it cannot be read,
    or has a column more than once: nobody could say which of them counts.
    """
    # In this thread: with more, Arrow waits for ever where the process may have no more of them.
    with pq.ParquetFile(path, page_checksum_verification=True) as opened:
        for name, count in Counter(opened.schema_arrow.names).items():
            if count > 1:
                raise pa.ArrowInvalid(f"it has {count} columns {name!r}")
        rows = opened.read(columns=names, use_threads=False)
        return rows.replace_schema_metadata(opened.schema_arrow.metadata)


@contextmanager
def unreadable_named(path: Path, advice: str) -> Iterator[None]:
    """Raise LakeError, which names the file and says what to do, if it cannot be read in the block.

    What the process lacks is no fault of the file, and raised as it is.
    """
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        if is_shortage(error):
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise LakeError(f"{path} cannot be read: {reason}; {advice}") from error
