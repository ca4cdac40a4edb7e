"""Locks between processes on one lake, which a crash releases.

The kernel's lock alone decides. Who holds one writes into its file who that is, for people: nothing depends
on it, and what somebody left there who is gone is not shown.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from ioledger.errors import BusyError, LakeError
from ioledger.lake import layout, lock_holders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPKEEP: Final = "upkeep"
"""The lock of whoever changes files that are stored: one command at a time compacts, prunes or sets aside."""

COPY: Final = "copy"
"""The lock of whoever moves files between a working copy and its store (``ioledger.lake.remote``)."""

_NAMES: Final = "names"


@contextmanager
def exclusive(lake: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` of a lake for the block; the kernel frees it when the process ends.

    Raises BusyError if another process holds it, naming that process, and LakeError if the lake
    cannot be written.
    """
    with _opened(lake, name) as descriptor:
        try:
            _take(lake, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"{name} of {lake} is in use by {lock_holders.in_words(descriptor)}; wait for it to end, or end it"
            ) from error
        lock_holders.enter(descriptor)
        yield


@contextmanager
def publishing(lake: Path) -> Iterator[None]:
    """Add files of facts to a lake while nobody swaps any; many may add at a time.

    Waits for its turn. Raises LakeError if the lake cannot be written.
    """
    with _opened(lake, _NAMES) as descriptor:
        _take(lake, descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def swapping(lake: Path) -> Iterator[None]:
    """Be the only one who changes which files of facts count, for the moment that it takes.

    Waits for its turn. Raises LakeError if the lake cannot be written.
    """
    with _opened(lake, _NAMES) as descriptor:
        _take(lake, descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def waiting(lake: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` of a lake for the block, after whoever holds it; otherwise as ``exclusive``."""
    with _opened(lake, name) as descriptor:
        _take(lake, descriptor, fcntl.LOCK_EX)
        lock_holders.enter(descriptor)
        yield


@contextmanager
def reading(lake: Path) -> Iterator[None]:
    """Keep the files of a lake under the names they have, for as long as someone reads them.

    Where this user may neither open the lock nor make it, nothing is kept: such a lake is read between
    compactions.
    """
    descriptor = _opened_to_read(lake)
    try:
        if descriptor is not None:
            _take(lake, descriptor, fcntl.LOCK_SH)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def unread(lake: Path) -> Iterator[bool]:
    """Tell whether nobody reads the lake, and if so keep readers waiting for the block."""
    with _opened(lake, layout.FILES_LOCK) as descriptor:
        try:
            _take(lake, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _take(lake: Path, descriptor: int, how: int) -> None:
    """Take a lock; raises BlockingIOError if that cannot be now, and LakeError where there are no locks."""
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        raise
    except OSError as error:
        raise LakeError(
            f"the lake at {lake} cannot be locked: {error.strerror}; put it on a file system that has locks"
        ) from error


@contextmanager
def _opened(lake: Path, name: str) -> Iterator[int]:
    try:
        descriptor = _make(lake, name)
    except OSError as error:
        raise LakeError(
            f"the lake at {lake} cannot be written: {error.strerror}; make it writable for this user"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make(lake: Path, name: str) -> int:
    layout.refuse_vanished(lake)
    path = layout.lock_file(lake, name)
    path.parent.mkdir(exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _opened_to_read(lake: Path) -> int | None:
    with suppress(OSError):
        return os.open(layout.lock_file(lake, layout.FILES_LOCK), os.O_RDONLY | os.O_CLOEXEC)
    with suppress(OSError):  # an older version made the lake
        return _make(lake, layout.FILES_LOCK)
    return None
