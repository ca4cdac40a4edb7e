"""A directory of this process for parsers that take a path; it goes with the process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from ioledger.lake import layout


@cache
def directory() -> Path:
    """Return the directory."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def lake(name: str) -> Path:
    """Return an empty lake there."""
    path = directory() / name
    layout.create(path)
    return path


def written(name: str, data: bytes) -> Path:
    """Write a file there, in the place of the one before."""
    path = directory() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
