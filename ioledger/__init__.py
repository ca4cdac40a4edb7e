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

    ``lake`` is a directory, or the address of a lake in an object store such as ``s3://bucket/lake``: its
    working copy is brought up to date, with the endpoint and keys of the client's environment. Raises
    LakeError if there is no lake at that place or it cannot be read.
    """
    # The command line answers --help without DuckDB.
    from ioledger.config import ObjectStoreTable  # noqa: PLC0415
    from ioledger.copies import Copies  # noqa: PLC0415
    from ioledger.lake.library import Library  # noqa: PLC0415
    from ioledger.lake.remote.location import StoreAddress, location  # noqa: PLC0415

    where = location(lake) if isinstance(lake, str) else lake
    return Library(Copies().current(where, ObjectStoreTable()) if isinstance(where, StoreAddress) else where)
