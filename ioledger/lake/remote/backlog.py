"""What of a working copy waits for the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ioledger.lake import locks
from ioledger.lake.remote import base
from ioledger.lake.remote.contents import changes, contents

if TYPE_CHECKING:
    from pathlib import Path


class Backlog(NamedTuple):
    """How many bytes of new runs wait, and since when the oldest does, in seconds since 1970; None where none waits."""

    byte_count: int
    since: float | None


def is_working_copy(directory: Path) -> bool:
    """Tell whether a lake's directory is a copy of one in an object store."""
    return (directory / base.DIRECTORY).exists()


def backlog(copy: Path) -> Backlog:
    """Return what waits, also while files are on their way; raises LakeError."""
    with locks.reading(copy), base.Base.opened(copy) as known:
        states = [path.stat() for path in changes(contents(copy), known.files()).new_runs().values()]
    return Backlog(sum(state.st_size for state in states), min((state.st_mtime for state in states), default=None))
