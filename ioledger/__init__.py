"""The ground floor of ioledger: the vocabulary and the lake.

``ioledger.open("lake")`` gives samples, intervals, usage, findings and charges as DuckDB relations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.lake.library import Library


def open(lake: str | Path) -> Library:  # noqa: A001 - `ioledger.open(lake)` reads as it should
    """Open a lake for reading, as a context manager; see ``ioledger.lake.library.Library``.

    Raises LakeError if there is no lake at that place or it cannot be read.
    """
    from ioledger.lake.library import Library  # noqa: PLC0415 - the command line answers --help without DuckDB

    return Library(lake)
