"""Locks between processes on one lake, which a crash releases."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ioledger.errors import BusyError, LakeError
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def exclusive(lake: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` of a lake for the block; the kernel frees it when the process ends.

    Raises BusyError if another process holds it, naming that process, and LakeError if the lake
    cannot be written.
    """
    path = lake / layout.LOCKS / f"{name}.lock"
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LakeError(
            f"the lake at {lake} cannot be written: {error.strerror}; make it writable for this user"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise BusyError(f"{name} of {lake} is in use by process {holder}; wait for it to end, or end it") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
