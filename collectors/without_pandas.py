"""Keeps pandas out of the collector's process.

pyarrow imports pandas with the first list that it turns into an array, only to see whether the list is
a Series. In a service that collects for years that is 50 MB for nothing, and half a second of every
one-shot run. Refused once, pyarrow does not try again.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(f"{fullname} is of no use to a collector", name=fullname)
        return None


def keep_pandas_out() -> None:
    """Let pyarrow do without pandas in this process, unless somebody has imported it already."""
    refusal = _NoPandas()
    sys.meta_path.insert(0, refusal)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(refusal)
