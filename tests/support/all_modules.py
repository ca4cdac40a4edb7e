"""Imports all of the project, for a process whose forks then begin with everything imported."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module, metadata


def import_all() -> None:
    """Import every module of the project, as far as what it needs is installed: forks then need not, one by one."""
    metadata.entry_points = cache(metadata.entry_points)  # likewise what is installed
    for name in ("ioledger", "collectors", "policies", "reports"):
        for found in pkgutil.walk_packages(import_module(name).__path__, f"{name}."):
            try:
                import_module(found.name)
            except ModuleNotFoundError:
                continue
    import_module("pandas")  # which pyarrow imports with the first list that it is given
