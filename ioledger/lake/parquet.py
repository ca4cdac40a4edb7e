"""Reads files of the lake whole, or some of their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa


def rows_of(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Read a file, or the columns of these names that it has, with the checksum of every page compared.

    Raises FileNotFoundError if it is gone, and OSError, UnicodeDecodeError or pyarrow.ArrowException if it cannot
    be read.
    """
    # In this thread: with more, Arrow waits for ever where the process may have no more of them.
    with pq.ParquetFile(path, page_checksum_verification=True) as opened:
        return opened.read(columns=names, use_threads=False)
