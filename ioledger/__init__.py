"""The ground floor of ioledger: the vocabulary and the lake.

``ioledger.open("lake")`` gives samples, intervals, usage and findings as DuckDB relations.
"""

from ioledger.lake.library import Library, open_library as open  # noqa: A004 - `ioledger.open(lake)` reads as it should

__all__ = ["Library", "open"]
