"""Tells an error by which this process lacks something from one that is about what it was reading."""

from __future__ import annotations

import errno
import sys
from typing import Final

_OF_PROCESS: Final = {errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE}
_NO_THREAD: Final = ("Failed to launch worker thread", "can't start new thread")
"""What Arrow and Python say; neither has a class of its own for it."""


def is_shortage(error: BaseException) -> bool:
    """Tell whether an error says that memory, threads or open files are lacking: what was read may be sound.

    It does so too where a library turned such an error into another one.
    """
    duckdb = sys.modules.get("duckdb")  # which is loaded where it can have failed
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if isinstance(found, MemoryError) or (isinstance(found, OSError) and found.errno in _OF_PROCESS):
            return True
        if (duckdb and isinstance(found, duckdb.OutOfMemoryException)) or any(no in str(found) for no in _NO_THREAD):
            return True
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return False


def of_shortage(error: BaseException) -> str:
    """Say that a process lacks something, and what to do."""
    reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
    return (
        f"this process may not have the memory, threads or open files that this takes ({reason}); what is stored "
        "stays, allow it more (`ulimit -a`, MemoryMax= of its unit), or free some, and run the command again"
    )
